/**
 * Calls a tool as a task: makes it, follows it to its result, and cancels it when nobody waits any more (2025-11-25,
 * Tasks; Cancellation, Behavior Requirements 3).
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Method from "../protocol/method.ts"
import type { CallToolRequestParams, CallToolResult } from "../protocol/model.ts"
import { InvalidResponse, SessionError } from "../session/error.ts"
import type { RequestOptions } from "../session/requests.ts"
import type { Session } from "../session/session.ts"
import type { TaskError } from "./error.ts"
import { type Follower, type FollowOptions, make as follow } from "./follow.ts"
import { hasEnded, type Known, type States } from "./states.ts"

/** How a tool is called as a task. */
export interface TaskCall extends Pick<FollowOptions, "server" | "session" | "renew" | "timeout"> {
  readonly states: States
  readonly params: CallToolRequestParams
  /** How long the server is asked to keep the task, in milliseconds. Default: as long as it likes. */
  readonly ttl: number | undefined
  readonly options: RequestOptions | undefined
}

/** Cancels a task that came of a request when its caller had gone. */
const cancelLate = (session: Session["Service"], timeout: number) =>
  Effect.map(Effect.context<never>(), (context) => (late: unknown) => {
    if (!Method.isCreateTaskResult(late) || hasEnded(late.task) || !session.declares(Method.cancelTask)) return
    const { taskId } = late.task
    Effect.runForkWith(context)(Effect.ignore(session.request(Method.cancelTask, { taskId }, { timeout })))
  })

/** What is still to be done about a task that nobody follows any more. */
const lastWord = (
  follower: Follower,
  known: Known,
  exit: Exit.Exit<unknown, TaskError | SessionError>,
): Effect.Effect<void> => {
  if (hasEnded(known.task())) return Effect.void
  // The result came before the end was heard of, which somebody may wait to see.
  if (Exit.isSuccess(exit)) return Effect.ignore(follower.poll)
  const error = Exit.findErrorOption(exit)
  if (Option.isNone(error)) return follower.cancel
  const { reason } = error.value
  const goesOn =
    reason._tag === "Timeout" ||
    reason._tag === "InvalidResponse" ||
    (reason._tag === "Expired" && reason.detail === undefined)
  return goesOn ? follower.cancel : Effect.void
}

/** Calls a tool as a task. A server that answers with the result at once is content with that. */
export const call = (options: TaskCall): Effect.Effect<CallToolResult, TaskError | SessionError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { server, session, states, timeout, ttl } = options
      const request = options.options?.request
      const onLate = yield* cancelLate(session, timeout)
      const made = states.making()
      const progress = session.trackProgress((step) => options.options?.onProgress?.(step))
      const params = { ...options.params, task: ttl === undefined ? {} : { ttl } }
      const requestOptions = { ...options.options, timeout, progressToken: progress.token, onLate }
      const created = yield* Effect.exit(restore(session.request(Method.callToolAsTask, params, requestOptions)))
      const abandon = () => {
        made()
        progress.end()
      }
      if (Exit.isFailure(created)) {
        abandon()
        return yield* Effect.failCause(created.cause)
      }
      const answer = created.value
      if (!Method.isCreateTaskResult(answer)) {
        abandon()
        return answer
      }
      const { task } = answer
      const known = states.follow(task.taskId, request)
      known.heard(task)
      made()
      const follower: Follower = yield* follow({ ...options, known, request, quietly: true })
      const exit = yield* Effect.exit(restore(follower.result))
      progress.end()
      // Nobody waits for it, and the session's end ends it.
      yield* Effect.forkDetach(
        Effect.ensuring(
          lastWord(follower, known, exit),
          Effect.sync(() => {
            follower.end()
            known.end()
          }),
        ),
        { startImmediately: true },
      )
      const result = yield* exit
      if (Method.isCallToolResult(result)) return result
      const reason = new InvalidResponse({ detail: "the result of the task is not that of a tool" })
      return yield* new SessionError({ server, method: Method.taskResult.method, reason })
    }),
  )
