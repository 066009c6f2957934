/**
 * Hazard 10: a server that hangs in `initialize` delays no other. The client's clock stands still until all the others have
 * answered: not a millisecond of it was waited for.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { everything, filesystem } from "@opencode-ai/testing/peers/published"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { effectMcp, sdkV1, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { start } from "../support/scripted.ts"

const it = testEffect(testMcp())

const silent = Effect.map(rawHttp({ on: { initialize: () => Effect.never } }), ({ url }) => ({ type: "remote", url }))
const mute = Effect.map(rawHttp({ on: { initialize: () => ({ sse: [], hold: true }) } }), ({ url }) => ({
  type: "remote",
  url,
}))
const hanging = [
  { name: "stdio: it does not answer", entry: Effect.succeed(rawStdio({ on: { initialize: [] } })) },
  { name: "stdio: it does not read", entry: Effect.succeed(rawStdio({ read: false })) },
  { name: "HTTP: it does not answer", entry: silent },
  { name: "HTTP: it opens a stream and says nothing", entry: mute },
]

describe("a server that hangs in initialize", () => {
  it.effect.each(hanging)("delays no other by a millisecond, and fails by its own start-up timeout: %s", ({ entry }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const began = yield* Clock.currentTimeMillis
      const hung = yield* start(mcp.add(config("hangs", yield* entry)))
      const { url } = yield* rawHttp()
      const others = {
        everything,
        files: filesystem(yield* temporaryDirectory),
        sdk: sdkV1(),
        effect: effectMcp(),
        remote: yield* sdkV2Http(),
        raw: { type: "remote", url },
      }
      const statuses = yield* Effect.forEach(
        Object.entries(others),
        ([name, other]) =>
          Effect.gen(function* () {
            const status = yield* mcp.add(config(name, other))
            expect((yield* mcp.tools(name)).length).toBeGreaterThan(0)
            yield* mcp.ping(name)
            return status
          }),
        { concurrency: "unbounded" },
      )
      expect(statuses).toEqual(Object.keys(others).map(() => ({ status: "connected" })))
      expect((yield* Clock.currentTimeMillis) - began).toBe(0)
      expect(hung.pollUnsafe()).toBe(undefined)
      expect((yield* mcp.servers)[0]).toMatchObject({ name: "hangs", status: { status: "pending" } })
      yield* TestClock.adjust("30 seconds")
      expect((yield* Fiber.join(hung)).status).toBe("failed")
      expect((yield* mcp.servers).slice(1).every(({ status }) => status.status === "connected")).toBe(true)
    }),
  )
})
