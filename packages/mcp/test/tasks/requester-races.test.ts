/** What happens at the same time: a cancellation and the end of a task, a question and the end of a session. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Elicitation } from "../../src/index.ts"
import type { ElicitationAnswer, ElicitationRequest } from "../../src/capability/elicitation.ts"
import { failure, start } from "../support/scripted.ts"
import { begin, done, refused, state, statusOf } from "./one-task.ts"

const terminal = refused(-32602, "Cannot cancel task: already in terminal status 'completed'")

describe("a cancellation that races the end of a task", () => {
  it.effect("and loses is refused to whoever asked for it, and the call has its result", () =>
    Effect.gen(function* () {
      let status = "working"
      const { call, mcp, sent } = yield* begin({
        "tasks/get": () => ({ result: state(status) }),
        "tasks/result": () => ({ result: done }),
        "tasks/cancel": () => {
          status = "completed"
          return terminal
        },
      })
      const fiber = yield* start(call())
      yield* TestClock.adjust(500)
      expect((yield* failure(mcp.cancelTask("a", "t1"))).reason).toMatchObject({ _tag: "Protocol", code: -32602 })
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(sent("tasks/result").length).toBe(1)
    }),
  )

  it.effect("and wins ends the call as cancelled, though its completion is told behind it", () =>
    Effect.gen(function* () {
      const { call, mcp, send, sent, told } = yield* begin()
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(500)
      yield* mcp.cancelTask("a", "t1")
      send(statusOf(state("completed")))
      yield* TestClock.adjust(2_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TaskError", reason: { _tag: "Cancelled" } })
      expect(sent("tasks/result")).toEqual([])
      expect(Object(told.of("mcp.task.status").find((data) => Object(data).request === 1)).task.status).toBe("working")
    }),
  )

  it.effect("by its caller, told at the same moment, sends at most one cancellation and leaves the session", () =>
    Effect.gen(function* () {
      const { call, mcp, send, sent } = yield* begin({ "tasks/cancel": () => terminal })
      const fiber = yield* start(call())
      yield* TestClock.adjust(500)
      send(statusOf(state("completed")))
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(60_000)
      expect(sent("tasks/cancel").length <= 1).toBe(true)
      expect(sent("notifications/cancelled").every(({ params }) => params?.requestId !== undefined)).toBe(true)
      expect(yield* mcp.ping("a")).toBeGreaterThanOrEqual(0)
    }),
  )
})

describe("a session that ends while a task needs input", () => {
  const form = {
    message: "Who?",
    requestedSchema: { type: "object", properties: {} },
    _meta: { "io.modelcontextprotocol/related-task": { taskId: "t1" } },
  }

  it.effect("withdraws the question, asks the server again in the next session, and has the result there", () =>
    Effect.gen(function* () {
      const asked: Array<ElicitationRequest> = []
      const shown = yield* Deferred.make<void>()
      const withdrawn = yield* Deferred.make<void>()
      const elicitation: Elicitation["Service"] = {
        modes: ["form"],
        elicit: (request) =>
          Effect.suspend(() => {
            asked.push(request)
            Deferred.doneUnsafe(shown, Effect.void)
            return asked.length === 1
              ? Effect.onInterrupt(Effect.never, () => Deferred.succeed(withdrawn, undefined))
              : Effect.succeed<ElicitationAnswer>({ action: "accept", content: {} })
          }),
      }
      let sessions = 0
      let waits: unknown
      const made = yield* Effect.provideService(
        begin({
          initialize: () => {
            sessions += 1
            return undefined
          },
          "tasks/get": () => ({ result: state("input_required") }),
          // The question comes by way of the request for the result, which is answered once it is.
          "tasks/result": ({ id }, client) => {
            waits = id
            client.send({ jsonrpc: "2.0", id: `q${sessions}`, method: "elicitation/create", params: form })
            return "silence"
          },
        }),
        Elicitation,
        elicitation,
      )
      const { call, client, wire } = made
      const fiber = yield* start(call())
      yield* TestClock.adjust(1_000)
      // What checks answers is loaded for the first form, which is none of TestClock's.
      yield* Deferred.await(shown)
      expect(asked).toMatchObject([{ server: "a", request: 1 }])
      client("a").end("gone")
      yield* Deferred.await(withdrawn)
      yield* TestClock.adjust(5_000)
      expect(sessions).toBe(2)
      const answer = yield* wire("a").first("sent", ({ id, method }) => id === "q2" && method === undefined)
      expect(asked).toMatchObject([
        { server: "a", request: 1 },
        { server: "a", request: 1 },
      ])
      expect(answer.result).toMatchObject({ action: "accept" })
      client("a").send({ jsonrpc: "2.0", id: waits, result: done })
      expect(yield* Fiber.join(fiber)).toEqual(done)
      expect(wire("a").messages("sent", "tools/call")).toEqual([])
      expect(wire("a").messages("sent", "notifications/cancelled")).toEqual([])
    }),
  )
})
