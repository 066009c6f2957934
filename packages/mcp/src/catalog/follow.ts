/**
 * Keeps lists up to date: what a server says to have changed is listed again, and then said.
 *
 * A burst of notifications costs at most two listings: the one that runs, and one after it. A server that says it
 * without end is asked ever more rarely, and what was listed last stays in force meanwhile.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Listed } from "./listed.ts"

/** Changes that are followed at once; each further one waits twice as long as the one before. */
const atOnce = 4
/** The first and the longest wait, in milliseconds. */
const firstWait = 1_000
const longestWait = 60_000
/** A change is forgotten after so long, in milliseconds. */
const recovery = 30_000

/** Follows what `listen` reports, for as long as the Scope. `onChanged` is called once the lists are in. */
export const follow = (options: {
  readonly listen: (listener: () => void) => () => void
  readonly lists: ReadonlyArray<Listed<unknown>>
  readonly onChanged: () => void
}): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { lists } = options
    const clock = yield* Clock.Clock
    const due = yield* Latch.make()
    let pausing = false
    let changes = 0
    let last = clock.currentTimeMillisUnsafe()
    const forget = () => lists.forEach((list) => list.forget())

    const pause = Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      changes = Math.max(0, changes - (now - last) / recovery) + 1
      last = now
      if (changes <= atOnce) return Effect.void
      pausing = true
      return Effect.andThen(
        Effect.sleep(Math.min(longestWait, firstWait * 2 ** Math.floor(changes - atOnce - 1))),
        Effect.sync(() => {
          pausing = false
          forget()
        }),
      )
    })
    const list = Effect.gen(function* () {
      due.closeUnsafe()
      for (const each of lists) if (each.isStale()) each.forget()
      yield* Effect.forEach(lists, (each) => Effect.exit(each.all), { concurrency: "unbounded", discard: true })
      options.onChanged()
    })
    const next = Effect.andThen(
      due.await,
      Effect.suspend(() => {
        if (lists.some((each) => each.isStale())) return Effect.andThen(pause, list)
        return Effect.sync(() => due.closeUnsafe())
      }),
    )
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        options.listen(() => {
          if (!pausing) forget()
          due.openUnsafe()
        }),
      ),
      (stop) => Effect.sync(stop),
    )
    yield* Effect.forkScoped(Effect.forever(next))
  })
