import { exchangeJwtAuthGrant, requestJwtAuthorizationGrant } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import { it } from "../../../src/effect.ts"
import { grantTypes } from "../../../src/peers/authorization/assertions.ts"
import { authorizationServer } from "../../../src/peers/authorization/server.ts"
import { describe, expect } from "../../../src/runner.ts"
import { document, token } from "./talk.ts"

const resource = "http://127.0.0.1:2/mcp"
const machine = (clientId: string, grant: string) => ({
  client_id: clientId,
  client_secret: `secret of ${clientId}`,
  redirect_uris: [],
  response_types: [],
  grant_types: [grant],
})

describe("assertions", () => {
  it.live("turn an ID token into an ID-JAG, and that into an access token, as the SDK asks for it", () =>
    Effect.gen(function* () {
      const provider = yield* authorizationServer({
        exchange: true,
        clients: [{ ...machine("at-the-idp", grantTypes.exchange), token_endpoint_auth_method: "client_secret_post" }],
      })
      const server = yield* authorizationServer({
        trusts: [provider],
        clients: [machine("at-the-as", grantTypes.bearer), machine("at-the-idp", grantTypes.bearer)],
      })
      yield* server.protect(resource)
      const idToken = yield* provider.sign({ sub: "dora", aud: "at-the-idp" })
      const ask = (id: string) =>
        Effect.tryPromise({
          try: () =>
            requestJwtAuthorizationGrant({
              tokenEndpoint: `${provider.issuer}/token`,
              audience: server.issuer,
              resource,
              idToken: id,
              clientId: "at-the-idp",
              clientSecret: "secret of at-the-idp",
              scope: "tools",
            }),
          catch: String,
        })
      const { jwtAuthGrant } = yield* ask(idToken)
      const exchange = (clientId: string) =>
        Effect.tryPromise({
          try: () =>
            exchangeJwtAuthGrant({
              tokenEndpoint: `${server.issuer}/token`,
              jwtAuthGrant,
              clientId,
              clientSecret: `secret of ${clientId}`,
            }),
          catch: String,
        })
      expect(yield* Effect.flip(exchange("at-the-as"))).toContain("invalid_grant")
      const tokens = yield* exchange("at-the-idp")
      const info = yield* Effect.promise(() => server.verify(tokens.access_token, resource))
      expect(info).toMatchObject({ clientId: "at-the-idp", scopes: ["tools"], extra: { sub: "dora" } })
      expect(yield* Effect.flip(exchange("at-the-idp"))).toContain("invalid_grant")
      expect(yield* Effect.flip(ask(yield* server.sign({ sub: "dora", aud: "at-the-idp" })))).toContain("invalid_grant")
      expect(server.of("token").map(({ problem }) => problem)).toEqual([
        "the assertion is for another client",
        undefined,
        "the assertion was used before",
      ])
      expect(provider.of("token")[0]).toMatchObject({ grantType: grantTypes.exchange, resource, scope: "tools" })
      expect(server.of("token")[0]).toMatchObject({ grantType: grantTypes.bearer, clientAuth: "client_secret_basic" })
    }),
  )

  it.live("turn a workload's identity into an access token, of those who are trusted and are meant", () =>
    Effect.gen(function* () {
      const platform = yield* authorizationServer()
      const stranger = yield* authorizationServer()
      const client = { ...machine("workload", grantTypes.bearer), token_endpoint_auth_method: "none" as const }
      const server = yield* authorizationServer({ trusts: [platform], clients: [client] })
      yield* server.protect(resource)
      const ask = (assertion: string) =>
        token(server, { grant_type: grantTypes.bearer, client_id: "workload", assertion, resource, scope: "tools" })
      const identity = { sub: "spiffe://example/agent", aud: server.issuer }
      const tokens = yield* ask(yield* platform.sign(identity))
      expect(tokens).toMatchObject({ status: 200, scope: "tools", token_type: "Bearer" })
      const info = yield* Effect.promise(() => server.verify(tokens.access_token, resource))
      expect(info.extra?.sub).toBe("spiffe://example/agent")
      expect((yield* ask(yield* stranger.sign(identity))).error).toBe("invalid_grant")
      expect((yield* ask(yield* platform.sign({ ...identity, aud: "someone else" }))).error).toBe("invalid_grant")
      expect((yield* ask(yield* platform.sign({ ...identity, exp: 1 }))).error).toBe("invalid_grant")
      const metadata = (server: { readonly issuer: string }) =>
        document(`${server.issuer}/.well-known/oauth-authorization-server`)
      expect((yield* metadata(server)).grant_types_supported).toContain(grantTypes.bearer)
      expect((yield* metadata(platform)).grant_types_supported).not.toContain(grantTypes.bearer)
    }),
  )

  it.live("come with whatever answer a test makes of them", () =>
    Effect.gen(function* () {
      const server = yield* authorizationServer({ clients: [machine("m", "client_credentials")] })
      yield* server.protect(resource)
      yield* server.set({ tokens: ({ expires_in: _, ...rest }) => rest })
      const tokens = yield* token(
        server,
        { grant_type: "client_credentials", resource, scope: "tools" },
        { authorization: `Basic ${btoa("m:secret%20of%20m")}` },
      )
      expect(tokens.status).toBe(200)
      expect(tokens.expires_in).toBeUndefined()
    }),
  )
})
