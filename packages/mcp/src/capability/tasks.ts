/**
 * Requests of the server that it wants answered later (2025-11-25, Utilities, Tasks, as receiver). Absent: not declared,
 * and such a request is answered at once.
 *
 * A task and its answer are kept in memory from its creation until its ttl is over, whatever becomes of it, and no longer
 * than the session. What is declared is limited by number: a server that wants more has to wait.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { brief } from "../protocol/json.ts"
import { internalError, isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { ClientCapabilities } from "../protocol/model.ts"
import type { Announcement } from "./capabilities.ts"
import type { Origin } from "./origin.ts"
import { malformed, RequestRefused } from "./refused.ts"
import { KeptTask, related } from "./task.ts"

/**
 * How many tasks of a server are kept, and for how long.
 *
 * @example
 * ```ts
 * const brief = Tasks.layer({ ttl: 60_000, maxTtl: 300_000, limit: 8 })
 * ```
 */
export class Tasks extends Context.Service<
  Tasks,
  {
    /** How long a task is kept from its creation where the server names no time, in milliseconds. */
    readonly ttl: number
    /** The longest that a task is kept, in milliseconds. */
    readonly maxTtl: number
    /** How many tasks of one server are kept; more are refused. */
    readonly limit: number
    /** How many tasks one page of `tasks/list` holds. */
    readonly pageSize: number
  }
>()("@opencode/mcp/Tasks") {
  /** Lets servers leave tasks with the client. What is absent is as in `defaults`. */
  static readonly layer = (limits: Partial<Tasks["Service"]> = {}): Layer.Layer<Tasks> =>
    Layer.succeed(Tasks)({ ...defaults, ...limits })
}

/** Ten minutes, an hour at most, 64 tasks, pages of 16. */
export const defaults: Tasks["Service"] = { ttl: 600_000, maxTtl: 3_600_000, limit: 64, pageSize: 16 }

/** Answers a request of one method. */
export type Answer = (params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>

/** The tasks of one session: nobody else can name them. */
export interface TaskStore {
  /** An answer that becomes a task where the request asks for that. */
  readonly augmented: (method: string, answer: Answer) => Answer
  /** `tasks/get`, `tasks/result`, `tasks/list` and `tasks/cancel`. */
  readonly answers: ReadonlyMap<string, Answer>
  readonly announcements: Stream.Stream<Announcement>
}

/** Whether requests of this method may become tasks. */
const isDeclared = ({ tasks }: ClientCapabilities, method: string): boolean => {
  let at: unknown = tasks?.requests
  for (const name of method.split("/")) at = isObject(at) ? at[name] : undefined
  return isObject(at)
}

/** How long the server wants its task kept, in milliseconds; `null`, which SDKs send, is forever. */
const readTtl = (task: unknown): Effect.Effect<number | undefined, RequestRefused> => {
  if (!isObject(task)) return Effect.fail(malformed(`task must be an object, not ${brief(task)}`))
  const { ttl } = task
  if (ttl === undefined) return Effect.succeed(undefined)
  if (ttl === null) return Effect.succeed(Number.POSITIVE_INFINITY)
  return typeof ttl === "number" && ttl >= 0
    ? Effect.succeed(Math.ceil(ttl))
    : Effect.fail(malformed(`task.ttl must be a number of milliseconds from 0, not ${brief(ttl)}`))
}

/** A task, and what runs for it. */
interface Running {
  readonly task: KeptTask
  readonly handler: Fiber.Fiber<object, RequestRefused>
  readonly expiry: Fiber.Fiber<void>
}

/** The store of one session: its tasks end with the Scope. */
export const make = (limits: Tasks["Service"]): Effect.Effect<TaskStore, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const tasks = new Map<string, Running>()
    /** Also those of tasks that are gone, until they have obeyed. */
    const handlers = new Set<Fiber.Fiber<object, RequestRefused>>()
    // Nobody may rely on them, so what is not read is dropped.
    const changes = yield* Effect.acquireRelease(Queue.dropping<Announcement>(2 * limits.limit), Queue.shutdown)
    const cursorPrefix = `${randomUUID()}.`
    let created = 0

    const announce = ({ view }: KeptTask) =>
      Queue.offerUnsafe(changes, { method: "notifications/tasks/status", params: view })

    const expire = ({ handler, task }: Running) => {
      tasks.delete(task.id)
      Deferred.doneUnsafe(task.result, Effect.fail(malformed("taskId names a task that has expired")))
      handler.interruptUnsafe()
    }

    /** A cancelled task may be forgotten at any time (Task Cancellation): it makes room for a new one. */
    const forgetCancelled = () => {
      for (const { expiry, handler, task } of tasks.values()) {
        if (task.state !== "cancelled" || handlers.has(handler)) continue
        tasks.delete(task.id)
        expiry.interruptUnsafe()
        return
      }
    }

    const isFull = () => tasks.size >= limits.limit || handlers.size >= limits.limit

    const tooMany = () => {
      const next = Math.min(...[...tasks.values()].map(({ task }) => task.expiresAt))
      const wait = Number.isFinite(next) ? `; the next expires in ${next - clock.currentTimeMillisUnsafe()} ms` : ""
      const message = `too many tasks: this client keeps ${limits.limit} of a server until their ttl is over${wait}`
      return new RequestRefused({ code: internalError, message })
    }

    const create = (requested: number | undefined, answer: Effect.Effect<object, RequestRefused>) =>
      Effect.suspend(() => {
        if (isFull()) forgetCancelled()
        if (isFull()) return Effect.fail(tooMany())
        const ttl = Math.min(requested ?? limits.ttl, limits.maxTtl)
        const task = new KeptTask(++created, ttl, clock.currentTimeMillisUnsafe())
        const accepted = related({ task: task.view }, task.id)
        return Effect.gen(function* () {
          // Neither begins before this has been answered: a status never arrives before the task itself.
          const handler = yield* Effect.forkIn(answer, scope)
          const expiry = yield* Effect.forkIn(
            Effect.andThen(
              Effect.sleep(ttl),
              Effect.sync(() => expire(running)),
            ),
            scope,
          )
          const running: Running = { task, handler, expiry }
          tasks.set(task.id, running)
          handlers.add(handler)
          handler.addObserver((exit) => {
            handlers.delete(handler)
            if (tasks.has(task.id) && task.answered(exit, clock.currentTimeMillisUnsafe())) announce(task)
          })
          return accepted
        })
      })

    const find = ({ taskId }: JsonObject): Effect.Effect<Running, RequestRefused> => {
      if (typeof taskId !== "string") return Effect.fail(malformed(`taskId must be a string, not ${brief(taskId)}`))
      const found = tasks.get(taskId)
      return found === undefined
        ? Effect.fail(malformed(`taskId ${brief(taskId)} names no task of this session, or one that has expired`))
        : Effect.succeed(found)
    }

    const cancel = ({ handler, task }: Running): Effect.Effect<object, RequestRefused> => {
      if (!task.cancel(clock.currentTimeMillisUnsafe())) {
        return Effect.fail(malformed(`taskId names a task that cannot be cancelled: it is already ${task.state}`))
      }
      announce(task)
      handler.interruptUnsafe()
      return Effect.succeed(task.view)
    }

    /** The position after which a page begins. */
    const readCursor = (cursor: unknown): Effect.Effect<number, RequestRefused> => {
      if (cursor === undefined) return Effect.succeed(0)
      const digits =
        typeof cursor === "string" && cursor.startsWith(cursorPrefix) ? cursor.slice(cursorPrefix.length) : ""
      return /^[1-9]\d{0,14}$/.test(digits) && Number(digits) <= created
        ? Effect.succeed(Number(digits))
        : Effect.fail(malformed(`cursor ${brief(cursor)} was not given out by this session`))
    }

    const page = (after: number) => {
      const rest = [...tasks.values()].flatMap(({ task }) => (task.position > after ? [task] : []))
      const shown = rest.slice(0, Math.max(1, limits.pageSize))
      const last = shown.at(-1)
      const more = last !== undefined && shown.length < rest.length ? `${cursorPrefix}${last.position}` : undefined
      return { tasks: shown.map(({ view }) => view), ...(more === undefined ? {} : { nextCursor: more }) }
    }

    return {
      augmented:
        (method, answer) =>
        ({ task, ...params }, origin) => {
          if (task === undefined || !isDeclared(origin.declared, method)) return answer(params, origin)
          return Effect.flatMap(readTtl(task), (ttl) => create(ttl, answer(params, origin)))
        },
      answers: new Map<string, Answer>([
        ["tasks/get", (params) => Effect.map(find(params), ({ task }) => task.view)],
        ["tasks/result", (params) => Effect.flatMap(find(params), ({ task }) => Deferred.await(task.result))],
        ["tasks/list", ({ cursor }) => Effect.map(readCursor(cursor), page)],
        ["tasks/cancel", (params) => Effect.flatMap(find(params), cancel)],
      ]),
      announcements: Stream.fromQueue(changes),
    }
  })
