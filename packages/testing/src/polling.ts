/** Waiting for what tells of itself by no event: a file that another process writes, what the kernel says of a process. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds between two looks. */
const interval = 10

/** Other processes do not live in simulated time. */
export const realTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

/** Looks until there is something to see; what `look` throws is a defect. */
export const poll = <A>(look: () => A | undefined): Effect.Effect<A> =>
  Effect.gen(function* () {
    while (true) {
      const seen = look()
      if (seen !== undefined) return seen
      yield* Effect.sleep(interval)
    }
  }).pipe(realTime)
