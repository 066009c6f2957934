/** A11: tokens that are bound to a key (RFC 9449), and what is proven with each request. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { type McpRequest, protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { person } from "@opencode-ai/testing/person"
import { describe, expect } from "@opencode-ai/testing/runner"
import { pasted } from "../../src/auth/callback.ts"
import { makeMemory } from "../../src/auth/store.ts"
import { CredentialStore, Mcp } from "../../src/index.ts"

/** A process of OpenCode: its store outlives it. */
const start = (store: CredentialStore["Service"]) =>
  Effect.map(Layer.build(Layer.provide(testMcp(), Layer.succeed(CredentialStore)(store))), (context): Mcp["Service"] =>
    Context.get(context, Mcp),
  )

/** Adds the server, and signs a person in where it asks for one. */
const connect = Effect.fnUntraced(function* (mcp: Mcp["Service"], server: object) {
  const status = yield* mcp.add(config("server", server))
  if (status.status !== "needs_auth") return status
  const authorization = yield* mcp.authorization("server")
  const { authorizationUrl } = yield* authorization.start()
  const callback = pasted(yield* person().authorize(authorizationUrl.href)) ?? {}
  return yield* authorization.finish(callback)
})

interface Proof {
  readonly header: { readonly typ: string; readonly alg: string; readonly jwk: { readonly [member: string]: string } }
  readonly claims: { readonly [claim: string]: string | number }
}

const proofOf = ({ headers }: Pick<McpRequest, "headers">): Proof => {
  const { dpop } = headers
  const [header = "", claims = ""] = (typeof dpop === "string" ? dpop : "").split(".")
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString())
  return { header: read(header), claims: read(claims) }
}

/** Those that the server let in. */
const accepted = (requests: ReadonlyArray<McpRequest>) => requests.filter(({ auth }) => auth !== undefined)

const keyOf = (request: McpRequest): string | undefined => proofOf(request).header.jwk.x

const robot = {
  client_id: "robot",
  client_secret: "s3cr3t-of-the-machine",
  redirect_uris: [],
  response_types: [],
  grant_types: ["client_credentials"],
}
const unattended = { grant: "client_credentials", clientId: "robot", clientSecret: robot.client_secret }

describe("tokens of a server that wants them bound", () => {
  it.live("go by the scheme DPoP, each request with a proof of its own", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization, { dpop: "required" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const mcp = yield* start(makeMemory())
          expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
          expect((yield* mcp.callTool("server", "whoami")).structuredContent).toMatchObject({ subject: "alice" })
        }),
      )
      const requests = accepted(server.requests)
      expect(requests.map(({ method }) => method)).toContain("GET")
      // The last one too, when everything else has ended.
      expect(requests.at(-1)?.method).toBe("DELETE")
      for (const request of requests) {
        expect(request.headers.authorization?.startsWith("DPoP ")).toBe(true)
        const { claims, header } = proofOf(request)
        expect(header).toMatchObject({ typ: "dpop+jwt", alg: "ES256" })
        expect(Object.keys(header.jwk).toSorted()).toEqual(["crv", "kty", "x", "y"])
        expect(claims).toMatchObject({ htm: request.method, htu: server.url })
      }
      expect(new Set(requests.map((request) => proofOf(request).claims.jti)).size).toBe(requests.length)
      expect(server.requests.filter(({ headers }) => headers.authorization?.startsWith("Bearer"))).toEqual([])
    }),
  )

  it.live("take the nonces of both servers, and the last one of each", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ dpopNonce: true })
      const server = yield* protectedMcp(authorization, { dpop: "nonce" })
      const mcp = yield* start(makeMemory())
      expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
      yield* mcp.callTool("server", "whoami")
      expect(authorization.of("token").map(({ status }) => status)).toEqual([400, 200])
      expect(accepted(server.requests).every((request) => proofOf(request).claims.nonce !== undefined)).toBe(true)
      // One without a token, one without a nonce; each later request bears the nonce at once.
      const refused = server.requests.filter(({ rpcMethod, verdict }) => rpcMethod === "initialize" && verdict === 401)
      expect(refused.length).toBe(2)
      expect(server.requests.filter(({ tool, verdict }) => tool === "whoami" && verdict === 401)).toEqual([])
    }),
  )

  it.live("are refreshed with the key that they are bound to, by another process too", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ dpop: "required" })
      const server = yield* protectedMcp(authorization, { dpop: "required" })
      const store = makeMemory()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const mcp = yield* start(store)
          expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
          yield* mcp.callTool("server", "whoami")
        }),
      )
      // As if they had been issued a while ago.
      const place = { server: "server", url: server.url }
      yield* store.update(place, (kept) =>
        kept?.tokens === undefined ? kept : { ...kept, tokens: { ...kept.tokens, issuedAt: 0 } },
      )
      yield* authorization.revokeAccessTokens
      const before = server.requests.length
      const mcp = yield* start(store)
      expect(yield* mcp.add(config("server", server))).toEqual({ status: "connected" })
      yield* mcp.callTool("server", "whoami")
      expect(authorization.of("token").map(({ grantType, status }) => [grantType, status])).toEqual([
        ["authorization_code", 200],
        ["refresh_token", 200],
      ])
      const keys = new Set(accepted(server.requests).map(keyOf))
      expect(keys.size).toBe(1)
      expect(accepted(server.requests.slice(before)).length > 0).toBe(true)
    }),
  )

  it.live("are bound to another key after another sign-in", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization, { dpop: "required" })
      const mcp = yield* start(makeMemory())
      yield* connect(mcp, server)
      yield* mcp.callTool("server", "whoami")
      const signIn = yield* mcp.authorization("server")
      const { authorizationUrl } = yield* signIn.start()
      yield* signIn.finish(pasted(yield* person().authorize(authorizationUrl.href)) ?? {})
      expect((yield* mcp.callTool("server", "whoami")).structuredContent).toMatchObject({ subject: "alice" })
      expect(new Set(accepted(server.requests).map(keyOf)).size).toBe(2)
      expect(server.requests.filter(({ tool, verdict }) => tool === "whoami" && verdict !== 200)).toEqual([])
    }),
  )

  it.live("are got without a person too", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot], dpopNonce: true })
      const server = yield* protectedMcp(authorization, { dpop: "nonce" })
      const mcp = yield* start(makeMemory())
      expect(yield* mcp.add(config("server", { ...server, oauth: unattended }))).toEqual({ status: "connected" })
      expect((yield* mcp.callTool("server", "whoami")).structuredContent).toMatchObject({ clientId: "robot" })
    }),
  )

  it.live("whose kept key is damaged are given up, and the person signs in again", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization, { dpop: "required" })
      const store = makeMemory()
      yield* Effect.scoped(Effect.flatMap(start(store), (mcp) => connect(mcp, server)))
      const place = { server: "server", url: server.url }
      const damage = (text: string) =>
        store.update(place, (kept) =>
          kept?.tokens === undefined
            ? kept
            : { ...kept, dpopKey: Redacted.make(text), tokens: { ...kept.tokens, issuedAt: 0 } },
        )
      for (const text of ["", "{", `{"alg":"ES256","kty":"EC"}`, `{"alg":"none","kty":"oct","k":"AA"}`]) {
        yield* damage(text)
        const mcp = yield* start(store)
        const status = yield* mcp.add(config("server", server))
        expect(status.status).toBe("needs_auth")
        expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
      }
    }),
  )
})

describe("the algorithm", () => {
  const algorithms = (list: ReadonlyArray<string>) => (document: { readonly [member: string]: unknown }) => ({
    ...document,
    dpop_signing_alg_values_supported: list,
  })

  it.live("is one that the server, its challenge and its authorization server all take", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ metadata: algorithms(["RS256", "EdDSA"]) })
      const server = yield* protectedMcp(authorization, { dpop: "required", metadata: algorithms(["ES256", "EdDSA"]) })
      const mcp = yield* start(makeMemory())
      expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
      yield* mcp.callTool("server", "whoami")
      expect(accepted(server.requests).map((request) => proofOf(request).header.alg)).toContain("EdDSA")
      expect(accepted(server.requests).map((request) => proofOf(request).header.alg)).not.toContain("ES256")
    }),
  )

  it.live("that they have not in common is told with what each of them takes", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot], metadata: algorithms(["RS256", "none"]) })
      const server = yield* protectedMcp(authorization, { dpop: "required", metadata: algorithms(["ES256", "HS256"]) })
      const mcp = yield* start(makeMemory())
      const status = yield* mcp.add(config("server", { ...server, oauth: unattended }))
      const said = "error" in status ? status.error : ""
      expect(said).toContain(
        `"dpop_signing_alg_values_supported" in the metadata of the server and of its authorization`,
      )
      expect(said).toContain(`not ["RS256","none"] and ["ES256","HS256"]`)
      expect(authorization.of("token")).toEqual([])
    }),
  )
})

describe("tokens of a server that asks for no proof", () => {
  it.live("are bound to nothing, though the authorization server could bind them", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization)
      const mcp = yield* start(makeMemory())
      expect(yield* connect(mcp, server)).toEqual({ status: "connected" })
      yield* mcp.callTool("server", "whoami")
      for (const { headers } of [...server.requests, ...authorization.requests]) expect(headers.dpop).toBe(undefined)
    }),
  )
})
