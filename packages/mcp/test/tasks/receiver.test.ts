/** Tasks that a server asks of its client, on the wire: an elicitation that a person takes their time for. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import type { WireMessage } from "@opencode-ai/testing/recorder"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Elicitation } from "../../src/capability/elicitation.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { CapabilityLayer, RequestRefused } from "../../src/index.ts"
import { scripted, type Scripted } from "../support/scripted.ts"

const relatedTask = "io.modelcontextprotocol/related-task"
const form = { mode: "form", message: "Who?", requestedSchema: { type: "object", properties: {} } }
const declined = { action: "decline" as const }

type Answering = Elicitation["Service"]["elicit"]

/** A session whose person answers as a test says; `limits` are those of its tasks. */
const peerOf = (
  elicit: Answering,
  limits: Partial<typeof defaults> = {},
  script: Parameters<typeof scripted>[0] = {},
) =>
  scripted({
    ...script,
    client: CapabilityLayer.make({
      elicitation: { modes: ["form", "url"], elicit },
      tasks: { ...defaults, ...limits },
    }),
  })

let requests = 0

/** Sends a request of the server, and waits for its answer. */
const ask = ({ send, wire }: Scripted, method: string, params: object): Effect.Effect<WireMessage> =>
  Effect.suspend(() => {
    const id = `ask-${++requests}`
    send({ jsonrpc: "2.0", id, method, params })
    return wire.first("sent", (message) => message.id === id)
  })

/** Has the client keep a task, and gives its id. */
const create = (peer: Scripted, task: object = {}) =>
  Effect.map(ask(peer, "elicitation/create", { ...form, task }), ({ result }) => String(members(result?.task).taskId))

const statusOf = (peer: Scripted, taskId: string) =>
  Effect.map(ask(peer, "tasks/get", { taskId }), ({ error, result }) => result?.status ?? error?.code)

/** A person who thinks until the test says otherwise, and how often a form was withdrawn. */
const thinker = Effect.gen(function* () {
  const answer = yield* Deferred.make<typeof declined, RequestRefused>()
  const asked = yield* Queue.unbounded<void>()
  const seen = { asked: 0, withdrawn: 0 }
  const elicit: Answering = () =>
    Effect.suspend(() => {
      seen.asked += 1
      Queue.offerUnsafe(asked, undefined)
      return Effect.onInterrupt(Deferred.await(answer), () => Effect.sync(() => (seen.withdrawn += 1)))
    })
  return { answer, elicit, seen, isAsked: Queue.take(asked) }
})

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

describe("a limit on tasks", () => {
  it.effect("refuses more, until one expires or was cancelled", () =>
    Effect.gen(function* () {
      const { elicit, isAsked, seen } = yield* thinker
      const peer = yield* peerOf(elicit, { limit: 2 })
      const first = yield* create(peer, { ttl: 1_000 })
      const second = yield* create(peer, { ttl: 5_000 })
      const { error } = yield* ask(peer, "elicitation/create", { ...form, task: {} })
      expect(error).toEqual({
        code: -32603,
        message: "too many tasks: this client keeps 2 of a server until their ttl is over; the next expires in 1000 ms",
      })
      // What is no task is asked as ever.
      peer.send({ jsonrpc: "2.0", id: "plain", method: "elicitation/create", params: form })
      for (const _ of [1, 2, 3]) yield* isAsked
      expect(seen.asked).toBe(3)

      yield* TestClock.adjust(1_000)
      const third = yield* create(peer)
      yield* ask(peer, "tasks/cancel", { taskId: second })
      const fourth = yield* create(peer)
      expect(yield* Effect.forEach([first, second, third, fourth], (taskId) => statusOf(peer, taskId))).toEqual([
        -32602,
        -32602,
        "working",
        "working",
      ])
    }),
  )

  it.effect(
    "counts handlers too, also of those that were cancelled or have expired",
    () =>
      Effect.gen(function* () {
        let running = 0
        const peer = yield* peerOf(
          () =>
            Effect.suspend(() =>
              Effect.uninterruptible(
                Effect.andThen(
                  Effect.sync(() => (running += 1)),
                  Effect.sleep("1 day").pipe(Effect.as(declined)),
                ),
              ),
            ),
          { limit: 4 },
        )
        for (let round = 0; round < 10; round++) {
          const { result } = yield* ask(peer, "elicitation/create", { ...form, task: { ttl: 10 } })
          const taskId = members(result?.task).taskId
          if (taskId !== undefined && round % 2 === 0) yield* ask(peer, "tasks/cancel", { taskId })
          yield* TestClock.adjust(10)
        }
        expect(running).toBe(4)
        yield* TestClock.adjust("1 day")
        expect(yield* statusOf(peer, yield* create(peer))).toBe("working")
      }),
    20_000,
  )
})

describe("tasks/list", () => {
  const pageOf = (peer: Scripted, cursor?: unknown) =>
    Effect.map(ask(peer, "tasks/list", cursor === undefined ? {} : { cursor }), ({ error, result }) => {
      const tasks = Array.isArray(result?.tasks) ? result.tasks : []
      return { ids: tasks.map((task) => String(members(task).taskId)), next: result?.nextCursor, error }
    })

  it.effect("gives pages, oldest first, that stay in step while tasks come and go", () =>
    Effect.gen(function* () {
      const { elicit } = yield* thinker
      const peer = yield* peerOf(elicit, { pageSize: 2 })
      const ids = [
        yield* create(peer),
        yield* create(peer, { ttl: 1_000 }),
        ...(yield* Effect.forEach([3, 4, 5], () => create(peer))),
      ]
      const first = yield* pageOf(peer)
      expect(first.ids).toEqual(ids.slice(0, 2))
      // The one that the cursor stands at.
      yield* TestClock.adjust(1_000)
      const second = yield* pageOf(peer, first.next)
      expect(second.ids).toEqual(ids.slice(2, 4))
      const sixth = yield* create(peer)
      const third = yield* pageOf(peer, second.next)
      expect(third).toEqual({ ids: [String(ids[4]), sixth], next: undefined, error: undefined })
      expect((yield* pageOf(peer, first.next)).ids).toEqual(second.ids)
    }),
  )

  it.effect("refuses a cursor that it did not give", () =>
    Effect.gen(function* () {
      const { elicit } = yield* thinker
      const peer = yield* peerOf(elicit, { pageSize: 1 })
      const other = yield* peerOf(elicit, { pageSize: 1 })
      for (const one of [peer, other]) yield* Effect.forEach([1, 2], () => create(one))
      const { next } = yield* pageOf(peer)
      for (const wrong of ["", "1", 1, null, {}, "__proto__", `${String(next)}0`, `${String(next)} `]) {
        const { error } = yield* pageOf(peer, wrong)
        expect(error?.code).toBe(-32602)
        expect(error?.message).toMatch(/^cursor .* was not given out by this session$/)
      }
      expect((yield* pageOf(other, next)).error?.code).toBe(-32602)
    }),
  )
})

describe("what makes no sense", () => {
  const wrong = [
    { name: "a task that is no object", method: "elicitation/create", params: { ...form, task: true }, field: "task " },
    { name: "a task that is null", method: "elicitation/create", params: { ...form, task: null }, field: "task " },
    { name: "a task that is an array", method: "elicitation/create", params: { ...form, task: [] }, field: "task " },
    {
      name: "a ttl in words",
      method: "elicitation/create",
      params: { ...form, task: { ttl: "1" } },
      field: "task.ttl ",
    },
    {
      name: "a ttl before now",
      method: "elicitation/create",
      params: { ...form, task: { ttl: -1 } },
      field: "task.ttl ",
    },
    { name: "no task id", method: "tasks/get", params: {}, field: "taskId " },
    { name: "a number for an id", method: "tasks/result", params: { taskId: 1 }, field: "taskId " },
    { name: "an id that was never given", method: "tasks/cancel", params: { taskId: "1" }, field: "taskId " },
    { name: "the name of a prototype", method: "tasks/get", params: { taskId: "__proto__" }, field: "taskId " },
    { name: "a method of every object", method: "tasks/result", params: { taskId: "constructor" }, field: "taskId " },
  ]
  it.effect.each(wrong)("is refused with -32602 and the field: %s", ({ field, method, params }) =>
    Effect.gen(function* () {
      const { elicit, seen } = yield* thinker
      const peer = yield* peerOf(elicit)
      const { error } = yield* ask(peer, method, params)
      expect(error?.code).toBe(-32602)
      expect(error?.message.startsWith(field)).toBe(true)
      expect(seen.asked).toBe(0)
    }),
  )
  it.effect("an id of any length costs a short answer", () =>
    Effect.gen(function* () {
      const { elicit } = yield* thinker
      const peer = yield* peerOf(elicit)
      const { error } = yield* ask(peer, "tasks/get", { taskId: "x".repeat(1_000_000) })
      expect((error?.message.length ?? 0) < 400).toBe(true)
    }),
  )
})

describe("a request that asks for a task is answered at once", () => {
  it.effect("where tasks were not declared, and tasks/* do not exist", () =>
    Effect.gen(function* () {
      const elicitation = { modes: ["form"] as const, elicit: () => Effect.succeed(declined) }
      const peer = yield* scripted({ client: CapabilityLayer.make({ elicitation }) })
      expect((yield* ask(peer, "elicitation/create", { ...form, task: { ttl: "x" } })).result).toEqual(declined)
      expect((yield* ask(peer, "tasks/list", {})).error?.code).toBe(-32601)
    }),
  )
  it.effect("in a revision that has none", () =>
    Effect.gen(function* () {
      const script = { session: { revision: "2025-06-18" as const } }
      const peer = yield* peerOf(() => Effect.succeed(declined), {}, script)
      expect(peer.wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({ elicitation: {} })
      const { message, requestedSchema } = form
      expect((yield* ask(peer, "elicitation/create", { message, requestedSchema, task: {} })).result).toEqual(declined)
      expect((yield* ask(peer, "tasks/list", {})).error?.code).toBe(-32601)
    }),
  )
  it.effect("and otherwise they are declared for what can be asked", () =>
    Effect.gen(function* () {
      const peer = yield* peerOf(() => Effect.succeed(declined))
      expect(peer.wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({
        elicitation: { form: {}, url: {} },
        tasks: { list: {}, cancel: {}, requests: { elicitation: { create: {} } } },
      })
    }),
  )
})

describe("a task belongs to its session", () => {
  it.effect("and means nothing to another", () =>
    Effect.gen(function* () {
      const { elicit, seen } = yield* thinker
      const one = yield* peerOf(elicit)
      const other = yield* peerOf(elicit)
      const taskId = yield* create(one)
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
        expect((yield* ask(other, method, { taskId })).error?.code).toBe(-32602)
      }
      expect((yield* ask(other, "tasks/list", {})).result).toEqual({ tasks: [] })
      expect(yield* statusOf(one, taskId)).toBe("working")
      expect(seen.withdrawn).toBe(0)
    }),
  )
  it.effect("and ends with it: every form is withdrawn", () =>
    Effect.gen(function* () {
      const { elicit, isAsked, seen } = yield* thinker
      const scope = yield* Scope.make()
      const peer = yield* Scope.provide(peerOf(elicit), scope)
      for (const _ of [1, 2, 3]) yield* create(peer)
      for (const _ of [1, 2, 3]) yield* isAsked
      expect(seen).toEqual({ asked: 3, withdrawn: 0 })
      yield* Scope.close(scope, Exit.void)
      expect(seen.withdrawn).toBe(3)
      expect(peer.wire.messages("sent", "notifications/tasks/status")).toEqual([])
    }),
  )
})
