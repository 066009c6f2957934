/**
 * The servers by name, in configuration order: each a `Connection` in a Scope of its own, or the reason why there is
 * none. Adding, replacing and removing one concerns no other.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { CatalogStore } from "../catalog/kept.ts"
import type { Listed } from "../catalog/listed.ts"
import type { ServerConfig } from "../config.ts"
import { nearest } from "../config/nearest.ts"
import * as Connection from "../connection.ts"
import type { Assembly, Surroundings } from "../connection/assembly.ts"
import { AuthRequired, McpError, NotConnected, ServerNotFound } from "../error.ts"
import type { Event, Status } from "../events.ts"
import type { SessionError } from "../session/error.ts"
import type { States } from "../tasks/states.ts"
import { forward, tellLists, tellStatus } from "./forward.ts"
import * as Tasks from "./tasks.ts"

/** An entry that cannot be connected: its status says why. */
export interface Unusable {
  readonly name: string
  readonly type: "local" | "remote"
  readonly error: string
}

/** One name of the registry. */
export interface Registered {
  readonly name: string
  readonly type: "local" | "remote"
  readonly scope: Scope.Closeable
  /** Absent where the entry is unusable. */
  readonly connection: Connection.Connection | undefined
  readonly status: () => Status
  /** What is known of the server's tasks. */
  readonly tasks: States
  /** Once the server whose place it took is closed. It does not connect before. */
  readonly replaced: Effect.Effect<void>
}

export interface Registry {
  readonly get: (name: string) => Registered | undefined
  /** Every server, in configuration order. */
  readonly all: () => ReadonlyArray<Registered>
  readonly lookup: (name: string) => Effect.Effect<Registered, McpError>
  /**
   * The server's session: at once where it is connected, else after the attempt that is being made, or one more. A server
   * that sleeps is woken, and one that was disconnected stays so.
   */
  readonly ready: (registered: Registered) => Effect.Effect<Connection.Live, McpError>
  /** The same without one more attempt: a server that has failed stays so. */
  readonly present: (registered: Registered) => Effect.Effect<Connection.Live, McpError>
  /** Adds a server, or replaces the one of its name; it is not connected yet. */
  readonly add: (config: ServerConfig | Unusable) => Effect.Effect<Registered>
  readonly remove: (name: string) => Effect.Effect<void, McpError>
  /** Connects, and lists what the server offers. */
  readonly connect: (registered: Registered) => Effect.Effect<Status>
  /** Waits until the server is not `pending`, and what it offers is listed. */
  readonly settle: (registered: Registered) => Effect.Effect<void>
}

const failures = (cause: Cause.Cause<SessionError>): ReadonlyArray<SessionError> =>
  cause.reasons.filter(Cause.isFailReason).map(({ error }) => error)

/** Lists everything that a server offers; gives why lists could not be read. */
const warm = (connection: Connection.Connection): Effect.Effect<ReadonlyArray<SessionError>> =>
  Effect.suspend(() => {
    const catalog = connection.live()?.catalog
    if (catalog === undefined) return Effect.succeed([])
    const lists: ReadonlyArray<Listed<unknown>> = [catalog.tools, catalog.prompts, catalog.resources, catalog.templates]
    return Effect.map(
      Effect.forEach(lists, (list) => Effect.exit(list.all), { concurrency: "unbounded" }),
      (exits) => exits.flatMap((exit) => (Exit.isFailure(exit) ? failures(exit.cause) : [])),
    )
  })

/** An empty registry. The Scope closes every server, all at once. */
export const make = (options: {
  readonly assembly: Assembly
  readonly surroundings: Surroundings
  /** Where the last catalogue of each server is kept. */
  readonly catalogs: CatalogStore | undefined
  readonly publish: (event: Event) => void
  /** Called when another list of a server's tools is known. */
  readonly onTools: (registered: Registered) => void
}): Effect.Effect<Registry, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { publish } = options
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const servers = new Map<string, Registered>()

    const open = (
      config: ServerConfig,
      own: Scope.Closeable,
      replaced: Effect.Effect<void>,
    ): Effect.Effect<Registered> =>
      Effect.gen(function* () {
        const { name } = config
        const connection = yield* Connection.make({
          config,
          assembly: options.assembly,
          surroundings: options.surroundings,
          catalogs: options.catalogs,
          after: replaced,
          onStatus: (status) => tellStatus(name, status, publish),
          onCatalog: (what) => {
            publish({ type: `mcp.${what}.changed`, data: { server: name } })
            const registered = servers.get(name)
            if (what === "tools" && registered !== undefined) options.onTools(registered)
          },
        })
        const tasks = Tasks.states(name, publish)
        forward(name, connection, tasks, publish)
        return { name, type: config.type, scope: own, connection, status: connection.status, replaced, tasks }
      }).pipe(Scope.provide(own))

    const refuse = (
      { error, name, type }: Unusable,
      own: Scope.Closeable,
      replaced: Effect.Effect<void>,
    ): Effect.Effect<Registered> =>
      Effect.sync(() => {
        publish({ type: "mcp.status.changed", data: { server: name, status: "failed", error } })
        return {
          name,
          type,
          scope: own,
          connection: undefined,
          status: () => ({ status: "failed", error }),
          replaced,
          tasks: Tasks.states(name, publish),
        }
      })

    const close = ({ connection, scope }: Registered) =>
      Effect.andThen(connection?.disconnect ?? Effect.void, Scope.close(scope, Exit.void))

    const lookup = (name: string): Effect.Effect<Registered, McpError> =>
      Effect.suspend(() => {
        const found = servers.get(name)
        if (found !== undefined) return Effect.succeed(found)
        const all = [...servers.keys()]
        return Effect.fail(
          new McpError({ reason: new ServerNotFound({ server: name, nearest: nearest(name, all), all }) }),
        )
      })

    const liveAfter = (registered: Registered, outcome: Effect.Effect<Status>) =>
      Effect.suspend((): Effect.Effect<Connection.Live, McpError> => {
        const { connection, name } = registered
        const live = connection?.live()
        if (live !== undefined) return Effect.succeed(live)
        return Effect.flatMap(outcome, (status) => {
          const now = connection?.live()
          if (now !== undefined) return Effect.succeed(now)
          const reason =
            status.status === "needs_auth" || status.status === "needs_client_registration"
              ? new AuthRequired({ server: name, detail: status.error, signsIn: connection?.oauth !== undefined })
              : new NotConnected({ server: name, status })
          return Effect.fail(new McpError({ reason }))
        })
      })

    const present = (registered: Registered) =>
      Effect.suspend(() => {
        const { connection, status } = registered
        if (connection === undefined) return liveAfter(registered, Effect.sync(status))
        return liveAfter(registered, connection.known() === undefined ? connection.settled : connection.wake)
      })

    const ready = (registered: Registered) =>
      Effect.suspend(() => {
        const { connection, status } = registered
        const mayTry = connection !== undefined && status().status !== "disabled"
        return liveAfter(registered, mayTry ? connection.wake : Effect.sync(status))
      })

    return {
      get: (name) => servers.get(name),
      all: () => [...servers.values()],
      lookup,
      ready,
      present,
      add: (config) =>
        Effect.gen(function* () {
          const own = yield* Scope.fork(scope)
          const closed = Deferred.makeUnsafe<void>()
          const gone = Deferred.await(closed)
          const registered = yield* "error" in config ? refuse(config, own, gone) : open(config, own, gone)
          // In one step, so that of two who add at once the later replaces the earlier.
          const before = servers.get(config.name)
          servers.set(config.name, registered)
          const ending = before === undefined ? Effect.void : Effect.uninterruptible(close(before))
          yield* Effect.forkIn(Effect.andThen(ending, Deferred.succeed(closed, undefined)), scope, {
            startImmediately: true,
          })
          return registered
        }),
      remove: (name) =>
        Effect.flatMap(lookup(name), (registered) =>
          Effect.andThen(
            Effect.sync(() => servers.delete(name)),
            close(registered),
          ),
        ).pipe(Effect.uninterruptible),
      connect: (registered) =>
        Effect.suspend(() => {
          const { connection, name, status } = registered
          // One that was replaced or removed meanwhile has no Scope to connect in.
          if (connection === undefined || servers.get(name) !== registered) return Effect.sync(status)
          return Effect.tap(connection.connect, () =>
            Effect.map(warm(connection), (errors) => {
              tellLists(name, errors, publish)
              options.onTools(registered)
            }),
          )
        }),
      settle: ({ connection }) =>
        connection === undefined ? Effect.void : Effect.andThen(connection.settled, warm(connection)),
    }
  })
