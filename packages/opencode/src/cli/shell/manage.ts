/** The operations that change which servers there are, and what they may do. */
import type { Status } from "@opencode-ai/mcp/events"
import type { McpError } from "@opencode-ai/mcp/error"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Config, type ConfigError, type Difference } from "../../config/config.ts"
import * as Instance from "../../mcp/instance.ts"
import type { TrustError } from "../../trust/trust.ts"
import { find } from "../configuration.ts"
import { Output } from "../output.ts"
import type * as Runtime from "../runtime.ts"
import type { Given } from "./fields.ts"
import type { State } from "./state.ts"

type Managed<A, E = never> = Effect.Effect<A, E, Runtime.Services>

/** Holds a server that is switched off and that nobody has approved, before something else connects it. */
export const hold = (name: string, { own }: State): Managed<Status | undefined> => Instance.hold(name, own)

/** Connects a server. One that a project defines is asked for first, also where it was switched off until now. */
export const connect = (name: string, { own }: State): Managed<Status, McpError> => Instance.connect(name, own)

/** Adds a server by an entry in either shape. A bad one is there too, `failed` with what is wrong. */
export const add = (name: string, entry: Given, state: State): Managed<Status> =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const { server, warnings } = yield* Instance.given(name, entry)
    state.given(entry, "error" in server ? undefined : server)
    state.own.add(name)
    for (const message of warnings) state.tell({ type: "mcp.warning", data: { server: name, message } })
    return yield* mcp.add(server)
  })

export const remove = (name: string, { own }: State): Managed<void, McpError> => Instance.remove(name, own)

/** Reads the configuration again and applies what changed in it, without waiting for servers to connect. */
export const reload = (state: State): Effect.Effect<Difference, ConfigError, Runtime.Services | Output | Scope.Scope> =>
  Effect.flatMap(Output, (output) =>
    Instance.reload(state.own, (snapshot) =>
      Effect.andThen(
        Effect.sync(() => state.read(snapshot)),
        Effect.forEach(snapshot.warnings, output.warn, { discard: true }),
      ),
    ),
  )

/** Keeps the approval of a server as it is defined now, and connects it. */
export const trust = (name: string, { own }: State): Managed<Status, McpError | TrustError> =>
  Effect.gen(function* () {
    const status = yield* Instance.trust(name, own)
    if (status !== undefined) return status
    yield* find(yield* (yield* Config).get, name)
    return yield* Instance.settled(name)
  })

/** What connected servers say of their use, after those that are `pending` have settled. */
export const instructions = Effect.gen(function* () {
  const mcp = yield* Mcp
  const servers = yield* mcp.servers
  yield* Effect.forEach(servers, ({ name }) => Effect.ignore(Instance.settled(name)), {
    concurrency: "unbounded",
    discard: true,
  })
  return yield* mcp.instructions
})
