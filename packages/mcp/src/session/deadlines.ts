/**
 * One timer for all requests of a session.
 *
 * A fibre sleeps until the earliest deadline that was announced. A deadline that moves later costs nothing: the fibre
 * finds out when it wakes. So a call costs no timer of its own, and TestClock moves all of them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

export interface Deadlines {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** Makes sure that `sweep` is called at `at` or before. */
  readonly arm: (at: number) => void
}

const nanosPerMilli = 1_000_000

/**
 * The timer of one session. `sweep` ends what is due at `now`, and returns the earliest deadline that is left, or
 * Infinity.
 */
export const make = (sweep: (now: number) => number): Effect.Effect<Deadlines, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)
    let armed = Number.POSITIVE_INFINITY
    let sleeper: Fiber.Fiber<void> | undefined
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMilli

    const arm = (at: number) => {
      if (at >= armed) return
      armed = at
      sleeper?.interruptUnsafe()
      sleeper = fork(Effect.andThen(Effect.sleep(Math.max(0, at - now())), Effect.sync(wake)))
    }
    const wake = () => {
      armed = Number.POSITIVE_INFINITY
      sleeper = undefined
      arm(sweep(now()))
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        armed = Number.NEGATIVE_INFINITY
        sleeper?.interruptUnsafe()
      }),
    )
    return { now, arm }
  })
