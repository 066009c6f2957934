/** Tasks that a server asks of its client, on the wire: an elicitation that a person takes their time for. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method, RequestRefused } from "../../src/index.ts"
import { type Scripted, start } from "../support/scripted.ts"
import { ask, create, declined, form, peerOf, statusOf, thinker } from "../support/tasks.ts"

const relatedTask = "io.modelcontextprotocol/related-task"

describe("a task of the client", () => {
  it.effect("is there at once, works, and gives exactly what the request would have given", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-01-02T03:04:05Z"))
      const { answer, elicit } = yield* thinker
      const peer = yield* peerOf(elicit)
      const { result } = yield* ask(peer, "elicitation/create", { ...form, task: { ttl: 60_000 } })
      const taskId = String(members(result?.task).taskId)
      expect(taskId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      const created = "2026-01-02T03:04:05.000Z"
      const task = { taskId, status: "working", createdAt: created, lastUpdatedAt: created, ttl: 60_000 }
      expect(result).toEqual({ task: { ...task, pollInterval: 1_000 }, _meta: { [relatedTask]: { taskId } } })

      yield* TestClock.adjust(5_000)
      expect((yield* ask(peer, "tasks/get", { taskId })).result).toEqual({ ...task, pollInterval: 1_000 })
      yield* Deferred.succeed(answer, declined)
      const ended = { ...task, status: "completed", lastUpdatedAt: "2026-01-02T03:04:10.000Z", pollInterval: 1_000 }
      expect((yield* peer.wire.first("sent", "notifications/tasks/status")).params).toEqual(ended)
      expect((yield* ask(peer, "tasks/get", { taskId })).result).toEqual(ended)
      for (const _ of [1, 2]) {
        expect((yield* ask(peer, "tasks/result", { taskId })).result).toEqual({
          ...declined,
          _meta: { [relatedTask]: { taskId } },
        })
      }
    }),
  )

  it.effect("is told before it has ended, even where the answer is there at once", () =>
    Effect.gen(function* () {
      const peer = yield* peerOf(() => Effect.succeed(declined))
      const taskId = yield* create(peer)
      yield* peer.wire.first("sent", "notifications/tasks/status")
      const told = peer.wire.messages("sent").slice(-2)
      expect(members(told[0]?.result?.task).status).toBe("working")
      expect(told[1]?.params).toMatchObject({ taskId, status: "completed" })
    }),
  )

  it.effect("that the request fails with fails with the same error, and says why", () =>
    Effect.gen(function* () {
      const refused = new RequestRefused({ code: -1, message: "User rejected it", data: { why: "busy" } })
      const peer = yield* peerOf(() => Effect.fail(refused))
      const taskId = yield* create(peer)
      expect((yield* ask(peer, "tasks/result", { taskId })).error).toEqual({
        code: -1,
        message: "User rejected it",
        data: { why: "busy" },
      })
      expect((yield* ask(peer, "tasks/get", { taskId })).result).toMatchObject({
        status: "failed",
        statusMessage: "User rejected it",
      })
    }),
  )

  it.effect("whose handler breaks is failed, and the session lives", () =>
    Effect.gen(function* () {
      const peer = yield* peerOf(() => Effect.die(new Error("secret of the client")))
      const taskId = yield* create(peer)
      const { error } = yield* ask(peer, "tasks/result", { taskId })
      expect(error).toEqual({ code: -32603, message: "the client failed to answer this request" })
      expect(yield* statusOf(peer, taskId)).toBe("failed")
    }),
  )
})

describe("tasks/result", () => {
  it.effect("waits for the end, for as many as ask", () =>
    Effect.gen(function* () {
      const { answer, elicit } = yield* thinker
      const peer = yield* peerOf(elicit)
      const taskId = yield* create(peer)
      for (const id of ["r1", "r2"]) peer.send({ jsonrpc: "2.0", id, method: "tasks/result", params: { taskId } })
      expect(yield* statusOf(peer, taskId)).toBe("working")
      expect(peer.wire.messages("sent").some(({ id }) => id === "r1" || id === "r2")).toBe(false)
      yield* Deferred.succeed(answer, declined)
      for (const waiter of ["r1", "r2"]) {
        expect((yield* peer.wire.first("sent", ({ id }) => id === waiter)).result).toMatchObject(declined)
      }
    }),
  )

  it.effect("may be cancelled, as may the request that made the task: the task goes on", () =>
    Effect.gen(function* () {
      const { answer, elicit, seen } = yield* thinker
      const peer = yield* peerOf(elicit)
      peer.send({ jsonrpc: "2.0", id: "make", method: "elicitation/create", params: { ...form, task: {} } })
      const { result } = yield* peer.wire.first("sent", ({ id }) => id === "make")
      const taskId = String(members(result?.task).taskId)
      peer.send({ jsonrpc: "2.0", id: "wait", method: "tasks/result", params: { taskId } })
      for (const requestId of ["wait", "make"]) {
        peer.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
      }
      expect(yield* statusOf(peer, taskId)).toBe("working")
      yield* Deferred.succeed(answer, declined)
      expect((yield* ask(peer, "tasks/result", { taskId })).result).toMatchObject(declined)
      expect(seen.withdrawn).toBe(0)
      expect(peer.wire.messages("sent").some(({ id }) => id === "wait")).toBe(false)
    }),
  )
})

describe("tasks/cancel", () => {
  it.effect("withdraws the form, and says that there is no result", () =>
    Effect.gen(function* () {
      const { elicit, isAsked, seen } = yield* thinker
      const peer = yield* peerOf(elicit)
      const taskId = yield* create(peer)
      yield* isAsked
      peer.send({ jsonrpc: "2.0", id: "waits", method: "tasks/result", params: { taskId } })
      const { result } = yield* ask(peer, "tasks/cancel", { taskId })
      expect(result).toMatchObject({
        taskId,
        status: "cancelled",
        statusMessage: "The task was cancelled by request.",
      })
      expect(seen).toEqual({ asked: 1, withdrawn: 1 })
      const noResult = { code: -32603, message: "the task was cancelled by tasks/cancel, so its request has no result" }
      expect((yield* peer.wire.first("sent", ({ id }) => id === "waits")).error).toEqual(noResult)
      expect((yield* ask(peer, "tasks/result", { taskId })).error).toEqual(noResult)
      expect((yield* peer.wire.first("sent", "notifications/tasks/status")).params).toEqual(result)
    }),
  )

  it.effect("refuses what has ended, which stays as it is", () =>
    Effect.gen(function* () {
      const peer = yield* peerOf(() => Effect.succeed(declined))
      const taskId = yield* create(peer)
      yield* ask(peer, "tasks/result", { taskId })
      expect((yield* ask(peer, "tasks/cancel", { taskId })).error).toEqual({
        code: -32602,
        message: "taskId names a task that cannot be cancelled: it is already completed",
      })
      expect(yield* statusOf(peer, taskId)).toBe("completed")
    }),
  )

  it.effect("that races the answer leaves one end, told once", () =>
    Effect.gen(function* () {
      const { answer, elicit, isAsked } = yield* thinker
      const peer = yield* peerOf(elicit)
      const first = yield* create(peer)
      const second = yield* create(peer)
      yield* isAsked
      yield* isAsked
      // The answer comes between the two cancellations.
      peer.send({ jsonrpc: "2.0", id: "late", method: "tasks/cancel", params: { taskId: first } })
      yield* Deferred.succeed(answer, declined)
      peer.send({ jsonrpc: "2.0", id: "later", method: "tasks/cancel", params: { taskId: second } })
      yield* peer.wire.first("sent", ({ id }) => id === "later")
      for (const taskId of [first, second]) {
        yield* peer.wire.first("sent", ({ params }) => params?.taskId === taskId)
        const status = yield* statusOf(peer, taskId)
        const told = peer.wire.messages("sent").filter(({ params }) => params?.taskId === taskId)
        expect(told.map(({ params }) => params?.status)).toEqual([status])
      }
    }),
  )

  it.effect("ends a task whose handler does not let itself be interrupted, whatever that does later", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<typeof declined>()
      const peer = yield* peerOf(() => Effect.uninterruptible(Deferred.await(answer)))
      const taskId = yield* create(peer)
      yield* ask(peer, "tasks/cancel", { taskId })
      yield* Deferred.succeed(answer, declined)
      expect(yield* statusOf(peer, taskId)).toBe("cancelled")
      expect((yield* ask(peer, "tasks/result", { taskId })).error?.code).toBe(-32603)
    }),
  )
})

describe("the ttl of a task", () => {
  const ttls = [
    { name: "what was asked", task: { ttl: 1_234 }, ttl: 1_234 },
    { name: "capped", task: { ttl: 10_000_000 }, ttl: 5_000 },
    { name: "the default where none is named", task: {}, ttl: 2_000 },
    { name: "capped where forever is asked", task: { ttl: null }, ttl: 5_000 },
    { name: "whole milliseconds", task: { ttl: 0.5 }, ttl: 1 },
  ]
  it.effect.each(ttls)("is %s, and what is told", ({ task, ttl }) =>
    Effect.gen(function* () {
      const { elicit } = yield* thinker
      const peer = yield* peerOf(elicit, { ttl: 2_000, maxTtl: 5_000 })
      const { result } = yield* ask(peer, "elicitation/create", { ...form, task })
      expect(members(result?.task).ttl).toBe(ttl)
      const taskId = String(members(result?.task).taskId)
      yield* TestClock.adjust(ttl - 1)
      expect((yield* ask(peer, "tasks/get", { taskId })).result?.ttl).toBe(ttl)
      yield* TestClock.adjust(1)
      expect(yield* statusOf(peer, taskId)).toBe(-32602)
    }),
  )

  it.effect("ends it whatever it does: the form is withdrawn, and who waits is told", () =>
    Effect.gen(function* () {
      const { elicit, isAsked, seen } = yield* thinker
      const peer = yield* peerOf(elicit)
      const taskId = yield* create(peer, { ttl: 1_000 })
      yield* isAsked
      peer.send({ jsonrpc: "2.0", id: "waits", method: "tasks/result", params: { taskId } })
      yield* TestClock.adjust(1_000)
      const { error } = yield* peer.wire.first("sent", ({ id }) => id === "waits")
      expect(error).toEqual({ code: -32602, message: "taskId names a task that has expired" })
      expect(seen.withdrawn).toBe(1)
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
        const { error: gone } = yield* ask(peer, method, { taskId })
        expect(gone?.code).toBe(-32602)
        expect(gone?.message).toContain("names no task of this session, or one that has expired")
      }
      expect((yield* ask(peer, "tasks/list", {})).result).toEqual({ tasks: [] })
      expect(peer.wire.messages("sent", "notifications/tasks/status")).toEqual([])
    }),
  )

  it.effect("counts from the creation, also for a task that has ended", () =>
    Effect.gen(function* () {
      const { answer, elicit } = yield* thinker
      const peer = yield* peerOf(elicit)
      const taskId = yield* create(peer, { ttl: 1_000 })
      yield* TestClock.adjust(900)
      yield* Deferred.succeed(answer, declined)
      expect(yield* statusOf(peer, taskId)).toBe("completed")
      yield* TestClock.adjust(100)
      expect(yield* statusOf(peer, taskId)).toBe(-32602)
    }),
  )
})

describe("the clock of a call whose server gave a task to the client", () => {
  const ends = [
    { name: "is answered", end: (_: Scripted, __: string, answer: Effect.Effect<unknown>) => answer },
    { name: "is cancelled", end: (peer: Scripted, taskId: string) => ask(peer, "tasks/cancel", { taskId }) },
    { name: "expires", end: () => TestClock.adjust(60_000) },
  ]
  it.effect.each(ends)("stands still until the task %s", ({ end }) =>
    Effect.gen(function* () {
      const { answer, elicit, isAsked } = yield* thinker
      const silent = { on: { "tools/call": () => "silence" as const }, session: { timeout: 1_000 } }
      const peer = yield* peerOf(elicit, { ttl: 90_000 }, silent)
      const call = yield* start(Effect.exit(peer.session.request(Method.callTool, { name: "slow" })))
      const taskId = yield* create(peer)
      yield* isAsked
      yield* TestClock.adjust(30_000)
      expect(call.pollUnsafe()).toBe(undefined)
      yield* end(peer, taskId, Deferred.succeed(answer, declined))
      yield* TestClock.adjust(999)
      expect(call.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      expect(JSON.stringify(yield* Fiber.join(call))).toContain("Timeout")
    }),
  )
})
