/** What a server cannot do with the tasks of its client: too many, another session's, none that were declared. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer } from "../../src/index.ts"
import { scripted, type Scripted } from "../support/scripted.ts"
import { ask, create, declined, form, peerOf, statusOf, thinker } from "../support/tasks.ts"

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
