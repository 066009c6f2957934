/**
 * Requests of the server that it wants answered later (2025-11-25, Utilities, Tasks, as receiver). Absent: not declared,
 * and such a request is answered at once.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import type { Announcement } from "./capabilities.ts"
import type { Origin } from "./origin.ts"
import type { RequestRefused } from "./refused.ts"

/**
 * How many tasks of a server are kept, and for how long.
 *
 * @example
 * ```ts
 * const brief = Layer.succeed(Tasks)({ ttl: 60_000, maxTtl: 300_000, limit: 8, pageSize: 8 })
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
>()("@opencode/mcp/Tasks") {}

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

/** The store of one session: its tasks end with the Scope. */
export const make = (_limits: Tasks["Service"]): Effect.Effect<TaskStore, never, Scope.Scope> =>
  Effect.succeed({ augmented: (_, answer) => answer, answers: new Map(), announcements: Stream.empty })
