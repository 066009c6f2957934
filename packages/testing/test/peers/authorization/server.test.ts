import { randomUUID } from "node:crypto"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose"
import { it } from "../../../src/effect.ts"
import { authorizationServer } from "../../../src/peers/authorization/server.ts"
import type { Step } from "../../../src/peers/authorization/settings.ts"
import { person } from "../../../src/person.ts"
import { describe, expect } from "../../../src/runner.ts"
import { authorizationUrl, document, get, logIn, pkce, redirectUri, register, taken, token } from "./talk.ts"

interface Answered {
  readonly error?: string
  readonly access_token: string
  readonly token_type?: string
}

const resource = "http://127.0.0.1:2/mcp"
const status = (url: string) => Effect.map(get(url), (response) => response.status)
const works = (verified: Promise<unknown>) =>
  Effect.promise(() =>
    verified.then(
      () => "works",
      (error: unknown) => String(error),
    ),
  )

describe("authorizationServer", () => {
  it.live("registers a client, asks the person, and gives a token for one resource", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const client = yield* register(server)
      expect(client.status).toBe(201)
      const someone = person()
      const tokens = yield* logIn(server, { clientId: client.client_id, resource, scope: "tools" }, {}, someone)
      expect(tokens).toMatchObject({ status: 200, token_type: "Bearer", expires_in: 3600, scope: "tools" })
      expect(someone.pages.map((page) => /<h1>(.*)<\/h1>/.exec(page.text)?.[1])).toEqual(["Sign in", "Allow access"])
      const info = yield* Effect.promise(() => server.verify(tokens.access_token, resource))
      expect(info).toMatchObject({ clientId: client.client_id, scopes: ["tools"], extra: { sub: "alice" } })
      expect(yield* works(server.verify(tokens.access_token, "http://127.0.0.1:3/mcp"))).toContain("aud")
      expect(server.of("token")).toMatchObject([
        { grantType: "authorization_code", clientId: client.client_id, clientAuth: "none", resource, status: 200 },
      ])
      expect(server.of("authorization")[0]).toMatchObject({ resource, scope: "tools", status: 303 })
      expect(server.secrets).toContain(tokens.access_token)
      expect(server.secrets).toContain(tokens.refresh_token ?? "")
    }),
  )

  it.live("refuses what a careful server refuses: no PKCE, plain PKCE, another resource, another redirect URI", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const { client_id: clientId } = yield* register(server)
      const asked = { clientId, resource, scope: "tools" }
      const { challenge, verifier } = pkce()
      const someone = person()
      expect(yield* someone.authorize(authorizationUrl(server, asked))).toContain("error=invalid_request")
      const plain = authorizationUrl(server, asked, challenge).replace("S256", "plain")
      expect(yield* someone.authorize(plain)).toContain("error=invalid_request")
      const other = authorizationUrl(server, { ...asked, resource: "http://127.0.0.1:3/mcp" }, challenge)
      expect(yield* someone.authorize(other)).toContain("error=invalid_target")
      const elsewhere = authorizationUrl(server, asked, challenge).replace("callback", "elsewhere")
      expect((yield* Effect.flip(someone.authorize(elsewhere))).text).toContain("redirect_uri")
      const callback = new URL(yield* someone.authorize(authorizationUrl(server, asked, challenge)))
      const form = {
        grant_type: "authorization_code",
        client_id: clientId,
        code: callback.searchParams.get("code") ?? "",
        redirect_uri: redirectUri,
      }
      const wrong = yield* token(server, { ...form, code_verifier: "x".repeat(43) })
      expect(wrong).toMatchObject({ status: 400, error: "invalid_grant" })
      expect((yield* token(server, { ...form, code_verifier: verifier })).status).toBe(200)
      expect(yield* token(server, { ...form, code_verifier: verifier })).toMatchObject({ error: "invalid_grant" })
    }),
  )

  it.live("names its issuer in the callback, and says what the person refused", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const { client_id: clientId } = yield* register(server)
      const { challenge } = pkce()
      const url = authorizationUrl(server, { clientId, resource, scope: "tools admin" }, challenge)
      for (const decision of ["deny", "cancel"] as const) {
        const denied = new URL(yield* person().authorize(url, { decision }))
        expect(Object.fromEntries(denied.searchParams)).toMatchObject({
          error: "access_denied",
          state: "st",
          iss: server.issuer,
        })
      }
      const withheld = yield* logIn(server, { clientId, resource, scope: "tools admin" }, { withhold: ["admin"] })
      expect(withheld).toMatchObject({ status: 200, scope: "tools" })
    }),
  )

  it.live("asks a person it knows for nothing but new scopes", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const { client_id: clientId } = yield* register(server, { application_type: "web" })
      const someone = person()
      yield* logIn(server, { clientId, resource, scope: "tools" }, {}, someone)
      yield* logIn(server, { clientId, resource, scope: "tools" }, {}, someone)
      expect(someone.pages).toHaveLength(2)
      const more = yield* logIn(server, { clientId, resource, scope: "tools admin" }, {}, someone)
      expect(more.scope).toBe("tools admin")
      expect(someone.pages).toHaveLength(3)
      yield* someone.forget
      yield* logIn(server, { clientId, resource, scope: "tools" }, { login: "bob" }, someone)
      expect(someone.pages).toHaveLength(5)
      const native = yield* register(server)
      yield* logIn(server, { clientId: native.client_id, resource, scope: "tools" }, {}, someone)
      yield* logIn(server, { clientId: native.client_id, resource, scope: "tools" }, {}, someone)
      // Who a native client is cannot be known: a person is asked each time (RFC 8252, section 8.6).
      expect(someone.pages).toHaveLength(7)
    }),
  )

  it.live("rotates refresh tokens, and ends the grant when an old one comes back", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const { client_id } = yield* register(server)
      const first = yield* logIn(server, { clientId: client_id, resource, scope: "tools" })
      const refresh = (refresh_token = "") =>
        token(server, { grant_type: "refresh_token", client_id, refresh_token, resource })
      const second = yield* refresh(first.refresh_token)
      expect(second.status).toBe(200)
      expect(second.refresh_token).not.toBe(first.refresh_token)
      expect(yield* works(server.verify(second.access_token, resource))).toBe("works")
      expect(yield* refresh(first.refresh_token)).toMatchObject({ status: 400, error: "invalid_grant" })
      expect(yield* refresh(second.refresh_token)).toMatchObject({ status: 400, error: "invalid_grant" })
      expect(yield* works(server.verify(second.access_token, resource))).toContain("revoked")

      yield* server.set({ rotation: false })
      const third = yield* logIn(server, { clientId: client_id, resource, scope: "tools" })
      expect((yield* refresh(third.refresh_token)).refresh_token).toBe(third.refresh_token)
      expect((yield* refresh(third.refresh_token)).status).toBe(200)
      expect(server.of("token").filter((request) => request.grantType === "refresh_token")).toHaveLength(5)
    }),
  )

  it.live("lets its own time pass, and takes tokens back", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer({ accessTokenTtl: 60 })
      yield* server.protect(resource)
      const { client_id } = yield* register(server)
      const first = yield* logIn(server, { clientId: client_id, resource, scope: "tools" })
      const refresh = (refresh_token = "") => token(server, { grant_type: "refresh_token", client_id, refresh_token })
      expect(first.expires_in).toBe(60)
      yield* server.advance("30 seconds")
      expect(yield* works(server.verify(first.access_token, resource))).toBe("works")
      yield* server.advance("31 seconds")
      expect(yield* works(server.verify(first.access_token, resource))).toContain("expired")
      const second = yield* refresh(first.refresh_token)
      expect(yield* works(server.verify(second.access_token, resource))).toBe("works")
      expect(yield* server.revokeAccessTokens).toBe(2)
      expect(yield* works(server.verify(second.access_token, resource))).toContain("revoked")
      const third = yield* refresh(second.refresh_token)
      expect(yield* works(server.verify(third.access_token, resource))).toBe("works")
      yield* server.advance("15 days")
      expect(yield* refresh(third.refresh_token)).toMatchObject({ error: "invalid_grant" })
      const fourth = yield* logIn(server, { clientId: client_id, resource, scope: "tools" })
      yield* server.revokeRefreshTokens
      expect(yield* refresh(fourth.refresh_token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* works(server.verify(fourth.access_token, resource))).toBe("works")
      expect(yield* server.revokeGrants).toBe(2)
      expect(yield* works(server.verify(fourth.access_token, resource))).toContain("revoked")
      expect(yield* server.forgetClients).toBe(1)
      expect(yield* refresh(fourth.refresh_token)).toMatchObject({ status: 401, error: "invalid_client" })
    }),
  )

  it.live("gives refresh tokens to whom it is told to", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer({ refreshTokens: "offline_access" })
      yield* server.protect(resource)
      const { client_id: clientId } = yield* register(server)
      expect((yield* logIn(server, { clientId, resource, scope: "tools" })).refresh_token).toBeUndefined()
      const offline = { clientId, resource, scope: "tools offline_access", prompt: "consent" }
      expect((yield* logIn(server, offline)).refresh_token).toBeDefined()
      yield* server.set({ refreshTokens: "never" })
      expect((yield* logIn(server, offline)).refresh_token).toBeUndefined()
    }),
  )

  it.live("knows clients by secret, by signature and by metadata document", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("ES256"))
      const jwk = yield* Effect.promise(() => exportJWK(publicKey))
      const machine = { redirect_uris: [], response_types: [], grant_types: ["client_credentials"] }
      const document = "https://client.example/metadata.json"
      const server = yield* authorizationServer({
        registration: false,
        clients: [
          { ...machine, client_id: "basic", client_secret: "s3", token_endpoint_auth_method: "client_secret_basic" },
          { ...machine, client_id: "post", client_secret: "s3", token_endpoint_auth_method: "client_secret_post" },
          { ...machine, client_id: "key", jwks: { keys: [jwk] }, token_endpoint_auth_method: "private_key_jwt" },
        ],
        clientDocuments: {
          [document]: {
            client_id: document,
            client_name: "by document",
            redirect_uris: [redirectUri],
            grant_types: ["authorization_code", "refresh_token"],
            token_endpoint_auth_method: "none",
            application_type: "native",
          },
        },
      })
      yield* server.protect(resource)
      const grant = { grant_type: "client_credentials", resource, scope: "tools" }
      const basic = yield* token(server, grant, { authorization: `Basic ${btoa("basic:s3")}` })
      expect(basic).toMatchObject({ status: 200, scope: "tools" })
      expect(yield* works(server.verify(basic.access_token, resource))).toBe("works")
      expect((yield* token(server, { ...grant, client_id: "post", client_secret: "s3" })).status).toBe(200)
      expect((yield* token(server, { ...grant, client_id: "post", client_secret: "no" })).error).toBe("invalid_client")
      const assertion = yield* Effect.promise(() =>
        new SignJWT({ iss: "key", sub: "key", aud: server.issuer, jti: "1" })
          .setProtectedHeader({ alg: "ES256" })
          .setIssuedAt()
          .setExpirationTime("1m")
          .sign(privateKey),
      )
      const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
      const signed = { ...grant, client_assertion_type: type, client_assertion: assertion }
      expect((yield* token(server, signed)).status).toBe(200)
      expect(yield* token(server, signed)).toMatchObject({ error: "invalid_client" })
      expect((yield* logIn(server, { clientId: document, resource, scope: "tools" })).status).toBe(200)
      expect(yield* status(`${server.issuer}/register`)).toBe(404)
      expect(server.of("token").map((request) => request.clientAuth)).toEqual([
        "client_secret_basic",
        "client_secret_post",
        "client_secret_post",
        "private_key_jwt",
        "private_key_jwt",
        "none",
      ])
    }),
  )

  it.live("binds tokens to a key by DPoP, and asks for a nonce", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("ES256"))
      const jwk = yield* Effect.promise(() => exportJWK(publicKey))
      const server = yield* authorizationServer({
        dpop: "required",
        dpopNonce: true,
        clients: [
          {
            client_id: "m",
            client_secret: "s3",
            redirect_uris: [],
            response_types: [],
            grant_types: ["client_credentials"],
          },
        ],
      })
      yield* server.protect(resource)
      const proof = (nonce?: string) =>
        new SignJWT({
          htm: "POST",
          htu: `${server.issuer}/token`,
          jti: randomUUID(),
          ...(nonce === undefined ? {} : { nonce }),
        })
          .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
          .setIssuedAt()
          .sign(privateKey)
      const ask = (headers: Record<string, string>) =>
        Effect.promise(async () => {
          const body = new URLSearchParams({ grant_type: "client_credentials", resource, scope: "tools" })
          const authorization = `Basic ${btoa("m:s3")}`
          const response = await fetch(`${server.issuer}/token`, {
            method: "POST",
            body,
            headers: { authorization, ...headers },
          })
          const answer = await taken<Answered>(response)
          return { nonce: response.headers.get("dpop-nonce") ?? "", ...answer }
        })
      expect((yield* ask({})).error).toBe("invalid_grant")
      const refused = yield* ask({ dpop: yield* Effect.promise(() => proof()) })
      expect(refused.error).toBe("use_dpop_nonce")
      const bound = yield* ask({ dpop: yield* Effect.promise(() => proof(refused.nonce)) })
      expect(bound.token_type).toBe("DPoP")
      const info = yield* Effect.promise(() => server.verify(bound.access_token, resource))
      expect(info.extra?.cnf).toEqual({ jkt: yield* Effect.promise(() => calculateJwkThumbprint(jwk)) })
    }),
  )

  it.live("serves its metadata where it is told to, for an issuer with a path too", () =>
    Effect.gen(function* () {
      const oauth = yield* authorizationServer({ path: "/tenant1", discovery: ["oauth"] })
      const { origin } = new URL(oauth.issuer)
      expect(oauth.issuer).toBe(`${origin}/tenant1`)
      expect(yield* document(`${origin}/.well-known/oauth-authorization-server/tenant1`)).toMatchObject({
        issuer: oauth.issuer,
        token_endpoint: `${oauth.issuer}/token`,
        registration_endpoint: `${oauth.issuer}/register`,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      })
      expect(yield* status(`${origin}/.well-known/openid-configuration/tenant1`)).toBe(404)
      expect(yield* status(`${origin}/tenant1/.well-known/openid-configuration`)).toBe(404)
      expect(yield* status(`${origin}/.well-known/oauth-authorization-server`)).toBe(404)
      yield* oauth.protect(resource)
      const { client_id: clientId } = yield* register(oauth)
      expect((yield* logIn(oauth, { clientId, resource, scope: "tools" })).status).toBe(200)

      const openid = yield* authorizationServer({ discovery: ["openid"], registration: false })
      expect(yield* status(`${openid.issuer}/.well-known/oauth-authorization-server`)).toBe(404)
      const found = yield* document(`${openid.issuer}/.well-known/openid-configuration`)
      expect(found.issuer).toBe(openid.issuer)
      expect(found.registration_endpoint).toBeUndefined()
      yield* openid.set({ metadata: ({ code_challenge_methods_supported: _, ...rest }) => rest })
      const without = yield* document(`${openid.issuer}/.well-known/openid-configuration`)
      expect(without.code_challenge_methods_supported).toBeUndefined()
      expect(openid.of("metadata").map((request) => request.status)).toEqual([404, 200, 200])
    }),
  )

  it.live("holds, replaces and loses answers where a test says so", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const server = yield* authorizationServer()
      yield* server.protect(resource)
      const { client_id } = yield* register(server)
      const { refresh_token = "" } = yield* logIn(server, { clientId: client_id, resource, scope: "tools" })
      const refresh = token(server, { grant_type: "refresh_token", client_id, refresh_token })
      const only = (step: Step | Effect.Effect<Step>) =>
        server.set({ before: ({ endpoint }) => (endpoint === "token" ? step : undefined) })

      yield* only({ status: 503, headers: { "retry-after": "7" }, text: "later" })
      expect(Exit.isFailure(yield* Effect.exit(refresh))).toBe(true)

      yield* only("lose")
      expect(Exit.isFailure(yield* Effect.exit(refresh))).toBe(true)
      yield* only(Effect.as(Deferred.await(go), undefined))
      const late = yield* Effect.forkChild(refresh)
      yield* server.first((request) => request.endpoint === "token" && request.nth === 3)
      expect(late.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(go, undefined)
      // It was rotated by the request whose answer was lost.
      expect(yield* Fiber.join(late)).toMatchObject({ error: "invalid_grant" })
      expect(server.of("token").map((request) => request.status)).toEqual([200, 503, 0, 400])
    }),
  )

  it.live("is gone with its Scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { issuer } = yield* authorizationServer().pipe(Scope.provide(scope))
      expect(yield* status(`${issuer}/.well-known/openid-configuration`)).toBe(200)
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isFailure(yield* Effect.exit(get(issuer)))).toBe(true)
    }),
  )
})
