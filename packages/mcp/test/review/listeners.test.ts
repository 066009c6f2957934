import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

const warnings = Effect.acquireRelease(
  Effect.sync(() => {
    const said: Array<string> = []
    const hear = ({ message }: Error) => said.push(message)
    process.on("warning", hear)
    return { said, hear }
  }),
  ({ hear }) => Effect.sync(() => process.off("warning", hear)),
)

describe("a listener that throws", () => {
  it.live("harms neither the server, nor the call, nor the other listeners, and is told of", () =>
    Effect.gen(function* () {
      const { said } = yield* warnings
      const mcp = yield* Mcp
      const heard: Array<string> = []
      mcp.listen(({ type }) => {
        throw new Error(`no ${type}`)
      })
      mcp.listen(({ type }) => heard.push(type))
      const log = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "hello" } }
      const progress = {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: 3, progress: 1 },
      }
      const peer = rawStdio({
        on: {
          "tools/call": [
            { do: "send", message: log },
            { do: "send", message: progress },
            { do: "result", result: { content: [] } },
          ],
        },
      })
      expect(yield* mcp.add(config("peer", peer))).toEqual({ status: "connected" })
      let steps = 0
      const onProgress = () => {
        steps += 1
        throw new Error("no progress")
      }
      expect(yield* mcp.callTool("peer", "echo", {}, { timeout: 5_000, onProgress })).toEqual({ content: [] })
      expect(steps).toBe(1)
      expect(heard).toEqual(["mcp.status.changed", "mcp.status.changed", "mcp.log"])
      yield* Effect.yieldNow
      expect(said.some((text) => text.includes("no mcp.log"))).toBe(true)
    }),
  )
})
