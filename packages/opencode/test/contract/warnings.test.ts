import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { world } from "../cli/program.ts"

describe("a server's warning", () => {
  it.live("names the server once, and says what was listed", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const peer = rawStdio({ on: { "tools/list": [{ do: "error", code: -32603, message: "not today" }] } })
      const { stderr } = yield* mcp({ peer }, ["list"])
      expect(stderr).toBe("warning: peer: tools/list: not today (code -32603); 0 kept\n")
    }),
  )

  it.live("has no escaped escape sequences in it on a terminal", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const peer = rawStdio({ on: { "tools/list": [{ do: "error", code: -32603, message: "not today" }] } })
      const config = write("servers.json", { mcp: { peer } })
      const { text } = yield* terminal(["list", "--config", config])
      expect(text).toContain("warning: peer: tools/list: not today")
      expect(text).not.toContain("\\u{")
    }),
  )

  it.live.each([
    { name: "a length of nothing", reply: { status: 202, text: "" } },
    { name: "no length", reply: { status: 202, body: [] } },
  ])("is not given for a notification accepted with JSON of nothing, with %s", ({ reply }) =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { url } = yield* rawHttp({
        on: { "notifications/initialized": () => ({ ...reply, headers: { "content-type": "application/json" } }) },
      })
      const { code, stderr } = yield* mcp({ peer: { type: "remote", url } }, ["tools", "peer"])
      expect([code, stderr]).toEqual([0, ""])
    }),
  )
})
