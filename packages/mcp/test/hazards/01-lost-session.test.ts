/** Hazard 1: a lost session heals inside the call that met it. A session is of HTTP; over stdio it ends with the process (9). */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { servers } from "@opencode-ai/testing/chaos/servers"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

const eight = Array.from({ length: 8 }, (_, n) => String(n))

/** Eight calls at once, and what each was answered. */
const callEight = (mcp: Mcp["Service"]) =>
  Effect.forEach(eight, (message) => mcp.callTool("a", "echo", { message }), { concurrency: "unbounded" })

describe("a lost session", () => {
  it.live("heals in the calls that meet it, after a server on the official SDK was restarted: one initialize", () =>
    Effect.gen(function* () {
      const { entries, remote } = yield* servers(yield* temporaryDirectory)
      const mcp = yield* Mcp
      expect(yield* mcp.add(config("a", entries.remote))).toEqual({ status: "connected" })
      yield* mcp.settled
      for (let restart = 1; restart <= 3; restart++) {
        yield* remote.restart("SIGKILL")
        const results = yield* callEight(mcp)
        expect(results.map(({ content }) => content)).toEqual(eight.map((text) => [{ type: "text", text }]))
        expect(remote.proxy.count().initialize).toBe(1 + restart)
      }
    }),
  )

  const refusals: ReadonlyArray<{ readonly name: string; readonly reply: Reply }> = [
    { name: "404", reply: { status: 404, text: "" } },
    { name: "400, as text", reply: { status: 400, text: "Bad Request: No valid session ID provided" } },
    {
      name: "400, as a JSON-RPC error",
      reply: {
        status: 400,
        json: { jsonrpc: "2.0", id: null, error: { code: -32600, message: "Bad Request: Missing session ID" } },
      },
    },
  ]
  it.live.each(refusals)("that eight calls meet at the same time costs one initialize: %s", ({ reply }) =>
    Effect.gen(function* () {
      let session = 0
      let forgotten = 0
      let met = 0
      const all = yield* Deferred.make<void>()
      const server = yield* rawHttp({
        any: ({ headers, rpc }) => {
          if (rpc.method !== "tools/call" || headers["mcp-session-id"] !== `s${forgotten}`) return undefined
          met += 1
          if (met === eight.length) Deferred.doneUnsafe(all, Exit.void)
          // None of them is told before all of them have asked.
          return Effect.as(Deferred.await(all), reply)
        },
        on: {
          initialize: ({ rpc }) => ({
            headers: { "mcp-session-id": `s${++session}` },
            json: {
              jsonrpc: "2.0",
              id: rpc.id,
              result: {
                protocolVersion: "2025-11-25",
                capabilities: { tools: {} },
                serverInfo: { name: "forgetful", version: "1" },
              },
            },
          }),
        },
      })
      const mcp = yield* Mcp
      yield* mcp.add(config("a", { type: "remote", url: server.url }))
      forgotten = session
      const results = yield* callEight(mcp)
      expect(results.map(({ content }) => content)).toMatchObject(
        eight.map((message) => [{ text: JSON.stringify({ message }) }]),
      )
      expect([met, server.of("tools/call").length]).toEqual([8, 16])
      expect(session).toBe(2)
    }),
  )

  it.live("of a server that always says 404 costs each call at most two initialize", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        session: "s",
        any: ({ rpc }) => (rpc.method === "tools/call" ? { status: 404, text: "who are you?" } : undefined),
      })
      const mcp = yield* Mcp
      yield* mcp.add(config("a", { type: "remote", url: server.url }))
      for (let call = 1; call <= 4; call++) {
        expect((yield* Effect.flip(mcp.callTool("a", "echo", {}))).message).toContain("who are you?")
        yield* mcp.settled
        expect(server.of("initialize").length).toBeLessThanOrEqual(1 + 2 * call)
        expect(server.of("tools/call").length).toBe(2 * call)
      }
    }),
  )
})
