/**
 * Whose tasks are whose, where several clients share a session: those that the server has for them, and those that they
 * have for the server. To each client the tasks of the others are not there.
 */
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Task } from "../protocol/model.ts"

/** The tasks of one side that are remembered; of more the oldest is forgotten, and nobody gets at it any more. */
const remembered = 10_000

/** States of tasks that are not over. */
const open: ReadonlySet<string> = new Set(["working", "input_required"])

interface Owned<Client> {
  readonly client: Client
  /** Called when the task is over. */
  over: (() => void) | undefined
}

export interface Tasks<Client> {
  /** The client that a task of the server's is for. */
  readonly ownerOf: (taskId: unknown) => Client | undefined
  /** The client that has a task for the server. */
  readonly holderOf: (taskId: unknown) => Client | undefined
  /** The server has made a task for a client. */
  readonly made: (client: Client, taskId: string, over: () => void) => void
  /** A client has made a task for the server. */
  readonly took: (client: Client, taskId: string) => void
  /** The state of a task of the server's was heard. */
  readonly heard: (task: Pick<Task, "taskId" | "status">) => void
  /** What a client may see of a result: of the list of tasks, its own. */
  readonly visible: (client: Client, method: string, result: unknown) => unknown
  /** A client has gone; gives the tasks that go on for it. */
  readonly leave: (client: Client) => ReadonlyArray<string>
}

const remember = <Value>(map: Map<string, Value>, key: string, value: Value) => {
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > remembered && oldest !== undefined) map.delete(oldest)
}

export const make = <Client>(): Tasks<Client> => {
  const theirs = new Map<string, Owned<Client>>()
  const ours = new Map<string, Client>()
  const ownerOf = (taskId: unknown) => (typeof taskId === "string" ? theirs.get(taskId)?.client : undefined)
  const end = (one: Owned<Client>) => {
    one.over?.()
    one.over = undefined
  }
  return {
    ownerOf,
    holderOf: (taskId) => (typeof taskId === "string" ? ours.get(taskId) : undefined),
    made: (client, taskId, over) => remember(theirs, taskId, { client, over }),
    took: (client, taskId) => remember(ours, taskId, client),
    heard: ({ status, taskId }) => {
      const one = theirs.get(taskId)
      if (one !== undefined && !open.has(status)) end(one)
    },
    visible: (client, method, result) => {
      if (method !== Method.listTasks.method || !isObject(result) || !Array.isArray(result.tasks)) return result
      const tasks: ReadonlyArray<unknown> = result.tasks
      return { ...result, tasks: tasks.filter((task) => isObject(task) && ownerOf(task.taskId) === client) }
    },
    leave: (client) => {
      for (const [taskId, holder] of ours) if (holder === client) ours.delete(taskId)
      // They stay its own: nobody else is to find them.
      const mine = [...theirs].filter(([, one]) => one.client === client && one.over !== undefined)
      for (const [, one] of mine) end(one)
      return mine.map(([taskId]) => taskId)
    },
  }
}
