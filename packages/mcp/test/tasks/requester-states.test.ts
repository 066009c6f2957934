import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { failure, start } from "../support/scripted.ts"
import { begin, created, done, refused, state, statusOf } from "./one-task.ts"

describe("polling", () => {
  it.effect("keeps the pace that the server asks for", () =>
    Effect.gen(function* () {
      let polls = 0
      const { call, sent } = yield* begin({
        "tools/call": () => created({ pollInterval: 5_000 }),
        "tasks/get": () => ({ result: state(++polls < 3 ? "working" : "completed", { pollInterval: 20_000 }) }),
        "tasks/result": () => ({ result: done }),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(4_999)
      expect(sent("tasks/get").length).toBe(0)
      yield* TestClock.adjust(1)
      expect(sent("tasks/get")).toMatchObject([{ params: { taskId: "t1" } }])
      yield* TestClock.adjust(19_999)
      expect(sent("tasks/get").length).toBe(1)
      yield* TestClock.adjust(20_001)
      expect(sent("tasks/get").length).toBe(3)
      expect(yield* Fiber.join(fiber)).toEqual(done)
    }),
  )

  const paces: ReadonlyArray<readonly [unknown, number]> = [
    [undefined, 60],
    ["soon", 60],
    [null, 60],
    [0, 600],
    [-5, 600],
    [10_000, 6],
    [1e12, 0],
  ]
  for (const [pollInterval, expected] of paces) {
    it.effect(`is bounded where the server asks for a pace of ${JSON.stringify(pollInterval)}`, () =>
      Effect.gen(function* () {
        const odd = { pollInterval }
        const { call, sent } = yield* begin({
          "tools/call": () => created(odd),
          "tasks/get": () => ({ result: state("working", odd) }),
        })
        yield* start(call())
        yield* TestClock.adjust("1 minute")
        expect(sent("tasks/get").length).toBe(expected)
        yield* TestClock.adjust("5 minutes")
        expect(sent("tasks/get").length).toBeGreaterThan(0)
      }),
    )
  }

  it.effect("is spared by what the server says unasked, and relies on nothing of it", () =>
    Effect.gen(function* () {
      const { call, deliver, sent, told } = yield* Effect.map(
        begin({ "tasks/result": () => ({ result: done }) }),
        (made) => ({
          ...made,
          deliver: (message: unknown) =>
            Effect.andThen(
              Effect.sync(() => made.send(message)),
              TestClock.adjust(0),
            ),
        }),
      )
      const fiber = yield* start(call())
      yield* TestClock.adjust(0)
      yield* deliver(statusOf(state("completed", { taskId: "foreign" })))
      yield* deliver(statusOf(state("working", { statusMessage: "half" })))
      yield* deliver(statusOf(state("working", { statusMessage: "half" })))
      expect(sent("tasks/result")).toEqual([])
      yield* deliver(statusOf(state("completed")))
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(sent("tasks/get")).toEqual([])
      yield* deliver(statusOf(state("working")))
      expect(told.of("mcp.task.status")).toEqual([
        { server: "a", request: 1, task: state("working") },
        { server: "a", task: state("completed", { taskId: "foreign" }) },
        { server: "a", request: 1, task: state("working", { statusMessage: "half" }) },
        { server: "a", request: 1, task: state("completed") },
        // Of a task that nobody follows any more.
        { server: "a", task: state("working") },
      ])
    }),
  )

  it.effect("knows a state that came before the answer that made the task", () =>
    Effect.gen(function* () {
      const { call, sent, told } = yield* begin({
        "tools/call": (_, client) => {
          client.send(statusOf(state("working", { taskId: "other" })))
          client.send(statusOf(state("completed")))
          return created()
        },
        "tasks/result": () => ({ result: done }),
      })
      expect(yield* call()).toEqual(done)
      expect(sent("tasks/get")).toEqual([])
      expect(told.of("mcp.task.status")).toMatchObject([
        { request: 1, task: { taskId: "t1", status: "working" } },
        { task: { taskId: "other" } },
        { request: 1, task: { taskId: "t1", status: "completed" } },
      ])
    }),
  )

  it.effect("takes no late state for news", () =>
    Effect.gen(function* () {
      const { call, send, sent } = yield* begin({
        "tasks/get": () => ({ result: state("working", { lastUpdatedAt: "2025-12-31T23:59:59Z" }) }),
        "tasks/result": () => "silence",
      })
      yield* start(call())
      yield* TestClock.adjust(0)
      send(statusOf(state("input_required")))
      yield* TestClock.adjust(10_000)
      expect(sent("tasks/get").length).toBe(10)
      expect(sent("tasks/result").length).toBe(1)
    }),
  )

  it.effect("goes on when it fails now and then, and gives up when it only fails", () =>
    Effect.gen(function* () {
      let polls = 0
      const { call, sent } = yield* begin({
        "tasks/get": () => (++polls % 4 === 0 ? { result: state("working") } : refused(-32603, "busy")),
      })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(100_000)
      expect(sent("tasks/get").length).toBe(100)
      polls = Number.NEGATIVE_INFINITY
      yield* TestClock.adjust(5_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Protocol", code: -32603, text: "busy" } })
      expect(sent("tasks/get").length).toBe(105)
    }),
  )

  it.effect("that is not answered ends the call, and the task is cancelled", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin({ "tasks/get": () => "silence" })
      const fiber = yield* start(failure(call({ timeout: 3_000 })))
      yield* TestClock.adjust(4_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ method: "tasks/get", reason: { _tag: "Timeout", after: 3_000 } })
      expect(sent("tasks/cancel")).toMatchObject([{ params: { taskId: "t1" } }])
    }),
  )

  it.effect("that is not answered is not waited for where the end was told", () =>
    Effect.gen(function* () {
      const { call, send, sent } = yield* begin({
        "tasks/get": () => "silence",
        "tasks/result": () => ({ result: done }),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(2_000)
      send(statusOf(state("completed")))
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(sent("notifications/cancelled")).toEqual([])
    }),
  )

  it.effect("that is answered for another task ends the call", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({ "tasks/get": () => ({ result: state("completed", { taskId: "t2" }) }) })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(5_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    }),
  )
})

describe("the time of a task", () => {
  it.effect("is its ttl, however short the timeout of the call", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin()
      const fiber = yield* start(failure(call({ timeout: 1_000 })))
      yield* TestClock.adjust(600_000)
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(5_000)
      const error = yield* Fiber.join(fiber)
      expect(error).toMatchObject({ _tag: "TaskError", reason: { _tag: "Expired", ttl: 600_000 } })
      expect(error.message).toContain("600000 ms")
      expect(sent("tasks/cancel").length).toBe(1)
    }),
  )

  for (const ttl of [null, undefined, "long"]) {
    it.effect(`has no end where its ttl is ${JSON.stringify(ttl)}`, () =>
      Effect.gen(function* () {
        const slow = { ttl, pollInterval: 300_000 }
        const { call } = yield* begin({
          "tools/call": () => created(slow),
          "tasks/get": () => ({ result: state("working", slow) }),
        })
        const fiber = yield* start(call())
        yield* TestClock.adjust("3 days")
        expect(fiber.pollUnsafe()).toBe(undefined)
      }),
    )
  }

  it.effect("is what the server makes of it meanwhile", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({
        "tools/call": () => created({ ttl: 1_000_000 }),
        "tasks/get": () => ({ result: state("working", { ttl: 20_000 }) }),
      })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(25_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Expired", ttl: 20_000 } })
    }),
  )

  it.effect("is not that of its requests: a result is waited for while a person thinks", () =>
    Effect.gen(function* () {
      let ask: unknown
      const { call, send, sent } = yield* begin({
        "tools/call": () => created({ pollInterval: 300_000, ttl: 3_600_000 }),
        "tasks/get": () => ({ result: state("input_required", { pollInterval: 300_000, ttl: 3_600_000 }) }),
        "tasks/result": ({ id }) => {
          ask = id
          return "silence"
        },
      })
      const fiber = yield* start(call({ timeout: 1_000 }))
      yield* TestClock.adjust("50 minutes")
      expect(fiber.pollUnsafe()).toBe(undefined)
      expect(sent("tasks/result").length).toBe(1)
      expect(sent("notifications/cancelled")).toEqual([])
      send({ jsonrpc: "2.0", id: ask, result: done })
      expect(yield* Fiber.join(fiber)).toEqual(done)
    }),
  )

  it.effect("is over when the server has forgotten it", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin({ "tasks/get": () => refused(-32602, "Task not found") })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(1_000)
      const error = yield* Fiber.join(fiber)
      expect(error).toMatchObject({ _tag: "TaskError", taskId: "t1", reason: { _tag: "Expired" } })
      expect(error.message).toContain("Task not found")
      expect(sent("tasks/cancel")).toEqual([])
    }),
  )
})

describe("the result of a task", () => {
  it.effect("is asked for at once where the task has ended when it is made", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin({
        "tools/call": () => ({ result: { task: state("completed") } }),
        "tasks/result": () => ({ result: done }),
      })
      expect(yield* call()).toEqual(done)
      expect(sent("tasks/get")).toEqual([])
    }),
  )

  it.effect("is the answer of the call where the server makes no task", () =>
    Effect.gen(function* () {
      const { call, sent, told } = yield* begin({ "tools/call": () => ({ result: done }) })
      expect(yield* call()).toEqual(done)
      expect(sent("tasks/get")).toEqual([])
      expect(told.of("mcp.task.status")).toEqual([])
    }),
  )

  it.effect("that is an error of the protocol fails the call with its code and data", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({
        "tools/call": () => ({ result: { task: state("failed", { statusMessage: "the disk is full" }) } }),
        "tasks/result": () => refused(-32000, "no space", { free: 0 }),
      })
      const error = yield* failure(call())
      expect(error).toMatchObject({
        reason: { _tag: "Failed", detail: "the disk is full", code: -32000, data: { free: 0 } },
      })
    }),
  )

  it.effect("that is an error of the parameters is not taken for a task that has expired", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({
        "tools/call": () => ({ result: { task: state("completed") } }),
        "tasks/get": () => ({ result: state("completed") }),
        "tasks/result": () => refused(-32602, "no such city"),
      })
      expect(yield* failure(call())).toMatchObject({ reason: { _tag: "Failed", detail: "no such city", code: -32602 } })
    }),
  )

  it.effect("of a task that the server has cancelled is not asked for", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* begin({
        "tasks/get": () => ({ result: state("cancelled", { statusMessage: "shutdown" }) }),
      })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Cancelled", detail: "shutdown" } })
      expect(sent("tasks/result")).toEqual([])
      expect(sent("tasks/cancel")).toEqual([])
    }),
  )

  it.effect("is asked for again where a server does not wait with its answer", () =>
    Effect.gen(function* () {
      let polls = 0
      const { call, sent } = yield* begin({
        "tasks/get": () => ({ result: state(++polls < 4 ? "input_required" : "completed") }),
        "tasks/result": () => (polls < 4 ? refused(-32600, "not yet") : { result: done }),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(10_000)
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(sent("tasks/result").length).toBeLessThan(5)
    }),
  )

  it.effect("that never comes, of a task that has ended, is waited for as long as any answer", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({
        "tasks/get": () => ({ result: state("completed") }),
        "tasks/result": () => "silence",
      })
      const fiber = yield* start(failure(call({ timeout: 2_000 })))
      yield* TestClock.adjust(3_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({
        method: "tasks/result",
        reason: { _tag: "Timeout", after: 2_000 },
      })
    }),
  )

  it.effect("that is none of a tool is an invalid response", () =>
    Effect.gen(function* () {
      const { call } = yield* begin({
        "tools/call": () => ({ result: { task: state("completed") } }),
        "tasks/result": () => ({ result: { hello: 1 } }),
      })
      expect(yield* failure(call())).toMatchObject({ method: "tasks/result", reason: { _tag: "InvalidResponse" } })
    }),
  )

  it.effect("may come before its end was heard of, which is told all the same", () =>
    Effect.gen(function* () {
      let polls = 0
      const { call, told } = yield* begin({
        "tasks/get": () => ({ result: state(++polls < 2 ? "input_required" : "completed") }),
        "tasks/result": () => ({ result: done }),
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(fiber)).toEqual(done)
      yield* told.first((event) => Object(Object(event.data).task).status === "completed")
    }),
  )
})

describe("progress of a task", () => {
  it.effect("is told as long as the task lives, beyond the answer that made it", () =>
    Effect.gen(function* () {
      const { call, send, sent, told } = yield* begin()
      const fiber = yield* start(call())
      yield* TestClock.adjust(0)
      const [made] = sent("tools/call")
      const { progressToken } = Object(made?.params?._meta)
      const step = (progress: number) =>
        send({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken, progress, total: 3 } })
      step(1)
      yield* TestClock.adjust(10_000)
      step(2)
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(fiber)
      step(3)
      yield* TestClock.adjust(0)
      expect(told.of("mcp.progress")).toEqual([
        { server: "a", request: 1, progress: 1, total: 3 },
        { server: "a", request: 1, progress: 2, total: 3 },
      ])
    }),
  )

  it.effect("keeps a call alive that a server makes no task of", () =>
    Effect.gen(function* () {
      let id: unknown
      const { call, send, sent } = yield* begin({
        "tools/call": (message) => {
          id = message.id
          return "silence"
        },
      })
      const fiber = yield* start(call({ timeout: 1_000 }))
      yield* TestClock.adjust(0)
      const { progressToken } = Object(sent("tools/call")[0]?.params?._meta)
      for (let progress = 1; progress <= 5; progress++) {
        yield* TestClock.adjust(900)
        send({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken, progress } })
        yield* TestClock.adjust(0)
      }
      send({ jsonrpc: "2.0", id, result: done })
      expect(yield* Fiber.join(fiber)).toEqual(done)
    }),
  )
})
