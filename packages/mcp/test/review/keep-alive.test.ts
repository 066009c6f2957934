import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { failure, scripted, start } from "../support/scripted.ts"

describe("keepAlive", () => {
  it.effect("asks a quiet server whether it lives, and ends the connection where it does not say so in time", () =>
    Effect.gen(function* () {
      let alive = true
      const { session, wire } = yield* scripted({
        session: { keepAlive: 1_000 },
        on: { ping: () => (alive ? undefined : "silence") },
      })
      yield* TestClock.adjust(1_000)
      yield* TestClock.adjust(1_000)
      expect(wire.messages("sent", "ping").length).toBe(2)
      alive = false
      const ended = yield* start(failure(session.ended))
      yield* TestClock.adjust(1_000)
      yield* TestClock.adjust(999)
      expect(ended.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      const { message } = yield* Fiber.join(ended)
      expect(message).toBe("no answer to a ping for 1000 ms: the connection is taken for dead")
    }),
  )

  it.effect("takes an error for a sign of life", () =>
    Effect.gen(function* () {
      const { session, wire } = yield* scripted({
        session: { keepAlive: 1_000 },
        on: { ping: () => ({ error: { code: -32601, message: "no ping" } }) },
      })
      const ended = yield* start(failure(session.ended))
      for (let count = 0; count < 5; count++) yield* TestClock.adjust(1_000)
      expect(wire.messages("sent", "ping").length).toBe(5)
      expect(ended.pollUnsafe()).toBe(undefined)
    }),
  )

  it.effect("is off where nothing is said", () =>
    Effect.gen(function* () {
      const { wire } = yield* scripted()
      yield* TestClock.adjust("1 hour")
      expect(wire.messages("sent", "ping").length).toBe(0)
    }),
  )
})
