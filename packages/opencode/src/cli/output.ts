/**
 * Where a command writes to, and what that place can show.
 *
 * Results go to standard output, everything said about them to standard error. Secrets are hidden in both, from the moment
 * that the configuration is known. A reader that went away (`| head`) ends the command quietly.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type Floor, make as makeFloor } from "./floor.ts"
import { indented, masked } from "./present.ts"
import * as Text from "./text.ts"

/** Where a stream leads. */
export interface Medium {
  readonly terminal: boolean
  /** Columns of the terminal. Default 80. */
  readonly columns: () => number
  readonly paint: Text.Paint
}

export interface OutputOptions {
  /** Whether `--json` was given. */
  readonly json: boolean
  /** How much is said beside the results. */
  readonly level: Level
}

const levels = ["none", "fatal", "error", "warn", "info", "debug", "trace", "all"] as const
/** What is said beside results, and everything that stands before it here. */
export type Level = (typeof levels)[number]

/** The level of a name; `warn` where there is no such name. */
export const levelOf = (name: string): Level => levels.find((each) => each === name.toLowerCase()) ?? "warn"

/** What a command writes with. */
export interface Writer {
  readonly json: () => boolean
  /** Whether what is of this level is said. */
  readonly says: (level: Level) => boolean
  readonly configure: (options: OutputOptions) => void
  readonly out: Medium
  readonly err: Medium
  /** Whether what moves may be drawn on standard error. */
  readonly animate: boolean
  /** Whether a bar may be drawn on standard error. */
  readonly bar: boolean
  /** Whether a person can be asked. */
  readonly interactive: () => boolean
  /** A text and a line feed, to standard output. */
  readonly print: (text: string) => Effect.Effect<void>
  /** Text that is data: as it is, but for secrets. */
  readonly write: (text: string) => Effect.Effect<void>
  /** A value as JSON: indented on a terminal, on one line elsewhere. */
  readonly printJson: (value: unknown) => Effect.Effect<void>
  /** A value as JSON exactly as it is, secrets included: what a server answered, and the caller asked for. */
  readonly printExactly: (value: unknown) => Effect.Effect<void>
  /** A text that has to be whole to be of use, and a line feed: nothing in it is hidden. */
  readonly reveal: (text: string, to: "out" | "err") => Effect.Effect<void>
  /** A text and a line feed, to standard error. */
  readonly say: (text: string) => Effect.Effect<void>
  /** A warning, to standard error. */
  readonly warn: (text: string) => Effect.Effect<void>
  /** Whose the terminal is. */
  readonly floor: Floor
  /** Draws on standard error, as it is. */
  readonly draw: (text: string) => void
  /** Hides what `mask` hides from now on. */
  readonly conceal: (mask: (text: string) => string) => void
  readonly mask: (text: string) => string
  /** Whether standard output has no reader any more. */
  readonly gone: () => boolean
  /** Says on a terminal that Ctrl-C was heard: closing takes a moment. */
  readonly hear: () => void
  /** Whether it was said. */
  readonly heard: () => boolean
}

export class Output extends Context.Service<Output, Writer>()("@opencode/cli/Output") {}

const isSet = (name: string) => (process.env[name] ?? "") !== ""

/** Writes and waits until it is written, or cannot be. */
const deliver = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (!stream.writable) return resume(Effect.void)
    stream.write(text, () => resume(Effect.void))
  })

/** The writer of this process. `onBroken` is called once standard output has no reader any more. */
export const make = (onBroken: () => void): Writer => {
  let options: OutputOptions = { json: false, level: "warn" }
  const { stderr, stdout } = process
  const dumb = process.env["TERM"] === "dumb"
  const plain = isSet("NO_COLOR") || isSet("CI") || dumb
  const medium = (stream: NodeJS.WriteStream): Medium => ({
    terminal: stream.isTTY,
    columns: () => (stream.columns > 0 ? stream.columns : 80),
    paint: Text.paint(stream.isTTY && !plain),
  })
  const out = medium(stdout)
  const err = medium(stderr)
  let mask = (text: string) => text

  let broken = false
  let heard = false
  stdout.on("error", () => {
    if (!broken) onBroken()
    broken = true
  })
  // There is nobody left to tell.
  stderr.on("error", () => {})

  const toOut = (text: string) => (broken ? Effect.void : deliver(stdout, text))
  const toErr = (text: string) => deliver(stderr, text)
  const json = (value: unknown) =>
    toOut(`${out.terminal ? Text.harmlessJson(indented(value)) : JSON.stringify(value)}\n`)
  const say = (text: string) => Effect.suspend(() => toErr(`${mask(text)}\n`))
  return {
    json: () => options.json,
    says: (level) => levels.indexOf(level) <= levels.indexOf(options.level),
    configure: (next) => {
      options = next
    },
    out,
    err,
    animate: err.terminal && !plain,
    bar: err.terminal && !isSet("CI") && !dumb,
    interactive: () => process.stdin.isTTY && err.terminal && !options.json && !isSet("CI"),
    print: (text) => Effect.suspend(() => toOut(`${mask(text)}\n`)),
    write: (text) => Effect.suspend(() => toOut(mask(text))),
    printJson: (value) => Effect.suspend(() => json(masked(value, mask))),
    printExactly: (value) => Effect.suspend(() => json(value)),
    reveal: (text, to) => Effect.suspend(() => (to === "out" ? toOut : toErr)(`${text}\n`)),
    say,
    warn: (text) =>
      Effect.suspend(() =>
        levels.indexOf("warn") <= levels.indexOf(options.level)
          ? say(`${err.paint("yellow", "warning:")} ${Text.inset(text)}`)
          : Effect.void,
      ),
    floor: makeFloor(),
    draw: (text) => {
      if (stderr.writable) stderr.write(mask(text))
    },
    conceal: (next) => {
      mask = next
    },
    mask: (text) => mask(text),
    gone: () => broken,
    hear: () => {
      if (heard || !err.terminal) return
      heard = true
      stderr.write(`\r${plain ? "" : "\u001b[2K"}interrupted, closing …\n`)
    },
    heard: () => heard,
  }
}
