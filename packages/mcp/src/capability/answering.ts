/** What every handler of the host has in common. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { internalError } from "../protocol/jsonrpc.ts"
import { RequestRefused } from "./refused.ts"

/**
 * What a handler interrupts by itself is a failure like any other: the server waits for an answer. An interruption from
 * outside is not caught by this; it is the server's own cancellation, or the end of the session.
 */
export const answering = <A>(handler: Effect.Effect<A, RequestRefused>): Effect.Effect<A, RequestRefused> =>
  Effect.catchCause(handler, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.fail(new RequestRefused({ code: internalError, message: "the client gave up on this request" }))
      : Effect.failCause(cause),
  )
