/**
 * When a server whose session ended by itself is started, or connected to, anew. What becomes of a session that the server
 * has forgotten, of streams and of sockets is decided where they are (`session/recovery.ts`, `transport/follow.ts`).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"

export interface Recovery {
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
  type Step = (now: number, why: string) => Pull.Pull<[unknown, Duration.Duration], never, unknown>
  let step: Step | undefined
  let count = 0
  return {
    next: (why) =>
      Effect.gen(function* () {
        step ??= yield* Schedule.toStep(recovery.attempts)
        const now = yield* Clock.currentTimeMillis
        const taken = step(now, why).pipe(
          Effect.map(([, delay]): number | undefined => Duration.toMillis(delay)),
          Pull.catchDone(() => Effect.succeed(undefined)),
        )
        const delay = yield* taken
        if (delay === undefined) {
          step = undefined
          count = 0
        } else count += 1
        return delay
      }),
    count: () => count,
    forgive: () => {
      step = undefined
      count = 0
    },
  }
}
