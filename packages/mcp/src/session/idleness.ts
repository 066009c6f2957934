/**
 * How long nothing has been going on in a session, so that a server that nobody uses can be put to sleep.
 *
 * What counts is a request of ours, a question of the server and its answer, a visit that the person agreed to, and a
 * task of either side until it has ended or its ttl is over. Pings do not, of either side; nor does what a server says
 * by itself. A server is only watched where its entry asks for it: then each request costs a little more.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Notifications } from "../notification/notifications.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Task } from "../protocol/model.ts"
import type { SessionError } from "./error.ts"
import type { Requests } from "./requests.ts"
import type { Session } from "./session.ts"
import type { UrlElicitations } from "./url-elicitation.ts"

/** Gives the session that a request is sent through when this one is over, no later than the request may wait. */
export type Successor = (method: string, timeout: number | undefined) => Effect.Effect<Session["Service"], SessionError>

type Request = Session["Service"]["request"]

export interface Idleness {
  /** The session has begun: until now it was being made. */
  readonly begun: () => void
  /** Milliseconds since something went on last; `undefined` while something does. */
  readonly idle: () => number | undefined
  /** Ends the session's use where nothing goes on: what is asked from now on goes to its successor. */
  readonly rest: (successor: Successor) => boolean
  /** The state of a task was heard that the client has for the server. */
  readonly heard: (task: Task) => void
  readonly request: (request: Request) => Request
  readonly visits: (visits: UrlElicitations) => UrlElicitations
  readonly tracking: (requests: Tracking) => Tracking
}

type Tracking = Pick<Requests, "trackProgress" | "trackTask">

/** Of a session that is not watched. */
export const none: Idleness = {
  begun: () => undefined,
  idle: () => undefined,
  rest: () => false,
  heard: () => undefined,
  request: (request) => request,
  visits: (visits) => visits,
  tracking: ({ trackProgress, trackTask }) => ({ trackProgress, trackTask }),
}

/** States of tasks that are not over. */
const open: ReadonlySet<string> = new Set(["working", "input_required"])

/** Of a session whose requests are watched, for the Scope. */
export const make = (options: {
  /** How long the end of a visit is waited for, in milliseconds. */
  readonly visit: number
  /** Whether it is needed by somebody else: one who waits for an answer though its caller has gone, or another program. */
  readonly isNeeded: () => boolean
  readonly notifications: Notifications["Service"]
}): Effect.Effect<Idleness, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    /** How many things go on, and until when those are expected to whose end may not be heard of. */
    let count = 0
    const expected = new Map<string, number>()
    let last = now()
    let next: Successor | undefined

    /** Something begins; what this returns ends it. */
    const begin = () => {
      let goesOn = true
      count += 1
      return () => {
        if (goesOn) count -= 1
        goesOn = false
        last = now()
      }
    }
    const expect = (what: string, time: number) => expected.set(what, now() + time)
    const settle = (what: string) => {
      if (expected.delete(what)) last = now()
    }
    const heard = (task: Task, whose: "theirs" | "ours") => {
      const what = `task ${whose} ${task.taskId}`
      const ttl: unknown = task.ttl
      if (open.has(task.status)) expect(what, typeof ttl === "number" ? ttl : Number.POSITIVE_INFINITY)
      else settle(what)
    }
    const answered = (method: string, params: object, result: unknown) => {
      if (Method.isCreateTaskResult(result)) heard(result.task, "theirs")
      else if (Method.isTask(result)) heard(result, "theirs")
      else if (method === Method.taskResult.method && "taskId" in params) settle(`task theirs ${String(params.taskId)}`)
    }
    const visitOf = (params: unknown) =>
      isObject(params) && params.mode === "url" ? `visit ${String(params.elicitationId)}` : undefined

    const idle = () => {
      const at = now()
      for (const [what, until] of expected) if (until <= at) settle(what)
      if (count > 0 || expected.size > 0 || options.isNeeded()) {
        last = at
        return undefined
      }
      return at - last
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => options.notifications.listen("tasks/status", (task) => heard(task, "theirs"))),
      (stop) => Effect.sync(stop),
    )
    return {
      begun: () => {
        last = now()
      },
      idle,
      rest: (successor) => {
        if (idle() === undefined) return false
        next = successor
        return true
      },
      heard: (task) => heard(task, "ours"),
      request: (request) => (method, params, requestOptions) =>
        Effect.suspend(() => {
          if (next !== undefined) {
            const session = next(method.method, requestOptions?.timeout)
            return Effect.flatMap(session, (session) => session.request(method, params, requestOptions))
          }
          const end = begin()
          return Effect.onExit(request(method, params, requestOptions), (exit) =>
            Effect.sync(() => {
              if (Exit.isSuccess(exit)) answered(method.method, params, exit.value)
              end()
            }),
          )
        }),
      visits: (visits) => ({
        recover: visits.recover,
        asked: (method, params) => {
          const visited = visits.asked(method, params)
          const end = begin()
          return (exit) => {
            visited(exit)
            const visit = visitOf(params)
            if (Exit.isSuccess(exit)) {
              if (Method.isCreateTaskResult(exit.value)) heard(exit.value.task, "ours")
              const agreed = "action" in exit.value && exit.value.action === "accept"
              if (visit !== undefined && agreed) expect(visit, options.visit)
            }
            end()
          }
        },
        completed: (elicitationId) => {
          settle(`visit ${elicitationId}`)
          return visits.completed(elicitationId)
        },
      }),
      tracking: ({ trackProgress, trackTask }) => ({
        trackProgress: (listener) => {
          const { end: stop, token } = trackProgress(listener)
          const end = begin()
          return { token, end: () => (stop(), end()) }
        },
        trackTask: (taskId, request) => {
          const stop = trackTask(taskId, request)
          const end = begin()
          return () => (stop(), end())
        },
      }),
    }
  })
