import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it as plain, testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

const warnings = (mcp: Mcp["Service"]) => {
  const said: Array<string> = []
  mcp.listen((event) => {
    if (event.type === "mcp.warning") said.push(event.data.message)
  })
  return said
}

describe("a list that a server over HTTP breaks off", () => {
  it.live("keeps the pages before, and says so", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = warnings(mcp)
      const http = yield* rawHttp({
        manyTools: { count: 30, pageSize: 10 },
        on: { "tools/list": ({ rpc }) => (rpc.params?.cursor === "20" ? { status: 500, text: "broken" } : undefined) },
      })
      expect(yield* mcp.add(config("peer", { type: "remote", url: http.url }))).toEqual({ status: "connected" })
      expect((yield* mcp.tools("peer")).length).toBe(20)
      expect(said.length).toBe(1)
      expect(said[0]).toContain("HTTP 500")
      expect(said[0]).toContain("20 kept")
    }),
  )

  it.live("is read again when it is needed next, and whole then", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      let isDown = true
      const http = yield* rawHttp({
        manyTools: { count: 30, pageSize: 10 },
        on: {
          "tools/list": ({ rpc }) =>
            isDown && rpc.params?.cursor === "20" ? { status: 503, text: "one moment" } : undefined,
        },
      })
      expect(yield* mcp.add(config("peer", { type: "remote", url: http.url }))).toEqual({ status: "connected" })
      expect((yield* mcp.servers)[0]).toMatchObject({ tools: 20 })
      isDown = false
      expect((yield* mcp.tools("peer")).length).toBe(30)
      expect((yield* mcp.callTool("peer", "tool_29", { value: "x" })).content.length).toBe(1)
      expect(http.of("tools/list").length).toBe(6)
    }),
  )

  it.live("is read again where the server was down for a moment, and is not empty for good", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      let isDown = false
      const http = yield* rawHttp({
        on: { "tools/list": () => (isDown ? { status: 502, text: "bad gateway" } : undefined) },
      })
      expect(yield* mcp.add(config("peer", { type: "remote", url: http.url }))).toEqual({ status: "connected" })
      const { length } = yield* mcp.tools("peer")
      expect(length).toBeGreaterThan(0)
      isDown = true
      const connection = yield* mcp.connection("peer")
      const live = connection.live()
      expect((yield* Effect.exit(live?.catalog.tools.refresh ?? Effect.void))._tag).toBe("Failure")
      isDown = false
      expect((yield* mcp.tools("peer")).length).toBe(length)
      expect(yield* mcp.callTool("peer", "echo", {})).toMatchObject({ content: [{ text: "{}" }] })
    }),
  )

  it.live("is empty, and says so, where the server refuses it with an error in an HTTP 4xx", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = warnings(mcp)
      const error = { code: -32601, message: "no prompts today" }
      const http = yield* rawHttp({
        capabilities: { tools: {}, prompts: {} },
        on: { "prompts/list": ({ rpc }) => ({ status: 400, json: { jsonrpc: "2.0", id: rpc.id, error } }) },
      })
      expect(yield* mcp.add(config("peer", { type: "remote", url: http.url }))).toEqual({ status: "connected" })
      expect(yield* mcp.prompts("peer")).toEqual([])
      expect((yield* mcp.servers)[0]).toMatchObject({ status: { status: "connected" }, prompts: 0, tools: 1 })
      expect(said[0]).toContain("no prompts today")
    }),
  )
})

describe("a malformed tool that is nested without end", () => {
  plain.live("is left out like any other", () =>
    Effect.gen(function* () {
      // Without the recorder, which writes every message as JSON itself.
      const mcp = Context.get(yield* Layer.build(Mcp.layer({ directory: process.cwd() })), Mcp)
      const said = warnings(mcp)
      const levels = 40_000
      const tools = `[{"deep":${"[".repeat(levels)}${"]".repeat(levels)}},{"name":"good","inputSchema":{}}]`
      const answer = { do: "write", parts: ['{"jsonrpc":"2.0","id":$id,"result":{"tools":', tools, "}}\n"] } as const
      yield* mcp.add(config("peer", rawStdio({ on: { "tools/list": [answer] } })))
      expect((yield* mcp.tools("peer")).map(({ tool }) => tool.name)).toEqual(["good"])
      expect(said[0]).toContain('left out {"deep":"[…]"}')
    }),
  )

  plain.live("is left out where it is well-formed, too: it is neither compared, kept nor shown", () =>
    Effect.gen(function* () {
      const mcp = Context.get(yield* Layer.build(Mcp.layer({ directory: process.cwd() })), Mcp)
      const said = warnings(mcp)
      const levels = 40_000
      const schema = `{"default":${"[".repeat(levels)}${"]".repeat(levels)}}`
      const tools = `[{"name":"deep","inputSchema":${schema}},{"name":"good","inputSchema":{}}]`
      const answer = { do: "write", parts: ['{"jsonrpc":"2.0","id":$id,"result":{"tools":', tools, "}}\n"] } as const
      yield* mcp.add(config("peer", rawStdio({ on: { "tools/list": [answer] } })))
      expect((yield* mcp.tools("peer")).map(({ tool }) => tool.name)).toEqual(["good"])
      expect(said[0]).toContain('left out "deep": it is nested more than 500 levels deep')
    }),
  )
})
