/** A server in this process with one tool, which is always a task, and always the task `t1`. */
import * as Effect from "effect/Effect"
import type { CallToolResult } from "../../src/protocol/model.ts"
import type { Handler } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

export const all = { list: {}, cancel: {}, requests: { tools: { call: {} } } }
/** The tool that is called. */
export const work = { name: "work", inputSchema: { type: "object" }, execution: { taskSupport: "required" } }
export const done: CallToolResult = { content: [{ type: "text", text: "done" }] }

/** A state of the task `t1`. */
export const state = (status: string, more: object = {}) => ({
  taskId: "t1",
  status,
  createdAt: "2026-01-01T00:00:00Z",
  lastUpdatedAt: "2026-01-01T00:00:00Z",
  ttl: 600_000,
  pollInterval: 1_000,
  ...more,
})
export const created = (more: object = {}) => ({ result: { task: state("working", more) } })
export const refused = (code: number, message: string, data?: unknown) => ({
  error: { code, message, ...(data === undefined ? {} : { data }) },
})
export const statusOf = (task: object) => ({ jsonrpc: "2.0", method: "notifications/tasks/status", params: task })

/** A server with one task, in this process; what its script says, and otherwise a task that works for ever. */
export const begin = (on: { readonly [method: string]: Handler } = {}, tasks: object | null = all, more: object = {}) =>
  Effect.gen(function* () {
    const made = yield* service
    const told = yield* observe(made.mcp)
    yield* made.add("a", {
      capabilities: { tools: {}, ...(tasks === null ? {} : { tasks }) },
      tools: [work],
      on: {
        "tools/call": () => created(),
        "tasks/get": () => ({ result: state("working") }),
        "tasks/cancel": () => ({ result: state("cancelled") }),
        ...on,
      },
      ...more,
    })
    const sent = (method: string) => made.wire("a").messages("sent", method)
    const call = (options: object = {}) => made.mcp.callTool("a", "work", {}, { request: 1, ...options })
    return { ...made, told, sent, call, send: (message: unknown) => made.client("a").send(message) }
  })
