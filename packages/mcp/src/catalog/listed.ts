/**
 * One list: read when it is first asked for, kept, and read again once it was said to be stale. Any number of readers
 * share one reading. Whether and when to read again without a reader is `follow.ts`'s to decide.
 *
 * What could not be read to its end, because the server was down, busy or silent, is kept as it is and read again by who
 * needs it next: at once, and ever more rarely where it goes on so.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { isPassing, type SessionError } from "../session/error.ts"
import type { Listing } from "./listing.ts"

/** After two readings in a row that broke, the list is left alone for so long, in milliseconds, and then for twice as long. */
const firstRest = 1_000
const longestRest = 30_000

/** One list of the catalogue. */
export interface Listed<Item> {
  /** The list, from the last listing where nothing changed since. */
  readonly all: Effect.Effect<ReadonlyArray<Item>, SessionError>
  /** The list where it is known, at once; as far as it is known. */
  readonly known: () => ReadonlyArray<Item> | undefined
  /** The same, and where it is not known now what was known last, in an earlier session too. */
  readonly offered: () => ReadonlyArray<Item> | undefined
  /** Forgets what is kept: who asks next waits for a new listing. */
  readonly forget: () => void
  /** Whether it was forgotten, and not read to its end since. */
  readonly isStale: () => boolean
  readonly isReading: () => boolean
  /** Forgets what is kept and lists again, once for any number of calls meanwhile. */
  readonly refresh: Effect.Effect<ReadonlyArray<Item>, SessionError>
  /**
   * Lists again while what is known stays in force, and after that where the listing fails; gives whether what was
   * offered differs, and keeps the same array where it does not. What is not known yet is listed once for all who ask.
   */
  readonly correct: Effect.Effect<boolean, SessionError>
}

/** A list that `read` reads, in the Scope. */
export const make = <Item>(options: {
  readonly read: Effect.Effect<Listing<Item>, SessionError>
  readonly scope: Scope.Scope
  /** What was known in an earlier session; `inForce`: until it is corrected. Otherwise it is offered alone. */
  readonly before?: ReadonlyArray<Item> | undefined
  readonly inForce?: boolean | undefined
  /** Called when it was read. */
  readonly onRead?: (() => void) | undefined
  /** What its readers learn when the Scope is closed. */
  readonly closed: SessionError
  /** Told why it could not be read to its end: once, however often that is tried with the same outcome. */
  readonly warn: (message: string) => void
  /** Called when what had broken off was read, and is another list now. */
  readonly onMended: () => void
}): Listed<Item> => {
  type Outcome = Exit.Exit<ReadonlyArray<Item>, SessionError>
  let value = options.inForce === true ? options.before : undefined
  let last = options.before
  /** What was offered, until the first listing is in. */
  let hint = options.inForce === true ? undefined : options.before
  /** What is in force while it is listed again to be corrected. */
  let doubted: ReadonlyArray<Item> | undefined
  let running: Deferred.Deferred<ReadonlyArray<Item>, SessionError> | undefined
  let changed = false
  /** The last reading, where it broke off or timed out. */
  let broken: { readonly outcome: Outcome; readonly times: number; readonly until: number } | undefined
  let told: string | undefined

  /** What changed while it was read is read once more; a list that never rests is given as it is. */
  const once = Effect.suspend(() => {
    changed = false
    return options.read
  })
  const twice = Effect.flatMap(once, (listing) => (changed ? once : Effect.succeed(listing)))

  /** Takes note of how a reading ended; gives what its readers learn. */
  const note = (exit: Exit.Exit<Listing<Item>, SessionError>, now: number): Outcome => {
    const earlier = doubted
    const same = doubted ?? hint
    doubted = undefined
    // A reader was not interrupted itself, so it is not told that it was.
    if (Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)) return Exit.fail(options.closed)
    const before = earlier ?? (broken === undefined ? undefined : value)
    const error = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
    const lost = error !== undefined && isPassing(error.reason) ? `${error.method}: ${error.reason.message}` : undefined
    const why = Exit.isSuccess(exit) ? exit.value.broken : lost
    if (why !== undefined && why !== told) options.warn(why)
    told = why
    // What breaks off sooner than the reading before it has less to say.
    if (Exit.isSuccess(exit) && !(why !== undefined && (before?.length ?? 0) > exit.value.items.length)) {
      const { items } = exit.value
      last = value = same !== undefined && JSON.stringify(same) === JSON.stringify(items) ? same : items
      hint = undefined
    }
    const isKept = why !== undefined && before !== undefined && (error === undefined || error.reason._tag === "Timeout")
    const outcome = isKept ? Exit.succeed(value ?? before) : Exit.map(exit, ({ items }) => value ?? items)
    // A server that refuses the first page at once is asked again at once: that costs no time.
    if (why !== undefined && (error === undefined || error.reason._tag === "Timeout")) {
      const times = (broken?.times ?? 0) + 1
      const rest = times === 1 ? 0 : Math.min(longestRest, firstRest * 2 ** (times - 2))
      broken = { outcome, times, until: now + rest }
    } else if (Exit.isSuccess(exit)) {
      const wasBroken = broken !== undefined && earlier === undefined
      broken = undefined
      if (wasBroken && JSON.stringify(value) !== JSON.stringify(before ?? [])) options.onMended()
    }
    return outcome
  }

  // Who waits can be interrupted, and not who is about to read: others wait for that, too.
  const start = Effect.uninterruptibleMask((restore) => {
    if (running !== undefined) return restore(Deferred.await(running))
    const deferred = (running = Deferred.makeUnsafe<ReadonlyArray<Item>, SessionError>())
    return Effect.clockWith((clock) =>
      Effect.andThen(
        Effect.map(Effect.forkIn(twice, options.scope), (fiber) =>
          fiber.addObserver((exit) => {
            running = undefined
            const outcome = note(exit, clock.currentTimeMillisUnsafe())
            if (Exit.isSuccess(exit)) options.onRead?.()
            Deferred.doneUnsafe(deferred, outcome)
          }),
        ),
        restore(Deferred.await(deferred)),
      ),
    )
  })
  const all = Effect.suspend(() => {
    if (value !== undefined && broken === undefined) return Effect.succeed(value)
    if (running !== undefined || broken === undefined) return start
    const { outcome, until } = broken
    return Effect.flatMap(Clock.currentTimeMillis, (now) => (now < until ? outcome : start))
  })
  const forget = () => {
    value = undefined
    broken = undefined
    changed = true
  }
  const correct = Effect.suspend(() => {
    const earlier = value ?? hint
    if (value === undefined) return Effect.map(all, (items) => earlier !== undefined && items !== earlier)
    doubted = value
    changed = true
    return Effect.map(start, (items) => items !== earlier)
  })
  return {
    all,
    correct,
    isReading: () => running !== undefined,
    known: () => value,
    offered: () => value ?? last,
    forget,
    isStale: () => changed,
    refresh: Effect.andThen(Effect.sync(forget), all),
  }
}
