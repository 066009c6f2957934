/** HTTP+SSE, the transport of 2024-11-05, on the wire. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp, type RawHttpScript, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Method, TransportLayer } from "../../src/index.ts"
import { call, handshake, initialize, opened } from "./opened.ts"

const layer = (url: string, limits?: { readonly event: number }) =>
  Layer.provide(TransportLayer.sse({ url, limits }), AuthLayer.headers({ authorization: "Bearer 1" }))

const endpoint = (data: string): Reply => ({ sse: [{ event: "endpoint", data }], hold: true })

/** How a connection to this server ends, before anything was answered. */
const ending = (script: RawHttpScript) =>
  Effect.gen(function* () {
    const server = yield* rawHttp({ legacy: true, check: false, ...script })
    const { connection, until } = yield* opened(layer(server.url))
    connection.send(initialize)
    const { ended } = yield* until(({ ended }) => ended.length > 0)
    return { error: ended[0], server }
  })

describe("HTTP+SSE", () => {
  it.live("says everything to the endpoint that the stream named, with the same headers", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true, protocolVersion: "2024-11-05" })
      const client = yield* opened(layer(server.url))
      yield* handshake(client)
      client.connection.send(call(2, { a: 1 }))
      yield* client.until(({ messages }) => messages.length === 2)
      const [stream, ...posts] = server.requests
      expect(stream).toMatchObject({ method: "GET", path: "/sse", headers: { accept: "text/event-stream" } })
      expect(posts.map(({ path }) => path)).toEqual(Array.from({ length: 3 }, () => "/messages?of=1"))
      expect(server.requests.every(({ headers }) => headers.authorization === "Bearer 1")).toBe(true)
      expect(posts.map(({ headers }) => headers["mcp-protocol-version"])).toEqual([
        undefined,
        "2025-11-25",
        "2025-11-25",
      ])
    }),
  )

  const elsewhere = [
    "https://evil.test/messages",
    "//evil.test/messages",
    "http://127.0.0.1:1/messages",
    "file:///etc/passwd",
    "javascript:alert(1)",
  ]
  it.live.each(elsewhere)("does not follow an endpoint on another origin: %s", (data) =>
    Effect.gen(function* () {
      const { error, server } = yield* ending({ get: () => endpoint(data) })
      expect(error?.reason._tag).toBe("UnexpectedContent")
      expect(error?.message).toContain("another origin")
      expect(server.of("POST")).toEqual([])
    }),
  )

  it.live("ends with its stream, and says so once", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true })
      const client = yield* opened(layer(server.url))
      yield* handshake(client)
      yield* server.dropStreams
      const { ended } = yield* client.until(({ ended }) => ended.length > 0)
      expect(ended.map(({ reason }) => reason._tag)).toEqual(["Disconnected"])
    }),
  )

  it.live("ends a session's calls with the stream", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true, on: { "tools/call": () => ({ status: 202, text: "" }) } })
      const { session } = yield* connect({ type: "remote", url: server.url })
      const running = yield* Effect.forkChild(
        Effect.flip(session.request(Method.callTool, { name: "echo", arguments: {} })),
      )
      yield* server.first(({ rpc }) => rpc.method === "tools/call")
      yield* server.dropStreams
      const error = yield* Effect.flip(session.ended)
      expect(error.reason._tag).toBe("Disconnected")
      expect((yield* Fiber.join(running)).message).toContain("ended the event stream")
    }),
  )

  it.live("loses a message that was not taken, and not the connection", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        legacy: true,
        on: { "tools/call": ({ nth }) => (nth === 0 ? { status: 500, text: "broken" } : undefined) },
      })
      const client = yield* opened(layer(server.url))
      yield* handshake(client)
      client.connection.send(call(2))
      yield* client.until(({ failed }) => failed.length > 0)
      expect(client.heard.failed[0]).toMatchObject({ id: 2, error: { reason: { _tag: "HttpStatus", status: 500 } } })
      client.connection.send(call(3))
      yield* client.until(({ messages }) => messages.length === 2)
      expect(client.heard.ended).toEqual([])
    }),
  )

  it.live("loses an event over the limit, and not the connection", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true })
      const client = yield* opened(layer(server.url, { event: 1_000 }))
      yield* handshake(client)
      yield* server.push({ raw: `data: ${"x".repeat(5_000)}\n\n` })
      client.connection.send(call(2))
      yield* client.until(({ messages }) => messages.length === 2)
      expect(client.heard.warnings.join()).toContain("1000 bytes")
    }),
  )

  for (const [name, answer] of [
    ["first", (text: string) => `{"jsonrpc":"2.0","id":2,"result":{"a":"${text}"}}`],
    ["last", (text: string) => `{"result":{"a":"${text}"},"jsonrpc":"2.0","id":2}`],
  ] as const) {
    it.live(`fails a call at once whose answer is over the limit, with the id ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* rawHttp({
          legacy: true,
          on: { "tools/call": ({ nth }) => (nth === 0 ? { status: 202, text: "" } : undefined) },
        })
        const client = yield* opened(layer(server.url, { event: 1_000 }))
        yield* handshake(client)
        client.connection.send(call(2))
        yield* server.first(({ rpc }) => rpc.method === "tools/call")
        yield* server.push({ raw: `data: ${answer("x".repeat(5_000))}\n\n` })
        const { failed } = yield* client.until(({ failed }) => failed.length > 0)
        expect(failed).toMatchObject([{ id: 2, error: { reason: { _tag: "MessageTooLarge", limit: 1_000 } } }])
        client.connection.send(call(3))
        yield* client.until(({ messages }) => messages.length === 2)
        expect(client.heard.ended).toEqual([])
      }),
    )
  }

  const refusals: ReadonlyArray<readonly [string, RawHttpScript, string]> = [
    ["a status", { get: () => ({ status: 404, text: "nothing here" }) }, "HttpStatus"],
    ["a page", { get: () => ({ headers: { "content-type": "text/html" }, text: "<html>" }) }, "UnexpectedContent"],
    ["a stream that ends", { get: () => ({ sse: [] }) }, "Disconnected"],
  ]
  for (const [name, script, tag] of refusals) {
    it.live(`ends where the stream is ${name}`, () =>
      Effect.gen(function* () {
        const { error } = yield* ending(script)
        expect(`${error?.reason._tag}`).toBe(tag)
      }),
    )
  }

  it.live("is closed at the server when the Scope closes", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true })
      const scope = yield* Scope.make()
      const client = yield* Effect.provideService(opened(layer(server.url)), Scope.Scope, scope)
      yield* handshake(client)
      yield* Scope.close(scope, Exit.void)
      expect(client.heard.ended.map(({ reason }) => reason._tag)).toEqual(["Closed"])
      yield* Effect.repeat(server.push({ raw: ": anyone?\n\n" }), { until: (open) => open === 0 })
    }),
  )
})
