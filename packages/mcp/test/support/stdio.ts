/** A recorded session over stdio with what a test needs of the transport itself. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { LocalPeer } from "@opencode-ai/testing/peers/launch"
import { record, Wire } from "@opencode-ai/testing/recorder"
import {
  CapabilityLayer,
  Notifications,
  Session,
  type SessionError,
  SessionLayer,
  Transport,
  TransportLayer,
} from "../../src/index.ts"
import type { SessionOptions } from "../../src/session/session.ts"
import type { StdioOptions } from "../../src/transport/stdio.ts"

export interface Local {
  readonly session: Session["Service"]
  readonly notifications: Notifications["Service"]
  readonly wire: Wire
  /** What the transport and the session warned of. */
  readonly warnings: ReadonlyArray<string>
}

/** Short steps, so that a server that heeds nothing costs a test little. */
export const quick = { stdin: 50, term: 50 }

/** Connects to a local peer; `recorded: false` for messages that are too large or too deep to be copied. */
export const local = (
  peer: LocalPeer,
  options: Partial<StdioOptions & SessionOptions> & { readonly recorded?: boolean } = {},
): Effect.Effect<Local, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const wire = new Wire()
    yield* Effect.addFinalizer(() => Effect.orDie(wire.check))
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...peer.environment }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
    )
    const bare = TransportLayer.stdio({ command: peer.command, env, grace: quick, ...options })
    const transport = Layer.effect(Transport)(
      Effect.map(Transport, (inner) => (options.recorded === false ? inner : record(inner, wire))),
    ).pipe(Layer.provide(bare))
    const notifications = Notifications.make()
    const warnings: Array<string> = []
    notifications.listen("warning", ({ message }) => warnings.push(message))
    const layer = SessionLayer.make({ server: "peer", ...options }).pipe(
      Layer.provide([transport, CapabilityLayer.none, Layer.succeed(Notifications)(notifications)]),
    )
    const context = yield* Layer.buildWithScope(layer, scope)
    return { session: Context.get(context, Session), notifications, wire, warnings }
  })
