/** Questions to the person at the terminal, drawn on standard error so that standard output stays the result's. */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import type * as Cause from "effect/Cause"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import type { Server } from "../config/config.ts"
import { question } from "../trust/question.ts"
import { CliFailure } from "./failure.ts"
import { Output } from "./output.ts"
import * as Text from "./text.ts"

/** For how long keys are awaited that were struck before a question could be read. */
const early = "50 millis"

const isQuit = ({ key }: Terminal.UserInput) => key.ctrl && (key.name === "c" || key.name === "d")

/** What is typed from now on. Keys that were struck for something else answer no question that nobody has read yet. */
const fresh = (input: Terminal.Terminal["readInput"]): Terminal.Terminal["readInput"] =>
  Effect.gen(function* () {
    const keys = yield* input
    yield* Effect.sleep(early)
    const struck = yield* Effect.orElseSucceed(Queue.clear(keys), () => [])
    const quit = struck.find(isQuit)
    if (quit === undefined) return keys
    const over = yield* Queue.unbounded<Terminal.UserInput, Cause.Done>()
    yield* Queue.offer(over, quit)
    return over
  })

const terminal = (unexpected: boolean) =>
  Layer.effect(Terminal.Terminal)(
    Effect.gen(function* () {
      const output = yield* Output
      const node = yield* Terminal.Terminal
      return Terminal.make({
        columns: Effect.sync(output.err.columns),
        rows: node.rows,
        size: node.size,
        readInput: unexpected ? fresh(node.readInput) : node.readInput,
        readLine: node.readLine,
        display: (text) => Effect.sync(() => output.draw(text)),
      })
    }),
  ).pipe(Layer.provide(NodeTerminal.layer))

/** Erases what a prompt said below the line that the cursor is on. */
const eraseBelow = "\u001b[J"

const asking = <Answer>(prompt: Prompt.Prompt<Answer>, unexpected: boolean) =>
  Effect.flatMap(Output, (output) =>
    prompt.pipe(
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => output.draw(eraseBelow)))),
      // What is said next has a line of its own.
      Effect.tapError(() => Effect.sync(() => output.draw("\n"))),
      Effect.mapError(() => new CliFailure({ tag: "Cancelled", text: "interrupted" })),
      Effect.provideService(Prompt.Theme, Prompt.makeTheme({ colors: output.err.paint("bold", "x") !== "x" })),
      Effect.provide(terminal(unexpected)),
    ),
  )

/** Runs a prompt; Ctrl-C in it is `Cancelled`. It has colours where standard error has, wherever standard output leads. */
export const ask = <Answer>(prompt: Prompt.Prompt<Answer>) => asking(prompt, false)

/** As `ask`, for a question that comes when nobody expects it: what was typed before it is no answer to it. */
export const interject = <Answer>(prompt: Prompt.Prompt<Answer>) => asking(prompt, true)

/** Yes, or no, which is the default. */
export const confirm = (message: string) => ask(Prompt.Confirm({ message, initial: false }))

/** Shows the whole entry of a project's server and asks whether it may be started. */
export const confirmTrust = (server: Server, directory: string) =>
  Effect.gen(function* () {
    const output = yield* Output
    yield* output.say(`\n${question(server, directory)}\n`)
    return yield* interject(Prompt.Confirm({ message: `Start ${Text.oneLine(server.name)}?`, initial: false }))
  })
