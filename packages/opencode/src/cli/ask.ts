/** Questions to the person at the terminal, drawn on standard error so that standard output stays the result's. */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Terminal from "effect/Terminal"
import type { Server } from "../config/config.ts"
import { question } from "../trust/question.ts"
import { CliFailure } from "./failure.ts"
import { Output } from "./output.ts"
import * as Text from "./text.ts"

const terminal = Layer.effect(Terminal.Terminal)(
  Effect.gen(function* () {
    const output = yield* Output
    const node = yield* Terminal.Terminal
    return Terminal.make({
      columns: Effect.sync(output.err.columns),
      rows: node.rows,
      size: node.size,
      readInput: node.readInput,
      readLine: node.readLine,
      display: (text) => Effect.sync(() => output.draw(text)),
    })
  }),
).pipe(Layer.provide(NodeTerminal.layer))

/** Erases what a prompt said below the line that the cursor is on. */
const eraseBelow = "\u001b[J"

/** Runs a prompt; Ctrl-C in it is `Cancelled`. It has colours where standard error has, wherever standard output leads. */
export const ask = <Answer>(prompt: Prompt.Prompt<Answer>) =>
  Effect.flatMap(Output, (output) =>
    prompt.pipe(
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => output.draw(eraseBelow)))),
      // What is said next has a line of its own.
      Effect.tapError(() => Effect.sync(() => output.draw("\n"))),
      Effect.mapError(() => new CliFailure({ tag: "Cancelled", text: "interrupted" })),
      Effect.provideService(Prompt.Theme, Prompt.makeTheme({ colors: output.err.paint("bold", "x") !== "x" })),
      Effect.provide(terminal),
    ),
  )

/** Yes, or no, which is the default. */
export const confirm = (message: string) => ask(Prompt.Confirm({ message, initial: false }))

/** Shows the whole entry of a project's server and asks whether it may be started. */
export const confirmTrust = (server: Server, directory: string) =>
  Effect.gen(function* () {
    const output = yield* Output
    yield* output.say(`\n${question(server, directory)}\n`)
    return yield* confirm(`Start ${Text.oneLine(server.name)}?`)
  })
