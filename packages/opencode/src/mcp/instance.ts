/**
 * The servers of an instance: those that the configuration has and that are approved, and those that were added by hand.
 *
 * The command line, the shell and OpenCode's service stand on this. Every server is added at once, in the order of the
 * configuration, and none waits for another. A bad entry and one that is not approved are there too, `failed` with the
 * reason. Closing the Scope closes every server.
 */
import type { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import type { Sampling } from "@opencode-ai/mcp/capability/sampling"
import { Tasks } from "@opencode-ai/mcp/capability/tasks"
import * as Entry from "@opencode-ai/mcp/config"
import { describe, describeUnknown } from "@opencode-ai/mcp/config/problem"
import type { Connection } from "@opencode-ai/mcp/connection"
import { ChangedAgain, McpError } from "@opencode-ai/mcp/error"
import type { Status } from "@opencode-ai/mcp/events"
import { Mcp, type Unusable } from "@opencode-ai/mcp/mcp"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Audit from "../audit/audit.ts"
import * as Catalogs from "../catalog/store.ts"
import { defaultsOf } from "../config/assemble.ts"
import { Config, type ConfigError, type Difference, type Server, type Snapshot } from "../config/config.ts"
import { Page } from "../trust/page.ts"
import { heldError } from "../trust/question.ts"
import * as Telemetry from "../telemetry/telemetry.ts"
import * as Pins from "../trust/pins.ts"
import { approvalHash, Trust, type TrustError } from "../trust/trust.ts"
import * as Credentials from "./credentials.ts"

/** What the operations on servers need. */
export type Needs = Config | Trust | Mcp

/** Who answers what servers ask of the person and of the model. */
export type Answers = Layer.Layer<Elicitation | Sampling, never, Questions>

/**
 * The client, without any server yet. Whoever answers, the same is declared: a server offers the same to everybody.
 * `interactionTimeout` is how long a person is waited for, in milliseconds.
 */
export const client = (options: {
  readonly answers: Answers
  readonly interactionTimeout: number
}): Layer.Layer<Mcp | Questions, never, Config | FileSystem.FileSystem | Path.Path> => {
  const { answers, interactionTimeout } = options
  const mcp = Layer.unwrap(
    Effect.map(
      Effect.flatMap(Config, (config) => config.get),
      ({ directory, worktree }) => Mcp.layer({ directory, worktree, interactionTimeout }),
    ),
  )
  return Audit.layer.pipe(
    Layer.provide(mcp),
    Layer.provide(
      Layer.mergeAll(answers, Tasks.layer(), Credentials.layer, Pins.layer, Catalogs.layer, Telemetry.layer),
    ),
    Layer.provideMerge(Questions.layer({ timeout: interactionTimeout })),
  )
}

const typeOf = (entry: unknown): "local" | "remote" =>
  isObject(entry) && entry["type"] === "remote" ? "remote" : "local"

/** A server as it is added: its configuration, or why it cannot be used. `isApproved` as `Trust.isApproved` has it. */
export const usable = (server: Server, directory: string): Effect.Effect<Entry.ServerConfig | Unusable, never, Trust> =>
  Effect.gen(function* () {
    const { config, name, written } = server
    if (config === undefined) return { name, type: typeOf(written), error: server.error ?? "its entry cannot be used" }
    // One that is switched off is not started, so there is nothing to approve.
    if (!config.enabled || (yield* (yield* Trust).isApproved(server, directory))) return config
    return { name, type: config.type, error: heldError(server, yield* Page) }
  })

/** As `usable`, of a server that is connected also where it is switched off: nothing runs that was not approved. */
export const connectable = (
  server: Server,
  directory: string,
): Effect.Effect<Entry.ServerConfig | Unusable, never, Trust> =>
  usable(server.config === undefined ? server : { ...server, config: { ...server.config, enabled: true } }, directory)

/** When servers are connected, where they are many and something else is being started beside them. */
export interface Pace {
  /** How many local servers are being started at the same time. One that takes longer than a moment does not count. */
  readonly atOnce: number
  /** Ends when those may be connected of which it is kept what they offer: until then that is offered, and a call is enough. */
  readonly later: Effect.Effect<void>
}

/** By default all are connected at once. */
export const Pace: Context.Reference<Pace | undefined> = Context.Reference<Pace | undefined>("@opencode/mcp/Pace", {
  defaultValue: () => undefined,
})

/** What counts as a moment, in milliseconds. */
const moment = 1_000

/** Connects servers that were registered: those first of which nothing is known. */
const connectPaced = (names: ReadonlyArray<string>, { atOnce, later }: Pace) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const scope = yield* Effect.scope
    const places = yield* Semaphore.make(atOnce)
    const isWanted = Effect.fnUntraced(function* (name: string) {
      const { status } = (yield* statusOf(name)) ?? { status: "disabled" }
      // Connected: somebody needed it, and nobody has asked yet for all that it offers.
      return status === "pending" || status === "connected"
    })
    const one = Effect.fnUntraced(function* (name: string) {
      if (!(yield* isWanted(name))) return
      const connected = yield* Effect.forkIn(Effect.ignore(mcp.connect(name)), scope)
      yield* Effect.timeoutOption(Fiber.await(connected), moment)
    })
    const all = (some: ReadonlyArray<Connection>) =>
      Effect.forEach(
        some,
        ({ config: { name, type } }) => (type === "local" ? places.withPermits(1)(one(name)) : one(name)),
        { concurrency: "unbounded", discard: true },
      )
    const connections = yield* Effect.forEach(names, (name) => Effect.option(mcp.connection(name)))
    const known = connections.flatMap(Option.toArray).filter(({ config }) => config.enabled)
    yield* Effect.forEach(known, ({ recall }) => recall, { discard: true })
    yield* all(known.filter((connection) => connection.offered() === undefined))
    yield* later
    yield* all(known.filter((connection) => connection.offered() !== undefined))
  })

/**
 * Adds configured servers, those of `only` or all, and returns at once: `Mcp.settled`, and every operation on a server,
 * waits for what it needs. They connect in the Scope, all at once or as `Pace` has it.
 */
export const start = (
  options: { readonly only?: (name: string) => boolean } = {},
): Effect.Effect<void, never, Needs | Scope.Scope> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const scope = yield* Effect.scope
    const { directory, servers } = yield* (yield* Config).get
    const wanted = servers.filter(({ name }) => options.only?.(name) ?? true)
    const added = yield* Effect.forEach(wanted, (server) => usable(server, directory))
    // Started at once, each is registered before the next: the order is the configuration's.
    const pace = yield* Pace
    if (pace === undefined) {
      for (const each of added) yield* Effect.forkIn(mcp.add(each), scope, { startImmediately: true })
      return
    }
    yield* Effect.forEach(added, mcp.register, { discard: true })
    const names = added.map(({ name }) => name)
    yield* Effect.forkIn(connectPaced(names, pace), scope)
  })

/** An entry that was given by hand, in either of OpenCode's shapes: what is added for it, and what a person should know. */
export interface Given {
  readonly server: Entry.ServerConfig | Unusable
  readonly warnings: ReadonlyArray<string>
}

/** Decodes an entry that was given by hand. A bad one is `failed` with each problem named. */
export const given = (name: string, entry: unknown): Effect.Effect<Given, never, Config> =>
  Effect.gen(function* () {
    const { timeouts } = yield* (yield* Config).get
    const { config, problems = [], warnings } = Entry.decode(name, entry, defaultsOf(timeouts))
    const error = problems.map((problem) => describe(problem, ["config"])).join("; ")
    return {
      server: config ?? { name, type: typeOf(entry), error },
      warnings: warnings.map((warning) => describeUnknown(warning, ["config"])),
    }
  })

/** The names of the servers that were added by hand: no file defines them, and whoever added them trusts them. */
export type Own = Set<string>

/** The entry by which a file defines a server that was not replaced by hand. */
export const definition = (name: string, own: Own): Effect.Effect<Server | undefined, never, Config> =>
  Effect.gen(function* () {
    if (own.has(name)) return undefined
    const { servers } = yield* (yield* Config).get
    return servers.find((server) => server.name === name)
  })

/** The status of a server at this moment; `undefined` where none has this name. */
export const statusOf = (name: string): Effect.Effect<Status | undefined, never, Mcp> =>
  Effect.flatMap(Mcp, (mcp) =>
    Effect.map(mcp.servers, (servers) => servers.find((server) => server.name === name)?.status),
  )

/** The status of a server once it is not `pending`. */
export const settled = (name: string): Effect.Effect<Status, McpError, Mcp> =>
  Effect.gen(function* () {
    const known = yield* statusOf(name)
    if (known?.status === "failed") return known
    return yield* Effect.flatMap((yield* Mcp).connection(name), (connection) => connection.settled)
  })

/** Holds a server that is switched off and that nobody has approved, before something else connects it. */
export const hold = (name: string, own: Own): Effect.Effect<Status | undefined, never, Needs> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const server = yield* definition(name, own)
    if (server?.config?.enabled !== false || (yield* statusOf(name)) === undefined) return undefined
    const { directory } = yield* (yield* Config).get
    const checked = yield* connectable(server, directory)
    return "error" in checked ? yield* mcp.add(checked) : undefined
  })

/** Connects a server. One that a project defines is asked for first, also where it was switched off until now. */
export const connect = (name: string, own: Own): Effect.Effect<Status, McpError, Needs> =>
  Effect.flatMap(hold(name, own), (held) =>
    held === undefined ? Effect.flatMap(Mcp, (mcp) => mcp.connect(name)) : Effect.succeed(held),
  )

/** Closes a server and forgets it, until the configuration is read anew. */
export const remove = (name: string, own: Own): Effect.Effect<void, McpError, Mcp> =>
  Effect.flatMap(Mcp, (mcp) => Effect.tap(mcp.remove(name), () => Effect.sync(() => own.delete(name))))

/**
 * Reads the configuration again and applies what changed in it, without waiting for servers to connect. `read` is told of
 * it before anything is started.
 */
export const reload = (
  own: Own,
  read: (snapshot: Snapshot) => Effect.Effect<void>,
): Effect.Effect<Difference, ConfigError, Needs | Scope.Scope> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const config = yield* Config
    const scope = yield* Effect.scope
    const difference = yield* config.reload
    const snapshot = yield* config.get
    yield* read(snapshot)
    for (const name of difference.removed) {
      if (!own.has(name)) yield* Effect.forkIn(Effect.ignore(mcp.remove(name)), scope, { startImmediately: true })
    }
    const anew = new Set([...difference.added, ...difference.changed])
    for (const server of snapshot.servers) {
      if (!anew.has(server.name)) continue
      own.delete(server.name)
      const checked = yield* usable(server, snapshot.directory)
      yield* Effect.forkIn(mcp.add(checked), scope, { startImmediately: true })
    }
    return difference
  }).pipe(Effect.uninterruptible)

/**
 * Keeps the approval of a server as it is defined now, and connects it. One that no file defines is trusted already;
 * `undefined` where there is none of this name. `form` (`approvalHash`) is what the person has seen: where it is another by
 * now, nothing is approved (`ChangedAgain`). Default: its present one.
 */
export const trust = (
  name: string,
  own: Own,
  form?: string,
): Effect.Effect<Status | undefined, McpError | TrustError, Needs> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const approvals = yield* Trust
    const { directory } = yield* (yield* Config).get
    const known = yield* statusOf(name)
    const server = yield* definition(name, own)
    if (server === undefined) return known === undefined ? undefined : yield* settled(name)
    if (form !== undefined && form !== approvalHash(server.written, server.variables, directory)) {
      return yield* new McpError({ reason: new ChangedAgain({ server: name }) })
    }
    const before = yield* approvals.isApproved(server, directory)
    if (server.project) yield* approvals.approve(server, directory)
    if (before && known !== undefined) return yield* settled(name)
    return yield* mcp.add(yield* usable(server, directory))
  })
