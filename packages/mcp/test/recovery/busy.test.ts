/** `Retry-After` (RFC 9110, 10.2.3): what a busy server did not take is asked again when it wants it, within bounds. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { secondsOf } from "../../src/http/retry-after.ts"
import { Method } from "../../src/index.ts"
import { Patience, standard } from "../../src/transport/patience.ts"
import { answering, type Seen } from "../support/answering.ts"
import { failure, start } from "../support/scripted.ts"
import { recorded, sessionOver } from "../support/session.ts"

const refusal = (status: number, retryAfter?: string) =>
  new Response("one moment", { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } })

/** A session with a server that answers so. */
const connected = (respond: (seen: Seen) => Response | Error | undefined, timeout?: number) =>
  Effect.gen(function* () {
    const server = yield* answering(respond)
    const { transport, wire } = yield* recorded(server.transport)
    const { session } = yield* sessionOver(transport, { timeout })
    const call = session.request(Method.callTool, { name: "echo", arguments: { n: 1 } })
    return { ...server, call, session, wire, calls: () => server.of("tools/call").map(({ at }) => at) }
  })

describe("a call that a busy server refuses", () => {
  it.effect.each([
    [429, "2"],
    [503, "2"],
    [503, "Thu, 01 Jan 1970 00:00:02 GMT"],
  ] as const)("is made again when the server wants it, where it says so: HTTP %s", ([status, after]) =>
    Effect.gen(function* () {
      const { call, calls, pass } = yield* connected(({ method, nth }) =>
        method === "tools/call" && nth === 0 ? refusal(status, after) : undefined,
      )
      const fiber = yield* start(call)
      yield* pass(3)
      expect(yield* Fiber.join(fiber)).toMatchObject({ content: [{ text: '{"n":1}' }] })
      expect(calls()).toEqual([0, 2_000])
    }),
  )

  it.effect.each([
    ["without a time", 503, undefined],
    ["without a time", 429, undefined],
    ["with a time that is none", 503, "soon"],
    ["with another status, which does not say that it was not taken", 500, "1"],
    ["with another status, which does not say that it was not taken", 502, "1"],
    ["with another status, which does not say that it was not taken", 504, "1"],
  ] as const)("is not made again %s: HTTP %s", ([, status, after]) =>
    Effect.gen(function* () {
      const { call, calls, pass } = yield* connected(({ method }) =>
        method === "tools/call" ? refusal(status, after) : undefined,
      )
      const fiber = yield* start(failure(call))
      yield* pass(1)
      expect((yield* Fiber.join(fiber)).message).toContain(`HTTP ${status}: one moment`)
      yield* pass(10)
      expect(calls().length).toBe(1)
    }),
  )

  it.effect("fails at once where the server wants more time than there is, and says how much", () =>
    Effect.gen(function* () {
      for (const [after, timeout] of [
        ["31", undefined],
        ["5", 5_000],
        ["Thu, 01 Jan 1970 10:00:00 GMT", undefined],
      ] as const) {
        const { call, calls, settle } = yield* connected(
          ({ method }) => (method === "tools/call" ? refusal(503, after) : undefined),
          timeout,
        )
        const fiber = yield* start(failure(call))
        yield* settle
        const { reason } = yield* Fiber.join(fiber)
        expect(reason).toMatchObject({
          _tag: "Transport",
          error: { reason: { _tag: "HttpStatus", retryAfter: after } },
        })
        expect(calls().length).toBe(1)
      }
    }),
  )

  it.effect("is made a few times, not sooner than the server wants, nor at once, and ever more rarely", () =>
    Effect.gen(function* () {
      const { call, calls, pass } = yield* connected(({ method }) =>
        method === "tools/call" ? refusal(503, "0") : undefined,
      )
      const fiber = yield* start(failure(call))
      yield* pass(20)
      expect((yield* Fiber.join(fiber)).message).toContain("HTTP 503")
      expect(calls().length).toBe(5)
      const between = calls()
        .slice(1)
        .map((at, index) => at - (calls()[index] ?? 0))
      expect(between[0]).toBeGreaterThanOrEqual(400)
      expect(between).toEqual(between.toSorted((a, b) => a - b))
    }),
  )

  it.effect("waits half a minute in all and no longer, and is never made with an id that was used", () =>
    Effect.gen(function* () {
      const { call, calls, of, pass } = yield* connected(({ method }) =>
        method === "tools/call" ? refusal(429, "12") : undefined,
      )
      const fiber = yield* start(failure(call))
      yield* pass(40)
      expect((yield* Fiber.join(fiber)).message).toContain("HTTP 429")
      expect(calls()).toEqual([0, 12_000, 24_000])
      expect(new Set(of("tools/call").map(({ id }) => id)).size).toBe(3)
    }),
  )

  it.effect("ends with its caller, its session and its deadline, whichever comes first", () =>
    Effect.gen(function* () {
      const { call, calls, pass, settle, wire } = yield* connected(({ method }) =>
        method === "tools/call" ? refusal(503, "10") : undefined,
      )
      const fiber = yield* start(call)
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* pass(15)
      expect(calls().length).toBe(1)
      // The server did not take it: there is nothing to cancel.
      expect(wire.messages("sent", "notifications/cancelled")).toEqual([])

      const silent = yield* connected(({ method, nth }) => {
        if (method !== "tools/call") return undefined
        return nth === 0
          ? refusal(503, "3")
          : new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } })
      }, 5_000)
      const late = yield* start(failure(silent.call))
      yield* silent.pass(6)
      expect((yield* Fiber.join(late)).reason._tag).toBe("Timeout")
      expect(silent.calls()).toEqual([15_000, 18_000])

      // As long as it waits, nothing but the caller holds it.
      const scope = yield* Scope.make()
      const closed = yield* Scope.provide(
        connected(({ method }) => (method === "tools/call" ? refusal(503, "10") : undefined)),
        scope,
      )
      const lost = yield* start(failure(closed.call))
      yield* closed.settle
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(lost)).message).toContain("connection was closed")
    }),
  )

  it.effect("finds its way where the server has forgotten the session meanwhile", () =>
    Effect.gen(function* () {
      let session = 0
      const { call, calls, of, pass } = yield* connected(({ headers, http, id, method, nth }) => {
        if (http !== "POST") return undefined
        if (method === "initialize") {
          session += 1
          return Response.json(
            {
              jsonrpc: "2.0",
              id,
              result: {
                protocolVersion: "2025-11-25",
                capabilities: { tools: {} },
                serverInfo: { name: "a", version: "" },
              },
            },
            { headers: { "mcp-session-id": `s${session}` } },
          )
        }
        if (method !== "tools/call") return undefined
        // It is being replaced by another, which knows nothing.
        if (nth === 0 || nth === 2) return refusal(503, "1")
        return headers.get("mcp-session-id") === "s1" ? new Response("Session not found", { status: 404 }) : undefined
      })
      const fiber = yield* start(call)
      yield* pass(5)
      expect(yield* Fiber.join(fiber)).toMatchObject({ content: [{ text: '{"n":1}' }] })
      expect(of("initialize").length).toBe(2)
      expect(calls().length).toBe(4)
    }),
  )

  it.effect("is made as often as the host's policy says", () =>
    Effect.gen(function* () {
      const server = yield* answering(({ method }) => (method === "tools/call" ? refusal(503, "1") : undefined))
      const never = Layer.succeed(Patience)({
        refused: Schedule.recurs(0),
        refusedFor: 30_000,
        stream: standard.stream,
      })
      const { session } = yield* Effect.provide(sessionOver(server.transport), never)
      const fiber = yield* start(failure(session.request(Method.callTool, { name: "echo" })))
      yield* server.settle
      expect((yield* Fiber.join(fiber)).message).toContain("HTTP 503")
      expect(server.of("tools/call").length).toBe(1)
    }),
  )
})

describe("a handshake that a busy server refuses", () => {
  it.effect("is made again when the server wants it, within the time for the start", () =>
    Effect.gen(function* () {
      const server = yield* answering(({ method, nth }) =>
        (method === "initialize" || method === "notifications/initialized") && nth === 0
          ? refusal(503, "1")
          : undefined,
      )
      const fiber = yield* start(
        Effect.flatMap(sessionOver(server.transport), ({ session }) => session.request(Method.ping, {})),
      )
      yield* server.pass(4)
      expect(yield* Fiber.join(fiber)).toEqual({})
      expect(server.of("initialize").map(({ at }) => at)).toEqual([0, 1_000])
      expect(server.of("notifications/initialized").map(({ at }) => at)).toEqual([1_000, 2_000])
    }),
  )

  it.effect("fails at once where it would take longer than that", () =>
    Effect.gen(function* () {
      const server = yield* answering(({ method }) => (method === "initialize" ? refusal(503, "8") : undefined))
      const fiber = yield* start(failure(sessionOver(server.transport, { startupTimeout: 5_000 })))
      yield* server.settle
      expect((yield* Fiber.join(fiber)).message).toContain("HTTP 503")
    }),
  )
})

it.effect("the stream for messages is left closed for as long as a busy server wants", () =>
  Effect.gen(function* () {
    const { of, pass } = yield* connected(({ http, nth }) =>
      http !== "GET" ? undefined : nth === 0 ? refusal(503, "20") : new Response(null, { status: 405 }),
    )
    yield* pass(25)
    expect(of("GET").map(({ at }) => at)).toEqual([0, 20_000])
  }),
)

it.effect("a time to come back is read in each form that it may have", () =>
  Effect.sync(() => {
    const now = Date.UTC(1994, 10, 6, 8, 49, 0)
    for (const text of [
      "37",
      " 37 ",
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]) {
      expect(secondsOf(text, now)).toBe(37)
    }
    expect(secondsOf("Sun, 06 Nov 1994 08:00:00 GMT", now)).toBe(0)
    for (const text of [undefined, "", "-1", "1.5", "1e3", "9999999999", "soon", "Sunday"]) {
      expect(secondsOf(text, now)).toBe(undefined)
    }
  }),
)
