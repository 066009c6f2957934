/**
 * Hazard 8: a large result arrives; what is larger than the entry allows costs its own call. The framing of both transports
 * is in `stdio/limits.test.ts`, `transport/streamable-http.test.ts` and `transport/sse.test.ts`.
 */
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { config } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

// Not recorded: what is sent is small, and a record of what comes would be what is large.
const it = testEffect(Mcp.layer({ directory: process.cwd() }))

const MiB = 1024 * 1024
const large = 24 * MiB

/** What `echo` answers to, so that the connection can be seen to live on; `large` is answered as the test says. */
const tools = [{ name: "echo", inputSchema: { type: "object" } }]

type Entry = Effect.Effect<object, never, Scope.Scope>

const remote = (script: Parameters<typeof rawHttp>[0]): Entry =>
  Effect.map(rawHttp({ check: false, ...script }), ({ url }) => ({ type: "remote", url }))

const answer = (id: unknown, length: number) => ({
  jsonrpc: "2.0",
  id,
  result: { content: [{ type: "text", text: "x".repeat(length) }] },
})

const results: ReadonlyArray<{ readonly name: string; readonly entry: Entry }> = [
  {
    name: "stdio",
    entry: Effect.succeed(rawStdio({ tools, on: { "tools/call": [{ do: "huge", bytes: large }] } })),
  },
  { name: "HTTP, json", entry: remote({ on: { "tools/call": ({ rpc }) => ({ json: answer(rpc.id, large) }) } }) },
  {
    name: "HTTP, sse",
    entry: remote({ on: { "tools/call": ({ rpc }) => ({ sse: [{ data: answer(rpc.id, large) }] }) } }),
  },
  {
    name: "HTTP, compressed",
    entry: remote({
      on: {
        "tools/call": ({ rpc }) => ({
          headers: { "content-type": "application/json", "content-encoding": "gzip" },
          body: [gzipSync(JSON.stringify(answer(rpc.id, large)))],
        }),
      },
    }),
  },
]

describe("a result of 24 MB", () => {
  it.live.each(results)("arrives: %s", ({ entry }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", yield* entry))
      const { content } = yield* mcp.callTool("a", "echo", {})
      const [block] = content
      expect(block?.type === "text" ? block.text.length : 0).toBe(large)
      yield* mcp.ping("a")
    }),
  )
})

const limit = 100_000

/** The first call is answered so, every other one rightly. */
const once = (reply: (id: unknown) => Reply) => ({
  on: { "tools/call": ({ nth, rpc }: { nth: number; rpc: { id?: unknown } }) => (nth > 0 ? undefined : reply(rpc.id)) },
})

const text = (id: unknown, length: number) => JSON.stringify(answer(id, length))

/** So much without a newline: more than any limit here. */
const endless = function* (head: string) {
  yield head
  for (let at = 0; at < 1_000; at++) yield "y".repeat(64 * 1024)
}
const json = { "content-type": "application/json" }
const events = { "content-type": "text/event-stream" }

interface TooLarge {
  readonly name: string
  /** As the entry has them. */
  readonly limits: object
  readonly entry: Entry
  /** The arguments of the call, which the standard answer gives back. */
  readonly args?: { readonly text: string }
}

const overHttp: ReadonlyArray<TooLarge> = [
  { name: "body, json", limits: { body: limit }, entry: remote(once((id) => ({ json: answer(id, limit) }))) },
  {
    name: "body, json without end",
    limits: { body: limit },
    entry: remote(once((id) => ({ headers: json, body: endless(text(id, 1).slice(0, -20)) }))),
  },
  {
    name: "body, after decompression",
    limits: { body: limit },
    entry: remote(
      once((id) => ({ headers: { ...json, "content-encoding": "gzip" }, body: [gzipSync(text(id, 50 * limit))] })),
    ),
  },
  { name: "event", limits: { event: limit }, entry: remote(once((id) => ({ sse: [{ data: answer(id, limit) }] }))) },
  {
    name: "event, in a line without end",
    limits: { event: limit },
    entry: remote(once((id) => ({ headers: events, body: endless(`data: ${text(id, 1).slice(0, -20)}`) }))),
  },
  {
    name: "event, after decompression",
    limits: { event: limit },
    entry: remote(
      once((id) => ({
        headers: { ...events, "content-encoding": "gzip" },
        body: [gzipSync(`data: ${text(id, 50 * limit)}\n\n`)],
      })),
    ),
  },
  {
    name: "event, over HTTP+SSE",
    limits: { event: limit },
    entry: remote({ legacy: true }),
    args: { text: "x".repeat(limit) },
  },
]

describe("what is larger than the entry's limits", () => {
  it.live.each(overHttp)("costs its own call, and not the connection: %s", ({ args, entry, limits }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const before = process.memoryUsage().rss
      yield* mcp.add(config("a", { ...(yield* entry), limits }))
      const [one] = yield* Effect.all([failure(mcp.callTool("a", "echo", { ...args })), mcp.ping("a")], {
        concurrency: 2,
      })
      expect(one.reason._tag).toBe("Transport")
      expect(one.message).toContain(`larger than the limit of ${limit} bytes`)
      expect((yield* mcp.callTool("a", "echo", { n: 1 })).content).toEqual([{ type: "text", text: '{"n":1}' }])
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
      expect(process.memoryUsage().rss - before).toBeLessThan(300 * MiB)
    }),
  )

  it.live("costs its own call, and not the connection: line of stdio", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const script = { on: { "tools/call": [{ do: "huge", bytes: limit }] } } as const
      yield* mcp.add(config("a", { ...rawStdio(script), limits: { message: limit } }))
      const { pid } = (yield* mcp.servers)[0] ?? {}
      const [one] = yield* Effect.all([failure(mcp.callTool("a", "echo", {})), mcp.ping("a")], { concurrency: 2 })
      expect(one.message).toContain(`larger than the limit of ${limit} bytes`)
      yield* mcp.ping("a")
      expect((yield* mcp.servers)[0]?.pid).toBe(pid)
    }),
  )

  it.live("costs its own call at once where its line has no end, and memory is bounded: stdio", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const script = { on: { "tools/call": [{ do: "endless", answer: true }] } } as const
      yield* mcp.add(config("a", { ...rawStdio(script), limits: { message: MiB } }))
      const before = process.memoryUsage().rss
      // Far from any deadline of its own: the id was read.
      const { message } = yield* failure(mcp.callTool("a", "echo", {}))
      expect(message).toContain(`larger than the limit of ${MiB} bytes`)
      // Nothing else can come on that line; another call waits for its own deadline, and the process is ended as ever.
      expect((yield* failure(mcp.callTool("a", "echo", {}, { timeout: 300 }))).reason._tag).toBe("Timeout")
      expect(process.memoryUsage().rss - before).toBeLessThan(300 * MiB)
    }),
  )
})
