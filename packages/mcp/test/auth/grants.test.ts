/** A11: tokens that nobody signs in for, each from a configuration entry to a call, and what is told when they are refused. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { grantTypes } from "@opencode-ai/testing/peers/authorization/assertions"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

/** A client of the authorization server that no person uses. */
const machine = (client_id: string, grant = "client_credentials") => ({
  client_id,
  redirect_uris: [],
  response_types: [],
  grant_types: [grant],
})

const secret = "s3cr3t-of-the-machine"
const robot = { ...machine("robot"), client_secret: secret }
const credentials = { grant: "client_credentials", clientId: "robot", clientSecret: secret }

/** Adds the server as an entry names it, and says what became of it. */
const add = (server: object, oauth: object, more: object = {}) =>
  Effect.flatMap(Mcp, (mcp) => mcp.add(config("server", { ...server, oauth, ...more })))

const call = (tool: string) =>
  Effect.flatMap(Mcp, (mcp) => Effect.map(mcp.callTool("server", tool), ({ structuredContent }) => structuredContent))

/** Why it is not connected. */
const refusal = (server: object, oauth: object) =>
  Effect.map(add(server, oauth), (status) => {
    expect(status.status).toBe("failed")
    return "error" in status ? (status.error ?? "") : ""
  })

/** A directory that is gone with the Scope. */
const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "grants-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

describe("client credentials", () => {
  it.live("with a secret need no person, and name the server that the token is for", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ registration: false, clients: [robot] })
      const server = yield* protectedMcp(authorization)
      expect(yield* add(server, credentials)).toEqual({ status: "connected" })
      expect(yield* call("whoami")).toMatchObject({ clientId: "robot" })
      expect(authorization.of("token").length).toBe(1)
      expect(authorization.of("token")[0]).toMatchObject({
        grantType: "client_credentials",
        clientAuth: "client_secret_basic",
        resource: server.url,
        status: 200,
      })
      expect(authorization.of("authorization")).toEqual([])
    }),
  )

  it.live("go into the body where the authorization server wants them there", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({
        clients: [{ ...robot, token_endpoint_auth_method: "client_secret_post" }],
        metadata: (document) => ({ ...document, token_endpoint_auth_methods_supported: ["client_secret_post"] }),
      })
      const server = yield* protectedMcp(authorization)
      expect(yield* add(server, credentials)).toEqual({ status: "connected" })
      expect(authorization.of("token")[0]).toMatchObject({ clientAuth: "client_secret_post", status: 200 })
    }),
  )

  it.live("may hold any character", () =>
    Effect.gen(function* () {
      const odd = "a+b/c=%2B: ~!"
      const authorization = yield* authorizationServer({ clients: [{ ...robot, client_secret: odd }] })
      const server = yield* protectedMcp(authorization)
      expect(yield* add(server, { ...credentials, clientSecret: odd })).toEqual({ status: "connected" })
      expect(authorization.of("token")[0]).toMatchObject({ clientAuth: "client_secret_basic", status: 200 })
    }),
  )

  it.effect("are asked for again when the token is refused", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot] })
      const server = yield* protectedMcp(authorization)
      yield* add(server, credentials)
      yield* call("whoami")
      // What was issued just now and is refused is refused for another reason.
      yield* TestClock.adjust("10 seconds")
      yield* authorization.revokeAccessTokens
      expect(yield* call("whoami")).toMatchObject({ clientId: "robot" })
      expect(authorization.of("token").length).toBe(2)
    }),
  )

  it.live("are found by way of the challenge where the metadata lie at a place of their own", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot] })
      const server = yield* protectedMcp(authorization, { place: "hidden" })
      expect(yield* add(server, credentials)).toEqual({ status: "connected" })
    }),
  )

  it.live("are widened by themselves when a tool needs another scope", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot] })
      const server = yield* protectedMcp(authorization)
      yield* add(server, credentials)
      expect(yield* call("admin")).toEqual({ done: true })
      expect(authorization.of("token").map(({ scope }) => scope)).toEqual(["tools", "tools admin"])
    }),
  )

  it.live("that are wrong are told by the field, asked for once, and stay secret", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [robot] })
      const server = yield* protectedMcp(authorization)
      const said = yield* refusal(server, { ...credentials, clientSecret: "wr0ng-s3cr3t" })
      expect(said).toContain(
        `${authorization.issuer}/token refused the request for the client's own token: invalid_client`,
      )
      expect(said).toContain(`Correct "clientId" and "clientSecret" under "oauth" in the server's entry.`)
      expect(said).not.toContain("wr0ng")
      expect(authorization.of("token").length).toBe(1)
    }),
  )
})

/** A key pair, as a PEM and as the client is registered with it. */
const keyPair = (algorithm: string, kid: string) => {
  const { privateKey, publicKey } =
    algorithm === "EdDSA"
      ? generateKeyPairSync("ed25519")
      : algorithm === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("rsa", { modulusLength: 2048 })
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  return { privateKey, publicKey, pem, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig" } }
}

const signing = (...keys: ReadonlyArray<{ readonly jwk: object }>) => ({
  ...machine("signer"),
  token_endpoint_auth_method: "private_key_jwt" as const,
  jwks: { keys: keys.map(({ jwk }) => ({ kty: "", ...jwk })) },
})

const bySignature = (privateKey: string, more: object = {}) => ({
  grant: "private_key_jwt",
  clientId: "signer",
  privateKey,
  ...more,
})

/** The header of the assertion of a request. */
const headerOf = (assertion: string | undefined): unknown =>
  JSON.parse(Buffer.from((assertion ?? "").split(".")[0] ?? "", "base64url").toString())

describe("a signed assertion", () => {
  it.live.each(["ES256", "RS256", "PS256", "EdDSA"])("proves who the client is, without any secret: %s", (algorithm) =>
    Effect.gen(function* () {
      const key = keyPair(algorithm, "one")
      const authorization = yield* authorizationServer({ clients: [signing(key)] })
      const server = yield* protectedMcp(authorization)
      expect(yield* add(server, bySignature(key.pem, { algorithm }))).toEqual({ status: "connected" })
      expect(yield* call("whoami")).toMatchObject({ clientId: "signer" })
      const [request] = authorization.of("token")
      expect(request).toMatchObject({ clientAuth: "private_key_jwt", resource: server.url, status: 200 })
      expect(headerOf(request?.form.client_assertion)).toEqual({ alg: algorithm, typ: "JWT" })
    }),
  )

  it.live("names its key, and the key may lie in a file, in any of the forms that a private key has", () =>
    Effect.gen(function* () {
      const [first, second] = [keyPair("ES256", "one"), keyPair("ES256", "two")]
      const file = join(yield* directory, "key.pem")
      writeFileSync(file, second.privateKey.export({ type: "sec1", format: "pem" }))
      const authorization = yield* authorizationServer({ clients: [signing(first, second)] })
      const server = yield* protectedMcp(authorization)
      expect(yield* add(server, bySignature(file, { keyId: "two" }))).toEqual({ status: "connected" })
      expect(headerOf(authorization.of("token")[0]?.form.client_assertion)).toMatchObject({ alg: "ES256", kid: "two" })
    }),
  )

  it.live("is made anew for each token", () =>
    Effect.gen(function* () {
      const key = keyPair("ES256", "one")
      const authorization = yield* authorizationServer({ clients: [signing(key)] })
      const server = yield* protectedMcp(authorization)
      yield* add(server, bySignature(key.pem.replaceAll("\n", "\\n")))
      expect(yield* call("admin")).toEqual({ done: true })
      const assertions = authorization.of("token").map(({ form }) => form.client_assertion)
      expect(assertions.length).toBe(2)
      expect(new Set(assertions).size).toBe(2)
    }),
  )

  it.live("of another key is told by the field, and nothing of the key is", () =>
    Effect.gen(function* () {
      const [known, own] = [keyPair("ES256", "one"), keyPair("ES256", "one")]
      const authorization = yield* authorizationServer({ clients: [signing(known)] })
      const server = yield* protectedMcp(authorization)
      const said = yield* refusal(server, bySignature(own.pem))
      expect(said).toContain("invalid_client")
      expect(said).toContain(`correct "clientId", "privateKey", "algorithm" or "keyId" under "oauth"`)
      expect(said).not.toContain(own.pem.split("\n")[1] ?? "-")
      expect(authorization.of("token").length).toBe(1)
    }),
  )

  const ec = keyPair("ES256", "one")
  const encrypted = ec.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
  const cases = [
    { name: "no key at all", key: "n0-k3y", said: `"oauth.privateKey" names a file, which is not there` },
    { name: "the body of a PEM", key: ec.pem.split("\n")[1] ?? "", said: `"oauth.privateKey" names a file, which` },
    {
      name: "a public key",
      key: ec.publicKey.export({ type: "spki", format: "pem" }).toString(),
      said: `"oauth.privateKey" holds a PEM of another kind (PUBLIC KEY); it has to begin with "-----BEGIN PRIVATE KEY-----"`,
    },
    {
      name: "a damaged key",
      key: ec.pem.replace(/\n[^\n]{20}/, "\n"),
      said: `"oauth.privateKey" holds a PEM (PRIVATE KEY) that cannot be read as a private key`,
    },
    {
      name: "a key with a passphrase",
      key: encrypted.toString(),
      said: `"oauth.privateKey" holds a key with a passphrase`,
    },
    {
      name: "a key of another algorithm",
      key: ec.pem,
      algorithm: "RS256",
      said: `"oauth.privateKey" holds a key of the type prime256v1, and "oauth.algorithm" RS256 signs with rsa`,
    },
    {
      name: "an algorithm that there is not",
      key: ec.pem,
      algorithm: "HS256",
      said: `"oauth.algorithm" is "HS256", and has to be one of ES256, ES384`,
    },
    { name: "an algorithm that every object has", key: ec.pem, algorithm: "constructor", said: `"oauth.algorithm" is` },
  ]
  it.live.each(cases)("cannot be made with %s, which is said before anything is sent", ({ algorithm, key, said }) =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ clients: [signing(ec)] })
      const server = yield* protectedMcp(authorization)
      const text = yield* refusal(server, bySignature(key, algorithm === undefined ? {} : { algorithm }))
      expect(text).toContain(said)
      expect(text).toContain("correct it in the server's entry")
      for (const line of [...key.split("\n"), ...ec.pem.split("\n")].filter(
        (it) => !it.startsWith("-----") && it !== "",
      )) {
        expect(text).not.toContain(line)
      }
      expect(authorization.of("token")).toEqual([])
    }),
  )
})

describe("a workload's identity", () => {
  const client = { ...machine("workload", grantTypes.bearer), token_endpoint_auth_method: "none" as const }
  const peers = Effect.gen(function* () {
    const platform = yield* authorizationServer()
    const authorization = yield* authorizationServer({ trusts: [platform], clients: [client] })
    const server = yield* protectedMcp(authorization)
    const identity = (claims: object = {}) => platform.sign({ sub: "the-job", aud: authorization.issuer, ...claims })
    return { authorization, server, identity }
  })
  const own = { grant: "workload_identity", clientId: "workload" }

  it.live("becomes a token of the server's", () =>
    Effect.gen(function* () {
      const { authorization, identity, server } = yield* peers
      expect(yield* add(server, { ...own, token: yield* identity() })).toEqual({ status: "connected" })
      expect(yield* call("whoami")).toMatchObject({ clientId: "workload", subject: "the-job" })
      expect(authorization.of("token")[0]).toMatchObject({
        grantType: grantTypes.bearer,
        clientAuth: "none",
        resource: server.url,
        scope: "tools",
      })
    }),
  )

  it.live("is read anew from its file for each token, because it rotates", () =>
    Effect.gen(function* () {
      const { authorization, identity, server } = yield* peers
      const file = join(yield* directory, "token")
      const [first, second] = [yield* identity(), yield* identity()]
      writeFileSync(file, `${first}\n`)
      expect(yield* add(server, { ...own, tokenFile: file })).toEqual({ status: "connected" })
      writeFileSync(file, second)
      expect(yield* call("admin")).toEqual({ done: true })
      expect(authorization.of("token").map(({ form }) => form.assertion)).toEqual([first, second])
    }),
  )

  it.live.each([
    { name: "expired", claims: { exp: 1 } },
    { name: "for another audience", claims: { aud: "https://elsewhere.test" } },
  ])("that is %s is told once by the field, and stays secret", ({ claims }) =>
    Effect.gen(function* () {
      const { authorization, identity, server } = yield* peers
      const token = yield* identity(claims)
      const said = yield* refusal(server, { ...own, token })
      expect(said).toContain("refused the exchange of the workload's token: invalid_grant")
      expect(said).toContain(`The token of "oauth.token" has expired, or is for another audience`)
      expect(said).not.toContain(token)
      expect(authorization.of("token").length).toBe(1)
    }),
  )

  it.live("in a file that is not there, empty or a directory is told with the file", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* peers
      const path = yield* directory
      const file = join(path, "token")
      const missing = yield* refusal(server, { ...own, tokenFile: file })
      expect(missing).toContain(`"oauth.tokenFile" names the file ${JSON.stringify(file)}, which is not there`)
      writeFileSync(file, " \n")
      expect(yield* refusal(server, { ...own, tokenFile: file })).toContain("which is empty")
      expect(yield* refusal(server, { ...own, tokenFile: path })).toContain("which is a directory")
      expect(authorization.of("token")).toEqual([])
    }),
  )
})

describe("an enterprise's identity provider", () => {
  const own = {
    grant: "enterprise",
    clientId: "at-the-server",
    clientSecret: "s3cr3t-of-the-server",
    idpClientId: "at-the-server",
    idpClientSecret: "s3cr3t-of-the-provider",
  }
  const peers = Effect.gen(function* () {
    const provider = yield* authorizationServer({
      exchange: true,
      clients: [
        {
          ...machine("at-the-server", grantTypes.exchange),
          client_secret: own.idpClientSecret,
          token_endpoint_auth_method: "client_secret_post",
        },
      ],
    })
    const authorization = yield* authorizationServer({
      trusts: [provider],
      clients: [{ ...machine("at-the-server", grantTypes.bearer), client_secret: own.clientSecret }],
    })
    const server = yield* protectedMcp(authorization)
    const idToken = (claims: object = {}) => provider.sign({ sub: "dora", aud: own.idpClientId, ...claims })
    return { provider, authorization, server, idToken, entry: { ...own, idpIssuer: provider.issuer } }
  })

  it.live("says who the person is, and the server's authorization server takes its word", () =>
    Effect.gen(function* () {
      const { authorization, entry, idToken, provider, server } = yield* peers
      expect(yield* add(server, { ...entry, idToken: yield* idToken() })).toEqual({ status: "connected" })
      expect(yield* call("whoami")).toMatchObject({ clientId: "at-the-server", subject: "dora" })
      expect(provider.of("token")[0]).toMatchObject({
        grantType: grantTypes.exchange,
        resource: server.url,
        scope: "tools",
      })
      expect(provider.of("token")[0]?.form.audience).toBe(authorization.issuer)
      expect(authorization.of("token")[0]).toMatchObject({
        grantType: grantTypes.bearer,
        clientAuth: "client_secret_basic",
        resource: server.url,
      })
      // A wider token is another grant of the provider's: the first one was good once.
      expect(yield* call("admin")).toEqual({ done: true })
      expect(provider.of("token").length).toBe(2)
    }),
  )

  it.live("refuses an ID token that has expired, which is told by the field", () =>
    Effect.gen(function* () {
      const { authorization, entry, idToken, provider, server } = yield* peers
      const expired = yield* idToken({ exp: 1 })
      const said = yield* refusal(server, { ...entry, idToken: expired })
      expect(said).toContain(`${provider.issuer}/token refused the exchange of the ID token: invalid_grant`)
      expect(said).toContain(`The ID token of "oauth.idToken" has expired, or is not this identity provider's`)
      expect(said).not.toContain(expired)
      expect(provider.of("token").length).toBe(1)
      expect(authorization.of("token")).toEqual([])
    }),
  )

  it.live("is named where it does not know the client, gives no grant, or is none", () =>
    Effect.gen(function* () {
      const { entry, idToken, provider, server } = yield* peers
      const token = yield* idToken()
      const stranger = yield* refusal(server, { ...entry, idToken: token, idpClientSecret: "wr0ng" })
      expect(stranger).toContain(`Correct "idpClientId" and "idpClientSecret" under "oauth" in the server's entry.`)
      yield* provider.set({ tokens: (answer) => ({ ...answer, issued_token_type: "urn:x:other" }) })
      const other = yield* refusal(server, { ...entry, idToken: token })
      expect(other).toContain(`"issued_token_type" in the answer to the exchange of the ID token`)
      yield* provider.set({ metadata: (document) => ({ ...document, issuer: "https://login.test" }) })
      const renamed = yield* refusal(server, { ...entry, idToken: token })
      expect(renamed).toContain(`"issuer" in the identity provider's metadata`)
      expect(renamed).toContain(`not "https://login.test"`)
      const nobody = yield* refusal(server, { ...entry, idToken: token, idpIssuer: `${provider.issuer}/nobody` })
      expect(nobody).toContain(`"oauth.idpIssuer" names ${provider.issuer}/nobody, which publishes no metadata`)
      const none = yield* refusal(server, entry)
      expect(none).toContain(`"oauth.idToken" is needed`)
      for (const said of [stranger, other, renamed, nobody]) expect(said).not.toContain(token)
      expect(stranger).not.toContain("wr0ng")
    }),
  )
})
