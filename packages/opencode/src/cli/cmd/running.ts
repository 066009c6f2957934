/** What every command has: its flags, how it is loaded, and how it ends. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Options } from "../configuration.ts"
import type { ExitCode } from "../failure.ts"
import { levelOf, Output } from "../output.ts"

const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print JSON and nothing else on standard output"),
  ),
})
const ConfigFile = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.optional,
    Flag.withMetavar("FILE"),
    Flag.withDescription("Read this file in place of every other configuration"),
  ),
})
const Trust = GlobalFlag.Setting("trust")({
  flag: Flag.Boolean("trust").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Approve the servers of project files, for this run"),
  ),
})
const InteractionTimeout = GlobalFlag.Setting("interaction-timeout")({
  flag: Flag.Finite("interaction-timeout").pipe(
    Flag.filter(
      (seconds) => seconds > 0,
      () => "Expected a number of seconds above 0",
    ),
    Flag.withDefault(300),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("How long a person is waited for (default 300)"),
  ),
})

/** Flags that every command has. */
export const globalFlags = [Json, ConfigFile, Trust, InteractionTimeout] as const

/** Keeps how a command ended. */
export interface Outcome {
  code: ExitCode
}

const options = Effect.gen(function* () {
  const file = yield* ConfigFile
  return {
    config: Option.getOrUndefined(file),
    trust: yield* Trust,
    interactionTimeout: yield* InteractionTimeout,
  } satisfies Options
})

export const server = Argument.String("server").pipe(Argument.withDescription("The server's name in the configuration"))

/** Loads what the command does, and does it. */
export const running =
  (outcome: Outcome) =>
  <Input, Module, E, R>(
    load: () => Promise<Module>,
    use: (module: Module, input: Input, options: Options) => Effect.Effect<ExitCode, E, R>,
  ) =>
  (input: Input) =>
    Effect.gen(function* () {
      const output = yield* Output
      const level = Option.map(yield* GlobalFlag.LogLevel, levelOf)
      output.configure({ json: yield* Json, level: Option.getOrElse(level, () => "warn" as const) })
      const module = yield* Effect.promise(load)
      outcome.code = yield* use(module, input, yield* options)
    })
