import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { it } from "../../src/effect.ts"
import { rawHttp } from "../../src/peers/raw-http.ts"
import { describe, expect } from "../../src/runner.ts"

const post = (url: string, message: object, headers: Record<string, string> = {}) =>
  Effect.promise(() => fetch(url, { method: "POST", headers, body: JSON.stringify(message) }))
const text = (response: Response) => Effect.promise(() => response.text())

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
}
const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { a: 1 } } }

describe("rawHttp", () => {
  it.live("is a correct server without a script, with or without a session", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ session: "abc" })
      const first = yield* post(server.url, initialize)
      expect(first.headers.get("mcp-session-id")).toBe("abc")
      expect(yield* text(first)).toContain('"protocolVersion":"2025-06-18"')
      expect((yield* post(server.url, call)).status).toBe(400)
      expect((yield* post(server.url, { ...call, id: 2 }, { "mcp-session-id": "old" })).status).toBe(404)
      expect(yield* text(yield* post(server.url, { ...call, id: 3 }, { "mcp-session-id": "abc" }))).toContain(
        '{\\"a\\":1}',
      )
      expect(server.of("tools/call").map((request) => request.headers["mcp-session-id"])).toEqual([
        undefined,
        "old",
        "abc",
      ])
      expect(server.of("tools/call").map((request) => request.nth)).toEqual([0, 1, 2])
      expect(server.wire.receivedProblems).toEqual([])
      expect(server.wire.revision).toBe("2025-06-18")
    }),
  )

  it.live("streams events with ids and a retry time, and waits where it is told", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const server = yield* rawHttp({
        get: () => ({
          sse: [
            { data: "", id: "1", retry: 10 },
            { raw: ": comment\n\n" },
            { until: Deferred.await(go) },
            { data: { a: 1 } },
          ],
        }),
        check: false,
      })
      const response = yield* Effect.promise(() => fetch(server.url))
      expect(response.headers.get("content-type")).toBe("text/event-stream")
      yield* Deferred.succeed(go, undefined)
      expect(yield* text(response)).toBe('id: 1\nretry: 10\ndata: \n\n: comment\n\ndata: {"a":1}\n\n')
    }),
  )

  it.live("drops the connection in the middle of a stream, and before an answer", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        get: (request) => (request.nth === 0 ? { sse: [{ data: "1" }, { drop: true }] } : { drop: true }),
      })
      const response = yield* Effect.promise(() => fetch(server.url))
      expect(Exit.isFailure(yield* Effect.exit(Effect.tryPromise(() => response.text())))).toBe(true)
      expect(Exit.isFailure(yield* Effect.exit(Effect.tryPromise(() => fetch(server.url, { keepalive: false }))))).toBe(
        true,
      )
    }),
  )

  it.live("pushes to streams that it holds open, and closes them with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* rawHttp({ get: () => ({ sse: [{ raw: ":\n\n" }], hold: true }) }).pipe(Scope.provide(scope))
      const response = yield* Effect.promise(() => fetch(server.url))
      const reader = response.body?.getReader()
      yield* Effect.promise(async () => reader?.read())
      expect(yield* server.push({ event: "message", data: { jsonrpc: "2.0", method: "notifications/x" } })).toBe(1)
      const chunk = yield* Effect.promise(async () => reader?.read())
      expect(new TextDecoder().decode(chunk?.value)).toContain("notifications/x")
      yield* Scope.close(scope, Exit.void)
      const end = yield* Effect.exit(Effect.tryPromise(async () => reader?.read()))
      expect(Exit.isFailure(end) || end.value?.done === true).toBe(true)
    }),
  )

  it.live("speaks the transport of 2024-11-05", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ legacy: true })
      const response = yield* Effect.promise(() => fetch(server.url))
      const reader = response.body?.getReader()
      const next = Effect.promise(async () => new TextDecoder().decode((await reader?.read())?.value))
      expect(yield* next).toContain("event: endpoint\ndata: /messages?of=1")
      expect((yield* post(new URL("/messages?of=1", server.url).href, initialize)).status).toBe(202)
      expect(yield* next).toContain('"serverInfo"')
      yield* Effect.promise(async () => reader?.cancel())
    }),
  )

  it.live("fails the test when what it received is not allowed", () =>
    Effect.gen(function* () {
      const exit = yield* rawHttp().pipe(
        Effect.flatMap((server) => post(server.url, { jsonrpc: "2.0", id: 1, method: "tools/call" })),
        Effect.scoped,
        Effect.exit,
      )
      expect(Exit.isFailure(exit)).toBe(true)
    }),
  )
})
