/** Streamable HTTP, on the wire. The servers are scripted; `real-servers.test.ts` has those that others wrote. */
import { gzipSync } from "node:zlib"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp, type RawHttpScript, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Method, TransportLayer } from "../../src/index.ts"
import { revisions } from "../../src/protocol/revision.ts"
import type { TransportReason } from "../../src/transport/error.ts"
import type { StreamableHttpOptions } from "../../src/transport/streamable-http.ts"
import { call, handshake, initialize, opened, request } from "./opened.ts"

const layer = (url: string, limits?: StreamableHttpOptions["limits"]) =>
  Layer.provide(TransportLayer.streamableHttp({ url, limits }), AuthLayer.none)

const result = (id: unknown, result: object = {}) => ({ jsonrpc: "2.0", id, result })

/** A server, and a transport past its handshake. */
const begun = (script: RawHttpScript, limits?: StreamableHttpOptions["limits"]) =>
  Effect.gen(function* () {
    const server = yield* rawHttp(script)
    const client = yield* opened(layer(server.url, limits))
    yield* handshake(client)
    return { server, ...client }
  })

/** How one call ends: its answer, or the reason why there is none. */
const outcome = (script: RawHttpScript, limits?: StreamableHttpOptions["limits"]) =>
  Effect.gen(function* () {
    const { connection, heard, until } = yield* begun(script, limits)
    connection.send(call(7))
    yield* until(({ failed, messages }) => failed.length > 0 || messages.length > 1)
    expect(heard.ended).toEqual([])
    return { reason: heard.failed[0]?.error.reason, error: heard.failed[0]?.error, answer: heard.messages[1] }
  })

describe("each request", () => {
  it.live("says what it accepts: both types of a POST, an event stream of the GET", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ get: () => ({ sse: [], hold: true }) })
      yield* connect({ type: "remote", url: server.url })
      const get = yield* server.first(({ method }) => method === "GET")
      expect(get.headers.accept).toBe("text/event-stream")
      for (const { headers } of server.of("POST")) {
        expect(headers.accept).toBe("application/json, text/event-stream")
        expect(headers["content-type"]).toBe("application/json")
      }
    }),
  )

  it.live.each(revisions)("names the revision once it is agreed on: %s", (revision) =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ protocolVersion: revision, session: "s" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* connect({ type: "remote", url: server.url })
          yield* session.request(Method.ping, {})
          yield* server.first(({ method }) => method === "GET")
        }),
      )
      const [first, ...others] = server.requests
      expect(first?.headers["mcp-protocol-version"]).toBeUndefined()
      expect(others.map(({ method }) => method).toSorted()).toEqual(["DELETE", "GET", "POST", "POST"])
      expect(new Set(others.map(({ headers }) => headers["mcp-protocol-version"]))).toEqual(new Set([revision]))
    }),
  )

  it.live("carries the session id that initialize gave, and the last one ends the session", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ session: "!visible~ASCII", delete: () => ({ status: 200, text: "" }) })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* connect({ type: "remote", url: server.url })
          yield* session.request(Method.ping, {})
        }),
      )
      const [first, ...others] = server.requests
      expect(first?.headers["mcp-session-id"]).toBeUndefined()
      expect(new Set(others.map(({ headers }) => headers["mcp-session-id"]))).toEqual(new Set(["!visible~ASCII"]))
      expect(server.of("DELETE").length).toBe(1)
      expect(server.requests.at(-1)?.method).toBe("DELETE")
    }),
  )

  it.live("has no session where the server gives none, and then there is nothing to end", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp()
      yield* Effect.scoped(connect({ type: "remote", url: server.url }))
      expect(server.requests.every(({ headers }) => headers["mcp-session-id"] === undefined)).toBe(true)
      expect(server.of("DELETE")).toEqual([])
    }),
  )

  it.live("waits for the server to have taken notifications/initialized; the GET too", () =>
    Effect.gen(function* () {
      let taken = false
      const order: Array<string> = []
      const { connection, server, until } = yield* begun({
        get: () => {
          order.push(`GET ${taken}`)
          return { status: 405, text: "" }
        },
        on: {
          "notifications/initialized": () =>
            Effect.sync((): Reply => {
              taken = true
              return { status: 202, text: "" }
            }).pipe(Effect.delay(30)),
          "tools/call": ({ rpc }) => {
            order.push(`call ${taken}`)
            return { json: result(rpc.id) }
          },
        },
      })
      connection.send(call(2))
      connection.send(call(3))
      yield* until(({ messages }) => messages.length === 3)
      yield* server.first(({ method }) => method === "GET")
      expect(order.toSorted()).toEqual(["GET true", "call true", "call true"])
    }),
  )
})

describe("a session id", () => {
  it.live("with characters that it may not have fails the handshake", () =>
    Effect.gen(function* () {
      const headers = { "mcp-session-id": "with space" }
      const server = yield* rawHttp({ on: { initialize: ({ rpc }) => ({ headers, json: result(rpc.id) }) } })
      const { connection, until } = yield* opened(layer(server.url))
      connection.send(initialize)
      const { failed } = yield* until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason._tag).toBe("UnexpectedContent")
      expect(failed[0]?.error.message).not.toContain("with space")
    }),
  )

  it.live("is ended within seconds, whatever the server does with the DELETE", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ session: "s", delete: () => Effect.never })
      const began = performance.now()
      yield* Effect.scoped(connect({ type: "remote", url: server.url }))
      expect(server.of("DELETE").length).toBe(1)
      expect(performance.now() - began).toBeLessThan(20_000)
    }),
  )
})

describe("an answer", () => {
  for (const [name, reply] of [
    ["as JSON", (id: unknown): Reply => ({ json: result(id, { a: 1 }) })],
    [
      "as JSON without a length",
      (id: unknown): Reply => ({
        headers: { "content-type": "application/json; charset=utf-8" },
        body: [JSON.stringify(result(id, { a: 1 }))],
      }),
    ],
    [
      "compressed",
      (id: unknown): Reply => ({
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: [gzipSync(JSON.stringify(result(id, { a: 1 })))],
      }),
    ],
    ["in a stream", (id: unknown): Reply => ({ sse: [{ data: result(id, { a: 1 }) }] })],
    [
      "in a stream with an empty first event",
      (id: unknown): Reply => ({
        sse: [{ id: "0", data: "" }, { raw: ": nothing yet\n\n" }, { event: "message", data: result(id, { a: 1 }) }],
      }),
    ],
  ] as const) {
    it.live(`is read ${name}`, () =>
      Effect.gen(function* () {
        const { answer } = yield* outcome({ on: { "tools/call": ({ rpc }) => reply(rpc.id) } })
        expect(answer).toEqual(result(7, { a: 1 }))
      }),
    )
  }

  it.live("may come as an array with other messages in it", () =>
    Effect.gen(function* () {
      const batch = (id: unknown) => [{ jsonrpc: "2.0", method: "notifications/tools/list_changed" }, result(id)]
      const { answer } = yield* outcome({ on: { "tools/call": ({ rpc }) => ({ json: batch(rpc.id) }) } })
      expect(answer).toEqual(batch(7))
    }),
  )

  it.live("comes after what the server has to say first, each as it is sent", () =>
    Effect.gen(function* () {
      const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 7, progress: 1 } }
      const heard = yield* Deferred.make<void>()
      const { connection, until } = yield* begun({
        on: {
          "tools/call": ({ rpc }) => ({
            sse: [{ data: progress }, { until: Deferred.await(heard) }, { data: result(rpc.id) }],
          }),
        },
      })
      connection.send(call(7))
      yield* until(({ messages }) => messages.length === 2)
      yield* Deferred.succeed(heard, undefined)
      expect((yield* until(({ messages }) => messages.length === 3)).messages.slice(1)).toEqual([progress, result(7)])
    }),
  )

  it.live("ends its call though the server leaves the stream open, and streams do not pile up", () =>
    Effect.gen(function* () {
      const { connection, server, until } = yield* begun({
        on: { "tools/call": ({ rpc }) => ({ sse: [{ data: result(rpc.id) }], hold: true }) },
      })
      for (let id = 2; id < 42; id++) {
        connection.send(call(id))
        yield* until(({ messages }) => messages.length === id)
      }
      const open = server.push({ raw: ": still here\n\n" })
      yield* Effect.repeat(open, { until: (count) => count <= 8 })
    }),
  )

  const junk: ReadonlyArray<readonly [string, Reply, TransportReason["_tag"], RegExp]> = [
    [
      "a web page",
      { headers: { "content-type": "text/html" }, text: "<html></html>" },
      "UnexpectedContent",
      /text\/html/,
    ],
    ["no content", { status: 202, text: "" }, "UnexpectedContent", /HTTP 202/],
    [
      "JSON that breaks off",
      { headers: { "content-type": "application/json" }, text: `{"jsonrpc":` },
      "UnexpectedContent",
      /not JSON/,
    ],
    ["another's answer", { json: result(999) }, "UnexpectedContent", /not the answer/],
    [
      "a stream that ends",
      { sse: [{ data: { jsonrpc: "2.0", method: "notifications/tools/list_changed" } }] },
      "StreamEnded",
      /without an answer/,
    ],
    ["a stream that breaks", { sse: [{ raw: "data: {" }, { drop: true }] }, "StreamEnded", /without an answer/],
    ["nothing: the connection breaks", { drop: true }, "Unreachable", /closed before an answer came/],
  ]
  for (const [name, reply, tag, message] of junk) {
    it.live(`fails for its request alone when it is ${name}`, () =>
      Effect.gen(function* () {
        const { connection, heard, until } = yield* begun({
          on: { "tools/call": ({ nth }) => (nth === 0 ? reply : undefined) },
        })
        connection.send(call(7))
        yield* until(({ failed }) => failed.length === 1)
        expect(heard.failed[0]?.id).toBe(7)
        expect(heard.failed[0]?.error.reason._tag).toBe(tag)
        expect(heard.failed[0]?.error.message).toMatch(message)
        connection.send(call(8))
        yield* until(({ messages }) => JSON.stringify(messages.at(-1)).includes(`"id":8`))
        expect(heard.ended).toEqual([])
      }),
    )
  }
})

describe("a limit", () => {
  const chunk = `data: ${"x".repeat(64 * 1024)}\n`
  const endless = function* (piece: string | Uint8Array) {
    for (let at = 0; at < 1_000; at++) yield piece
  }
  const stream = { "content-type": "text/event-stream" }
  const json = { "content-type": "application/json" }
  const bomb = gzipSync(`{"x":"${"0".repeat(20_000_000)}"}`)
  const cases: ReadonlyArray<readonly [string, Reply]> = [
    ["an event without end", { headers: stream, body: endless(chunk) }],
    ["a line without end", { headers: stream, body: endless("data: ".padEnd(64 * 1024, "x")) }],
    ["a body without end", { headers: json, body: endless("x".repeat(64 * 1024)) }],
    [
      "a body that says how long it is",
      { headers: { ...json, "content-length": "2000000" }, body: ["x".repeat(2_000_000)] },
    ],
    [
      "a body that is small until it is decompressed",
      { headers: { ...json, "content-encoding": "gzip" }, body: [bomb] },
    ],
    [
      "a body that is decompressed and says a length",
      {
        headers: { ...json, "content-encoding": "gzip", "content-length": String(bomb.length) },
        body: [bomb],
      },
    ],
  ]
  for (const [name, reply] of cases) {
    it.live(`costs ${name} its own call`, () =>
      Effect.gen(function* () {
        const limits = { body: 1_000_000, event: 1_000_000 }
        const { error, reason } = yield* outcome({ on: { "tools/call": () => reply } }, limits)
        expect(reason?._tag).toBe("MessageTooLarge")
        expect(error?.message).toContain("1000000")
      }),
    )
  }
})

describe("an event over the limit", () => {
  const limits = { event: 1_000 }
  const long = "x".repeat(1_500)
  const answerOf = (id: number): { readonly raw: string } => ({
    raw: `data: {"result":{"a":"${long}"},"jsonrpc":"2.0","id":${id}}\n\n`,
  })
  const tooLarge = (id: number) => ({ id, error: { reason: { _tag: "MessageTooLarge", limit: 1_000 } } })

  it.live("costs the call that it answers, on the stream of the GET too", () =>
    Effect.gen(function* () {
      const never = yield* Deferred.make<void>()
      const { connection, server, until } = yield* begun(
        {
          get: () => ({ sse: [], hold: true }),
          on: { "tools/call": ({ nth }) => (nth === 0 ? { sse: [{ until: Deferred.await(never) }] } : undefined) },
        },
        limits,
      )
      connection.send(call(7))
      yield* server.first(({ method }) => method === "GET")
      yield* server.first(({ rpc }) => rpc.method === "tools/call")
      yield* Effect.repeat(server.push(answerOf(7)), { until: (streams) => streams > 0 })
      expect((yield* until(({ failed }) => failed.length > 0)).failed).toMatchObject([tooLarge(7)])
      connection.send(call(8))
      expect((yield* until(({ messages }) => messages.length === 2)).ended).toEqual([])
    }),
  )

  it.live("costs the call that it answers, on the stream of another, which goes on", () =>
    Effect.gen(function* () {
      const never = yield* Deferred.make<void>()
      const { connection, server, until } = yield* begun(
        {
          on: {
            "tools/call": ({ rpc }) => ({
              sse: rpc.id === 7 ? [{ until: Deferred.await(never) }] : [answerOf(7), { data: result(rpc.id) }],
            }),
          },
        },
        limits,
      )
      connection.send(call(7))
      yield* server.first(({ rpc }) => rpc.id === 7)
      connection.send(call(8))
      const { failed, messages } = yield* until(({ messages }) => messages.length === 2)
      expect(failed).toMatchObject([tooLarge(7)])
      expect(messages[1]).toEqual(result(8))
    }),
  )

  it.live("costs no call when it answers none: what comes after it is read", () =>
    Effect.gen(function* () {
      const log = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${long}"}}\n\n`
      const { connection, until } = yield* begun(
        { on: { "tools/call": ({ rpc }) => ({ sse: [{ raw: log }, { data: result(rpc.id) }] }) } },
        limits,
      )
      connection.send(call(7))
      const { failed, messages, warnings } = yield* until(({ messages }) => messages.length === 2)
      expect(failed).toEqual([])
      expect(messages[1]).toEqual(result(7))
      expect(warnings.join()).toContain("1000 bytes")
    }),
  )
})

describe("a large result", () => {
  const text = "x".repeat(24 * 1024 * 1024)
  for (const answers of ["json", "sse"] as const) {
    it.live(`of 24 MB arrives as ${answers}`, () =>
      Effect.gen(function* () {
        const { answer } = yield* outcome({
          on: {
            "tools/call": ({ rpc }) => {
              const message = result(rpc.id, { content: [{ type: "text", text }] })
              return answers === "json" ? { json: message } : { sse: [{ data: message }] }
            },
          },
        })
        expect(JSON.stringify(answer).length).toBeGreaterThan(text.length)
      }),
    )
  }
})

describe("an HTTP status", () => {
  it.live("that carries a JSON-RPC error is told with it", () =>
    Effect.gen(function* () {
      const error = { code: -32602, message: "Unknown tool: echo", data: { tool: "echo" } }
      const json = { jsonrpc: "2.0", id: 7, error }
      const { reason } = yield* outcome({ on: { "tools/call": () => ({ status: 400, json }) } })
      expect(reason).toMatchObject({ _tag: "HttpStatus", status: 400, error, withSession: false })
    }),
  )

  it.live("404 to a request with a session id tells that the session is lost", () =>
    Effect.gen(function* () {
      const script = { session: "s", on: { "tools/call": (): Reply => ({ status: 404, text: "Session not found" }) } }
      const { reason } = yield* outcome(script)
      expect(reason).toMatchObject({ _tag: "HttpStatus", status: 404, withSession: true, body: "Session not found" })
    }),
  )

  it.live("shows of a page its title, and when to come again", () =>
    Effect.gen(function* () {
      const text = "<!DOCTYPE html><html><head><title>Back soon</title></head><body>…</body></html>"
      const headers = { "content-type": "text/html", "retry-after": "3600" }
      const { error, reason } = yield* outcome({ on: { "tools/call": () => ({ status: 503, headers, text }) } })
      expect(reason).toMatchObject({ _tag: "HttpStatus", status: 503, body: "Back soon", retryAfter: "3600" })
      expect(error?.message).toMatch(/answered with HTTP 503: Back soon$/)
    }),
  )

  it.live("that refuses a notification is a warning", () =>
    Effect.gen(function* () {
      const { connection, heard, until } = yield* begun({
        on: { "notifications/roots/list_changed": () => ({ status: 500, text: "no" }) },
      })
      connection.send({ jsonrpc: "2.0", method: "notifications/roots/list_changed" })
      const { warnings } = yield* until(({ warnings }) => warnings.length > 0)
      expect(warnings[0]).toMatch(/notifications\/roots\/list_changed was not delivered: .* HTTP 500: no/)
      expect(heard.ended).toEqual([])
    }),
  )
})

/** A body that is written as long as somebody reads it. */
const untilClosed = function* (gone: Deferred.Deferred<void>) {
  try {
    for (;;) yield `: ${"x".repeat(10_000)}\n\n`
  } finally {
    Deferred.doneUnsafe(gone, Exit.void)
  }
}

describe("a request under way", () => {
  it.live("is closed when nobody waits for it any longer, and others live on", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const { connection, heard, server, until } = yield* begun({
        on: {
          "tools/call": ({ nth }) =>
            nth > 0
              ? undefined
              : {
                  headers: { "content-type": "text/event-stream" },
                  body: untilClosed(gone),
                },
        },
      })
      connection.send(call(7))
      yield* server.first(({ rpc }) => rpc.id === 7)
      connection.abandoned(7)
      yield* Deferred.await(gone)
      connection.send(call(8))
      yield* until(({ messages }) => messages.length === 2)
      expect(heard.failed).toEqual([])
    }),
  )

  it.live("ends with the Scope, which says so once and waits for nobody", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ on: { "tools/call": () => Effect.never } })
      const scope = yield* Scope.make()
      const client = yield* Effect.provideService(opened(layer(server.url)), Scope.Scope, scope)
      yield* handshake(client)
      client.connection.send(call(7))
      yield* server.first(({ rpc }) => rpc.id === 7)
      const began = performance.now()
      yield* Scope.close(scope, Exit.void)
      expect(performance.now() - began).toBeLessThan(10_000)
      expect(client.heard.ended.map(({ reason }) => reason._tag)).toEqual(["Closed"])
      expect(client.heard.failed).toEqual([])
    }),
  )

  it.live("is one of a bounded number; there is room again when one is answered", () =>
    Effect.gen(function* () {
      const room = yield* Deferred.make<void>()
      const { connection, heard, until } = yield* begun({
        check: false,
        on: { "tools/call": ({ rpc }) => Effect.as(Deferred.await(room), { json: result(rpc.id) }) },
      })
      // The gate first: what waits for it is bounded as well.
      connection.send(request(2, "ping"))
      yield* until(({ messages }) => messages.length === 2)
      let taken = 0
      while (taken < 1_000 && connection.send(call(10 + taken))) taken += 1
      expect(taken).toBe(200)
      expect(connection.send({ jsonrpc: "2.0", id: "theirs", result: {} })).toBe(true)
      yield* Deferred.succeed(room, undefined)
      yield* until(({ messages, writable }) => writable > 0 && messages.length === 202)
      expect(heard.writable).toBe(1)
      expect(connection.send(call(999))).toBe(true)
      yield* until(({ messages }) => messages.length === 203)
    }),
  )
})

describe("the answer to a server's request", () => {
  it.live("is posted like any message", () =>
    Effect.gen(function* () {
      const answered = yield* Deferred.make<void>()
      const server = yield* rawHttp({
        any: ({ rpc }) => {
          if (rpc.id === "theirs") Deferred.doneUnsafe(answered, Exit.void)
          return undefined
        },
        on: {
          "tools/call": ({ rpc }) => ({
            sse: [
              { data: { jsonrpc: "2.0", id: "theirs", method: "ping" } },
              { until: Deferred.await(answered) },
              { data: result(rpc.id, { content: [] }) },
            ],
          }),
        },
      })
      const { session } = yield* connect({ type: "remote", url: server.url })
      yield* session.request(Method.callTool, { name: "echo", arguments: {} })
      expect(server.requests.find(({ rpc }) => rpc.id === "theirs")?.rpc.result).toEqual({})
    }),
  )
})
