/**
 * Hazard 9: a server that dies in a call. The client's clock stands still in these tests: what fails and what begins anew
 * waits for no time of ours. How often a server is started is in `recovery/healing.test.ts`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { servers } from "@opencode-ai/testing/chaos/servers"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { poll } from "@opencode-ai/testing/polling"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { observe } from "../support/service.ts"

const it = testEffect(testMcp())

const pidOf = (mcp: Mcp["Service"]) => Effect.map(mcp.servers, ([state]) => state?.pid ?? 0)

const locals = [
  { name: "official SDK v1", peer: sdkV1() },
  { name: "official SDK v2", peer: sdkV2() },
]

describe("a local server that is killed in a call", () => {
  it.effect.each(locals)("fails that call, is started again, and serves the next one: %s", ({ peer }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", peer))
      const { first, of } = yield* observe(mcp)
      const before = yield* pidOf(mcp)
      const began = yield* Clock.currentTimeMillis
      const call = yield* start(failure(mcp.callTool("a", "hang", {}, { request: "first" })))
      yield* first(({ type }) => type === "mcp.progress")
      process.kill(before, "SIGKILL")
      const error = yield* Fiber.join(call)
      expect(error.reason._tag).toBe("Transport")
      expect(error.message).toContain("SIGKILL")
      const { content } = yield* mcp.callTool("a", "echo", { message: "next" })
      expect(content).toEqual([{ type: "text", text: "next" }])
      expect(isAlive(before)).toBe(false)
      expect(isAlive(yield* pidOf(mcp))).toBe(true)
      expect(of("mcp.status.changed").slice(-2)).toMatchObject([
        { status: "pending", attempt: 1 },
        { status: "connected" },
      ])
      expect((yield* Clock.currentTimeMillis) - began).toBe(0)
    }),
  )
})

describe("a remote server that is killed in a call, and started again by whoever keeps it", () => {
  it.live("fails that call, and serves the next one", () =>
    Effect.gen(function* () {
      const { entries, logs, remote } = yield* servers(yield* temporaryDirectory)
      const mcp = yield* Mcp
      yield* mcp.add(config("a", entries.remote))
      yield* mcp.settled
      const executed: Array<string> = []
      const call = yield* start(failure(mcp.callTool("a", "steps", { tag: "one", steps: 100_000 })))
      yield* poll(() => (executed.push(...logs.remote.executed()) > 0 ? true : undefined))
      yield* remote.restart("SIGKILL")
      expect((yield* Fiber.join(call)).reason._tag).toBe("Transport")
      const { content } = yield* mcp.callTool("a", "count", { tag: "two", payload: "next" })
      expect(content).toEqual([{ type: "text", text: "two next" }])
      expect([...executed, ...logs.remote.executed()]).toEqual(["one", "two"])
    }),
  )
})
