/** A lock around what is kept: others that want it wait for their turn, for a while, and learn who has it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Lock from "../../process/lock.ts"
import { codeOf, SystemFailed } from "../../process/system.ts"
import { type AuthError, fail, StoreFailed } from "../error.ts"

const refused =
  (path: string, place: string, patience: Duration.Duration) => (error: Lock.Contended | SystemFailed) => {
    if (error instanceof SystemFailed) {
      const { cause } = error
      const code = codeOf(cause) ?? "unknown"
      const detail = `cannot be locked: ${path} cannot be made (${code})`
      const hint = "See to it that you may write in that directory, and try again."
      return fail(new StoreFailed({ place, detail, hint, cause }))
    }
    const who = error.holder === undefined ? "another process" : `process ${error.holder.pid} on ${error.holder.host}`
    return fail(
      new StoreFailed({
        place,
        detail: `are in use by ${who}, which has not given them back within ${Duration.format(patience)}`,
        hint: `End that process, or remove ${path} if it is gone already.`,
      }),
    )
  }

/** How a lock is waited for. */
export interface LockOptions {
  readonly path: string
  /** What it guards, for the person. */
  readonly place: string
  /** How long a holder that lives is waited for. */
  readonly patience: Duration.Duration
}

/** Runs an Effect while nobody else holds the lock. It is given back however that ends. */
export const withLock =
  ({ path, patience, place }: LockOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | AuthError, R> => {
    const taken = Lock.acquire(path).pipe(
      Effect.retry({
        schedule: Lock.waits.pipe(Schedule.upTo({ duration: patience })),
        while: (cause) => cause._tag === "Contended",
      }),
      Effect.mapError(refused(path, place, patience)),
    )
    return Effect.acquireUseRelease(
      Scope.make(),
      (scope) => Effect.andThen(Scope.provide(taken, scope), effect),
      (scope) => Scope.close(scope, Exit.void),
    )
  }
