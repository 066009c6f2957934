import * as Effect from "effect/Effect"
import * as Method from "@opencode-ai/mcp/protocol/method"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { config, connect, Recordings, testMcp } from "../src/client.ts"
import { it, testEffect } from "../src/effect.ts"
import { targets } from "../src/matrix.ts"
import { rawHttp } from "../src/peers/raw-http.ts"
import { rawStdio } from "../src/peers/raw-stdio.ts"
import { describe, expect } from "../src/runner.ts"

describe("connect", () => {
  it.live.each(targets)("gives a recorded session: %s", (target) =>
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

describe("a raw HTTP server", () => {
  const scripts = [
    { name: "that answers in JSON", script: {} },
    { name: "that answers in streams", script: { answers: "sse" } },
    { name: "with a session", script: { session: "one" } },
    { name: "of 2024-11-05", script: { legacy: true } },
  ] as const
  it.live.each(scripts)("is one that the client can use: %s", ({ script }) =>
    Effect.gen(function* () {
      const server = yield* rawHttp(script)
      const { session } = yield* connect({ type: "remote", url: server.url })
      const { content } = yield* session.request(Method.callTool, { name: "echo", arguments: { a: 1 } })
      expect(JSON.stringify(content)).toContain("a")
      expect(server.wire.receivedProblems).toEqual([])
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
