/** The operations of the shell that use what a server offers beside tools: each on a real server, and where there is none. */
import { it } from "@opencode-ai/testing/effect"
import { everything, filesystem } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV1Tasks, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { realpathSync } from "node:fs"
import * as Effect from "effect/Effect"
import { json, world } from "../cli/program.ts"
import { startShell } from "./client.ts"

const peers = [
  { name: "SDK v1", entry: Effect.succeed(sdkV1()) },
  { name: "SDK v2 over HTTP", entry: sdkV2Http() },
]

const uri = "test://text"
const call = (id: unknown, tool: string, args: object = {}, more: object = {}) => ({
  ...{ id, op: "call", server: "s", tool, args },
  ...more,
})

describe("a shell", () => {
  it.live.each(peers)("subscribes, completes and sets the level of logs", ({ entry }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: yield* entry } })
      expect((yield* shell.ask({ id: 1, op: "subscribe", server: "s", uri })).result).toBe(true)
      yield* shell.ask(call(2, "touch", { uri }))
      expect((yield* shell.event("mcp.resource.updated", "s")).data).toEqual({ server: "s", uri })
      expect((yield* shell.ask({ id: 3, op: "unsubscribe", server: "s", uri })).result).toBe(true)
      expect((yield* shell.ask(call(4, "touch", { uri }))).result.structuredContent).toEqual({ told: false })

      const complete = (id: number, ref: object, argument: object, more: object = {}) =>
        Effect.map(
          shell.ask({ id, op: "complete", server: "s", ref, argument, ...more }),
          ({ result }) => result.values,
        )
      const trip = { type: "ref/prompt", name: "trip" }
      const context = { arguments: { country: "Germany" } }
      expect(yield* complete(5, { type: "ref/prompt", name: "greet" }, { name: "name", value: "Pa" })).toContain(
        "Paris",
      )
      const cities = yield* complete(6, trip, { name: "city", value: "" }, { context })
      expect(cities).toContain("Berlin")
      expect(cities).not.toContain("Paris")

      expect((yield* shell.ask({ id: 7, op: "setLevel", server: "s", level: "error" })).result).toBe(true)
      expect((yield* shell.ask(call(8, "level"))).result.structuredContent).toEqual({ level: "error" })
      yield* shell.ask(call(9, "chatter", { level: "every" }))
      yield* shell.event("mcp.log", "s", ({ level }) => level === "emergency")
      const heard = shell.said.flatMap(({ data, event }) => (event === "mcp.log" ? [data.level] : []))
      expect(heard).toEqual(["error", "critical", "alert", "emergency"])
    }),
  )

  it.live("calls tools as tasks, on request and by themselves; lists, reads and cancels them", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1Tasks({ pollInterval: 20 }) } })
      const ran = yield* shell.ask(call(1, "either", { text: "x" }, { task: true }))
      expect(ran.result.structuredContent.ran).toBe("task")
      expect((yield* shell.ask(call(2, "either", { text: "x" }))).result.structuredContent.ran).toBe("call")
      expect((yield* shell.ask(call(3, "either", { text: "x" }, { task: { ttl: 60_000 } }))).ok).toBe(true)
      expect((yield* shell.ask(call(4, "plain", { text: "x" }, { task: true }))).error?.tag).toBe("BadRequest")

      shell.send(call("gate", "gated", { text: "open" }))
      const told = yield* shell.event("mcp.task.status", "s", ({ request }) => request === "gate")
      const { taskId } = told.data.task
      const tasks = (yield* shell.ask({ id: 5, op: "tasks", server: "s" })).result
      expect(tasks.map((task: { taskId: string }) => task.taskId)).toContain(taskId)
      const task = (yield* shell.ask({ id: 6, op: "task.get", server: "s", taskId })).result
      expect(task).toMatchObject({ taskId, status: "working" })
      yield* shell.ask(call(7, "release"))
      const result = (yield* shell.reply("gate")).result
      expect((yield* shell.ask({ id: 8, op: "task.result", server: "s", taskId })).result.content).toEqual(
        result.content,
      )

      shell.send(call("stuck", "hangs"))
      const stuck = yield* shell.event("mcp.task.status", "s", ({ request }) => request === "stuck")
      const id = stuck.data.task.taskId
      const cancelled = yield* shell.ask({ id: 9, op: "task.cancel", server: "s", taskId: id })
      expect(cancelled.result).toMatchObject({ taskId: id, status: "cancelled" })
      expect((yield* shell.reply("stuck")).ok).toBe(false)

      shell.send(call("left", "hangs"))
      const left = yield* shell.event("mcp.task.status", "s", ({ request }) => request === "left")
      expect((yield* shell.ask({ id: 10, op: "cancel", target: "left" })).result).toBe(true)
      expect((yield* shell.reply("left")).error?.tag).toBe("Cancelled")
      yield* shell.event(
        "mcp.task.status",
        "s",
        ({ task }) => task.taskId === left.data.task.taskId && task.status === "cancelled",
      )
      const nobody = yield* shell.ask({ id: 11, op: "task.get", server: "s", taskId: "nobody" })
      expect(nobody.error?.tag).toBe("Protocol")
    }),
  )

  it.live("refuses what a server did not declare, and sends nothing", () =>
    Effect.gen(function* () {
      const directory = realpathSync(yield* temporaryDirectory)
      const shell = yield* startShell({ servers: { s: filesystem(directory) } })
      const ref = { type: "ref/prompt", name: "p" }
      const asked = [
        { op: "subscribe", uri },
        { op: "unsubscribe", uri },
        { op: "complete", ref, argument: { name: "a", value: "" } },
        { op: "setLevel", level: "info" },
        { op: "tasks" },
        { op: "task.get", taskId: "t" },
        { op: "task.result", taskId: "t" },
        { op: "task.cancel", taskId: "t" },
        { op: "call", tool: "list_allowed_directories", task: true },
      ]
      for (const each of asked) {
        const { error } = yield* shell.ask({ id: each.op, server: "s", ...each })
        expect([each.op, error?.tag]).toEqual([each.op, "BadRequest"])
      }
    }),
  )

  it.live("adds servers with the timeouts of the configuration's section", () =>
    Effect.gen(function* () {
      const text = JSON.stringify({ mcp: { timeout: { execution: 200 }, servers: {} } })
      const shell = yield* startShell({ text })
      yield* shell.ask({ id: 1, op: "add", name: "s", config: rawStdio({ on: { "tools/call": [] } }) })
      expect((yield* shell.ask(call(2, "echo"))).error?.tag).toBe("Timeout")
    }),
  )

  it.live("and list declare the same, so a server offers the same tools to both", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: everything } })
      const tools = (yield* shell.ask({ id: 1, op: "tools", server: "s" })).result
      const names = tools.map((tool: { name: string }) => tool.name)
      const { mcp } = yield* world
      const listed = json(yield* mcp({ s: everything }, ["tools", "s", "--json"]))
      expect(listed.map((tool: { name: string }) => tool.name)).toEqual(names)
      expect(names).toContain("trigger-elicitation-request")
      expect(names).toContain("trigger-sampling-request")
      expect(names).toContain("get-roots-list")
    }),
  )
})
