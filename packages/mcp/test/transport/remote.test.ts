/** Which of the two HTTP transports a server speaks: B2. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Method, TransportLayer } from "../../src/index.ts"
import { handshake, initialize, opened } from "./opened.ts"

const remote = (url: string) => Layer.provide(TransportLayer.remote({ url }), AuthLayer.none)

/** A server of 2024-11-05 whose stream has this path; a POST to it is answered with this status. */
const older = (status: number) =>
  rawHttp({
    legacy: true,
    protocolVersion: "2024-11-05",
    any: ({ method, path }) => (method === "POST" && path === "/sse" ? { status, text: "no" } : undefined),
    check: false,
  })

describe("a remote server", () => {
  it.live("is spoken to over Streamable HTTP first, and stays with it", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp()
      const { session } = yield* connect({ type: "remote", url: server.url })
      expect(session.transport).toBe("streamable-http")
      expect(server.requests[0]?.method).toBe("POST")
    }),
  )

  it.live.each([400, 404, 405])("is an older one where it answers the first POST with %s", (status) =>
    Effect.gen(function* () {
      const server = yield* older(status)
      const { session } = yield* connect({ type: "remote", url: server.url })
      expect(session.transport).toBe("sse")
      expect(session.agreement.revision).toBe("2024-11-05")
      yield* session.request(Method.callTool, { name: "echo", arguments: { a: 1 } })
      expect(server.requests.slice(0, 3).map(({ method, path }) => `${method} ${path}`)).toEqual([
        "POST /sse",
        "GET /sse",
        "POST /messages?of=1",
      ])
    }),
  )

  it.live.each([401, 403, 406, 410, 415, 429, 500, 503])(
    "is none where it answers with %s: no GET is tried",
    (status) =>
      Effect.gen(function* () {
        const server = yield* rawHttp({ legacy: true, any: () => ({ status, text: "no" }), check: false })
        const client = yield* opened(remote(server.url))
        yield* handshake(client)
        expect(client.heard.failed[0]?.error.reason).toMatchObject({ status })
        expect(server.of("GET").filter(({ path }) => path === "/sse")).toEqual([])
      }),
  )

  const neither: ReadonlyArray<readonly [string, Reply]> = [
    ["refuses the GET", { status: 405, text: "" }],
    ["answers the GET with a page", { headers: { "content-type": "text/html" }, text: "<html>" }],
    ["ends the stream", { sse: [] }],
    ["names an endpoint elsewhere", { sse: [{ event: "endpoint", data: "https://evil.test/" }], hold: true }],
  ]
  for (const [name, reply] of neither) {
    it.live(`that speaks neither fails as it first did, when it ${name}`, () =>
      Effect.gen(function* () {
        const error = { code: -32000, message: "Unsupported protocol version" }
        const server = yield* rawHttp({
          check: false,
          any: ({ method }) => (method === "POST" ? { status: 400, json: { jsonrpc: "2.0", id: null, error } } : reply),
        })
        const client = yield* opened(remote(server.url))
        yield* handshake(client)
        expect(client.heard.failed.length).toBe(1)
        expect(client.heard.failed[0]?.error.reason).toMatchObject({ _tag: "HttpStatus", status: 400, error })
        expect(client.heard.ended).toEqual([])
      }),
    )
  }

  it.effect("that opens a stream and says nothing on it fails as it first did, after five seconds", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        check: false,
        any: ({ method }) => (method === "POST" ? { status: 404, text: "not here" } : { sse: [], hold: true }),
      })
      const client = yield* opened(remote(server.url))
      client.connection.send(initialize)
      yield* server.first(({ method }) => method === "GET")
      yield* TestClock.adjust("5 seconds")
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason).toMatchObject({ _tag: "HttpStatus", status: 404, body: "not here" })
    }),
  )

  it.live("that refuses a later POST is not taken for an older one", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ on: { "tools/call": () => ({ status: 404, text: "no" }) } })
      const { session } = yield* connect({ type: "remote", url: server.url })
      yield* Effect.flip(session.request(Method.callTool, { name: "echo", arguments: {} }))
      expect(session.transport).toBe("streamable-http")
      yield* session.request(Method.ping, {})
    }),
  )
})
