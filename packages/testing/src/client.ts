/**
 * The client under test, recorded: a session with one peer (`connect`), or the whole service (`testMcp`). Every
 * connection gets a `Wire`, and the Scope's end fails the test where a message was sent that the specification does not allow.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import { decode, type ServerConfig } from "@opencode-ai/mcp/config"
import { Assembly, stack, type Surroundings } from "@opencode-ai/mcp/connection/assembly"
import { Mcp, type McpOptions } from "@opencode-ai/mcp/mcp"
import { Notifications } from "@opencode-ai/mcp/notification/notifications"
import type { Root } from "@opencode-ai/mcp/protocol/model"
import type { SessionError } from "@opencode-ai/mcp/session/error"
import { Session } from "@opencode-ai/mcp/session/session"
import { Transport } from "@opencode-ai/mcp/transport/transport"
import { record, Wire } from "./recorder.ts"

/** A server's entry as a person writes it, decoded; dies where it is wrong. */
export const config = (name: string, entry: object): ServerConfig => {
  const decoded = decode(name, entry)
  if ("config" in decoded) return decoded.config
  throw new Error(`The entry ${name} is wrong: ${JSON.stringify(decoded.problems)}`)
}

/** What every server of the service in this test sent and received. */
export class Recordings extends Context.Service<
  Recordings,
  {
    /** The record of a server's latest connection; dies where there was none. */
    readonly wire: (server: string) => Wire
    /** Every connection of a server, oldest first. */
    readonly wires: (server: string) => ReadonlyArray<Wire>
  }
>()("@opencode/testing/Recordings") {}

/** Puts a recorder into every connection that is made under it, by way of the client's `Assembly`. */
export const recordings: Layer.Layer<Recordings> = Layer.effectContext(
  Effect.gen(function* () {
    const standard = yield* Assembly
    const all = new Map<string, Array<Wire>>()
    const wires = (server: string) => all.get(server) ?? []
    yield* Effect.addFinalizer(() =>
      Effect.orDie(Effect.forEach([...all.values()].flat(), (wire) => wire.check, { discard: true })),
    )
    const transport: Assembly["transport"] = (server, surroundings) =>
      Layer.effect(Transport)(
        Effect.map(Transport, (inner) => {
          const wire = new Wire()
          all.set(server.name, [...wires(server.name), wire])
          return record(inner, wire)
        }),
      ).pipe(Layer.provide(standard.transport(server, surroundings)))
    const wire = (server: string) => {
      const last = wires(server).at(-1)
      if (last === undefined) throw new Error(`${server} was never connected`)
      return last
    }
    const { auth, capabilities, session } = standard
    const assembly = { auth, capabilities, session, transport }
    return Context.make(Recordings, { wire, wires }).pipe(Context.add(Assembly, assembly))
  }),
)

/** The service, recorded, without any server. The directory is the working directory where none is given. */
export const testMcp = (options: Partial<McpOptions> = {}): Layer.Layer<Mcp | Recordings> =>
  Mcp.layer({ directory: process.cwd(), ...options }).pipe(Layer.provideMerge(recordings))

/** A session and its record. */
export interface Connected {
  readonly session: Session["Service"]
  readonly notifications: Notifications["Service"]
  readonly wire: Wire
}

/**
 * Connects to a peer as its entry says, and closes with the Scope. Add members of an entry to the peer for what a test
 * needs: `connect({ ...everything, timeout: 1000, protocol: "2025-06-18" })`. `handlers` answer what the server asks.
 */
export const connect = (
  entry: object,
  roots: ReadonlyArray<Root> = [],
  handlers: Surroundings["handlers"] = {},
): Effect.Effect<Connected, SessionError | AuthError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const recorded = yield* Layer.buildWithScope(recordings, scope)
    const notifications = Notifications.make()
    const surroundings: Surroundings = {
      directory: process.cwd(),
      clientInfo: undefined,
      roots: { list: Effect.succeed(roots), changes: Stream.empty },
      rootsAreFinal: () => true,
      handlers,
      authorize: () => Effect.succeed(undefined),
      interactionTimeout: undefined,
    }
    const layer = stack(Context.get(recorded, Assembly), config("peer", entry), surroundings, undefined)
    const context = yield* Layer.buildWithScope(
      Layer.provide(layer, Layer.succeed(Notifications)(notifications)),
      scope,
    )
    const session = Context.get(context, Session)
    return { session, notifications, wire: Context.get(recorded, Recordings).wire("peer") }
  })
