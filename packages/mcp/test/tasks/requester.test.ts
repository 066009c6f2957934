import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import type { LocalPeer, PeerError, RemotePeer } from "@opencode-ai/testing/peers/launch"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV1Tasks, sdkV1TasksHttp } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { ElicitationRequest } from "../../src/capability/elicitation.ts"
import type { Event } from "../../src/events.ts"
import { Elicitation, Mcp } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { observe } from "../support/service.ts"

const asked: Array<ElicitationRequest> = []
const elicitation = Layer.succeed(Elicitation)({
  modes: ["form"],
  elicit: (request) =>
    Effect.sync(() => {
      asked.push(request)
      return { action: "accept", content: { name: "Ada" } } as const
    }),
})
const it = testEffect(testMcp().pipe(Layer.provide(elicitation)))

interface Target {
  readonly name: string
  readonly entry: Effect.Effect<LocalPeer | RemotePeer, PeerError, Scope.Scope>
}

const targets: ReadonlyArray<Target> = [
  { name: "stdio", entry: Effect.succeed(sdkV1Tasks({ pollInterval: 100 })) },
  { name: "Streamable HTTP", entry: sdkV1TasksHttp({ pollInterval: 100 }) },
]

/** The service with the peer in it, as `a`, and everything that it tells. */
const begin = ({ entry }: Target) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const told = yield* observe(mcp)
    yield* mcp.add(config("a", yield* entry))
    const recordings = yield* Recordings
    const sent = (method: string) => recordings.wire("a").messages("sent", method)
    return { mcp, told, sent, wire: recordings.wire("a") }
  })

const isStatus = (status: string) => (event: Event) =>
  event.type === "mcp.task.status" && Object(event.data.task).status === status

targets.forEach((target) =>
  describe(`a tool as a task, ${target.name}`, () => {
    it.live("becomes one by itself where it has to, and gives its result", () =>
      Effect.gen(function* () {
        const { mcp, sent, told } = yield* begin(target)
        const result = yield* mcp.callTool("a", "slow", { ms: 400, steps: 2, text: "well" }, { request: 7 })
        expect(result).toMatchObject({ content: [{ type: "text", text: "well" }], structuredContent: { steps: 2 } })
        expect(result._meta).toMatchObject({ "io.modelcontextprotocol/related-task": {} })
        expect(sent("tools/call")).toMatchObject([{ params: { name: "slow", task: {} } }])
        expect(sent("tasks/get").length).toBeGreaterThan(0)
        expect(sent("tasks/result").length).toBe(1)
        expect(sent("notifications/cancelled")).toEqual([])
        const states = told.of("mcp.task.status")
        expect(states[0]).toMatchObject({ server: "a", request: 7, task: { status: "working" } })
        expect(states.at(-1)).toMatchObject({ request: 7, task: { status: "completed" } })
        expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(states.length)
        expect(told.of("mcp.progress")).toMatchObject([
          { request: 7, progress: 1, total: 2 },
          { request: 7, progress: 2, total: 2 },
        ])
      }),
    )

    it.live("is one where that is asked for, and a plain call else", () =>
      Effect.gen(function* () {
        const { mcp, sent } = yield* begin(target)
        const plain = yield* mcp.callTool("a", "either", { text: "x" })
        expect(plain.structuredContent).toEqual({ text: "x", ran: "call" })
        const task = yield* mcp.callTool("a", "either", { text: "x" }, { task: { ttl: 60_000 } })
        expect(task.structuredContent).toEqual({ text: "x", ran: "task" })
        expect(sent("tools/call").map(({ params }) => params?.task)).toEqual([undefined, { ttl: 60_000 }])
      }),
    )

    it.live("is refused where the tool is never one, and nothing is sent", () =>
      Effect.gen(function* () {
        const { mcp, sent } = yield* begin(target)
        for (const tool of ["plain", "echo"]) {
          const error = yield* failure(mcp.callTool("a", tool, {}, { task: true }))
          expect(error).toMatchObject({ _tag: "McpError", reason: { _tag: "TaskUnsupported", server: "a", tool } })
        }
        expect(sent("tools/call")).toEqual([])
      }),
    )

    it.live("fails with what the server says of it", () =>
      Effect.gen(function* () {
        const { mcp } = yield* begin(target)
        const error = yield* failure(mcp.callTool("a", "failing"))
        expect(error).toMatchObject({ _tag: "TaskError", server: "a", reason: { _tag: "Failed", detail: "it broke" } })
        expect(error.message).toContain("it broke")
      }),
    )

    it.live("gives a result that is an error as any call does", () =>
      Effect.gen(function* () {
        const { mcp } = yield* begin(target)
        const result = yield* mcp.callTool("a", "failingResult")
        expect(result).toMatchObject({ isError: true, content: [{ text: "it failed" }] })
      }),
    )

    it.live("is cancelled as a task when its caller is interrupted, and the caller does not wait", () =>
      Effect.gen(function* () {
        const { mcp, sent, told } = yield* begin(target)
        const fiber = yield* start(mcp.callTool("a", "hangs", {}, { request: "mine" }))
        const made = yield* told.first(isStatus("working"))
        yield* Fiber.interrupt(fiber)
        const ended = yield* told.first(isStatus("cancelled"))
        expect(ended.data).toMatchObject({ request: "mine" })
        const { taskId } = Object(Object(made.data).task)
        expect(sent("tasks/cancel")).toMatchObject([{ params: { taskId } }])
        expect(sent("notifications/cancelled")).toEqual([])
        expect(yield* mcp.task("a", taskId)).toMatchObject({ taskId, status: "cancelled" })
      }),
    )

    it.live("asks for input by way of its result, and is told whose task that is for", () =>
      Effect.gen(function* () {
        const { mcp, sent, wire } = yield* begin(target)
        const before = asked.length
        // Another call under way, which the question is not for.
        const other = yield* start(mcp.callTool("a", "hang", {}, { request: "other" }))
        const result = yield* mcp.callTool("a", "asks", {}, { request: "mine" })
        expect(result.structuredContent).toMatchObject({ action: "accept", content: { name: "Ada" } })
        expect(asked.slice(before)).toMatchObject([{ server: "a", request: "mine" }])
        const [answer] = wire.messages("sent").filter(({ result: sent }) => Object(sent).action === "accept")
        const [question] = wire.messages("received", "elicitation/create")
        expect(Object(answer?.result)._meta).toEqual(question?.params?._meta)
        expect(sent("tasks/result").length).toBe(1)
        yield* Fiber.interrupt(other)
      }),
    )

    it.live("that expires fails and says so", () =>
      Effect.gen(function* () {
        const { mcp } = yield* begin(target)
        const error = yield* failure(mcp.callTool("a", "expires", { ttl: 300 }))
        expect(error).toMatchObject({ _tag: "TaskError", reason: { _tag: "Expired", ttl: 300 } })
      }),
    )

    it.live("is listed, looked at, waited for and cancelled by its id", () =>
      Effect.gen(function* () {
        const { mcp, sent, told } = yield* begin(target)
        const call = () => start(mcp.callTool("a", "gated", { text: "free" }, { request: "gated" }))
        const fibers = yield* Effect.forEach(Array.from({ length: 12 }), call)
        yield* told.first(() => told.of("mcp.task.status").length === 12)
        const tasks = yield* mcp.tasks("a")
        expect(tasks.length).toBe(12)
        expect(sent("tasks/list").length).toBe(2)
        const [first, second] = tasks
        if (first === undefined || second === undefined) return
        expect(yield* mcp.task("a", first.taskId)).toMatchObject({ taskId: first.taskId, status: "working" })
        expect(yield* mcp.cancelTask("a", first.taskId)).toMatchObject({ status: "cancelled" })
        const waiting = yield* start(mcp.taskResult("a", second.taskId))
        yield* mcp.callTool("a", "release")
        expect(yield* Fiber.join(waiting)).toMatchObject({ content: [{ text: "free" }] })
        const exits = yield* Effect.forEach(fibers, (fiber) => Effect.exit(Fiber.join(fiber)))
        expect(exits.filter(({ _tag }) => _tag === "Success").length).toBe(11)
        const [cancelled] = exits.flatMap((exit) => (exit._tag === "Failure" ? [JSON.stringify(exit.cause)] : []))
        expect(cancelled).toContain("Cancelled")
        const unknown = yield* failure(mcp.taskResult("a", "no such task"))
        expect(unknown).toMatchObject({ _tag: "SessionError", reason: { _tag: "Protocol", code: -32602 } })
        expect(yield* mcp.taskResult("a", second.taskId)).toMatchObject({ content: [{ text: "free" }] })
      }),
    )
  }),
)

describe("server-everything", () => {
  it.live("researches as a task, stage by stage", () =>
    Effect.gen(function* () {
      const { mcp, sent, told } = yield* begin({ name: "everything", entry: Effect.succeed(everything) })
      const result = yield* mcp.callTool("a", "simulate-research-query", { topic: "tea" }, { request: 5 })
      expect(JSON.stringify(result.content)).toContain("Research Report: tea")
      expect(sent("tools/call")).toMatchObject([{ params: { task: {} } }])
      const stages = told.of("mcp.task.status").map((data) => Object(Object(data).task).status)
      expect(stages.length).toBeGreaterThan(2)
      expect(stages.at(-1)).toBe("completed")
      expect(told.of("mcp.task.status").every((data) => Object(data).request === 5)).toBe(true)
    }),
  )
})
