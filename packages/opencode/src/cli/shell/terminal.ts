/**
 * The line that is typed, and what is said above it without disturbing it.
 *
 * One readline holds the terminal as long as the shell lives, so that Ctrl-C is a key and not a signal, while a command
 * runs too. Without a terminal it reads lines, and shows no prompt.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { createInterface } from "node:readline"

export type Input = { readonly line: string } | { readonly key: "interrupt" | "end" }

export interface Terminal {
  /** Whether there is a person. */
  readonly interactive: boolean
  /** What is typed next. */
  readonly next: Effect.Effect<Input>
  /** Ctrl-C calls this until the next `next`. */
  readonly onInterrupt: (interrupt: () => void) => void
  /** Prints a text and a line feed; the line that is being typed stays. */
  readonly say: (text: string) => void
}

/** What may be typed at the end of a line: the candidates, and the part of the line that they take the place of. */
export type Complete = (line: string) => readonly [candidates: ReadonlyArray<string>, part: string]

const historySize = 1_000

/** The terminal of this process, held as long as the Scope. */
export const make = (options: {
  readonly prompt: string
  readonly complete: Complete
}): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { stdin, stdout } = process
    const interactive = stdin.isTTY && stdout.isTTY
    const inputs = yield* Queue.unbounded<Input>()
    let asking = false
    let interrupt: (() => void) | undefined

    const lines = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createInterface({
          input: stdin,
          output: stdout,
          terminal: interactive,
          prompt: options.prompt,
          historySize,
          removeHistoryDuplicates: true,
          completer: (line: string, found: (error: null, result: [Array<string>, string]) => void) => {
            const [candidates, part] = options.complete(line)
            found(null, [[...candidates], part])
          },
        }),
      ),
      (open) => Effect.sync(() => open.close()),
    )
    const offer = (input: Input) => {
      asking = false
      Queue.offerUnsafe(inputs, input)
    }
    lines.on("line", (line) => offer({ line }))
    lines.on("close", () => {
      if (asking) stdout.write("\n")
      offer({ key: "end" })
    })
    lines.on("SIGINT", () => {
      if (interrupt !== undefined) return interrupt()
      if (lines.line === "") {
        stdout.write("^C\n")
        return offer({ key: "interrupt" })
      }
      // What was typed so far is thrown away, as every shell does.
      lines.write(null, { ctrl: true, name: "e" })
      stdout.write("^C\n")
      lines.write(null, { ctrl: true, name: "u" })
    })

    return {
      interactive,
      next: Effect.suspend(() => {
        interrupt = undefined
        if (interactive && Queue.sizeUnsafe(inputs) === 0) {
          asking = true
          lines.prompt()
        }
        return Queue.take(inputs)
      }),
      onInterrupt: (next) => {
        interrupt = next
      },
      say: (text) => {
        if (!interactive) return void stdout.write(`${text}\n`)
        if (!asking) return void stdout.write(`\r\u001b[2K${text}\n`)
        const { rows } = lines.getCursorPos()
        stdout.write(`${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J${text}\n`)
        lines.prompt(true)
      },
    }
  })
