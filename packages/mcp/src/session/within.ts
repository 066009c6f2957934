/** Bounds the wait for a session by the time of the request that needs it: nothing was sent until then. */
import * as Effect from "effect/Effect"
import { SessionError, Timeout } from "./error.ts"

/** Fails with `Timeout` after `after` milliseconds; `undefined`: it is waited for as long as it takes. */
export const within = <A, E>(
  wait: Effect.Effect<A, E>,
  server: string,
  method: string,
  after: number | undefined,
): Effect.Effect<A, E | SessionError> => {
  if (after === undefined) return wait
  const reason = new Timeout({ kind: "connect", after })
  return Effect.timeoutOrElse(wait, {
    duration: after,
    orElse: () => Effect.fail(new SessionError({ server, method, reason })),
  })
}
