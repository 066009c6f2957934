/**
 * What a busy server refuses, and says when it is to come back (429 or 503 with `Retry-After`), is asked again then, as a
 * request of its own: the server said that it did not take the one before. Bounded by the request's deadline and by the
 * patience of the connection (`transport/patience.ts`).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { TransportError, TransportReason } from "../transport/error.ts"
import { askedToWait, type Delays, delays as makeDelays, type Patience } from "../transport/patience.ts"
import type { Failed } from "./entry.ts"
import { lost, type SessionError } from "./error.ts"

/** What is left of the delays of a request, and how long it has waited, in milliseconds. */
export interface Busy {
  readonly delays: Delays<TransportReason>
  readonly waited: number
}

/** Asks again when the server wants it; `undefined` where the server does not say so. */
export const comeBack = <Result>(
  { reason }: TransportError,
  { error, later, past, remaining }: Failed<Result>,
  patience: Patience,
  ended: Effect.Effect<never, TransportError>,
): Effect.Effect<Result, SessionError> | undefined => {
  if (askedToWait(reason, 0) === undefined) return undefined
  return Effect.gen(function* () {
    const { delays, waited } = past?.busy ?? { delays: makeDelays(patience.refused), waited: 0 }
    const asked = askedToWait(reason, yield* Clock.currentTimeMillis) ?? 0
    const least = yield* delays.next(reason)
    const delay = Math.max(asked, least ?? 0)
    if (least === undefined || waited + delay > patience.refusedFor || delay >= remaining()) return yield* error
    const gone = Effect.mapError(ended, (ending) => lost(error.server, error.method, ending))
    yield* Effect.raceFirst(Effect.sleep(delay), gone)
    return yield* later({ delays, waited: waited + delay })
  })
}
