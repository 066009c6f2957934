import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { failure, start } from "../support/scripted.ts"
import { all, begin, created, done, refused, state } from "./one-task.ts"

describe("a task that nobody waits for any more", () => {
  it.effect("is cancelled, and no request is", () =>
    Effect.gen(function* () {
      const { call, sent, told } = yield* begin({
        "tasks/get": () => ({ result: state("input_required") }),
        "tasks/result": () => "silence",
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(2_000)
      expect(sent("tasks/result").length).toBe(1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("10 minutes")
      expect(sent("tasks/cancel")).toMatchObject([{ params: { taskId: "t1" } }])
      expect(sent("notifications/cancelled")).toEqual([])
      expect(told.of("mcp.task.status").at(-1)).toMatchObject({ request: 1, task: { status: "cancelled" } })
    }),
  )

  it.effect("may have ended meanwhile: that the server refuses then harms nobody", () =>
    Effect.gen(function* () {
      const { call, mcp, sent } = yield* begin({
        "tasks/cancel": () => refused(-32602, "Cannot cancel task: already in terminal status 'completed'"),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(1_500)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(0)
      expect(sent("tasks/cancel").length).toBe(1)
      expect(yield* mcp.ping("a")).toBeGreaterThanOrEqual(0)
    }),
  )

  it.effect("is let go where the server cannot cancel, and the wait for its result is cancelled", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin(
        { "tasks/get": () => ({ result: state("input_required") }), "tasks/result": () => "silence" },
        { requests: all.requests },
      )
      const fiber = yield* start(call())
      yield* TestClock.adjust(1_500)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(0)
      const [wait] = sent("tasks/result")
      expect(sent("tasks/cancel")).toEqual([])
      expect(sent("notifications/cancelled")).toMatchObject([{ params: { requestId: wait?.id } }])
    }),
  )

  it.effect("before it was made is cancelled once it is: the caller waits for nothing", () =>
    Effect.gen(function* () {
      let id: unknown
      const { call, send, sent } = yield* begin({
        "tools/call": (message) => {
          id = message.id
          return "silence"
        },
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(60_000)
      expect(sent("tasks/cancel")).toEqual([])
      send({ jsonrpc: "2.0", id, ...created() })
      yield* TestClock.adjust(0)
      expect(sent("tasks/cancel")).toMatchObject([{ params: { taskId: "t1" } }])
      expect(sent("notifications/cancelled")).toEqual([])
    }),
  )

  it.effect("that is made too late is cancelled, too", () =>
    Effect.gen(function* () {
      let id: unknown
      const { call, send, sent } = yield* begin({
        "tools/call": (message) => {
          id = message.id
          return "silence"
        },
      })
      const fiber = yield* start(failure(call({ timeout: 1_000 })))
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ method: "tools/call", reason: { _tag: "Timeout" } })
      send({ jsonrpc: "2.0", id, ...created() })
      yield* TestClock.adjust(0)
      expect(sent("tasks/cancel")).toMatchObject([{ params: { taskId: "t1" } }])
      expect(sent("notifications/cancelled")).toEqual([])
    }),
  )

  it.effect("and is never made is waited for five minutes, no more", () =>
    Effect.gen(function* () {
      let id: unknown
      const { call, send, sent } = yield* begin({
        "tools/call": (message) => {
          id = message.id
          return "silence"
        },
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("5 minutes")
      send({ jsonrpc: "2.0", id, ...created() })
      yield* TestClock.adjust(0)
      expect(sent("tasks/cancel")).toEqual([])
      expect(sent("notifications/cancelled")).toEqual([])
    }),
  )

  it.effect("ends the call of whoever waits when somebody else cancels it", () =>
    Effect.gen(function* () {
      const { call, mcp } = yield* begin()
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(500)
      yield* mcp.cancelTask("a", "t1")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TaskError", reason: { _tag: "Cancelled" } })
    }),
  )
})

describe("a server", () => {
  it.effect("that does not declare tasks gets none, whatever its tools say", () =>
    Effect.gen(function* () {
      for (const tasks of [{}, { list: {}, cancel: {} }, { requests: {} }, { requests: { tools: {} } }, null]) {
        const { call, mcp, sent } = yield* begin({ "tools/call": () => ({ result: done }) }, tasks)
        expect(yield* call()).toEqual(done)
        expect(sent("tools/call").map(({ params }) => params?.task)).toEqual([undefined])
        expect(yield* failure(call({ task: true }))).toMatchObject({
          reason: { _tag: "NotDeclared", capability: "tasks.requests.tools.call" },
        })
        expect(sent("tools/call").length).toBe(1)
        if (tasks !== null) continue
        for (const ask of [mcp.task("a", "t1"), mcp.taskResult("a", "t1"), mcp.cancelTask("a", "t1"), mcp.tasks("a")]) {
          expect(yield* failure(ask)).toMatchObject({ reason: { _tag: "NotDeclared" } })
        }
        for (const method of ["tasks/get", "tasks/result", "tasks/cancel", "tasks/list"])
          expect(sent(method)).toEqual([])
      }
    }),
  )

  it.effect("of a revision without tasks gets none, whatever it declares", () =>
    Effect.gen(function* () {
      const { call, mcp, sent } = yield* begin({ "tools/call": () => ({ result: done }) }, all, {
        protocolVersion: "2025-06-18",
      })
      expect(yield* call()).toEqual(done)
      expect(sent("tools/call").map(({ params }) => params?.task)).toEqual([undefined])
      expect(yield* failure(mcp.tasks("a"))).toMatchObject({ reason: { _tag: "NotDeclared" } })
    }),
  )

  it.effect("that answers a plain call with a task is refused", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({}, {})
      expect(yield* failure(call())).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    }),
  )

  it.effect("that lists its tasks without end, or with one cursor again and again, is bounded", () =>
    Effect.gen(function* () {
      const { mcp, sent, told } = yield* begin({
        "tasks/list": ({ params }) => ({
          result: { tasks: [state("working", { taskId: String(params?.cursor) })], nextCursor: "again" },
        }),
      })
      expect((yield* mcp.tasks("a")).map(({ taskId }) => taskId)).toEqual(["undefined", "again"])
      expect(sent("tasks/list").length).toBe(2)
      expect(JSON.stringify(told.of("mcp.warning"))).toContain("came twice")
    }),
  )

  it.effect("whose first page fails fails the list; a later one leaves what was read, with a warning", () =>
    Effect.gen(function* () {
      let failing: unknown = "2"
      const { mcp, told } = yield* begin({
        "tasks/list": ({ params }) =>
          params?.cursor === failing
            ? refused(-32602, "no page")
            : { result: { tasks: [state("working")], nextCursor: "2" } },
      })
      expect((yield* mcp.tasks("a")).map(({ taskId }) => taskId)).toEqual(["t1"])
      expect(JSON.stringify(told.of("mcp.warning"))).toContain("no page")
      failing = undefined
      expect(yield* failure(mcp.tasks("a"))).toMatchObject({ reason: { _tag: "Protocol", code: -32602 } })
    }),
  )
})

describe("a task whose session has ended", () => {
  it.effect("goes on in the next one where the server has kept it", () =>
    Effect.gen(function* () {
      let sessions = 0
      const { call, client, sent, told } = yield* begin({
        initialize: () => {
          sessions += 1
          return undefined
        },
        "tasks/get": () => (sessions === 1 ? "silence" : { result: state("completed") }),
        "tasks/result": () => ({ result: done }),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(1_000)
      client("a").end("gone")
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(sessions).toBe(2)
      expect(sent("tools/call")).toEqual([])
      expect(told.of("mcp.task.status").at(-1)).toMatchObject({ request: 1, task: { status: "completed" } })
    }),
  )

  it.effect("is lost where the next one does not know it, or there is none", () =>
    Effect.gen(function* () {
      let sessions = 0
      const { call, client } = yield* begin({
        initialize: () => (++sessions > 2 ? refused(-32603, "out of order") : undefined),
        "tasks/get": () => (sessions === 1 ? "silence" : refused(-32602, "Task not found")),
      })
      const lose = Effect.gen(function* () {
        const fiber = yield* start(failure(call()))
        yield* TestClock.adjust(1_000)
        client("a").end("gone")
        return yield* Fiber.join(fiber)
      })
      const error = yield* lose
      expect(error).toMatchObject({ _tag: "TaskError", reason: { _tag: "Lost" } })
      expect(error.message).toContain("Task not found")
      expect(sessions).toBe(2)
      sessions = 1
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(500)
      sessions = 2
      client("a").end("gone for ever")
      // Until it is given up.
      yield* TestClock.adjust(60_000)
      const last = yield* Fiber.join(fiber)
      expect(last).toMatchObject({ _tag: "TaskError", reason: { _tag: "Lost" } })
      expect(last.message).toContain("out of order")
    }),
  )

  it.effect("is asked for in the next session once, not in all that follow", () =>
    Effect.gen(function* () {
      let sessions = 0
      const { call, client, wire } = yield* begin({
        initialize: () => {
          sessions += 1
          return undefined
        },
      })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(500)
      client("a").end("gone")
      yield* TestClock.adjust(5_000)
      expect(sessions).toBe(2)
      expect(fiber.pollUnsafe()).toBe(undefined)
      client("a").end("gone again")
      yield* TestClock.adjust(5_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Lost" } })
      expect(sessions).toBe(3)
      expect(wire("a").messages("sent", "tasks/get")).toEqual([])
    }),
  )
})
