/**
 * The `mcp` section of OpenCode's configuration: found, read, substituted, merged and decoded.
 *
 * A file that cannot be parsed fails the whole reading; a bad entry is that one server's `error`. Nothing is started here,
 * and nothing is approved: `Server.project` says what needs it, `trust/` knows what has it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { discover, type DiscoverOptions } from "./discover.ts"
import type { ConfigError } from "./error.ts"
import * as Mask from "./mask.ts"
import { type Document, merge, type SectionTimeout, type Server } from "./merge.ts"

export type { DiscoverOptions } from "./discover.ts"
export { ConfigError } from "./error.ts"
export type { Origin, Server } from "./merge.ts"

/** The configuration as it was at one moment. */
export interface Snapshot {
  /** In the order of the configuration. */
  readonly servers: ReadonlyArray<Server>
  /** For a person to read, secrets masked. */
  readonly warnings: ReadonlyArray<string>
  /** What was read, the later over the earlier. */
  readonly files: ReadonlyArray<string>
  /** The working directory, absolute. */
  readonly directory: string
  /** The root of the git worktree; `directory` outside of one. */
  readonly worktree: string
  /** What the sections say of all servers, as it is written. */
  readonly timeouts: ReadonlyArray<SectionTimeout>
  /** What was read, as it was parsed; it holds secrets. `sections.ts` reads what a session needs in it. */
  readonly documents: ReadonlyArray<Document>
  /** Hides every configured secret and substituted value in a text. */
  readonly mask: (text: string) => string
}

/** Names of servers, after reading again. */
export interface Difference {
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}

/** Reads the configuration once. */
export const read = Effect.fn("Config.read")(function* (options: DiscoverOptions = {}) {
  const found = yield* discover(options)
  const { documents, secrets, servers, timeouts, warnings } = yield* merge(found)
  const mask = Mask.make(secrets)
  return {
    servers: servers.map((server) => (server.error === undefined ? server : { ...server, error: mask(server.error) })),
    warnings: warnings.map(mask),
    files: found.sources.map((source) => source.file),
    directory: found.directory,
    worktree: found.worktree,
    timeouts,
    documents,
    mask,
  } satisfies Snapshot
})

/** What changed between two readings. */
export const difference = (before: Snapshot, after: Snapshot): Difference => {
  const old = new Map(before.servers.map((server) => [server.name, print(server)]))
  const now = new Map(after.servers.map((server) => [server.name, print(server)]))
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: [...now].filter(([name, text]) => old.has(name) && old.get(name) !== text).map((pair) => pair[0]),
  }
}

const print = (server: Server) => JSON.stringify([Redacted.value(server.fingerprint), server.error, server.project])

export class Config extends Context.Service<
  Config,
  {
    /** The last reading. */
    readonly get: Effect.Effect<Snapshot>
    /** Reads again. Where that fails, the last reading stays. */
    readonly reload: Effect.Effect<Difference, ConfigError>
  }
>()("@opencode/McpConfig") {
  /** Reads when it is built, and fails with what cannot be parsed. */
  static readonly layer = (
    options: DiscoverOptions = {},
  ): Layer.Layer<Config, ConfigError, FileSystem.FileSystem | Path.Path> =>
    Layer.effect(
      Config,
      Effect.gen(function* () {
        const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
        const current = yield* Ref.make<Snapshot>(yield* read(options))
        return {
          get: Ref.get(current),
          reload: read(options).pipe(
            Effect.flatMap((next) => Effect.map(Ref.getAndSet(current, next), (last) => difference(last, next))),
            Effect.provideContext(services),
          ),
        }
      }),
    )
}
