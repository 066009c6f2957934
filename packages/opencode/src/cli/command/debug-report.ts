/** What `debug` found out, step by step: told as it happens, and whole with `--json`. */
import * as Effect from "effect/Effect"
import type { Writer } from "../output.ts"
import * as Text from "../text.ts"

/** One thing that was tried. */
export interface Step {
  readonly step: string
  readonly url?: string | undefined
  readonly method?: string | undefined
  /** The HTTP status; absent where there was no answer, or no request. */
  readonly status?: number | undefined
  /** `undefined` where it is as well as its opposite: a document that need not be there. */
  readonly ok: boolean | undefined
  readonly verdict: string
  /** What there is to know besides. Nothing in it is secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

export interface Report {
  readonly tell: (step: Step) => Effect.Effect<void>
  /** Facts that were there before anything was tried. */
  readonly facts: (title: string, facts: Readonly<Record<string, unknown>>) => Effect.Effect<void>
  readonly steps: () => ReadonlyArray<Step>
}

/** With less room than this beside the names, in columns, values are not set in. */
const narrowest = 24

const marks = { true: ["✓", "green"], false: ["✗", "red"], undefined: ["·", "dim"] } as const

const valueOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value) && value.every((each) => typeof each === "string")
      ? value.join(", ")
      : (JSON.stringify(value) ?? "")

/** A report to a person: to standard output, where it is the result; nothing of it with `--json`. */
export const make = (output: Writer): Report => {
  const steps: Array<Step> = []
  const { out } = output
  const indented = (indent: string, text: string) => {
    const columns = Math.max(20, out.columns() - indent.length)
    if (!out.terminal) return `${indent}${Text.oneLine(text)}`
    return Text.harmless(text)
      .split("\n")
      .flatMap((line) => Text.wrap(line, columns))
      .map((line) => `${indent}${line}`)
      .join("\n")
  }
  const rows = (facts: Readonly<Record<string, unknown>>) => {
    const known = Object.entries(facts).filter(([, value]) => value !== undefined && valueOf(value) !== "")
    const width = Math.max(0, ...known.map(([name]) => Text.width(name)))
    return known.map(([name, value]) => {
      const space = " ".repeat(width - Text.width(name))
      const room = out.columns() - width - 6
      const text = Text.oneLine(valueOf(value))
      // An address stays in one piece, so that it can be copied.
      const [first = "", ...rest] = out.terminal && room >= narrowest ? Text.wrap(text, room) : [text]
      const below = rest.map((line) => `\n${" ".repeat(width + 6)}${line}`).join("")
      return `    ${out.paint("cyan", Text.oneLine(name))}${space}  ${first}${below}`
    })
  }
  const print = (lines: ReadonlyArray<string>) => (output.json() ? Effect.void : output.print(lines.join("\n")))
  return {
    facts: (title, facts) => print([out.paint("bold", Text.oneLine(title)), ...rows(facts), ""]),
    tell: (step) =>
      Effect.suspend(() => {
        steps.push(step)
        const [mark, colour] = marks[`${step.ok}`]
        const { method = "GET", status, url } = step
        const answer = status === undefined ? "" : ` → ${status}`
        const at = url === undefined ? "" : Text.oneLine(`${method} ${url}${answer}`)
        return print([
          `${out.paint(colour, mark)} ${out.paint("bold", Text.oneLine(step.step))}${at === "" ? "" : ` ${at}`}`,
          indented("    ", step.verdict),
          ...rows(step.details ?? {}),
        ])
      }),
    steps: () => steps,
  }
}

/** A report that is kept, and told to nobody. */
export const quiet = (): Report => {
  const steps: Array<Step> = []
  return {
    facts: () => Effect.void,
    tell: (step) => Effect.sync(() => void steps.push(step)),
    steps: () => steps,
  }
}
