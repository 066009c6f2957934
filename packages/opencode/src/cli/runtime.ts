/**
 * What a command runs in: the configuration, the approvals, and the servers that it needs.
 *
 * Every server is added at once, in the order of the configuration, and none waits for another. A bad entry and one that
 * is not approved are there too, `failed` with the reason. Closing the Scope closes every server.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Tasks } from "@opencode-ai/mcp/capability/tasks"
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { Mcp, type Unusable } from "@opencode-ai/mcp/mcp"
import type { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import type { Sampling } from "@opencode-ai/mcp/capability/sampling"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import { Config, type ConfigError, type Server } from "../config/config.ts"
import { heldError } from "../trust/question.ts"
import { Trust } from "../trust/trust.ts"
import * as Configuration from "./configuration.ts"
import * as Credentials from "./credentials.ts"
import * as Person from "./interview/person.ts"
import { Output } from "./output.ts"

export { find, masking, secretVariables } from "./configuration.ts"

/** `--config`, `--trust` and `--interaction-timeout`. */
export type RuntimeOptions = Configuration.Options

/** The services of a command. */
export type Services = Config | Trust | Mcp | Questions

/** The configuration and the approvals alone. Fails with what cannot be parsed. */
export const configuration = (
  options: RuntimeOptions,
): Layer.Layer<Config | Trust, ConfigError, FileSystem.FileSystem | Path.Path> =>
  Layer.mergeAll(Configuration.layer(options), Trust.layer({ all: options.trust === true }))

/** Who answers what servers ask of the person and of the model. */
export type Answers = Layer.Layer<Elicitation | Sampling, never, Questions>

/**
 * The service of all servers, without any server yet. Whoever answers, the same is declared: a server offers the same to
 * every command.
 */
export const servers = (options: RuntimeOptions, answers: Answers): Layer.Layer<Mcp | Questions, never, Config> => {
  const interactionTimeout = patience(options)
  const mcp = Layer.unwrap(
    Effect.map(
      Effect.flatMap(Config, (config) => config.get),
      ({ directory, worktree }) => Mcp.layer({ directory, worktree, interactionTimeout }),
    ),
  )
  return mcp.pipe(
    Layer.provide(Layer.mergeAll(answers, Tasks.layer(), Credentials.layer)),
    Layer.provideMerge(Questions.layer({ timeout: interactionTimeout })),
  )
}

/** The services of the shell that a command was typed in: it uses them in place of its own. */
export const Running: Context.Reference<Context.Context<Services> | undefined> = Context.Reference<
  Context.Context<Services> | undefined
>("@opencode/cli/Running", { defaultValue: () => undefined })

/** How long a person is waited for, in milliseconds. */
const patience = ({ interactionTimeout = 300 }: RuntimeOptions) => interactionTimeout * 1_000

/** The answers of whoever is at this terminal. */
export const person = (options: RuntimeOptions, output: Output["Service"]): Answers =>
  Person.answers(output, patience(options))

/** Everything that a command needs. */
export const layer = (
  options: RuntimeOptions,
): Layer.Layer<Services, ConfigError, FileSystem.FileSystem | Path.Path | Output> =>
  Layer.provideMerge(
    Layer.unwrap(Effect.map(Output, (output) => servers(options, person(options, output)))),
    configuration(options),
  )

const typeOf = ({ config, written }: Server): "local" | "remote" =>
  config?.type ??
  (typeof written === "object" && written !== null && "type" in written && written.type === "remote"
    ? "remote"
    : "local")

/** A server as it is added: its configuration, or why it cannot be used. `isApproved` as `Trust.isApproved` has it. */
export const usable = (server: Server, directory: string): Effect.Effect<ServerConfig | Unusable, never, Trust> =>
  Effect.gen(function* () {
    const { config, name } = server
    if (config === undefined) return { name, type: typeOf(server), error: server.error ?? "its entry cannot be used" }
    // One that is switched off is not started, so there is nothing to approve.
    if (!config.enabled || (yield* (yield* Trust).isApproved(server, directory))) return config
    return { name, type: config.type, error: heldError(server) }
  })

/** As `usable`, of a server that is connected also where it is switched off: nothing runs that was not approved. */
export const connectable = (server: Server, directory: string): Effect.Effect<ServerConfig | Unusable, never, Trust> =>
  usable(server.config === undefined ? server : { ...server, config: { ...server.config, enabled: true } }, directory)

/**
 * Adds configured servers, those of `only` or all, and returns at once: `Mcp.settled`, and every operation on a server,
 * waits for what it needs. They connect in the Scope.
 */
export const start = (
  options: { readonly only?: (name: string) => boolean } = {},
): Effect.Effect<void, never, Services | Scope.Scope> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const scope = yield* Effect.scope
    const { directory, servers } = yield* (yield* Config).get
    const wanted = servers.filter(({ name }) => options.only?.(name) ?? true)
    const added = yield* Effect.forEach(wanted, (server) => usable(server, directory))
    // Started at once, each is registered before the next: the order is the configuration's.
    for (const each of added) yield* Effect.forkIn(mcp.add(each), scope, { startImmediately: true })
  })
