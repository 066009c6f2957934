/** X6: several programs, one process of a server; and each of them as if it were alone. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { sdkV1Tasks, sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { meeting, type Program } from "./programs.ts"

/** Two programs with the same server; the first is its owner. */
const two = (entry: object = sdkV2()) =>
  Effect.gen(function* () {
    const { start } = yield* meeting
    const owner = yield* start(entry, { name: "owner" })
    const other = yield* start(entry, { name: "other" })
    return { owner, other, both: [owner, other] }
  })

const pidOf = (program: Program) => Effect.map(program.call("process"), ({ pid }) => pid)

/** What the server has got of a notification. */
const received = (program: Program, method: string) =>
  Effect.map(program.call("recorded"), ({ received }) =>
    received.filter((message: { readonly method?: string }) => message.method === method),
  )

describe("two programs with a server that is shared", () => {
  it.live("have one process of it, whichever was first, and both see which", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const programs = yield* Effect.all([start(sdkV2()), start(sdkV2()), start(sdkV2())], { concurrency: 3 })
      const pids = yield* Effect.all(programs.map(pidOf), { concurrency: 3 })
      expect(new Set(pids).size).toBe(1)
      for (const program of programs) {
        expect((yield* program.does("servers"))[0]).toMatchObject({ status: { status: "connected" }, pid: pids[0] })
      }
      const [one, other] = programs
      expect(yield* one!.does("tools")).toBe(yield* other!.does("tools"))
      expect((yield* one!.call("recorded")).counts).toMatchObject({ initialize: 1, "notifications/initialized": 1 })
    }),
  )

  it.live("get their own answers, to calls with the same ids at the same time", () =>
    Effect.gen(function* () {
      const { both } = yield* two()
      const words = both.map((_, n) => Array.from({ length: 50 }, (_, index) => `${n}:${index}`))
      const answers = yield* Effect.all(
        both.map((program, n) =>
          Effect.forEach(words[n] ?? [], (message) => program.call("echo", { message }), { concurrency: "unbounded" }),
        ),
        { concurrency: 2 },
      )
      expect(answers).toEqual(words)
    }),
  )

  it.live("get the progress of their own calls alone", () =>
    Effect.gen(function* () {
      const { both } = yield* two()
      yield* Effect.all(
        both.map((program, n) => program.call("progress", { steps: n + 2 })),
        { concurrency: 2 },
      )
      const progress = both.map(({ said }) => said.filter(({ event }) => event === "mcp.progress").length)
      expect(progress).toEqual([2, 3])
    }),
  )

  it.live("cancel their own calls alone", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two()
      const calls = [owner, other].map((program) => program.begin("call", { tool: "hang" }))
      for (const program of [owner, other]) yield* program.first(({ event }) => event === "mcp.progress")
      other.cancel(calls[1]!)
      yield* Effect.flip(calls[1]!.result)
      expect((yield* received(owner, "notifications/cancelled")).length).toBe(1)
      expect(owner.said.some(({ id }) => id === calls[0]!.id)).toBe(false)
      owner.cancel(calls[0]!)
      yield* Effect.flip(calls[0]!.result)
      expect((yield* received(owner, "notifications/cancelled")).length).toBe(2)
    }),
  )

  it.live("are asked what belongs to their own call", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two()
      const params = {
        message: "Who?",
        requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      }
      for (const [program, name] of [
        [other, "other"],
        [owner, "owner"],
      ] as const) {
        const { result } = yield* program.call("ask", { method: "elicitation/create", params })
        expect(result).toMatchObject({ action: "accept", content: { name } })
      }
    }),
  )

  it.live("subscribe together: the server is asked once, and told of the end when nobody wants it", () =>
    Effect.gen(function* () {
      const { both, other, owner } = yield* two()
      const uri = "test://text"
      const updates = (program: Program) => program.said.filter(({ event }) => event === "mcp.resource.updated").length
      for (const program of both) yield* program.does("subscribe", uri)
      yield* owner.call("touch", { uri })
      for (const program of both) yield* program.first(({ event }) => event === "mcp.resource.updated")
      yield* owner.does("unsubscribe", uri)
      yield* owner.call("touch", { uri })
      yield* other.first(() => updates(other) === 2)
      expect(updates(owner)).toBe(1)
      const { counts } = yield* owner.call("recorded")
      expect(counts["resources/subscribe"]).toBe(1)
      expect(counts["resources/unsubscribe"]).toBe(undefined)
      yield* other.does("unsubscribe", uri)
      expect((yield* owner.call("recorded")).counts["resources/unsubscribe"]).toBe(1)
    }),
  )

  it.live("hear of the log what each of them wanted, and all of what the server offers anew", () =>
    Effect.gen(function* () {
      const { both, other, owner } = yield* two()
      yield* owner.does("setLevel", "error")
      yield* other.does("setLevel", "debug")
      const levels = (program: Program) =>
        program.said.filter(({ event }) => event === "mcp.log").map(({ data }) => data.level)
      yield* other.call("chatter", { level: "every" })
      yield* other.first(() => levels(other).length === 8)
      yield* owner.first(() => levels(owner).length === 4)
      expect(levels(owner)).toEqual(["error", "critical", "alert", "emergency"])
      yield* other.call("toggle")
      for (const program of both) yield* program.first(({ event }) => event === "mcp.tools.changed")
    }),
  )

  it.live("do not see each other's tasks", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two(sdkV1Tasks())
      const call = owner.begin("call", { tool: "gated", arguments: { text: "mine" } })
      const { data } = yield* owner.first(({ event }) => event === "mcp.task.status")
      expect(yield* owner.does("tasks")).toMatchObject([{ taskId: data.task.taskId }])
      expect(yield* other.does("tasks")).toEqual([])
      for (const action of ["taskResult", "cancelTask"]) {
        expect(yield* Effect.flip(other.does(action, data.task.taskId))).toContain("names no task of this client")
      }
      yield* other.call("release")
      expect(JSON.stringify(yield* call.result)).toContain("mine")
    }),
  )
})
