/**
 * What the configuration says before any server exists: which are there, and what has to be hidden. It loads nothing of the
 * client, because `list` without a server is to be quick.
 */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { McpError, ServerNotFound } from "@opencode-ai/mcp/error"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import { Config, type ConfigError, type Server, type Snapshot } from "../config/config.ts"
import { masking } from "../config/secrets.ts"
import { Output } from "./output.ts"

/** The global flags that servers depend on. */
export interface Options {
  /** `--config`: the one file to read. */
  readonly config?: string | undefined
  /** `--trust`: approve everything, for this run. */
  readonly trust?: boolean | undefined
  /** `--interaction-timeout`: how long a person is waited for, in seconds. */
  readonly interactionTimeout?: number | undefined
}

/** The configuration. Fails with what cannot be parsed. */
export const layer = (options: Options): Layer.Layer<Config, ConfigError, FileSystem.FileSystem | Path.Path> =>
  Config.layer(options.config === undefined ? {} : { config: options.config })

/** The configuration as it is now, its secrets hidden from now on, its warnings said. */
export const configured: Effect.Effect<Snapshot, never, Config | Output> = Effect.gen(function* () {
  const output = yield* Output
  const snapshot = yield* (yield* Config).get
  output.conceal(masking(snapshot))
  yield* Effect.forEach(snapshot.warnings, output.warn, { discard: true })
  return snapshot
})

/** The configured server of this name, before anything was started. */
export const find = (snapshot: Snapshot, name: string): Effect.Effect<Server, McpError> =>
  Effect.suspend(() => {
    const found = snapshot.servers.find((server) => server.name === name)
    if (found !== undefined) return Effect.succeed(found)
    const all = snapshot.servers.map((server) => server.name)
    return Effect.fail(new McpError({ reason: new ServerNotFound({ server: name, nearest: nearest(name, all), all }) }))
  })
