/** What the doctor found, for a person. */
import { Exit } from "../failure.ts"
import type { Writer } from "../output.ts"
import * as Text from "../text.ts"
import type { Check, Result } from "./check.ts"
import type { Diagnosis } from "./diagnose.ts"

const marks: Readonly<Record<Result, readonly [mark: string, colour: Text.Colour]>> = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  failed: ["✗", "red"],
  skipped: ["–", "dim"],
}

/** With less room than this beside the names, in columns, values are not wrapped. */
const narrowest = 24

/** Each check on a line, what to do below it. */
export const checkLines = (checks: ReadonlyArray<Check>, { out }: Writer): ReadonlyArray<string> => {
  const width = Math.max(0, ...checks.map(({ check }) => Text.width(check)))
  // Set in by two where several servers are shown.
  const room = out.columns() - width - 7
  const rows = (text: string, first: string): ReadonlyArray<string> => {
    const lines = Text.harmless(text).split("\n")
    const wrapped = out.terminal && room >= narrowest ? lines.flatMap((line) => Text.wrap(line, room - 2)) : lines
    return wrapped.map((line, index) => `${index === 0 ? first : " ".repeat(first.length)}${line}`)
  }
  return checks.flatMap(({ advice, check, found, result }) => {
    const [mark, colour] = marks[result]
    const space = " ".repeat(width + 4)
    const [first = "", ...rest] = rows(found, "")
    const name = `${check}${" ".repeat(width - Text.width(check))}`
    const told = advice === undefined ? [] : rows(advice, "→ ")
    return [
      `${out.paint(colour, mark)} ${result === "skipped" ? out.paint("dim", name) : out.paint("bold", name)}  ${result === "skipped" ? out.paint("dim", first) : first}`,
      ...[...rest, ...told.map((line) => out.paint("bold", line))].map((line) => `${space}${line}`),
    ]
  })
}

const markOf = ({ code, status }: Diagnosis): readonly [mark: string, colour: Text.Colour] => {
  if (status === "disabled") return ["○", "dim"]
  if (code === Exit.done) return marks.ok
  return code === Exit.unauthorized || code === Exit.answered ? marks.warning : marks.failed
}

const words: Readonly<Record<Diagnosis["status"], string>> = {
  connected: "works",
  pending: "pending",
  disabled: "switched off",
  failed: "failed",
  needs_auth: "needs authorization",
  needs_client_registration: "needs a registered client",
}

/** The first thing that is to be said of a server. */
const briefly = ({ checks }: Diagnosis): string =>
  (checks.find(({ result }) => result === "failed") ?? checks.find(({ check }) => check === "lists"))?.found ?? ""

/** One line for each server. */
export const overview = (all: ReadonlyArray<Diagnosis>, { out }: Writer): ReadonlyArray<string> => {
  const wordsOf = (each: Diagnosis) => (each.code === Exit.answered ? "works in part" : words[each.status])
  if (!out.terminal) {
    return all.map((each) =>
      [Text.oneLine(each.server), wordsOf(each), Text.oneLine(briefly(each))].join("\t").trimEnd(),
    )
  }
  const shape: ReadonlyArray<Text.Column> = [
    { title: " " },
    { title: "SERVER", shrinks: 12 },
    { title: "STATUS" },
    { title: "WHAT", shrinks: 20 },
  ]
  const rows = all.map((each): ReadonlyArray<Text.Cell> => {
    const [mark, colour] = markOf(each)
    return [
      { text: mark, colour },
      { text: Text.oneLine(each.server), colour: "bold" },
      { text: wordsOf(each), colour },
      { text: Text.oneLine(briefly(each)) },
    ]
  })
  return Text.table(shape, rows, out.columns(), out.paint)
}

/** What is wrong with a server, and what to do. */
export const problem = (each: Diagnosis, output: Writer): ReadonlyArray<string> => {
  const [mark, colour] = markOf(each)
  const { paint } = output.out
  const wrong = each.checks.filter(
    ({ check, result }) => result === "failed" || result === "warning" || check === "stderr",
  )
  return [
    "",
    `${paint(colour, mark)} ${paint("bold", Text.oneLine(each.server))}`,
    ...checkLines(wrong, output).map((line) => `  ${line}`),
  ]
}

/** All that was found of one server. */
export const whole = (each: Diagnosis, output: Writer): ReadonlyArray<string> => {
  const colour = each.code === Exit.done ? "green" : "red"
  return [
    output.out.paint("bold", Text.oneLine(each.server)),
    ...checkLines(each.checks, output),
    "",
    output.out.paint(colour, Text.inset(each.verdict)),
  ]
}
