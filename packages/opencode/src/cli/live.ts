/** What moves on a terminal while something is waited for: a spinner, and the bar of a call's progress. */
import * as Effect from "effect/Effect"
import type { Writer } from "./output.ts"
import * as Text from "./text.ts"

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
/** Between two frames, in milliseconds. */
const period = 80

/** One line of standard error that is drawn again and again; `line` is asked for each time. */
const animated = <A, E, R>(
  output: Writer,
  draws: boolean,
  line: (frame: string) => Effect.Effect<string>,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => {
  if (!draws) return work
  let tick = 0
  let drawn = 0
  // Without colours there are no escape sequences at all.
  const erase = () => (output.animate ? "\r\u001b[2K" : `\r${" ".repeat(drawn)}\r`)
  const clear = () => {
    if (drawn > 0) output.draw(erase())
    drawn = 0
  }
  const frame = Effect.suspend(() =>
    output.floor.taken()
      ? Effect.void
      : Effect.map(line(frames[tick++ % frames.length] ?? ""), (text) => {
          if (text === "") return clear()
          output.draw(`${erase()}${text}`)
          drawn = Text.width(text)
        }),
  )
  const drawing = Effect.forever(Effect.andThen(frame, Effect.sleep(period)))
  return Effect.scoped(
    Effect.gen(function* () {
      // A quick answer needs no spinner, and leaves no flicker behind.
      yield* Effect.acquireRelease(
        Effect.sync(() => output.floor.moves(clear)),
        (stop) => Effect.sync(() => (clear(), stop())),
      )
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep(period), drawing))
      return yield* work
    }),
  )
}

/** Shows `text` beside a spinner while `work` runs, on a terminal. */
export const spinner = <A, E, R>(
  output: Writer,
  text: string | Effect.Effect<string>,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  animated(
    output,
    output.animate,
    (frame) =>
      Effect.map(
        typeof text === "string" ? Effect.succeed(text) : text,
        (said) => `${output.err.paint("cyan", frame)} ${Text.cut(Text.oneLine(said), output.err.columns() - 3)}`,
      ),
    work,
  )

/** Shows what `line` says beside a spinner while `work` runs, on a terminal; nothing while that is empty. */
export const activity = <A, E, R>(
  output: Writer,
  line: (columns: number) => string,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  animated(
    output,
    output.animate && output.interactive(),
    (frame) =>
      Effect.sync(() => {
        const text = line(output.err.columns() - 3)
        return text === "" ? "" : `${output.err.paint("cyan", frame)} ${text}`
      }),
    work,
  )

export interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

const barWidth = 24

/** `━━━━━━━━────  3/10  30%  copying`, in at most `columns` columns. */
export const bar = (state: Progress, columns: number, paint: Text.Paint): string => {
  const { message, progress, total } = state
  const size = Math.max(4, Math.min(barWidth, columns - 30))
  const share = total !== undefined && total > 0 ? Math.min(1, Math.max(0, progress / total)) : undefined
  const done = share === undefined ? 0 : Math.round(share * size)
  const drawn =
    share === undefined ? "" : `${paint("green", "━".repeat(done))}${paint("dim", "─".repeat(size - done))}  `
  const figures =
    share === undefined ? String(progress) : `${progress}/${total}  ${String(Math.round(share * 100)).padStart(3)}%`
  const used = (share === undefined ? 0 : size + 2) + Text.width(figures)
  const said = message === undefined ? "" : Text.cut(Text.oneLine(message), Math.max(0, columns - used - 5))
  return `${drawn}${figures}${said === "" ? "" : `  ${paint("dim", said)}`}`
}

/** Shows how far `work` is, as it reports: a spinner and `text`, or a text that it reports, until its first progress. */
export const progress = <A, E, R>(
  output: Writer,
  text: string,
  work: (report: (state: Progress | string) => void) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => {
  let state: Progress | undefined
  let label = Text.oneLine(text)
  const line = (frame: string) => {
    const columns = output.err.columns()
    const mark = output.animate ? `${output.err.paint("cyan", frame)} ` : ""
    return Effect.succeed(
      `${mark}${state === undefined ? Text.cut(label, columns - 3) : bar(state, columns - 2, output.err.paint)}`,
    )
  }
  return animated(
    output,
    output.bar,
    line,
    work((next) => {
      if (typeof next === "string") label = Text.oneLine(next)
      else state = next
    }),
  )
}
