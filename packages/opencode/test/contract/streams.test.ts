/** Each of the nine notifications of the protocol: from a server's process to an event of the shell. */
import { it } from "@opencode-ai/testing/effect"
import { sdkV1, sdkV1Http, sdkV1Tasks, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { startShell } from "../shell/client.ts"

const call = (id: string, tool: string, args: object = {}) => ({ id, op: "call", server: "a", tool, args })
const notify = (method: string, params?: object) =>
  call(method, "notify", { method: `notifications/${method}`, ...(params === undefined ? {} : { params }) })

const task = {
  taskId: "t",
  status: "working",
  createdAt: "2026-01-01T00:00:00Z",
  lastUpdatedAt: "2026-01-01T00:00:00Z",
  ttl: null,
}

/** What is typed, and what is told then. */
const notifications = [
  { name: "tools/list_changed", ask: [call("1", "toggle")], event: "mcp.tools.changed", data: {} },
  { name: "prompts/list_changed", ask: [notify("prompts/list_changed")], event: "mcp.prompts.changed", data: {} },
  { name: "resources/list_changed", ask: [notify("resources/list_changed")], event: "mcp.resources.changed", data: {} },
  {
    name: "resources/updated",
    ask: [{ id: "s", op: "subscribe", server: "a", uri: "test://text" }, call("2", "touch", { uri: "test://text" })],
    event: "mcp.resource.updated",
    data: { uri: "test://text" },
  },
  {
    name: "message",
    ask: [call("3", "chatter", { level: "alert", logger: "db" })],
    event: "mcp.log",
    data: { level: "alert", logger: "db", data: { message: "message 1", at: 1 } },
  },
  {
    name: "progress",
    ask: [call("4", "progress", { steps: 1 })],
    event: "mcp.progress",
    data: { request: "4", progress: 1, total: 1, message: "step 1" },
  },
  {
    name: "cancelled",
    ask: [notify("cancelled", { requestId: "none", reason: "why" })],
    event: "mcp.cancelled",
    data: { requestId: "none", reason: "why" },
  },
  { name: "tasks/status", ask: [notify("tasks/status", task)], event: "mcp.task.status", data: { task } },
]

const peers = [
  { name: "SDK v1 over stdio", entry: Effect.succeed(sdkV1()) },
  { name: "SDK v2 over stdio", entry: Effect.succeed(sdkV2()) },
  { name: "SDK v1 over HTTP", entry: sdkV1Http() },
  { name: "SDK v2 over HTTP", entry: sdkV2Http() },
]

describe("each notification of a server is an event of the shell", () => {
  it.live.each(peers)(
    "$name",
    ({ entry }) =>
      Effect.gen(function* () {
        const shell = yield* startShell({ servers: { a: yield* entry } })
        for (const { ask, data, event } of notifications) {
          for (const command of ask) expect(yield* shell.ask(command)).toMatchObject({ ok: true })
          expect((yield* shell.event(event, "a")).data).toEqual({ server: "a", ...data })
        }
        // A visit is told to be over where it was asked for.
        shell.send(call("visit", "elicitUrl", { elicitationId: "e", after: 1 }))
        const { requestID } = (yield* shell.event("mcp.elicitation.requested", "a")).data
        yield* shell.ask({ id: "yes", op: "elicitation.reply", requestID, action: "accept" })
        const { data } = yield* shell.event("mcp.elicitation.completed", "a")
        expect(data).toEqual({ server: "a", elicitationId: "e" })
        shell.end()
        expect(yield* shell.exit).toBe(0)
        expect(shell.processes()).toEqual([])
      }),
    30_000,
  )

  it.live("a real task tells its states, with the id of the command that made it", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { a: sdkV1Tasks({ pollInterval: 20 }) } })
      const reply = yield* shell.ask(call("slowly", "slow", { ms: 60, steps: 2 }))
      expect(reply.result.structuredContent).toEqual({ text: "done", steps: 2 })
      const told = shell.said.filter(({ event }) => event === "mcp.task.status").map(({ data }) => data)
      expect(new Set(told.map(({ request }) => request))).toEqual(new Set(["slowly"]))
      expect(told[0].task.status).toBe("working")
      expect(told.at(-1).task.status).toBe("completed")
    }),
  )
})
