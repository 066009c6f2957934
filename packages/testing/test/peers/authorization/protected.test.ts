import { DpopSession } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import { it } from "../../../src/effect.ts"
import { type ProtectedOptions, protectedMcp } from "../../../src/peers/authorization/protected.ts"
import { authorizationServer } from "../../../src/peers/authorization/server.ts"
import type { AuthorizationOptions } from "../../../src/peers/authorization/settings.ts"
import { describe, expect } from "../../../src/runner.ts"
import { call, sdkClient } from "./sdk.ts"
import { document, get, logIn, register } from "./talk.ts"

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
}

const post = (url: string, headers: Record<string, string> = {}, message: object = initialize) =>
  Effect.promise(async () => {
    const accept = "application/json, text/event-stream"
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept, ...headers },
      body: JSON.stringify(message),
    })
    await response.body?.cancel()
    return { status: response.status, challenge: response.headers.get("www-authenticate") }
  })

const both = (options: AuthorizationOptions = {}, protectedOptions: ProtectedOptions = {}) =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer(options)
    return { authorization, server: yield* protectedMcp(authorization, protectedOptions) }
  })

describe("protectedMcp", () => {
  it.live("tells who comes without a token where to get one, in the place that was chosen", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const { origin } = new URL(server.url)
      const refused = yield* post(server.url)
      const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`
      expect(refused).toEqual({ status: 401, challenge: `Bearer scope="tools", resource_metadata="${metadata}"` })
      expect(yield* document(metadata)).toEqual({
        resource: server.url,
        authorization_servers: [authorization.issuer],
        scopes_supported: ["tools", "admin"],
        bearer_methods_supported: ["header"],
      })

      const root = yield* protectedMcp(authorization, { place: "root", pointed: false })
      expect((yield* post(root.url)).challenge).toBe('Bearer scope="tools"')
      const at = new URL(root.url).origin
      expect((yield* document(`${at}/.well-known/oauth-protected-resource`)).resource).toBe(root.url)
      expect((yield* get(`${at}/.well-known/oauth-protected-resource/mcp`)).status).toBe(404)

      const hidden = yield* protectedMcp(authorization, { place: "hidden", challenge: "none", path: "/a/b" })
      const [, where = ""] = /^Bearer resource_metadata="(.*)"$/.exec((yield* post(hidden.url)).challenge ?? "") ?? []
      expect(where).not.toContain(".well-known")
      expect((yield* document(where)).resource).toBe(hidden.url)
      const nowhere = yield* protectedMcp(authorization, { place: "nowhere", challenge: "none" })
      expect(yield* post(nowhere.url)).toEqual({ status: 401, challenge: "Bearer" })
    }),
  )

  it.live("takes tokens for itself alone, as long as they are good", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const other = yield* protectedMcp(authorization)
      const { client_id: clientId } = yield* register(authorization)
      const tokens = yield* logIn(authorization, { clientId, resource: server.url, scope: "tools" })
      const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
      expect((yield* post(server.url, bearer(tokens.access_token))).status).toBe(200)
      const elsewhere = yield* post(other.url, bearer(tokens.access_token))
      expect(elsewhere.status).toBe(401)
      expect(elsewhere.challenge).toContain('error="invalid_token"')
      expect((yield* post(server.url, bearer("junk"))).status).toBe(401)
      expect((yield* post(`${server.url}?access_token=${tokens.access_token}`)).status).toBe(401)
      yield* authorization.advance("2 hours")
      expect((yield* post(server.url, bearer(tokens.access_token))).challenge).toContain("has expired")
      expect(server.requests.map((request) => request.verdict)).toEqual([200, 401, 401, 401])
      expect(server.requests[0]?.auth?.clientId).toBe(clientId)
    }),
  )

  it.live("asks for more where a tool needs more, and counts what ran", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const { client_id: clientId } = yield* register(authorization)
      const admin = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "admin", arguments: {} } }
      const asking = (scope: string) =>
        Effect.gen(function* () {
          const tokens = yield* logIn(authorization, { clientId, resource: server.url, scope })
          return yield* post(server.url, { authorization: `Bearer ${tokens.access_token}` }, admin)
        })
      const refused = yield* asking("tools")
      expect(refused.status).toBe(403)
      expect(refused.challenge).toContain('error="insufficient_scope"')
      expect(refused.challenge).toContain('scope="tools admin"')
      yield* server.set({ challenge: "missing" })
      expect((yield* asking("tools")).challenge).toContain('scope="admin"')
      expect((yield* asking("tools admin")).status).not.toBe(403)
      expect(server.executions("admin")).toBe(0)
      yield* server.set({ before: () => ({ status: 503, text: "later" }) })
      expect((yield* post(server.url)).status).toBe(503)
    }),
  )

  it.live.each([
    { name: "everything as usual" },
    { name: "RFC 8414 alone, an issuer with a path", server: { path: "/tenant1", discovery: ["oauth"] } },
    { name: "OpenID alone", server: { discovery: ["openid"] } },
    { name: "OpenID alone, path behind", server: { path: "/tenant1", discovery: ["openid-inserted"] } },
    { name: "OpenID alone, path in front", server: { path: "/tenant1", discovery: ["openid"] } },
    { name: "metadata at the root", mcp: { place: "root", pointed: false } },
    { name: "metadata that only the header tells of", mcp: { place: "hidden" } },
  ] satisfies ReadonlyArray<{ name: string; server?: AuthorizationOptions; mcp?: ProtectedOptions }>)(
    "lets the SDK's client in: %s",
    ({ server: options, mcp }: { server?: AuthorizationOptions; mcp?: ProtectedOptions }) =>
      Effect.gen(function* () {
        const { authorization, server } = yield* both(options, mcp)
        const sdk = sdkClient(server.url, { login: "carol" })
        const client = yield* sdk.connect
        const who = yield* call(client, "whoami")
        expect(who.structuredContent).toMatchObject({ scopes: ["tools"], subject: "carol" })
        expect(server.executions("whoami")).toBe(1)
        expect(authorization.of("registration")).toHaveLength(1)
        expect(authorization.of("token")).toHaveLength(1)
      }),
  )

  it.live("has the SDK's client refresh what has expired", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both({ accessTokenTtl: 60 })
      const sdk = sdkClient(server.url)
      const client = yield* sdk.connect
      // Two requests at once would each refresh with the same token.
      yield* server.first((request) => request.method === "GET" && request.path === "/mcp")
      yield* authorization.advance("2 minutes")
      yield* call(client, "echo", { message: "a" })
      yield* authorization.revokeAccessTokens
      yield* call(client, "echo", { message: "b" })
      expect(authorization.of("token").map((request) => request.grantType)).toEqual([
        "authorization_code",
        "refresh_token",
        "refresh_token",
      ])
      expect(authorization.of("token").every((request) => request.resource === server.url)).toBe(true)
      expect(server.executions("echo")).toBe(2)
    }),
  )

  it.live.each(["required", "nonce"] as const)("takes tokens that are bound to the client's key: %s", (dpop) =>
    Effect.gen(function* () {
      const { server } = yield* both({ dpop: "required", dpopNonce: dpop === "nonce" }, { dpop })
      const session = yield* Effect.promise(() => DpopSession.create())
      const sdk = sdkClient(server.url, { dpop: session })
      const client = yield* sdk.connect
      yield* call(client, "echo", { message: "a" })
      expect(server.executions("echo")).toBe(1)
      const stolen = yield* post(server.url, { authorization: `DPoP ${sdk.tokens()?.access_token}` })
      expect(stolen.status).toBe(401)
      expect(stolen.challenge).toContain("invalid_dpop_proof")
    }),
  )
})
