import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { config, connect, testMcp } from "@opencode-ai/testing/client"
import { it as plain, testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, Mcp, Method, SessionLayer, TransportLayer } from "../../src/index.ts"

const it = testEffect(testMcp())

describe("a server that dies in a call", () => {
  it.live("is known to be gone when the call fails: what is asked next waits for the one after it", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("peer", rawStdio({ on: { "tools/call": [{ do: "exit", code: 3 }] } })))
      const seen = yield* mcp.callTool("peer", "echo", {}).pipe(
        Effect.catch(() => mcp.servers),
        Effect.map((found) => ("content" in found ? undefined : found[0]?.status.status)),
      )
      expect(seen).toBe("pending")
      expect(yield* mcp.ping("peer")).toBeGreaterThan(0)
    }),
  )
})

describe("a server that speaks before the transport is open", () => {
  plain.live("is answered, and the handshake goes on", () =>
    Effect.gen(function* () {
      const answered: Array<unknown> = []
      const transport = TransportLayer.inMemory((client) =>
        Effect.gen(function* () {
          client.send({ jsonrpc: "2.0", id: "early", method: "ping" })
          yield* Effect.callback<void>((resume) => queueMicrotask(() => resume(Effect.void)))
          return (message) => {
            if ("result" in message) answered.push(message)
            if (!("id" in message) || !("method" in message)) return
            const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "a", version: "1" } }
            client.send({ jsonrpc: "2.0", id: message.id, result })
          }
        }),
      )
      const session = SessionLayer.make({ server: "peer", startupTimeout: 5_000 })
      yield* Layer.build(session.pipe(Layer.provide([transport, CapabilityLayer.none])))
      expect(answered).toEqual([{ jsonrpc: "2.0", id: "early", result: {} }])
    }),
  )
})

describe("an SSE server that accepts a POST and never ends it", () => {
  plain.live("costs the calls that it leaves open, not those after them", () =>
    Effect.gen(function* () {
      // On a slow machine a POST may be given up before it arrived, and its cancellation arrive nonetheless.
      const http = yield* rawHttp({
        check: false,
        legacy: true,
        any: ({ rpc }) => (rpc.method === "tools/call" ? Effect.never : undefined),
      })
      const { session } = yield* connect({ type: "remote", url: http.url })
      const calls = Array.from({ length: 250 }, () =>
        Effect.exit(session.request(Method.callTool, { name: "echo" }, { timeout: 500 })),
      )
      yield* Effect.all(calls, { concurrency: "unbounded" })
      expect(yield* session.request(Method.ping, {}, { timeout: 10_000 })).toEqual({})
    }),
  )
})
