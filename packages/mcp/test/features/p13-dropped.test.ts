/** A dropped connection is not a cancellation (P13; 2025-11-25, Transports, Sending Messages to the Server, 6). */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { config, connect, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { type Elicitation, Mcp, Method } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"

const service = testEffect(testMcp())
const done = { content: [{ type: "text", text: "done" }] }

const broken: ReadonlyArray<{ readonly name: string; readonly reply: Reply }> = [
  { name: "before it is answered", reply: { drop: true } },
  { name: "in the middle of the answer", reply: { sse: [{ raw: 'data: {"jsonrpc": "2.0"' }, { drop: true }] } },
  { name: "after a stream that cannot be resumed began", reply: { sse: [{ raw: ": wait\n\n" }, { drop: true }] } },
]

describe("a connection that drops in the middle of a call", () => {
  it.live.each(broken)("fails it with a typed error, cancels nothing, and leaves the session: %s", ({ reply }) =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        session: "s1",
        on: {
          "tools/call": ({ nth, rpc }) => (nth === 0 ? reply : { json: { jsonrpc: "2.0", id: rpc.id, result: done } }),
        },
      })
      const { session } = yield* connect({ type: "remote", url: server.url })
      const call = session.request(Method.callTool, { name: "echo" })
      const error = yield* failure(call)
      expect(error).toMatchObject({ _tag: "SessionError", method: "tools/call", reason: { _tag: "Transport" } })
      // The same session answers the next call: whatever was sent about the first would have come before it.
      expect<unknown>(yield* call).toEqual(done)
      expect(server.of("tools/call").length).toBe(2)
      expect(server.of("initialize").length).toBe(1)
      expect(server.of("notifications/cancelled")).toEqual([])
    }),
  )

  it.live("after an event with an id is picked up where it was, and cancels nothing", () =>
    Effect.gen(function* () {
      const heard = yield* Deferred.make<void>()
      const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 2, progress: 1 } }
      const server = yield* rawHttp({
        on: {
          "tools/call": () => ({
            sse: [{ id: "e1", retry: 10, data: progress }, { until: Deferred.await(heard) }, { drop: true }],
          }),
        },
        get: ({ headers }) =>
          headers["last-event-id"] === "e1"
            ? { sse: [{ id: "e2", data: { jsonrpc: "2.0", id: 2, result: done } }] }
            : undefined,
      })
      const { session } = yield* connect({ type: "remote", url: server.url })
      const onProgress = () => Deferred.doneUnsafe(heard, Exit.void)
      expect<unknown>(yield* session.request(Method.callTool, { name: "echo" }, { onProgress })).toEqual(done)
      yield* session.request(Method.ping, {})
      expect(server.of("tools/call").length).toBe(1)
      expect(server.of("notifications/cancelled")).toEqual([])
    }),
  )

  it.live("leaves the person the question that came before: the answer reaches the server, and the call goes on", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const dropped = yield* Deferred.make<void>()
      const answered = yield* Deferred.make<void>()
      let interrupted = 0
      const elicit: Elicitation["Service"]["elicit"] = () =>
        Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(dropped)).pipe(
          Effect.as({ action: "decline" as const }),
          Effect.onInterrupt(() => Effect.sync(() => (interrupted += 1))),
        )
      const params = { message: "Who?", requestedSchema: { type: "object", properties: {} } }
      const server = yield* rawHttp({
        on: {
          "tools/call": () => ({
            sse: [
              { id: "q1", retry: 10, data: { jsonrpc: "2.0", id: "ask", method: "elicitation/create", params } },
              { until: Deferred.await(asked) },
              { drop: true },
            ],
          }),
        },
        any: ({ rpc }) => {
          if (rpc?.id === "ask" && rpc.method === undefined) Deferred.doneUnsafe(answered, Exit.void)
          return undefined
        },
        get: ({ headers }) => {
          if (headers["last-event-id"] !== "q1") return undefined
          Deferred.doneUnsafe(dropped, Exit.void)
          const answer = { jsonrpc: "2.0", id: 2, result: done }
          return { sse: [{ raw: ": again\n\n" }, { until: Deferred.await(answered) }, { id: "q2", data: answer }] }
        },
      })
      const handlers = { elicitation: { modes: ["form" as const], elicit } }
      const { session, wire } = yield* connect({ type: "remote", url: server.url }, undefined, handlers)
      expect<unknown>(yield* session.request(Method.callTool, { name: "echo" })).toEqual(done)
      expect(interrupted).toBe(0)
      const sent = wire.messages("sent").find(({ id, method }) => id === "ask" && method === undefined)
      expect(sent?.result).toEqual({ action: "decline" })
      expect(server.of("notifications/cancelled")).toEqual([])
    }),
  )

  service.live(
    "because its process died fails it with a typed error, and the next session hears of no cancellation",
    () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        yield* mcp.add(config("a", rawStdio({ on: { "tools/call": [{ do: "signal", signal: "SIGKILL" }] } })))
        const calls = yield* Effect.forEach([1, 2], () => start(failure(mcp.callTool("a", "echo"))))
        for (const fiber of calls) {
          expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SessionError", reason: { _tag: "Transport" } })
        }
        yield* mcp.ping("a")
        const { wires } = yield* Recordings
        expect(wires("a").length).toBe(2)
        for (const wire of wires("a")) expect(wire.messages("sent", "notifications/cancelled")).toEqual([])
      }),
  )
})
