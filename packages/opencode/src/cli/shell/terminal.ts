/**
 * The line that is typed, and what is said above it without disturbing it.
 *
 * One readline holds the terminal as long as the shell lives, so that Ctrl-C is a key and not a signal, while a command
 * runs too. Without a terminal it reads lines, and shows no prompt.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { createInterface, type Interface } from "node:readline"
import type { Floor } from "../floor.ts"
import * as History from "./history.ts"

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

/**
 * Tells what may be typed at the end of a line, once: the candidates, and the part of the line that they take the place of.
 */
export type Complete = (line: string, found: (candidates: ReadonlyArray<string>, part: string) => void) => void

/** The terminal of this process, held as long as the Scope; a question takes it from the line by way of the floor. */
export const make = (options: {
  readonly prompt: string
  readonly complete: Complete
  readonly floor: Floor
  readonly history: History.History
}): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { stdin, stdout } = process
    const interactive = stdin.isTTY && stdout.isTTY
    const inputs = yield* Queue.unbounded<Input>()
    let asking = false
    let interrupt: (() => void) | undefined
    let history: Array<string> = [...options.history.lines]
    /** What is said while a question has the terminal. */
    let held: Array<string> | undefined

    const offer = (input: Input) => {
      asking = false
      Queue.offerUnsafe(inputs, input)
    }

    const open = (): Interface => {
      const opened = createInterface({
        input: stdin,
        output: stdout,
        terminal: interactive,
        prompt: options.prompt,
        historySize: History.size,
        history,
        removeHistoryDuplicates: true,
        completer: (line: string, found: (error: null, result: [Array<string>, string]) => void) =>
          options.complete(line, (candidates, part) => {
            if (opened === lines) found(null, [[...candidates], part])
          }),
      })
      opened.on("history", (next) => {
        history = next
      })
      opened.on("line", (line) => {
        if (interactive) options.history.keep(line)
        offer({ line })
      })
      opened.on("close", () => {
        if (opened !== lines || held !== undefined) return
        if (asking) stdout.write("\n")
        offer({ key: "end" })
      })
      opened.on("SIGINT", () => {
        if (interrupt !== undefined) return interrupt()
        if (opened.line === "") {
          stdout.write("^C\n")
          return offer({ key: "interrupt" })
        }
        // What was typed so far is thrown away, as every shell does.
        opened.write(null, { ctrl: true, name: "e" })
        stdout.write("^C\n")
        opened.write(null, { ctrl: true, name: "u" })
      })
      return opened
    }

    let lines = open()
    yield* Effect.addFinalizer(() => Effect.sync(() => lines.close()))

    const say = (text: string) => {
      if (held !== undefined) return void held.push(text)
      if (!interactive) return void stdout.write(`${text}\n`)
      options.floor.clear()
      if (!asking) return void stdout.write(`\r\u001b[2K${text}\n`)
      const { rows } = lines.getCursorPos()
      stdout.write(`${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J${text}\n`)
      lines.prompt(true)
    }

    if (interactive) {
      let typed = ""
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          options.floor.types({
            hide: Effect.sync(() => {
              typed = asking ? lines.line : ""
              if (asking) stdout.write("\n")
              held = []
              lines.close()
            }),
            show: Effect.sync(() => {
              const said = held ?? []
              held = undefined
              lines = open()
              for (const text of said) say(text)
              if (!asking) return
              lines.prompt()
              lines.write(typed)
            }),
          }),
        ),
        (stop) => Effect.sync(stop),
      )
    }

    return {
      interactive,
      next: Effect.suspend(() => {
        interrupt = undefined
        if (interactive && Queue.sizeUnsafe(inputs) === 0) {
          asking = true
          if (held === undefined) lines.prompt()
        }
        return Queue.take(inputs)
      }),
      onInterrupt: (next) => {
        interrupt = next
      },
      say,
    }
  })
