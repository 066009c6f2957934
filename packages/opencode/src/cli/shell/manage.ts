/** The operations that change which servers there are, and what they may do. */
import * as Entry from "@opencode-ai/mcp/config"
import { describe, describeUnknown } from "@opencode-ai/mcp/config/problem"
import type { Status } from "@opencode-ai/mcp/events"
import type { McpError } from "@opencode-ai/mcp/error"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { defaultsOf } from "../../config/assemble.ts"
import { Config, type ConfigError, type Difference, type Server } from "../../config/config.ts"
import { Trust, type TrustError } from "../../trust/trust.ts"
import { find } from "../configuration.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import type { Given } from "./fields.ts"
import type { State } from "./state.ts"

type Managed<A, E = never> = Effect.Effect<A, E, Runtime.Services>

/** The status of a server, at once. */
const statusOf = (name: string): Managed<Status | undefined> =>
  Effect.flatMap(Mcp, (mcp) =>
    Effect.map(mcp.servers, (servers) => servers.find((server) => server.name === name)?.status),
  )

/** The status of a server once it is not `pending`. */
const settled = (name: string): Managed<Status, McpError> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const known = yield* statusOf(name)
    if (known?.status === "failed") return known
    return yield* Effect.flatMap(mcp.connection(name), (connection) => connection.settled)
  })

/** The entry by which a file defines a server that this shell has not replaced. */
const definition = (name: string, { own }: State): Managed<Server | undefined> =>
  Effect.gen(function* () {
    if (own.has(name)) return undefined
    const { servers } = yield* (yield* Config).get
    return servers.find((server) => server.name === name)
  })

/** Holds a server that is switched off and that nobody has approved, before something else connects it. */
export const hold = (name: string, state: State): Managed<Status | undefined> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const server = yield* definition(name, state)
    if (server?.config?.enabled !== false || (yield* statusOf(name)) === undefined) return undefined
    const { directory } = yield* (yield* Config).get
    const usable = yield* Runtime.connectable(server, directory)
    return "error" in usable ? yield* mcp.add(usable) : undefined
  })

/** Connects a server. One that a project defines is asked for first, also where it was switched off until now. */
export const connect = (name: string, state: State): Managed<Status, McpError> =>
  Effect.flatMap(hold(name, state), (held) =>
    held === undefined ? Effect.flatMap(Mcp, (mcp) => mcp.connect(name)) : Effect.succeed(held),
  )

/** Adds a server by an entry in either shape. A bad one is there too, `failed` with what is wrong. */
export const add = (name: string, entry: Given, state: State): Managed<Status> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const { timeouts } = yield* (yield* Config).get
    const decoded = Entry.decode(name, entry, defaultsOf(timeouts))
    state.given(entry, decoded.config)
    state.own.add(name)
    for (const warning of decoded.warnings) {
      state.tell({ type: "mcp.warning", data: { server: name, message: describeUnknown(warning, ["config"]) } })
    }
    if (decoded.config !== undefined) return yield* mcp.add(decoded.config)
    const error = decoded.problems.map((problem) => describe(problem, ["config"])).join("; ")
    return yield* mcp.add({ name, type: entry["type"] === "remote" ? "remote" : "local", error })
  })

export const remove = (name: string, state: State): Managed<void, McpError> =>
  Effect.flatMap(Mcp, (mcp) => Effect.tap(mcp.remove(name), () => Effect.sync(() => state.own.delete(name))))

/** Reads the configuration again and applies what changed in it, without waiting for servers to connect. */
export const reload = (state: State): Effect.Effect<Difference, ConfigError, Runtime.Services | Output | Scope.Scope> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const config = yield* Config
    const scope = yield* Effect.scope
    const difference = yield* config.reload
    const snapshot = yield* config.get
    state.read(snapshot)
    yield* Effect.forEach(snapshot.warnings, (yield* Output).warn, { discard: true })
    for (const name of difference.removed) {
      if (!state.own.has(name)) yield* Effect.forkIn(Effect.ignore(mcp.remove(name)), scope, { startImmediately: true })
    }
    const anew = new Set([...difference.added, ...difference.changed])
    for (const server of snapshot.servers) {
      if (!anew.has(server.name)) continue
      state.own.delete(server.name)
      const usable = yield* Runtime.usable(server, snapshot.directory)
      yield* Effect.forkIn(mcp.add(usable), scope, { startImmediately: true })
    }
    return difference
  }).pipe(Effect.uninterruptible)

/** Keeps the approval of a server as it is defined now, and connects it. */
export const trust = (name: string, state: State): Managed<Status, McpError | TrustError> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const approvals = yield* Trust
    const snapshot = yield* (yield* Config).get
    const known = yield* statusOf(name)
    const server = yield* definition(name, state)
    if (server === undefined) {
      // It is in no file: known here it is trusted already, and unknown it is an error.
      if (known === undefined) yield* find(snapshot, name)
      return yield* settled(name)
    }
    const before = yield* approvals.isApproved(server, snapshot.directory)
    if (server.project) yield* approvals.approve(server, snapshot.directory)
    if (before && known !== undefined) return yield* settled(name)
    return yield* mcp.add(yield* Runtime.usable(server, snapshot.directory))
  })

/** What connected servers say of their use, after those that are `pending` have settled. */
export const instructions = Effect.gen(function* () {
  const mcp = yield* Mcp
  const servers = yield* mcp.servers
  yield* Effect.forEach(servers, ({ name }) => Effect.ignore(settled(name)), {
    concurrency: "unbounded",
    discard: true,
  })
  return yield* mcp.instructions
})
