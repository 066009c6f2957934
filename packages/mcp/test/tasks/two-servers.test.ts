/** Task ids belong to one server and one session (ATTACKS 36): two servers that choose the same id share nothing. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, type Elicitation } from "../../src/index.ts"
import { connected, server, start } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"
import { ask, create, declined, form, peerOf, statusOf } from "../support/tasks.ts"
import { all, created, refused, state, statusOf as told, work } from "./one-task.ts"

const relatedTask = "io.modelcontextprotocol/related-task"
const result = (text: string) => ({ content: [{ type: "text", text }] })

/** Two servers, `a` and `b`, each with a task `t1` that works until the test says otherwise. */
const two = Effect.gen(function* () {
  const made = yield* service
  const events = yield* observe(made.mcp)
  const status: { [server: string]: string } = { a: "working", b: "working" }
  for (const name of ["a", "b"]) {
    yield* made.add(name, {
      capabilities: { tools: {}, tasks: all },
      tools: [work],
      on: {
        "tools/call": () => created({ statusMessage: `of ${name}` }),
        "tasks/get": () => ({ result: state(String(status[name]), { statusMessage: `of ${name}` }) }),
        "tasks/result": () => ({ result: result(`of ${name}`) }),
        "tasks/cancel": () => {
          status[name] = "cancelled"
          return { result: state("cancelled") }
        },
      },
    })
  }
  const call = (name: string) => made.mcp.callTool(name, "work", {}, { request: `call of ${name}` })
  const sent = (name: string, method: string) => made.wire(name).messages("sent", method)
  return { ...made, events, status, call, sent }
})

describe("a task of one server", () => {
  it.effect("is not ended, nor answered, by another server that says so of the same id", () =>
    Effect.gen(function* () {
      const { call, client, events, mcp, status } = yield* two
      const a = yield* start(call("a"))
      const b = yield* start(call("b"))
      yield* TestClock.adjust(0)
      client("b").send(told(state("failed", { statusMessage: "forged" })))
      status.b = "failed"
      yield* TestClock.adjust(1_000)
      expect(b.pollUnsafe() !== undefined).toBe(true)
      expect(a.pollUnsafe()).toBe(undefined)
      status.a = "completed"
      yield* TestClock.adjust(1_000)
      expect<unknown>(yield* Fiber.join(a)).toEqual(result("of a"))
      const states = (name: string) =>
        events
          .of("mcp.task.status")
          .map(Object)
          .filter((data) => data.server === name)
          .map((data) => [data.request, data.task.status])
      expect(states("a")).toEqual([
        ["call of a", "working"],
        ["call of a", "completed"],
      ])
      expect(states("b")).toEqual([
        ["call of b", "working"],
        ["call of b", "failed"],
      ])
      expect(yield* mcp.task("a", "t1")).toMatchObject({ statusMessage: "of a" })
      expect(yield* mcp.taskResult("a", "t1")).toEqual(result("of a"))
    }),
  )

  it.effect("is cancelled at its own server alone", () =>
    Effect.gen(function* () {
      const { call, mcp, sent, status } = yield* two
      const a = yield* start(call("a"))
      const b = yield* start(call("b"))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(a)
      yield* TestClock.adjust(1_000)
      expect([sent("a", "tasks/cancel").length, sent("b", "tasks/cancel").length]).toEqual([1, 0])
      expect(b.pollUnsafe()).toBe(undefined)
      status.b = "completed"
      yield* TestClock.adjust(1_000)
      expect<unknown>(yield* Fiber.join(b)).toEqual(result("of b"))
      expect(yield* mcp.cancelTask("a", "t1")).toMatchObject({ status: "cancelled" })
      expect(sent("b", "tasks/cancel")).toEqual([])
    }),
  )

  it.effect("names the caller of no other: what a server asks for its sake belongs to none", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const elicit: Elicitation["Service"]["elicit"] = ({ request }) =>
        Effect.sync(() => {
          asked.push(request)
          return declined
        })
      const client = CapabilityLayer.make({ elicitation: { modes: ["form"], elicit } })
      const script = { on: { "tools/call": () => "silence" as const }, client }
      const one = yield* server(script)
      const other = yield* server(script)
      const { session } = yield* connected(one, script)
      yield* connected(other, script)
      session.trackTask("t1", "call of one")
      const params = { ...form, _meta: { [relatedTask]: { taskId: "t1" } } }
      for (const { send, wire } of [one, other]) {
        send({ jsonrpc: "2.0", id: "e", method: "elicitation/create", params })
        yield* wire.first("sent", ({ id }) => id === "e")
      }
      expect(asked).toEqual(["call of one", undefined])
    }),
  )
})

describe("a task that a server gave its client", () => {
  const asking = (elicit: Elicitation["Service"]["elicit"] = () => Effect.never) => peerOf(elicit)

  it.effect(
    "cannot be guessed, read, waited for, listed or cancelled by another server, nor by its own next session",
    () =>
      Effect.gen(function* () {
        const first = yield* Scope.make()
        const own = yield* Scope.provide(asking(), first)
        const other = yield* asking()
        const ids = yield* Effect.forEach([1, 2, 3], () => create(own))
        // Random all over: no part of one is in another.
        const parts = ids.flatMap((id) => id.split("-").filter((_, at) => at !== 2 && at !== 3))
        expect(new Set(parts).size).toBe(parts.length)
        const [taskId = ""] = ids
        const methods = ["tasks/get", "tasks/result", "tasks/cancel"]
        const stranger = Effect.fnUntraced(function* (peer: typeof other) {
          for (const method of methods) {
            const { error } = yield* ask(peer, method, { taskId })
            expect(error?.code).toBe(-32602)
            expect(error?.message).not.toContain("working")
          }
          expect((yield* ask(peer, "tasks/list", {})).result).toEqual({ tasks: [] })
        })
        yield* stranger(other)
        expect(yield* statusOf(own, taskId)).toBe("working")
        yield* Scope.close(first, Exit.void)
        yield* stranger(yield* asking())
      }),
  )

  it.effect("has a result that names it, whatever the server claims to ask for the sake of", () =>
    Effect.gen(function* () {
      const peer = yield* asking(() => Effect.succeed(declined))
      const made = yield* ask(peer, "elicitation/create", {
        ...form,
        task: {},
        _meta: { [relatedTask]: { taskId: "another's" } },
      })
      const { taskId } = Object(Object(made.result).task)
      const answer = (yield* ask(peer, "tasks/result", { taskId })).result
      expect(answer).toEqual({ ...declined, _meta: { [relatedTask]: { taskId } } })
    }),
  )
})

it.effect("an id that is like a member of every object is an id like any other", () =>
  Effect.gen(function* () {
    for (const taskId of ["__proto__", "constructor", "toString"]) {
      const made = yield* service
      yield* made.add("a", {
        capabilities: { tools: {}, tasks: all },
        tools: [work],
        on: {
          "tools/call": () => created({ taskId }),
          "tasks/get": () => ({ result: state("completed", { taskId }) }),
          "tasks/result": ({ params }) => ({ result: result(String(params?.taskId)) }),
          "tasks/cancel": () => refused(-32602, "no"),
        },
      })
      const fiber = yield* start(made.mcp.callTool("a", "work"))
      yield* TestClock.adjust(1_000)
      expect<unknown>(yield* Fiber.join(fiber)).toEqual(result(taskId))
    }
    expect(Object.keys(Object.prototype)).toEqual([])
  }),
)
