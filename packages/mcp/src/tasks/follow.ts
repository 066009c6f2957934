/**
 * Follows a task to its result: polls at the pace that the server asks for, and asks for the result as soon as the task
 * has ended or needs input (2025-11-25, Tasks, Behavior Requirements).
 *
 * Status notifications spare a poll, and nothing relies on them. An answer that is lost is asked for again; where the
 * session has ended the next one is asked once. A task is bounded by its ttl. Making and cancelling it is not done here.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { invalidParams } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Task } from "../protocol/model.ts"
import { InvalidResponse, SessionError, Timeout } from "../session/error.ts"
import type { RequestOptions } from "../session/requests.ts"
import type { Session } from "../session/session.ts"
import { Cancelled, Expired, Failed, Lost, TaskError, type TaskReason } from "./error.ts"
import { hasEnded, type Known } from "./states.ts"

/** The time between polls where the server names none, and the bounds of what it names, in milliseconds. */
const interval = { default: 1_000, min: 100, max: 300_000 }

/** How long after its ttl a task may still be heard of, in milliseconds. */
const grace = 5_000

/** How many polls may fail one after the other. */
const pollFailures = 5

/** A lost answer is asked for after 0.1 s, 0.2 s, 0.4 s, …: six times. */
const again = Schedule.exponential(100).pipe(Schedule.upTo({ times: 6 }))

/** How a task is followed. */
export interface FollowOptions {
  readonly server: string
  readonly session: Session["Service"]
  /** The session after one that has ended. */
  readonly renew: Effect.Effect<Session["Service"], { readonly message: string }>
  readonly known: Known
  /** How long a request of its own may be unanswered, in milliseconds. */
  readonly timeout: number
  /** What the host calls the request that the task is of. */
  readonly request: unknown
  /** Whether a wait for the result that is given up is not cancelled: the task is, which ends it. */
  readonly quietly: boolean
}

/** A task that is followed. */
export interface Follower {
  /** Waits for the result. */
  readonly result: Effect.Effect<object, TaskError | SessionError>
  /** The same, asked for at once, and without a word on what an error means. */
  readonly answer: Effect.Effect<object, TaskError | SessionError>
  /** Asks once how it is. */
  readonly poll: Effect.Effect<void, TaskError | SessionError>
  /** Cancels it where the server can, and waits for the answer. One that has ended meanwhile is refused: nothing is to be done. */
  readonly cancel: Effect.Effect<void>
  readonly end: () => void
}

/** The code of a JSON-RPC error, which may come with an HTTP status. */
const codeOf = ({ reason }: SessionError): number | undefined => {
  if (reason._tag === "Protocol") return reason.code
  if (reason._tag !== "Transport" || reason.error.reason._tag !== "HttpStatus") return undefined
  return reason.error.reason.error?.code
}

/** Whether the answer is lost, and may be had by asking again. */
const isLost = (error: TaskError | SessionError): boolean => {
  if (error._tag === "TaskError" || error.reason._tag !== "Transport") return false
  const { reason } = error.reason.error
  if (reason._tag === "HttpStatus") return reason.status >= 500 && reason.error === undefined
  return reason._tag === "StreamEnded" || reason._tag === "Unreachable"
}

/** Whether a poll may fare better the next time. */
const mayPass = (error: TaskError | SessionError): boolean =>
  isLost(error) || error.reason._tag === "Protocol" || error.reason._tag === "InvalidResponse"

const endings: ReadonlySet<string> = new Set([
  "ProcessExited",
  "OutputClosed",
  "OwnerEnded",
  "Unresponsive",
  "Closed",
  "Disconnected",
  "CustomEnded",
])

/** Whether the session is over. */
const isEnding = ({ reason }: SessionError): boolean => {
  if (reason._tag !== "Transport") return false
  return endings.has(reason.error.reason._tag) || (reason.error.reason._tag === "HttpStatus" && !reason.isOneAnswer)
}

/** The ttl of a task in milliseconds; none where it is kept for ever. */
const ttlOf = (task: Task | undefined): number | undefined => {
  const ttl: unknown = task?.ttl
  return typeof ttl === "number" && Number.isFinite(ttl) ? Math.max(0, ttl) : undefined
}

/** What the server asks for, within bounds: it would be no use to ask less than twice in a ttl. */
const intervalOf = (task: Task | undefined): number => {
  const asked: unknown = task?.pollInterval
  const wanted = typeof asked === "number" ? asked : interval.default
  return Math.max(interval.min, Math.min(wanted, interval.max, (ttlOf(task) ?? Number.POSITIVE_INFINITY) / 2))
}

/** Follows a task from now on. */
export const make = (options: FollowOptions): Effect.Effect<Follower> =>
  Effect.gen(function* () {
    const { known, request, server, timeout } = options
    const { taskId } = known
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const since = now()
    let { session } = options
    let untrack = session.trackTask(taskId, request)
    const fail = (reason: TaskReason) => Effect.fail(new TaskError({ server, taskId, reason }))
    const expired = (detail?: string) =>
      fail(new Expired({ ttl: ttlOf(known.task()), ...(detail === undefined ? {} : { detail }) }))

    /** When it was made, as the session said in which it was. */
    let createdAt = known.task()?.createdAt
    // What is no date says nothing.
    const isAnother = (task: Task) => Math.abs(Date.parse(createdAt ?? "") - Date.parse(task.createdAt)) > 0
    /** The next session, unless it has another task of this id: some servers count theirs, and begin anew. */
    const renewal = yield* Effect.cached(
      Effect.gen(function* () {
        const next = yield* options.renew
        if (next === session) return "ended"
        // Where it cannot say so, what is asked next will find out.
        const there = yield* Effect.option(next.request(Method.getTask, { taskId }, { timeout }))
        if (Option.isSome(there) && isAnother(there.value)) return "another"
        untrack()
        session = next
        untrack = next.trackTask(taskId, request)
        return "renewed"
      }),
    )

    const lost = (ending: string, { message }: { readonly message: string }) =>
      fail(new Lost({ ending, detail: message }))
    /** Why the session that the task was made in has ended, until the next one knows the task. */
    let ending: string | undefined
    const note = (task: Task): boolean => {
      if (task.taskId !== taskId) return false
      if (session === options.session) createdAt ??= task.createdAt
      known.heard(task)
      return true
    }

    /** Asks, and the next session once where this one has ended. */
    const ask = <Value>(method: Method.RequestMethod<Method.OfTask, Value>, requestOptions: RequestOptions) =>
      Effect.suspend(() => {
        const through = session
        return Effect.catchIf(
          through.request(method, { taskId }, requestOptions),
          isEnding,
          (error): Effect.Effect<Value, TaskError | SessionError> => {
            const why = error.reason.message
            if (through !== options.session) return lost(why, error)
            const next = Effect.flatMap(renewal, (outcome) => {
              if (outcome === "ended") return Effect.fail(error)
              if (outcome === "another") return Effect.fail({ message: "it has another task of the same id" })
              ending = why
              return session.request(method, { taskId }, requestOptions)
            })
            return Effect.catch(next, (failure): Effect.Effect<never, TaskError | SessionError> =>
              failure instanceof SessionError && !isEnding(failure) && failure.reason._tag !== "NotDeclared"
                ? Effect.fail(failure)
                : lost(why, failure),
            )
          },
        )
      })

    const poll = Effect.suspend(() =>
      ask(Method.getTask, { timeout, onLate: (late) => Method.isTask(late) && note(late) }),
    ).pipe(
      Effect.flatMap((task) => {
        ending = undefined
        if (note(task)) return Effect.void
        const detail = `it answered for the task ${JSON.stringify(task.taskId.slice(0, 100))}`
        const reason = new InvalidResponse({ detail })
        return Effect.fail(new SessionError({ server, method: Method.getTask.method, reason }))
      }),
      Effect.catchIf(
        (error) => error._tag === "SessionError" && codeOf(error) === invalidParams,
        (error) => (ending === undefined ? expired(error.reason.message) : lost(ending, error.reason)),
      ),
    )

    /** Waits until the state fits. */
    const until = (fits: (task: Task | undefined) => boolean) =>
      Effect.gen(function* () {
        let failures = 0
        while (true) {
          const task = known.task()
          if (fits(task)) return
          const left = since + (ttlOf(task) ?? Number.POSITIVE_INFINITY) + grace - now()
          if (left <= 0) return yield* expired()
          const changed = yield* Effect.timeoutOption(known.changed(task), Math.min(intervalOf(task), left))
          if (Option.isSome(changed)) continue
          const outcome = yield* Effect.result(Effect.raceFirst(poll, known.changed(task)))
          failures = Result.isSuccess(outcome) ? 0 : failures + 1
          if (Result.isSuccess(outcome)) continue
          const { failure } = outcome
          if (!mayPass(failure) || failures >= pollFailures) return yield* failure
        }
      })

    const unlessCancelled = Effect.suspend(() => {
      const task = known.task()
      return task?.status === "cancelled" ? fail(new Cancelled({ detail: task.statusMessage })) : Effect.void
    })

    /** Fails where a result that is waited for can no longer be expected. */
    const overseen = (exactly: boolean) =>
      until(hasEnded).pipe(
        // The answer may be on its way: some servers forget a task with it.
        Effect.tapError(({ reason }) =>
          reason._tag === "Expired" && reason.detail !== undefined ? Effect.sleep(grace) : Effect.void,
        ),
        Effect.andThen(exactly ? Effect.void : unlessCancelled),
        Effect.andThen(Effect.sleep(timeout)),
        Effect.andThen(
          Effect.suspend(() => {
            const reason = new Timeout({ kind: "idle", after: timeout })
            return Effect.fail(new SessionError({ server, method: Method.taskResult.method, reason }))
          }),
        ),
      )

    const asked = Effect.suspend(() =>
      ask(Method.taskResult, {
        // It waits as long as the task takes, and whoever oversees it ends it.
        timeout: Number.POSITIVE_INFINITY,
        request,
        ...(options.quietly && session.declares(Method.cancelTask) ? { onLate: () => undefined } : {}),
      }),
    ).pipe(Effect.retry({ schedule: again, while: isLost }))

    /** What an error instead of the result means: nothing yet, where the task goes on. */
    const explain = (error: SessionError, exactly: boolean, hadEnded: boolean) =>
      Effect.gen(function* () {
        const code = codeOf(error)
        if (code === undefined && !isLost(error)) return yield* error
        if (!hadEnded || known.task()?.status === "completed") {
          yield* exactly ? Effect.mapError(poll, () => error) : poll
        }
        const task = known.task()
        if (!hasEnded(task)) return yield* Effect.sleep(intervalOf(task))
        // A server that does not wait for the end complains of that before it.
        if (!hadEnded) return
        if (exactly || code === undefined) return yield* error
        yield* unlessCancelled
        const { reason } = error
        const own = reason._tag === "Protocol" ? reason : undefined
        const text = own?.text ?? reason.message
        const detail = task?.status === "failed" ? (task.statusMessage ?? text) : text
        return yield* fail(new Failed({ detail, code, ...(own?.data === undefined ? {} : { data: own.data }) }))
      })

    const isDue = (task: Task | undefined) => hasEnded(task) || task?.status === "input_required"

    const outcome = (exactly: boolean) =>
      Effect.gen(function* () {
        let mayAsk = exactly
        while (true) {
          if (!mayAsk) yield* until(isDue)
          mayAsk = false
          if (!exactly) yield* unlessCancelled
          const hadEnded = hasEnded(known.task())
          const answer = yield* Effect.result(Effect.raceFirst(asked, overseen(exactly)))
          if (Result.isSuccess(answer)) return answer.success
          if (answer.failure._tag === "TaskError") return yield* answer.failure
          yield* explain(answer.failure, exactly, hadEnded)
        }
      })

    return {
      result: outcome(false),
      answer: outcome(true),
      poll,
      cancel: Effect.suspend(() =>
        session.declares(Method.cancelTask)
          ? Effect.ignore(Effect.map(session.request(Method.cancelTask, { taskId }, { timeout }), note))
          : Effect.void,
      ),
      end: () => untrack(),
    }
  })
