/** Why a task gave no result. Each reason says what became of it. */
import * as Data from "effect/Data"

/** The request that was made as a task failed. */
export class Failed extends Data.TaggedError("Failed")<{
  /** What the server says of it. */
  readonly detail: string | undefined
  /** The JSON-RPC error that the request would have been answered with, where the server gave one. */
  readonly code?: number
  readonly data?: unknown
}> {
  override get message(): string {
    return `it failed: ${this.detail ?? "the server does not say why"}`
  }
}

/** The server no longer knows the task, or should not by now: its ttl has passed. */
export class Expired extends Data.TaggedError("Expired")<{
  /** In milliseconds. */
  readonly ttl: number | undefined
  /** What the server answered; absent where it did not say so itself. */
  readonly detail?: string
}> {
  override get message(): string {
    const what = this.ttl === undefined ? "it has expired" : `it has expired, ${this.ttl} ms after it was made`
    return this.detail === undefined
      ? `${what}; ask for a longer "ttl" if it needs longer`
      : `${what}: the server no longer knows it (${this.detail})`
  }
}

/** The session that the task was made in has ended, and the next one does not have it. */
export class Lost extends Data.TaggedError("Lost")<{ readonly ending: string; readonly detail: string }> {
  override get message(): string {
    return `its session has ended (${this.ending}), and it is not to be had in another: ${this.detail}`
  }
}

/** It was cancelled, by the server or by somebody else who knows of it. */
export class Cancelled extends Data.TaggedError("Cancelled")<{ readonly detail: string | undefined }> {
  override get message(): string {
    return this.detail === undefined ? "it was cancelled" : `it was cancelled: ${this.detail}`
  }
}

export type TaskReason = Failed | Expired | Lost | Cancelled

/** The error of a task that gave no result; what its requests fail with is a `SessionError`. */
export class TaskError extends Data.TaggedError("TaskError")<{
  /** The server's name in the configuration. */
  readonly server: string
  readonly taskId: string
  readonly reason: TaskReason
}> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return `${this.server}: task ${JSON.stringify(this.taskId.slice(0, 100))}: ${this.reason.message}`
  }
}
