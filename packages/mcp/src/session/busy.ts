/**
 * What a busy server refuses, and says when it is to come back (429 or 503 with `Retry-After`), is asked again then, as a
 * request of its own: the server said that it did not take the one before. Bounded by the request's deadline and by the
 * patience of the connection (`transport/patience.ts`).
 */
import * as Effect from "effect/Effect"
import type { TransportError } from "../transport/error.ts"
import { askedToWait, nextTry, type Patience } from "../transport/patience.ts"
import type { Failed } from "./entry.ts"
import { lost, type SessionError } from "./error.ts"

/** Asks again when the server wants it; `undefined` where the server does not say so. */
export const comeBack = <Result>(
  { reason }: TransportError,
  { error, later, past, remaining }: Failed<Result>,
  patience: Patience,
  ended: Effect.Effect<never, TransportError>,
): Effect.Effect<Result, SessionError> | undefined => {
  if (askedToWait(reason, 0) === undefined) return undefined
  return Effect.gen(function* () {
    const next = yield* nextTry(reason, past?.busy, patience)
    if (next === undefined || next.delay >= remaining()) return yield* error
    const gone = Effect.mapError(ended, (ending) => lost(error.server, error.method, ending))
    yield* Effect.raceFirst(Effect.sleep(next.delay), gone)
    return yield* later(next.past)
  })
}
