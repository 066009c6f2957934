import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { start } from "../support/scripted.ts"
import { service } from "../support/service.ts"

describe("a subscription that two asked for", () => {
  it.effect("is made again in the next session, though one of them gave up", () =>
    Effect.gen(function* () {
      let asked = 0
      const { add, client, mcp, wire } = yield* service
      yield* add("a", {
        capabilities: { resources: { subscribe: true } },
        on: { "resources/subscribe": () => (++asked === 1 ? "silence" : { result: {} }) },
      })
      const first = yield* start(mcp.subscribe("a", "file:///x"))
      yield* mcp.subscribe("a", "file:///x")
      yield* Fiber.interrupt(first)
      client("a").end("gone")
      yield* TestClock.adjust(0)
      yield* mcp.ping("a")
      expect(wire("a").messages("sent", "resources/subscribe")).toMatchObject([{ params: { uri: "file:///x" } }])
    }),
  )
})
