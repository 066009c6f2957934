/**
 * One list: read when it is first asked for, kept, and read again once it was said to be stale. Any number of readers
 * share one reading. Whether and when to read again without a reader is `follow.ts`'s to decide.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { SessionError } from "../session/error.ts"

/** One list of the catalogue. */
export interface Listed<Item> {
  /** The list, from the last listing where nothing changed since. */
  readonly all: Effect.Effect<ReadonlyArray<Item>, SessionError>
  /** The list where it is known, at once. */
  readonly known: () => ReadonlyArray<Item> | undefined
  /** Forgets what is kept: who asks next waits for a new listing. */
  readonly forget: () => void
  /** Whether it was forgotten, and not read to its end since. */
  readonly isStale: () => boolean
  /** Forgets what is kept and lists again, once for any number of calls meanwhile. */
  readonly refresh: Effect.Effect<ReadonlyArray<Item>, SessionError>
}

/** A list that `read` reads, in the Scope; `closed` is what its readers learn when that is closed. */
export const make = <Item>(
  read: Effect.Effect<ReadonlyArray<Item>, SessionError>,
  scope: Scope.Scope,
  closed: SessionError,
): Listed<Item> => {
  let value: ReadonlyArray<Item> | undefined
  let running: Deferred.Deferred<ReadonlyArray<Item>, SessionError> | undefined
  let changed = false

  /** What changed while it was read is read once more; a list that never rests is given as it is. */
  const once = Effect.suspend(() => {
    changed = false
    return read
  })
  const twice = Effect.flatMap(once, (items) => (changed ? once : Effect.succeed(items)))

  const finish = (
    deferred: Deferred.Deferred<ReadonlyArray<Item>, SessionError>,
    exit: Exit.Exit<ReadonlyArray<Item>, SessionError>,
  ) => {
    running = undefined
    if (Exit.isSuccess(exit)) value = exit.value
    // A reader was not interrupted itself, so it is not told that it was.
    const lost = Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
    Deferred.doneUnsafe(deferred, lost ? Exit.fail(closed) : exit)
  }

  const start = Effect.suspend(() => {
    const deferred = (running = Deferred.makeUnsafe<ReadonlyArray<Item>, SessionError>())
    return Effect.andThen(
      Effect.map(Effect.forkIn(twice, scope), (fiber) => fiber.addObserver((exit) => finish(deferred, exit))),
      Deferred.await(deferred),
    )
  })
  const all = Effect.suspend(() =>
    value !== undefined ? Effect.succeed(value) : running !== undefined ? Deferred.await(running) : start,
  )
  const forget = () => {
    value = undefined
    changed = true
  }
  return {
    all,
    known: () => value,
    forget,
    isStale: () => changed,
    refresh: Effect.andThen(Effect.sync(forget), all),
  }
}
