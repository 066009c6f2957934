/**
 * How patient a connection over HTTP is with a server that is busy or away. Whether a session that ended is followed by
 * another is `connection/recovery.ts`'s to decide, which also brings what is used here.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { secondsOf } from "../http/retry-after.ts"
import type { TransportReason } from "./error.ts"

export interface Patience {
  /**
   * The least delays before a message is sent once more that the server refused with 429 or 503 and a `Retry-After`, which
   * may ask for longer ones. It fails where they end.
   */
  readonly refused: Schedule.Schedule<unknown, TransportReason>
  /** How long a message may wait for that in all, in milliseconds; where the server asks for more it fails at once. */
  readonly refusedFor: number
  /** The pauses before the stream for messages is opened again; after one that brought something they begin anew. */
  readonly stream: Schedule.Schedule<unknown, unknown>
}

/** Four times, not sooner than after 0.5, 1, 2 and 4 seconds, give or take a fifth. */
const refused = Schedule.max([Schedule.exponential("500 millis").pipe(Schedule.jittered), Schedule.recurs(4)])

const longestPause = Duration.minutes(1)

/** A server that closes its idle streams at once sees three GETs in five seconds, and then ever fewer. */
const stream = Schedule.exponential("1250 millis").pipe(
  Schedule.jittered,
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, longestPause))),
)

export const standard: Patience = { refused, refusedFor: 30_000, stream }

/** What is in force; the standard one, unless a `Recovery` says otherwise. */
export const Patience: Context.Reference<Patience> = Context.Reference<Patience>("@opencode/mcp/Patience", {
  defaultValue: () => standard,
})

/** The delays of a Schedule, one by one. */
export interface Delays<Input> {
  /** The next one, in milliseconds; `undefined` where they end. */
  readonly next: (input: Input) => Effect.Effect<number | undefined>
  /** They begin anew. */
  readonly reset: () => void
}

export const delays = <Input>(schedule: Schedule.Schedule<unknown, Input>): Delays<Input> => {
  type Step = (now: number, input: Input) => Pull.Pull<[unknown, Duration.Duration], never, unknown>
  let step: Step | undefined
  const reset = () => {
    step = undefined
  }
  return {
    next: (input) =>
      Effect.gen(function* () {
        const take = (step ??= yield* Schedule.toStep(schedule))
        const delay = yield* take(yield* Clock.currentTimeMillis, input).pipe(
          Effect.map(([, delay]): number | undefined => Duration.toMillis(delay)),
          Pull.catchDone(() => Effect.succeed(undefined)),
        )
        if (delay === undefined) reset()
        return delay
      }),
    reset,
  }
}

/** A server that wants to be left alone for longer is not believed, in milliseconds: five minutes. */
const longestRest = 300_000

/** How long a server that is busy wants a stream to be left closed, in milliseconds; 0 where it does not say. */
export const rest = (reason: TransportReason, now: number): number =>
  reason._tag === "HttpStatus" ? Math.min(longestRest, (secondsOf(reason.retryAfter, now) ?? 0) * 1_000) : 0

/**
 * How long the server asks to wait until a message is sent again, in milliseconds; `undefined` where it does not. It did
 * not take what it refused with 429, Too Many Requests (RFC 6585, 4), or with 503, Service Unavailable (RFC 9110, 15.6.4),
 * and says so by naming a time for the next attempt: nothing happens twice. Without it, who knows what a gateway means.
 */
export const askedToWait = (reason: TransportReason, now: number): number | undefined => {
  if (reason._tag !== "HttpStatus" || (reason.status !== 429 && reason.status !== 503)) return undefined
  const seconds = secondsOf(reason.retryAfter, now)
  return seconds === undefined ? undefined : seconds * 1_000
}

/** What a busy server was already waited for: the delays that are left, and how long it was, in milliseconds. */
export interface Waited {
  readonly delays: Delays<TransportReason>
  readonly waited: number
}

/**
 * How long to wait until what a busy server refused is sent again, in milliseconds, and what was waited then; `undefined`
 * where it does not ask for that, or has asked for more than it is given.
 */
export const nextTry = (
  reason: TransportReason,
  past: Waited | undefined,
  patience: Patience,
): Effect.Effect<{ readonly delay: number; readonly past: Waited } | undefined> =>
  Effect.gen(function* () {
    const asked = askedToWait(reason, yield* Clock.currentTimeMillis)
    if (asked === undefined) return undefined
    const { delays: left, waited } = past ?? { delays: delays(patience.refused), waited: 0 }
    const least = yield* left.next(reason)
    const delay = Math.max(asked, least ?? 0)
    if (least === undefined || waited + delay > patience.refusedFor) return undefined
    return { delay, past: { delays: left, waited: waited + delay } }
  })
