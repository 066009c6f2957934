import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { CallError, Mcp } from "../../src/mcp.ts"
import { failure, start } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

describe("the timeout of a request", () => {
  const slow = { timeout: { startup: 60_000 } }
  it.effect("bounds the wait for a server that is still connecting, which goes on", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* start(add("a", { on: { initialize: () => "silence" } }, slow))
      const requests: ReadonlyArray<Effect.Effect<unknown, CallError>> = [
        mcp.callTool("a", "echo", {}, { timeout: 500 }),
        mcp.readResource("a", "test://a", { timeout: 500 }),
        mcp.getPrompt("a", "greet", {}, { timeout: 500 }),
      ]
      const waiting = yield* Effect.forEach(requests, (request) => start(failure(request)))
      yield* TestClock.adjust(499)
      expect(waiting.map((fiber) => fiber.pollUnsafe())).toEqual([undefined, undefined, undefined])
      yield* TestClock.adjust(1)
      for (const fiber of waiting) {
        const error = yield* Fiber.join(fiber)
        expect([error.reason._tag, error.message]).toEqual(["Timeout", expect.stringContaining("within 500 ms")])
      }
      expect((yield* mcp.servers)[0]?.status.status).toBe("pending")
      expect(wire("a").messages("sent", "notifications/cancelled")).toEqual([])
    }),
  )
  it.effect("bounds the wait for the list that a tool is in", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      yield* start(add("a", { on: { "tools/list": () => "silence" } }, slow))
      const waiting = yield* start(failure(mcp.callTool("a", "echo", {}, { timeout: 500 })))
      yield* TestClock.adjust(500)
      expect((yield* Fiber.join(waiting)).reason._tag).toBe("Timeout")
      expect((yield* mcp.servers)[0]?.status.status).toBe("connected")
    }),
  )
})

describe("a server is asked only for what it declares", () => {
  const asked = [
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
    "tools/list",
    "tools/call",
  ]
  const everything = (mcp: Mcp["Service"]): ReadonlyArray<Effect.Effect<unknown, CallError>> => [
    mcp.getPrompt("a", "p"),
    mcp.readResource("a", "test://a"),
    mcp.subscribe("a", "test://a"),
    mcp.unsubscribe("a", "test://a"),
    mcp.complete("a", { ref: { type: "ref/prompt", name: "p" }, argument: { name: "x", value: "" } }),
    mcp.setLevel("a", "info"),
    mcp.callTool("a", "t"),
  ]
  it.effect("one that declares nothing is connected, lists nothing, and is sent nothing", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const { of } = yield* observe(mcp)
      yield* add("a", { capabilities: {} })
      expect([yield* mcp.tools("a"), yield* mcp.prompts("a"), yield* mcp.resources("a")]).toEqual([[], [], []])
      expect(yield* mcp.templates("a")).toEqual([])
      for (const request of everything(mcp)) {
        expect((yield* failure(request)).reason._tag).toBe("NotDeclared")
      }
      for (const method of asked) expect(wire("a").messages("sent", method)).toEqual([])
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
      expect(of("mcp.warning")).toEqual([])
    }),
  )
})
