/** What every harness of a session begins with: a transport that is recorded, and a session over it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { record, Wire } from "@opencode-ai/testing/recorder"
import {
  type Capabilities,
  CapabilityLayer,
  Notifications,
  Session,
  type SessionError,
  SessionLayer,
  Transport,
} from "../../src/index.ts"
import type { SessionOptions } from "../../src/session/session.ts"

export interface Recorded {
  readonly wire: Wire
  readonly transport: Layer.Layer<Transport>
}

/** A transport that is recorded; what the client sends over it is held to the specification when the Scope closes. */
export const recorded = (bare: Layer.Layer<Transport>): Effect.Effect<Recorded, never, Scope.Scope> =>
  Effect.gen(function* () {
    const wire = new Wire()
    yield* Effect.addFinalizer(() => Effect.orDie(wire.check))
    const transport = Layer.effect(Transport)(Effect.map(Transport, (inner) => record(inner, wire)))
    return { wire, transport: Layer.provide(transport, bare) }
  })

export interface Connected {
  readonly session: Session["Service"]
  readonly notifications: Notifications["Service"]
}

/** A session over a transport. `client` is what it can answer: nothing by default. */
export const sessionOver = (
  transport: Layer.Layer<Transport>,
  options: Partial<SessionOptions> & { readonly client?: Layer.Layer<Capabilities> | undefined } = {},
  notifications: Notifications["Service"] = Notifications.make(),
): Effect.Effect<Connected, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const { client = CapabilityLayer.none, ...rest } = options
    const layer = SessionLayer.make({ server: "peer", ...rest }).pipe(
      Layer.provide([transport, client, Layer.succeed(Notifications)(notifications)]),
    )
    const context = yield* Layer.buildWithScope(layer, yield* Effect.scope)
    return { session: Context.get(context, Session), notifications }
  })
