/** What differs between the revisions on the wire, for each, over both transports. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { statefulRevisions } from "@opencode-ai/testing/matrix"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Session } from "../../src/index.ts"
import { Method } from "../../src/index.ts"
import { start } from "../support/scripted.ts"

const call = (session: Session["Service"]) => session.request(Method.callTool, { name: "echo", arguments: {} })

/** What became of two calls that were answered in one batch. */
const outcomes = (session: Session["Service"]) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.forEach([1, 2], () => start(Effect.result(call(session))))
    const results = yield* Effect.forEach(fibers, Fiber.join)
    return results.map((result): string => (result._tag === "Success" ? "answered" : result.failure.reason._tag))
  })

describe("MCP-Protocol-Version", () => {
  it.live.each(statefulRevisions)(
    "is on every request after the handshake, and names what was agreed on: %s",
    (revision) =>
      Effect.gen(function* () {
        const server = yield* rawHttp({ protocolVersion: revision, session: "s" })
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* connect({ type: "remote", url: server.url })
            yield* call(session)
            yield* server.first(({ method }) => method === "GET")
          }),
        )
        const [first, ...rest] = server.requests
        expect(first?.headers["mcp-protocol-version"]).toBe(undefined)
        expect(rest.map(({ method, rpc }) => rpc.method ?? method).sort()).toEqual(
          ["DELETE", "GET", "notifications/initialized", "tools/call"].sort(),
        )
        expect([...new Set(rest.map(({ headers }) => headers["mcp-protocol-version"]))]).toEqual([revision])
      }),
  )
})

describe("a batch of answers", () => {
  const expected = (revision: string) =>
    revision === "2025-03-26" ? ["answered", "answered"] : ["InvalidResponse", "InvalidResponse"]

  it.live.each(statefulRevisions)("over stdio: %s", (revision) =>
    Effect.gen(function* () {
      const on = { "tools/call": [{ do: "batch", size: 2, result: { content: [] } }] } as const
      const { session, wire } = yield* connect({ ...rawStdio({ on }), protocol: revision })
      expect(yield* outcomes(session)).toEqual(expected(revision))
      expect(wire.entries.filter(({ message }) => Array.isArray(message)).map(({ direction }) => direction)).toEqual([
        "received",
      ])
      yield* session.request(Method.ping, {})
    }),
  )

  it.live.each(statefulRevisions)("over Streamable HTTP, in a body and in an event: %s", (revision) =>
    Effect.gen(function* () {
      const inBatch = (id: unknown) => [
        { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: 1 } },
        { jsonrpc: "2.0", id, result: { content: [] } },
      ]
      const server = yield* rawHttp({
        protocolVersion: revision,
        on: {
          "tools/call": ({ nth, rpc }) =>
            nth === 0 ? { json: inBatch(rpc.id) } : { sse: [{ data: inBatch(rpc.id) }] },
        },
      })
      const { session } = yield* connect({ type: "remote", url: server.url })
      expect([...(yield* outcomes(session))]).toEqual(expected(revision))
      yield* session.request(Method.ping, {})
    }),
  )

  it.live.each(statefulRevisions)("is never sent: %s", (revision) =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect({ ...rawStdio(), protocol: revision })
      yield* Effect.forEach([1, 2, 3, 4], () => call(session), { concurrency: "unbounded" })
      expect(wire.entries.some(({ message }) => Array.isArray(message))).toBe(false)
    }),
  )
})

describe("what a revision does not have", () => {
  const audio = { type: "audio", data: "", mimeType: "audio/wav" }
  const link = { type: "resource_link", uri: "test://a", name: "a" }
  it.live.each(statefulRevisions)("reaches the caller all the same: audio, links, structured content: %s", (revision) =>
    Effect.gen(function* () {
      const result = { content: [audio, link], structuredContent: { a: 1 } }
      const { session } = yield* connect({
        ...rawStdio({ on: { "tools/call": [{ do: "result", result }] } }),
        protocol: revision,
      })
      expect(yield* call(session)).toEqual(JSON.parse(JSON.stringify(result)))
    }),
  )

  it.live.each(statefulRevisions)("is refused with -32601: elicitation, tasks: %s", (revision) =>
    Effect.gen(function* () {
      const asks = ["elicitation/create", "tasks/list", "tasks/get", "tasks/result", "tasks/cancel"]
      const steps = asks.map((method) => ({ do: "ask" as const, id: method, method, params: {} }))
      const on = { "tools/call": [...steps, { do: "result" as const, result: { content: [] } }] }
      const { session, wire } = yield* connect({ ...rawStdio({ on }), protocol: revision })
      yield* call(session)
      const answers = wire.messages("sent").filter(({ id }) => typeof id === "string")
      expect(answers.map(({ error, id }) => `${String(id)} ${error?.code}`)).toEqual(asks.map((id) => `${id} -32601`))
    }),
  )
})
