import * as Effect from "effect/Effect"
import * as Method from "@opencode-ai/mcp/protocol/method"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { config, connect, Recordings, testMcp } from "../src/client.ts"
import { it, testEffect } from "../src/effect.ts"
import { stdioTargets } from "../src/matrix.ts"
import { rawStdio } from "../src/peers/raw-stdio.ts"
import { describe, expect } from "../src/runner.ts"

describe("connect", () => {
  it.live.each(stdioTargets)("gives a recorded session: %s", (target) =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect(yield* target.entry)
      expect(session.agreement.revision).toBe(target.revision)
      yield* session.request(Method.callTool, { name: "echo", arguments: { message: "hi" } })
      expect(wire.revision).toBe(target.revision)
      expect(wire.messages("sent", "tools/call").length).toBe(1)
    }),
  )

  it.live("follows a server that answers with an older revision", () =>
    Effect.gen(function* () {
      const { wire } = yield* connect(rawStdio({ protocolVersion: "2024-11-05" }))
      expect(wire.messages("sent", "initialize")[0]?.params?.protocolVersion).toBe("2025-11-25")
      expect(wire.revision).toBe("2024-11-05")
    }),
  )
})

describe("testMcp", () => {
  testEffect(testMcp()).live("gives the service, and what each of its servers said", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      expect(yield* mcp.add(config("raw", rawStdio()))).toEqual({ status: "connected" })
      yield* mcp.callTool("raw", "echo", { a: 1 })
      const { wire } = yield* Recordings
      expect(wire("raw").messages("sent", "tools/call")[0]?.params?.arguments).toEqual({ a: 1 })
    }),
  )
})
