/**
 * One task of a server: what is told of it, and how it ends. It ends once, whatever comes first, and never changes after.
 *
 * It goes from `working` straight to its end: `input_required` is for a receiver that needs something from the requestor
 * (Input Required Status), and what this client waits for is a person or a model, never the server that asked.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { randomUUID } from "node:crypto"
import { internalError, isObject, relatedTaskKey } from "../protocol/jsonrpc.ts"
import type { Task, TaskStatus } from "../protocol/model.ts"
import { RequestRefused } from "./refused.ts"

/** What a server should wait between two `tasks/get`, in milliseconds: a person's answer takes seconds. */
const pollInterval = 1_000

/** `result` as what the task `taskId` gave. */
export const related = (result: object, taskId: string): object => {
  const own: unknown = "_meta" in result ? result._meta : undefined
  return { ...result, _meta: { ...(isObject(own) ? own : undefined), [relatedTaskKey]: { taskId } } }
}

const cancelled = new RequestRefused({
  code: internalError,
  message: "the task was cancelled by tasks/cancel, so its request has no result",
})

/** The error that the request would have been answered with. */
const refusalOf = (cause: Cause.Cause<RequestRefused>): RequestRefused =>
  cause.reasons.find(Cause.isFailReason)?.error ??
  new RequestRefused({ code: internalError, message: "the client failed to answer this request" })

export class KeptTask {
  /** Random: whoever was not told it cannot name it. */
  readonly id: string = randomUUID()
  /** The position in `tasks/list`, from 1. */
  readonly position: number
  /** In milliseconds from its creation. */
  readonly ttl: number
  /** What `tasks/result` gives, or a refusal once the task has expired. */
  readonly result: Deferred.Deferred<object, RequestRefused> = Deferred.makeUnsafe()
  private readonly createdAt: number
  private updatedAt: number
  private status: TaskStatus = "working"
  private statusMessage: string | undefined

  constructor(position: number, ttl: number, now: number) {
    this.position = position
    this.ttl = ttl
    this.createdAt = now
    this.updatedAt = now
  }

  get state(): TaskStatus {
    return this.status
  }

  get isOver(): boolean {
    return this.status !== "working"
  }

  get expiresAt(): number {
    return this.createdAt + this.ttl
  }

  /** As the server sees it now. */
  get view(): Task {
    return {
      taskId: this.id,
      status: this.status,
      ...(this.statusMessage === undefined ? {} : { statusMessage: this.statusMessage }),
      createdAt: new Date(this.createdAt).toISOString(),
      lastUpdatedAt: new Date(this.updatedAt).toISOString(),
      ttl: this.ttl,
      pollInterval,
    }
  }

  /** Its request was answered. Returns whether that was its end. */
  answered(exit: Exit.Exit<object, RequestRefused>, now: number): boolean {
    if (Exit.isSuccess(exit)) return this.end("completed", undefined, now, Exit.succeed(related(exit.value, this.id)))
    const refused = refusalOf(exit.cause)
    return this.end("failed", refused.message, now, Exit.fail(refused))
  }

  /** The server no longer wants it. Returns whether that was its end. */
  cancel(now: number): boolean {
    return this.end("cancelled", "The task was cancelled by request.", now, Exit.fail(cancelled))
  }

  private end(
    status: TaskStatus,
    message: string | undefined,
    now: number,
    result: Effect.Effect<object, RequestRefused>,
  ): boolean {
    if (this.isOver) return false
    this.status = status
    this.statusMessage = message
    this.updatedAt = now
    Deferred.doneUnsafe(this.result, result)
    return true
  }
}
