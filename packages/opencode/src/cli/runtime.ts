/** What a command runs in: the configuration, the approvals, and the servers that it needs (`mcp/instance.ts`). */
import type { Questions } from "@opencode-ai/mcp/capability/questions"
import type { Mcp } from "@opencode-ai/mcp/mcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { Config, ConfigError } from "../config/config.ts"
import * as Instance from "../mcp/instance.ts"
import { Trust } from "../trust/trust.ts"
import * as Configuration from "./configuration.ts"
import * as Person from "./interview/person.ts"
import { Output } from "./output.ts"

export { connectable, start } from "../mcp/instance.ts"

/** `--config`, `--trust` and `--interaction-timeout`. */
export type RuntimeOptions = Configuration.Options

/** The services of a command. */
export type Services = Config | Trust | Mcp | Questions

/** The configuration and the approvals alone. Fails with what cannot be parsed. */
export const configuration = (
  options: RuntimeOptions,
): Layer.Layer<Config | Trust, ConfigError, FileSystem.FileSystem | Path.Path> =>
  Layer.mergeAll(Configuration.layer(options), Trust.layer({ all: options.trust === true }))

/** How long a person is waited for, in milliseconds. */
export const patience = ({ interactionTimeout = 300 }: RuntimeOptions) => interactionTimeout * 1_000

/** The service of all servers, without any server yet. */
export const servers = (
  options: RuntimeOptions,
  answers: Instance.Answers,
): Layer.Layer<Mcp | Questions, never, Config | FileSystem.FileSystem | Path.Path> =>
  Instance.client({ answers, interactionTimeout: patience(options) })

/** The services of the shell that a command was typed in: it uses them in place of its own. */
export const Running: Context.Reference<Context.Context<Services> | undefined> = Context.Reference<
  Context.Context<Services> | undefined
>("@opencode/cli/Running", { defaultValue: () => undefined })

/** The answers of whoever is at this terminal, or elsewhere. */
export const person = (
  options: RuntimeOptions,
  output: Output["Service"],
  elsewhere?: Person.Elsewhere,
): Instance.Answers => Person.answers(output, patience(options), elsewhere)

/** Everything that a command needs. */
export const layer = (
  options: RuntimeOptions,
): Layer.Layer<Services, ConfigError, FileSystem.FileSystem | Path.Path | Output> =>
  Layer.provideMerge(
    Layer.unwrap(Effect.map(Output, (output) => servers(options, person(options, output)))),
    configuration(options),
  )
