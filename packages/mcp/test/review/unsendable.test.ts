import * as Effect from "effect/Effect"
import { config } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

// Without the recorder, which writes every message as JSON itself.
const it = testEffect(Mcp.layer({ directory: process.cwd() }))

const remote = (legacy: boolean) => Effect.map(rawHttp({ legacy }), ({ url }) => ({ type: "remote", url }))

const peers = [
  { name: "stdio", entry: Effect.succeed(rawStdio()) },
  { name: "Streamable HTTP", entry: remote(false) },
  { name: "HTTP+SSE", entry: remote(true) },
]

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

describe("arguments that are no JSON", () => {
  it.live.each(peers)("fail their own call, and nothing is sent: %s", ({ entry }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("peer", yield* entry))
      for (const value of [1n, cyclic]) {
        const error = yield* failure(mcp.callTool("peer", "echo", { value }, { timeout: 5_000 }))
        expect(error.message).toContain("cannot be written as JSON")
      }
      expect(yield* mcp.callTool("peer", "echo", { value: 1 })).toEqual({
        content: [{ type: "text", text: '{"value":1}' }],
      })
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
    }),
  )
})
