/** N5: an answer that was lost on the way is asked for again where that changes nothing, once; everything else fails. */
import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

const tools = [
  { name: "plain", inputSchema: { type: "object" } },
  { name: "idempotent", inputSchema: { type: "object" }, annotations: { idempotentHint: true } },
  { name: "reader", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
]

/** An answer whose stream ends before it, or whose socket is closed. */
const losses: ReadonlyArray<readonly [string, Reply]> = [
  ["its stream ends without it", { sse: [{ raw: ": nothing\n\n" }] }],
  ["its connection is closed", { drop: true }],
]

/** A server that loses the first answers of these methods, as many as `times`. */
const losing = (loss: Reply, times: number, ...methods: ReadonlyArray<string>) =>
  rawHttp({
    capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
    tools,
    on: Object.fromEntries(methods.map((method) => [method, ({ nth }) => (nth < times ? loss : undefined)])),
  })

const connected = Effect.fnUntraced(function* (url: string, trusted: boolean) {
  const mcp = yield* Mcp
  expect(yield* mcp.add(config("a", { type: "remote", url, trusted }))).toEqual({ status: "connected" })
  return mcp
})

for (const [how, loss] of losses) {
  describe(`an answer that is lost, as ${how}`, () => {
    it.live("is asked for again by a ping and by a list", () =>
      Effect.gen(function* () {
        const server = yield* losing(loss, 1, "ping", "tools/list")
        const mcp = yield* connected(server.url, false)
        yield* mcp.ping("a")
        expect((yield* mcp.tools("a")).length).toBe(3)
        expect(server.of("ping").length).toBe(2)
        expect(server.of("tools/list").length).toBe(2)
      }),
    )

    it.live("is asked for again once, and no more", () =>
      Effect.gen(function* () {
        const server = yield* losing(loss, 5, "ping")
        const mcp = yield* connected(server.url, false)
        expect((yield* Effect.flip(mcp.ping("a"))).reason._tag).toBe("Transport")
        expect(server.of("ping").length).toBe(2)
      }),
    )

    it.live.each(["idempotent", "reader"])(
      "is asked for again by a tool that is %s, where the server is trusted",
      (tool) =>
        Effect.gen(function* () {
          const server = yield* losing(loss, 1, "tools/call")
          const mcp = yield* connected(server.url, true)
          expect(yield* mcp.callTool("a", tool, { n: 1 })).toMatchObject({ content: [{ text: '{"n":1}' }] })
          expect(server.of("tools/call").length).toBe(2)
        }),
    )

    it.live.each([
      { name: "of any other tool", tool: "plain", trusted: true },
      { name: "of a server that is not trusted", tool: "idempotent", trusted: false },
    ])("fails the call %s, which may have had its effect", ({ tool, trusted }) =>
      Effect.gen(function* () {
        const server = yield* losing(loss, 1, "tools/call")
        const mcp = yield* connected(server.url, trusted)
        expect((yield* Effect.flip(mcp.callTool("a", tool, {}))).reason._tag).toBe("Transport")
        expect(server.of("tools/call").length).toBe(1)
      }),
    )
  })
}

it.live("an answer is not asked for again where the session is forgotten before its stream is resumed", () =>
  Effect.gen(function* () {
    const server = yield* rawHttp({
      session: "s",
      tools,
      get: ({ headers }) =>
        headers["last-event-id"] === undefined ? undefined : { status: 404, text: "Session not found" },
      on: {
        "tools/call": ({ nth }) => (nth === 0 ? { sse: [{ id: "1", retry: 1, data: "" }] } : undefined),
      },
    })
    const mcp = yield* connected(server.url, false)
    const error = yield* Effect.flip(mcp.callTool("a", "plain", { n: 1 }))
    // The server took the call, and may have done what it asks for: it refused the stream alone.
    expect(error.message).toContain("ended the response stream without an answer")
    expect(server.of("tools/call").length).toBe(1)
    expect(yield* mcp.callTool("a", "plain", { n: 2 })).toMatchObject({ content: [{ text: '{"n":2}' }] })
    expect(server.of("tools/call").length).toBe(2)
  }),
)
