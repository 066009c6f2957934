/**
 * The one policy of recovery: when a server whose session ended by itself is started, or connected to, anew, and how patient
 * its connection is (`transport/patience.ts`). What becomes of a session that the server has forgotten, and which calls are
 * sent again, is no matter of policy (`session/recovery.ts`).
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Patience from "../transport/patience.ts"

export interface Recovery extends Partial<Patience.Patience> {
  /** The delays before each attempt; it is given up where they end. Its input is why the session, or an attempt, ended. */
  readonly attempts: Schedule.Schedule<unknown, string>
  /** A session that lasted so long was sound, in milliseconds: the delays begin anew. */
  readonly sound: number
}

/** At once; then after 1, 2, 4, 8 and 16 seconds, give or take a fifth. */
const attempts: Recovery["attempts"] = Schedule.recurs(6).pipe(
  Schedule.modifyDelay(({ output }) => Effect.succeed(Duration.seconds(output === 0 ? 0 : 2 ** (output - 1)))),
  Schedule.jittered,
)

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
