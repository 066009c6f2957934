/** What servers say of their use (P20): kept up to a bound, each server's its own, and that of the latest session. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { observe, service } from "../support/service.ts"

describe("the instructions of a server", () => {
  it.effect("are those of its latest session, and none while there is none", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      let session = 0
      const initialize = () => ({
        result: {
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "raw", version: "1" },
          ...(session++ === 2 ? {} : { instructions: `session ${session}` }),
        },
      })
      yield* add("a", { on: { initialize } })
      yield* add("b", { instructions: "of b" })
      const b = { server: "b", instructions: "of b" }
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "session 1" }, b])
      yield* mcp.disconnect("a")
      expect(yield* mcp.instructions).toEqual([b])
      yield* mcp.connect("a")
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "session 2" }, b])
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect(yield* mcp.instructions).toEqual([b])
    }),
  )
  it.effect("are cut at 32,768 characters, which they and a warning say, and are nothing where they are no text", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const events = yield* observe(mcp)
      yield* add("long", { instructions: "x".repeat(1_000_000) })
      yield* add("whole", { instructions: "x".repeat(32_768) })
      yield* add("none", { instructions: Object({ toString: "no text" }) })
      const told = yield* mcp.instructions
      expect(told.map(({ instructions, server }) => [server, instructions.length])).toEqual([
        ["long", 32_768],
        ["whole", 32_768],
      ])
      expect(told[0]?.instructions).toMatch(/x … \[cut by the client: 32768 of 1000000 characters\]$/)
      expect(told[1]?.instructions).toMatch(/^x+$/)
      const message = "its instructions have 1000000 characters, of which 32768 are kept"
      expect(events.of("mcp.warning")).toEqual([{ server: "long", message }])
    }),
  )
})
