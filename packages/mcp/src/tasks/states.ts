/**
 * What is known of the tasks of one server, however it was heard: from answers, polls and notifications.
 *
 * Each change of a state is told once, with what the host calls the request that the task is of. A state that comes late
 * changes nothing, and nothing follows an end (2025-11-25, Tasks, Task Status Lifecycle). Asking is not done here.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Task } from "../protocol/model.ts"

/** States of tasks that nobody knows, kept while one is being made: a notification may come before its answer. */
const heldLimit = 100

/** One task that somebody follows. */
export interface Known {
  readonly taskId: string
  /** The last state; `undefined` where none was heard yet. */
  readonly task: () => Task | undefined
  readonly heard: (task: Task) => void
  /** Waits until the state is another than this. */
  readonly changed: (task: Task | undefined) => Effect.Effect<void>
  readonly end: () => void
}

/** The tasks of one server. */
export interface States {
  /** A state was heard of any task. */
  readonly heard: (task: Task) => void
  /** The same of a task that was asked about: that is no news where nobody follows it. */
  readonly noted: (task: Task) => void
  /** A task is being made, until what it returns is called: after `follow`, where it was. */
  readonly making: () => () => void
  /** Somebody follows a task. */
  readonly follow: (taskId: string, request?: unknown) => Known
}

const ends: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"])

/** Whether a task is over. */
export const hasEnded = (task: Task | undefined): boolean => task !== undefined && ends.has(task.status)

const isSame = (one: Task | undefined, other: Task | undefined): boolean =>
  one?.status === other?.status && one?.statusMessage === other?.statusMessage

const isOlder = (one: Task, other: Task): boolean => Date.parse(one.lastUpdatedAt) < Date.parse(other.lastUpdatedAt)

/** One task, for all who follow it. */
class Entry {
  readonly request: unknown
  private readonly tell: (task: Task, request: unknown) => void
  task: Task | undefined
  change = Deferred.makeUnsafe<void>()
  followers = 0

  constructor(request: unknown, tell: (task: Task, request: unknown) => void) {
    this.request = request
    this.tell = tell
  }

  heard(task: Task): void {
    const before = this.task
    if (hasEnded(before)) return
    if (before !== undefined && !hasEnded(task) && isOlder(task, before)) return
    this.task = task
    if (isSame(task, before)) return
    const { change } = this
    this.change = Deferred.makeUnsafe<void>()
    this.tell(task, this.request)
    Deferred.doneUnsafe(change, Effect.void)
  }
}

/** Nothing is known yet. `tell` is called with each change, and what the host calls the request. */
export const make = (tell: (task: Task, request: unknown) => void): States => {
  const entries = new Map<string, Entry>()
  let making = 0
  const held: Array<Task> = []

  const heard = (task: Task) => {
    const entry = entries.get(task.taskId)
    if (entry !== undefined) entry.heard(task)
    else if (making > 0 && held.length < heldLimit) held.push(task)
    else tell(task, undefined)
  }
  /** Takes what is held, and hears it again. */
  const release = () => held.splice(0).forEach(heard)

  return {
    heard,
    noted: (task) => entries.get(task.taskId)?.heard(task),
    making: () => {
      making += 1
      return () => {
        making -= 1
        release()
      }
    },
    follow: (taskId, request) => {
      const entry = entries.get(taskId) ?? new Entry(request, tell)
      entries.set(taskId, entry)
      entry.followers += 1
      return {
        taskId,
        task: () => entry.task,
        heard: (task) => entry.heard(task),
        changed: (task) =>
          Effect.suspend(() => (isSame(entry.task, task) ? Deferred.await(entry.change) : Effect.void)),
        end: () => {
          entry.followers -= 1
          if (entry.followers === 0) entries.delete(taskId)
        },
      }
    },
  }
}
