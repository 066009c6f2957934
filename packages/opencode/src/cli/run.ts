/** Runs the commands: from words to an exit code, with every failure told in the same way. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Cause from "effect/Cause"
import type * as CliError from "effect/cli/CliError"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import type { FlagDoc, HelpDoc } from "effect/cli/HelpDoc"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit_ from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { make, type Outcome } from "./cmd/mcp.ts"
import { badRequest, type CliFailure, type ExitCode, Exit, exitCode, fromCause } from "./failure.ts"
import { Output, type Writer } from "./output.ts"
import { tell } from "./tell.ts"
import { version } from "./version.ts"

const builtIns = CliConfig.defaults.builtIns.filter((flag) => flag !== GlobalFlag.Wizard)

// `effect/cli` asks for these for its wizard, which is not offered: prompts bring a terminal of their own.
const unused = Effect.die("not offered")
const unusedTerminal = Terminal.make({
  columns: Effect.succeed(80),
  rows: Effect.succeed(24),
  size: unused,
  readInput: unused,
  readLine: unused,
  display: () => Effect.void,
})
const platform = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  Layer.succeed(Terminal.Terminal)(unusedTerminal),
  Layer.succeed(ChildProcessSpawner.ChildProcessSpawner)(ChildProcessSpawner.make(() => unused)),
  Stdio.layerTest({}),
  CliConfig.layer({ builtIns }),
)

const globalNames = ["json", "config", "trust", "interaction-timeout", "log-level", "help", "version", "completions"]

/** The global flags that a word is near to: the parser offers a command's own alone. */
const nearestFlags = (word: string) =>
  nearest(
    word,
    globalNames.map((name) => `--${name}`),
  )

/** What is wrong with the words, told as every failure is. */
const usageFailure = (errors: ReadonlyArray<CliError.CliError>, path: ReadonlyArray<string>): CliFailure => {
  const said = errors.map((error) => {
    const [what = "", meant = ""] = error.message.split("Did you mean this?")
    const own = meant.trim().split(/\s+/)
    const names = meant === "" && error._tag === "UnrecognizedOption" ? nearestFlags(error.option) : own
    return `${what.trim()}${names.join("") === "" ? "" : `; did you mean ${names.join(" or ")}?`}`
  })
  return badRequest(`${said.join("; ")}\nSee ${path.join(" ")} --help`)
}

/** A list of choices is no column of a table: what they are stands in the description. */
const named = (flag: FlagDoc): FlagDoc => ({
  ...flag,
  type: flag.type.length > 20 ? (flag.name.split("-").at(-1) ?? "").toUpperCase() : flag.type,
})

const tidy = (doc: HelpDoc): HelpDoc => ({
  ...doc,
  flags: doc.flags.map(named),
  ...(doc.globalFlags === undefined ? {} : { globalFlags: doc.globalFlags.map(named) }),
})

/** Help and version go to standard output; what is wrong with the words is the failure, not a page of help. */
const presenter = (output: Writer, fail: (failure: CliFailure) => void): CliOutput.Presenter => {
  const formatter = CliOutput.defaultFormatter({ colors: output.out.paint("bold", "x") !== "x" })
  return {
    present: (event) => {
      switch (event._tag) {
        case "Help":
          return output.print(formatter.formatHelpDoc(tidy(event.helpDoc)))
        case "Version":
          return output.json()
            ? output.printJson({ name: event.name, version: event.version })
            : output.print(event.version)
        case "InvalidInvocation":
          return Effect.sync(() => fail(usageFailure(event.errors, event.commandPath)))
      }
    },
  }
}

/** Runs the command of the words, and keeps in the outcome how it ended. */
type Execute = (
  outcome: Outcome,
  words: ReadonlyArray<string>,
) => Effect.Effect<void, unknown, Command.Environment | Output>

/**
 * Runs the command that the words name. It never fails: the exit code says how it went. The command can be interrupted,
 * even where the caller cannot.
 */
export const run = (
  words: ReadonlyArray<string>,
  output: Writer,
  execute: Execute = (outcome, words) => Command.runWith(make(outcome), { version })(words),
): Effect.Effect<ExitCode> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const outcome: Outcome = { code: Exit.done }
      let wrong: CliFailure | undefined
      const end = words.indexOf("--")
      output.configure({ json: words.slice(0, end < 0 ? undefined : end).includes("--json"), level: "warn" })
      const program = execute(outcome, words).pipe(
        Effect.provideService(
          CliOutput.Presenter,
          presenter(output, (failure) => (wrong = failure)),
        ),
        Effect.provideService(Output, output),
        Effect.provideService(References.MinimumLogLevel, "None"),
        Effect.provide(platform),
      )
      const exit = yield* Effect.exit(Effect.interruptible(program))
      if (wrong !== undefined) {
        yield* tell(output, fromCause(Cause.fail(wrong)))
        return Exit.usage
      }
      if (Exit_.isSuccess(exit)) return outcome.code
      // Help that nobody asked for is shown, and is no failure.
      const error = Cause.squash(exit.cause)
      if (isHelp(error)) return Exit.done
      const failure = fromCause(exit.cause)
      yield* tell(output, failure, exit.cause)
      return exitCode(failure)
    }),
  )

const isHelp = (error: unknown) =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"
