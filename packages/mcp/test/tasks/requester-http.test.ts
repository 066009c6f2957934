import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { type Handler, rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { sdkV1TasksHttp } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { observe } from "../support/service.ts"
import { all, created, done, refused, state, work } from "./one-task.ts"

const it = testEffect(testMcp())

/** A server over HTTP whose task, `t1`, is `input_required` from the first look at it. */
const begin = (result: Handler, more: { readonly [method: string]: Handler } = {}) =>
  Effect.gen(function* () {
    const answer =
      (body: object): Handler =>
      ({ rpc }) => ({ json: { jsonrpc: "2.0", id: rpc.id, ...body } })
    const peer = yield* rawHttp({
      capabilities: { tools: {}, tasks: all },
      tools: [work],
      on: {
        "tools/call": answer(created({ pollInterval: 100 })),
        "tasks/get": answer({ result: state("input_required", { pollInterval: 100 }) }),
        "tasks/cancel": answer({ result: state("cancelled") }),
        "tasks/result": result,
        ...more,
      },
    })
    const mcp = yield* Mcp
    yield* mcp.add(config("a", { type: "remote", url: peer.url }))
    return { peer, mcp }
  })

/** What breaks off before the answer, in several ways. */
const broken: ReadonlyArray<readonly [string, Reply]> = [
  ["a connection that is cut before it answers", { drop: true }],
  ["a stream that is cut", { sse: [{ raw: ": waiting\n\n" }, { drop: true }] }],
  ["a stream that ends", { sse: [{ raw: ": waiting\n\n" }] }],
  ["a gateway that gives up", { status: 504, text: "Gateway Timeout" }],
]

describe("an answer of tasks/result that is lost", () => {
  for (const [name, reply] of broken) {
    it.live(`to ${name} is asked for again`, () =>
      Effect.gen(function* () {
        const { mcp, peer } = yield* begin(({ nth, rpc }) =>
          nth < 2 ? reply : { json: { jsonrpc: "2.0", id: rpc.id, result: done } },
        )
        expect(yield* mcp.callTool("a", "work")).toEqual(done)
        expect(peer.of("tasks/result").length).toBe(3)
        expect(peer.of("tools/call").length).toBe(1)
        expect(peer.of("notifications/cancelled")).toEqual([])
      }),
    )
  }

  it.effect("again and again is asked for ever more slowly while the task lives, and no longer than that", () =>
    Effect.gen(function* () {
      const { mcp, peer } = yield* begin(() => ({ status: 502, text: "Bad Gateway" }), {
        "tools/call": ({ rpc }) => ({
          json: { jsonrpc: "2.0", id: rpc.id, result: { task: state("completed", { ttl: null }) } },
        }),
      })
      const fiber = yield* start(failure(mcp.callTool("a", "work")))
      // An answer comes in its own time, whatever the clock says.
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust(100)
        yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
      }
      expect(yield* Fiber.join(fiber)).toMatchObject({ method: "tasks/result", reason: { _tag: "Transport" } })
      expect(peer.of("tasks/result").length).toBe(7)
    }),
  )

  it.live("because the server drops its streams, on the SDK's server", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const told = yield* observe(mcp)
      yield* mcp.add(config("a", yield* sdkV1TasksHttp({ pollInterval: 100 })))
      const fiber = yield* start(mcp.callTool("a", "gated", { text: "free" }))
      const made = yield* told.first(({ type }) => type === "mcp.task.status")
      const { taskId } = Object(Object(made.data).task)
      const waiting = yield* start(mcp.taskResult("a", taskId))
      yield* mcp.task("a", taskId)
      yield* mcp.callTool("a", "drop")
      yield* mcp.callTool("a", "release")
      expect(yield* Fiber.join(waiting)).toMatchObject({ content: [{ text: "free" }] })
      expect(yield* Fiber.join(fiber)).toMatchObject({ content: [{ text: "free" }] })
    }),
  )
})

describe("a task over HTTP", () => {
  it.live("that expires while its result is waited for fails when the server says so", () =>
    Effect.gen(function* () {
      let forgotten = false
      const { mcp, peer } = yield* begin(
        ({ rpc }) => {
          forgotten = true
          return { json: { jsonrpc: "2.0", id: rpc.id, ...refused(-32602, "Task not found") } }
        },
        {
          "tasks/get": ({ rpc }) => ({
            json: {
              jsonrpc: "2.0",
              id: rpc.id,
              ...(forgotten ? refused(-32602, "Task not found") : { result: state("input_required") }),
            },
          }),
        },
      )
      const error = yield* failure(mcp.callTool("a", "work"))
      expect(error).toMatchObject({ _tag: "TaskError", reason: { _tag: "Expired" } })
      expect(peer.of("tasks/result").length).toBe(1)
    }),
  )
})
