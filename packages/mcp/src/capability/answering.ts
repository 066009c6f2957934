/** What every handler of the host has in common. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { internalError } from "../protocol/jsonrpc.ts"
import { RequestRefused } from "./refused.ts"

/** A mistake in what the host gave is for its author to know: a server is told nothing of it. */
export const tellAuthor = (mistake: string): Effect.Effect<void> => Effect.sync(() => process.emitWarning(mistake))

/**
 * What a handler interrupts by itself is a failure like any other, and so is what it throws: the server waits for an
 * answer. An interruption from outside is not caught by this; it is the server's own cancellation, or the end of the
 * session.
 */
export const answering = <A>(handler: Effect.Effect<A, RequestRefused>): Effect.Effect<A, RequestRefused> =>
  Effect.catchCause(handler, (cause) => {
    const refused = (message: string) => Effect.fail(new RequestRefused({ code: internalError, message }))
    if (Cause.hasInterruptsOnly(cause)) return refused("the client gave up on this request")
    const mistake = cause.reasons.find(Cause.isDieReason)
    if (mistake === undefined) return Effect.failCause(cause)
    return Effect.andThen(
      tellAuthor(`a handler of what servers ask failed: ${String(mistake.defect)}`),
      refused("the client failed to answer this request"),
    )
  })
