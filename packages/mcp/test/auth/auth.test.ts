/** The credentials of a connection: A9, and what a server's challenge leads to. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Challenge } from "../../src/auth/auth.ts"
import { Unavailable } from "../../src/auth/error.ts"
import { Auth, AuthError, AuthLayer, Method, TransportLayer } from "../../src/index.ts"
import { call, handshake, initialize, opened } from "../transport/opened.ts"

describe("configured headers", () => {
  it.live("go with every request to the server, the GET and the DELETE too", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ session: "s" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const headers = { Authorization: "Bearer 1", "x-tenant": "blue" }
          const { session } = yield* connect({ type: "remote", url: server.url, headers })
          yield* session.request(Method.ping, {})
          yield* server.first(({ method }) => method === "GET")
        }),
      )
      expect(server.requests.length).toBe(5)
      for (const { headers } of server.requests) {
        expect(headers).toMatchObject({ authorization: "Bearer 1", "x-tenant": "blue" })
      }
    }),
  )

  it.live("do not replace what the protocol itself says", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp()
      const headers = { Accept: "text/html", "Content-Type": "text/plain", "MCP-Protocol-Version": "1" }
      yield* connect({ type: "remote", url: server.url, headers })
      for (const request of server.of("POST")) {
        expect(request.headers.accept).toBe("application/json, text/event-stream")
        expect(request.headers["content-type"]).toBe("application/json")
        expect(request.headers["mcp-protocol-version"]).not.toBe("1")
      }
    }),
  )

  it.live("that HTTP cannot carry are refused by name, and their values stay secret", () =>
    Effect.gen(function* () {
      const build = (headers: Record<string, string>) =>
        Effect.scoped(Effect.flip(Layer.build(AuthLayer.headers(headers))))
      const value = yield* build({ "x-key": "very\nsecret" })
      expect(value.reason._tag).toBe("InvalidHeader")
      expect(value.message).toContain(`"x-key" has a value with a character`)
      expect(`${value.message} ${JSON.stringify(value)} ${value.stack}`).not.toContain("secret")
      expect((yield* build({ "x key": "a" })).message).toContain(`"x key" has a name`)
      expect((yield* build({ "x-key": "täglich ✓" })).reason._tag).toBe("InvalidHeader")
    }),
  )

  it.live("stand in no error", () =>
    Effect.gen(function* () {
      const auth = AuthLayer.headers({ authorization: Redacted.make("Bearer very-secret") })
      for (const reply of [{ status: 401, text: "no" }, { status: 500, text: "no" }, { drop: true }] as const) {
        const server = yield* rawHttp({ on: { initialize: (): Reply => reply } })
        const client = yield* opened(Layer.provide(TransportLayer.streamableHttp({ url: server.url }), auth))
        client.connection.send(initialize)
        const { failed } = yield* client.until(({ failed }) => failed.length > 0)
        const error = failed[0]?.error
        expect(`${error?.message} ${JSON.stringify(error)} ${error?.stack}`).not.toContain("secret")
      }
    }),
  )
})

describe("a challenge", () => {
  const challenge = `Bearer resource_metadata="https://server.test/.well-known/oauth-protected-resource"`

  it.live.each([401, 403])("without an answer is told with what the server asked for: %s", (status) =>
    Effect.gen(function* () {
      const headers = { "www-authenticate": challenge }
      const server = yield* rawHttp({ on: { initialize: () => ({ status, headers, text: "sign in" }) } })
      const client = yield* opened(Layer.provide(TransportLayer.remote({ url: server.url }), AuthLayer.none))
      client.connection.send(initialize)
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason).toMatchObject({ _tag: "Unauthorized", status, challenge, body: "sign in" })
      expect(server.requests.length).toBe(1)
    }),
  )

  it.live("is none where a 403 asks for nothing: a firewall says no", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ on: { initialize: () => ({ status: 403, text: "blocked" }) } })
      const client = yield* opened(Layer.provide(TransportLayer.remote({ url: server.url }), AuthLayer.none))
      client.connection.send(initialize)
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason).toMatchObject({ _tag: "HttpStatus", status: 403, body: "blocked" })
    }),
  )

  it.live("by a 403 that is a JSON-RPC error is that error", () =>
    Effect.gen(function* () {
      const error = { code: -32000, message: "Invalid Host header" }
      const json = { jsonrpc: "2.0", id: null, error }
      const server = yield* rawHttp({ on: { initialize: () => ({ status: 403, json }) } })
      const client = yield* opened(Layer.provide(TransportLayer.streamableHttp({ url: server.url }), AuthLayer.none))
      client.connection.send(initialize)
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason).toMatchObject({ _tag: "HttpStatus", status: 403, error })
    }),
  )

  /** Credentials that take time, and are replaced when they are refused. */
  const rotating = (renew: boolean) => {
    const challenges: Array<Challenge> = []
    let token = 1
    const layer = Layer.succeed(Auth)({
      current: () => undefined,
      headers: Effect.yieldNow.pipe(Effect.andThen(Effect.sync(() => ({ authorization: `Bearer ${token}` })))),
      challenged: (challenge) =>
        Effect.sync(() => {
          challenges.push(challenge)
          token += 1
          return renew
        }),
    })
    return { challenges, layer }
  }

  it.live("is answered by sending the request once more with new credentials", () =>
    Effect.gen(function* () {
      const { challenges, layer } = rotating(true)
      const server = yield* rawHttp({
        check: false,
        any: ({ headers }) =>
          headers.authorization === "Bearer 1"
            ? { status: 401, headers: { "www-authenticate": challenge }, text: "" }
            : undefined,
      })
      const client = yield* opened(Layer.provide(TransportLayer.streamableHttp({ url: server.url }), layer))
      yield* handshake(client)
      client.connection.send(call(2))
      yield* client.until(({ messages }) => messages.length === 2)
      expect(server.of("initialize").map(({ headers }) => headers.authorization)).toEqual(["Bearer 1", "Bearer 2"])
      expect(challenges).toMatchObject([{ status: 401, header: challenge, sent: { authorization: "Bearer 1" } }])
    }),
  )

  it.live("that comes again is not answered again", () =>
    Effect.gen(function* () {
      const { challenges, layer } = rotating(true)
      const server = yield* rawHttp({ check: false, any: () => ({ status: 401, text: "" }) })
      const client = yield* opened(Layer.provide(TransportLayer.streamableHttp({ url: server.url }), layer))
      client.connection.send(initialize)
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason._tag).toBe("Unauthorized")
      expect(server.requests.length).toBe(2)
      expect(challenges.length).toBe(1)
    }),
  )

  it.live("is not needed to see that there are no credentials", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(Auth)({
        current: () => undefined,
        headers: Effect.fail(new AuthError({ reason: new Unavailable({ detail: "the vault is sealed" }) })),
        challenged: () => Effect.succeed(false),
      })
      const server = yield* rawHttp()
      const client = yield* opened(Layer.provide(TransportLayer.streamableHttp({ url: server.url }), layer))
      client.connection.send(initialize)
      const { failed } = yield* client.until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.reason._tag).toBe("CredentialsFailed")
      expect(failed[0]?.error.message).toContain("the vault is sealed")
      expect(server.requests).toEqual([])
    }),
  )
})
