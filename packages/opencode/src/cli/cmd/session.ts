/** `session`: its arguments, flags and help. What it does is loaded when it runs. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { version } from "../version.ts"
import { globalFlags, type Outcome, running } from "./running.ts"

interface Input {
  readonly words: ReadonlyArray<string>
  readonly model: Option.Option<string>
  readonly resource: ReadonlyArray<string>
  readonly ui: boolean
}

const make = (outcome: Outcome) =>
  Command.make(
    "session",
    {
      words: Argument.String("prompt").pipe(
        Argument.withDescription(
          "What you want; - or nothing for standard input; /server:prompt for a prompt of a server",
        ),
        Argument.variadic(),
      ),
      model: Flag.String("model").pipe(
        Flag.withAlias("m"),
        Flag.optional,
        Flag.withMetavar("PROVIDER/MODEL"),
        Flag.withDescription('The model to ask (default: "model" in opencode.json)'),
      ),
      resource: Flag.String("resource").pipe(
        Flag.atLeast(0),
        Flag.withMetavar("SERVER:URI"),
        Flag.withDescription("A resource of a server to attach; may be given several times"),
      ),
      ui: Flag.Boolean("ui").pipe(
        Flag.withDefault(false),
        Flag.withDescription("Serve a page meanwhile, where what servers ask can be answered, and print its address"),
      ),
    },
    running(outcome)(
      () => import("../command/session.ts"),
      (module, { model, resource, ui, words }: Input, options) =>
        module.session({ ...options, words, ui, resources: resource, model: Option.getOrUndefined(model) }),
    ),
  ).pipe(
    Command.withDescription("Ask a model, which may use the tools of your MCP servers"),
    Command.withExamples([
      { command: 'session "How many entities are in my memory?"' },
      { command: "session --model local/qwen3 --json < prompt.txt" },
    ]),
    Command.withGlobalFlags(globalFlags),
  )

/** Runs it; how it ended is written into `outcome`. */
export const execute = (outcome: Outcome, words: ReadonlyArray<string>) =>
  Command.runWith(make(outcome), { version })(words)
