/**
 * Hazard 5: the stream of an answer dies without it. Of HTTP; over HTTP+SSE the session ends with its stream
 * (`transport/sse.test.ts`), over stdio with the output (`stdio/process.test.ts`). What may be asked again is in
 * `recovery/answers.test.ts`.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { start } from "../support/scripted.ts"
import { functionServer, type Seen, stream } from "./function-server.ts"

const broken = () =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(`data: {"jsonrpc":"2.0","id":`))
        setImmediate(() => controller.error(new TypeError("socket hang up")))
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  )

const resumable = (again: () => Response | undefined) => (seen: Seen) =>
  seen.method === "GET" && seen.lastEventId !== undefined ? again() : stream("id: e\nretry: 10\ndata:\n\n")

const deaths: ReadonlyArray<{ readonly name: string; readonly answer: (seen: Seen) => Response | undefined }> = [
  { name: "it ends at once", answer: () => stream() },
  { name: "it ends after a comment", answer: () => stream(": wait\n\n") },
  { name: "it breaks in the middle of the answer", answer: broken },
  { name: "it ends after an event id, and nothing is resumed", answer: resumable(() => undefined) },
  { name: "… and the session is gone", answer: resumable(() => new Response("", { status: 404 })) },
  { name: "… and the server is down", answer: resumable(() => new Response("", { status: 502 })) },
]

describe("the stream of an answer that dies without it", () => {
  it.effect.each(deaths)("ends the call within five seconds, and nothing else: %s", ({ answer }) =>
    Effect.gen(function* () {
      let isDead = true
      const { mcp, of, pass } = yield* functionServer((seen) =>
        isDead && (seen.rpc.method === "tools/call" || seen.lastEventId !== undefined) ? answer(seen) : undefined,
      )
      const call = yield* start(Effect.flip(mcp.callTool("a", "echo", { n: 1 })))
      yield* pass(5)
      expect(call.pollUnsafe()?._tag).toBe("Success")
      expect((yield* Fiber.join(call)).reason._tag).toBe("Transport")
      // It may have had its effect.
      expect(of("tools/call").length).toBe(1)
      isDead = false
      expect((yield* mcp.callTool("a", "echo", { n: 2 })).content).toEqual([{ type: "text", text: '{"n":2}' }])
      expect(of("initialize").length).toBe(1)
    }),
  )

  it.effect.each(deaths.slice(0, 3))("re-issues what changes nothing within five seconds: %s", ({ answer }) =>
    Effect.gen(function* () {
      const { mcp, of, pass } = yield* functionServer((seen, nth) =>
        seen.rpc.method === "ping" && nth === 0 ? answer(seen) : undefined,
      )
      const ping = yield* start(mcp.ping("a"))
      yield* pass(5)
      expect(ping.pollUnsafe()?._tag).toBe("Success")
      expect(of("ping").length).toBe(2)
    }),
  )
})
