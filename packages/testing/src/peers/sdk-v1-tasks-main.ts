/** A server on `@modelcontextprotocol/sdk` (v1) with its experimental tasks: `sdk-v1-tasks-main.ts stdio|http <poll interval>`. */
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import * as types from "@modelcontextprotocol/sdk/types.js"
import { capabilities, handlers, instructions } from "./features.ts"
import { type Call, members, structured } from "./features/feature.ts"
import { type Job, sleep, type TaskFeature, taskFeatures, taskTools } from "./features/tasks.ts"
import { bind, callOf, error, type Extra, listeners, received, run, sessions } from "./sdk-v1-host.ts"

const [mode, pollInterval] = process.argv.slice(2)

/** The SDK's store, which says when a task was cancelled. */
class Store extends InMemoryTaskStore {
  readonly running = new Map<string, AbortController>()

  override async updateTaskStatus(taskId: string, status: types.Task["status"], message?: string, session?: string) {
    await super.updateTaskStatus(taskId, status, message, session)
    if (status === "cancelled") this.running.get(taskId)?.abort()
  }
}

const taskStore = new Store()
const taskMessageQueue = new InMemoryTaskMessageQueue()

/** Starts a task, and answers with it while it runs. */
const start = async (server: Server, feature: TaskFeature, call: Call, extra: Extra) => {
  const { taskStore: store } = extra
  if (store === undefined) throw error(types.ErrorCode.InternalError, "The server has no tasks")
  const args = members(call.params.arguments)
  const ttl = feature.ttl?.(args) ?? extra.taskRequestedTtl
  const task = await store.createTask({ pollInterval: Number(pollInterval), ...(ttl === undefined ? {} : { ttl }) })
  const { taskId } = task
  const cancelled = new AbortController()
  taskStore.running.set(taskId, cancelled)
  const job: Job = {
    taskId,
    signal: cancelled.signal,
    status: (status, message) => store.updateTaskStatus(taskId, status, message),
    // Not by way of the call, which has been answered: its stream is closed.
    progress: async (progress, total) => {
      const { progressToken } = call
      if (progressToken === undefined) return
      await listeners.of(extra.sessionId)
      const _meta = { [types.RELATED_TASK_META_KEY]: { taskId } }
      await server.notification({ method: "notifications/progress", params: { progressToken, progress, total, _meta } })
    },
    ask: async (method, params) => {
      await store.updateTaskStatus(taskId, "input_required")
      const request = { method, params } as types.ServerRequest
      return server.request(request, types.ResultSchema, { relatedTask: { taskId }, signal: cancelled.signal })
    },
  }
  const work = feature.run(args, job).then(
    (result) => store.storeTaskResult(taskId, result.isError === true ? "failed" : "completed", result),
    (cause: unknown) =>
      store.updateTaskStatus(taskId, "failed", cause instanceof Error ? cause.message : String(cause)),
  )
  // A task that was cancelled or has expired takes no result.
  void work.catch(() => undefined).finally(() => taskStore.running.delete(taskId))
  return { task }
}

/** Closes the streams on which clients wait for results, once there is one; a client may resume them. */
const drop = async () => {
  const waits = () => received.map(members).filter(({ method }) => method === "tasks/result")
  while (waits().length === 0) await sleep(5)
  for (const transport of sessions.values()) {
    for (const { id } of waits()) if (typeof id === "number" || typeof id === "string") transport.closeSSEStream(id)
  }
  return structured({ waits: waits().length })
}

await run(mode, () => {
  const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } }
  const server = new Server(
    { name: "sdk-v1-tasks", version: "1.0.0" },
    { capabilities: { ...capabilities, tasks }, instructions, taskStore, taskMessageQueue },
  )
  const dropped = {
    description: "Closes the streams that wait for tasks/result (HTTP)",
    inputSchema: { type: "object" },
  }
  const byMethod = handlers({ received, error, tools: { ...taskFeatures(error), drop: [dropped, drop] } })
  bind(server, byMethod)
  server.setRequestHandler(types.CallToolRequestSchema, (request, extra) => {
    const call = callOf(server, request, extra)
    const feature = taskTools[request.params.name]
    if (request.params.task === undefined) return byMethod["tools/call"]?.(call) ?? {}
    if (feature === undefined) throw error(-32601, `Tool ${request.params.name} never runs as a task`)
    return start(server, feature, call, extra)
  })
  return server
})
