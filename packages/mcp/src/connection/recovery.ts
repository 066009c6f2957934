/**
 * The one policy of recovery: when a server whose session ended by itself is started, or connected to, anew, and how patient
 * its connection is (`transport/patience.ts`). What becomes of a session that the server has forgotten, and which calls are
 * sent again, is no matter of policy (`session/recovery.ts`).
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Patience from "../transport/patience.ts"

export interface Recovery extends Partial<Patience.Patience> {
  /** The delays before each attempt; it is given up where they end. Its input is why the session, or an attempt, ended. */
  readonly attempts: Schedule.Schedule<unknown, string>
  /** A session that lasted so long was sound, in milliseconds: the delays begin anew. */
  readonly sound: number
  /**
   * The pauses after which it is looked, while its status stays `failed`, whether a remote server that could not be reached,
   * or was busy, has come back. Default: 5, 10, 20, 40 seconds, then every minute for an hour, give or take a fifth.
   */
  readonly returning?: Schedule.Schedule<unknown, unknown> | undefined
}

/** At once; then after 1, 2, 4, 8 and 16 seconds, give or take a fifth. */
const attempts: Recovery["attempts"] = Schedule.recurs(6).pipe(
  Schedule.modifyDelay(({ output }) => Effect.succeed(Duration.seconds(output === 0 ? 0 : 2 ** (output - 1)))),
  Schedule.jittered,
)

const longestPause = Duration.minutes(1)

const standardReturning = Schedule.max([
  Schedule.exponential("5 seconds").pipe(
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, longestPause))),
    Schedule.jittered,
  ),
  Schedule.recurs(64),
])

/**
 * The policy in force: at once, then ever more rarely; after six attempts within half a minute the server is `failed`, and
 * the next call tries once more. A session that lasted a minute is forgiven what was before.
 *
 * @example
 * ```ts
 * const never = Layer.succeed(Recovery)({ attempts: Schedule.recurs(0), sound: 60_000 })
 * ```
 */
export const Recovery: Context.Reference<Recovery> = Context.Reference<Recovery>("@opencode/mcp/Recovery", {
  defaultValue: () => ({ attempts, sound: 60_000 }),
})

/** The delays of one server. */
export interface Delays {
  /** How long to wait before the next attempt, in milliseconds; `undefined`: it is given up. */
  readonly next: (why: string) => Effect.Effect<number | undefined>
  /** How many there were since the server was sound last. */
  readonly count: () => number
  /** It is sound: what was before is forgiven. */
  readonly forgive: () => void
}

export const delays = (recovery: Recovery): Delays => {
  const each = Patience.delays(recovery.attempts)
  let count = 0
  return {
    next: (why) =>
      Effect.map(each.next(why), (delay) => {
        count = delay === undefined ? 0 : count + 1
        return delay
      }),
    count: () => count,
    forgive: () => {
      each.reset()
      count = 0
    },
  }
}

/** The patience of connections under this policy: what it does not speak of is as usual. */
export const patienceOf = ({ refused, refusedFor, stream }: Recovery): Patience.Patience => ({
  refused: refused ?? Patience.standard.refused,
  refusedFor: refusedFor ?? Patience.standard.refusedFor,
  stream: stream ?? Patience.standard.stream,
})

/** Looks, now and then, whether a server that was not there has come back. */
export interface Watch {
  /** Looks once more, after a while. */
  readonly again: () => void
  /** The pauses begin anew. */
  readonly reset: () => void
}

/** `look` runs in the Scope; whether there is anything to look for is its own to know. */
export const makeWatch = (recovery: Recovery, look: Effect.Effect<unknown>): Effect.Effect<Watch, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const pauses = Patience.delays(recovery.returning ?? standardReturning)
    const run = yield* FiberHandle.runtime(yield* FiberHandle.make<void>())()
    const after = Effect.flatMap(pauses.next(undefined), (pause) =>
      pause === undefined
        ? Effect.void
        : // By a fibre of its own: what comes of it may be another of these, which takes the place of this one.
          Effect.asVoid(Effect.andThen(Effect.sleep(pause), Effect.forkIn(look, scope))),
    )
    return { again: () => void run(after), reset: pauses.reset }
  })
