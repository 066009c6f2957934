/** How an authorization server is found, a client registered and scopes chosen (A3, A4, A5, A7, A9). */
import { it } from "@opencode-ai/testing/effect"
import { hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import type { AuthorizationOptions } from "@opencode-ai/testing/peers/authorization/settings"
import type { ProtectedOptions } from "@opencode-ai/testing/peers/authorization/protected"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { authReason, both, host, name, running, signedIn, signIn, statusOf } from "./authorized.ts"

interface Case {
  readonly name: string
  readonly authorization?: AuthorizationOptions
  readonly server?: ProtectedOptions
  /** Where metadata of the authorization server are looked for, in this order. */
  readonly places: ReadonlyArray<string>
}

const oauth = "/.well-known/oauth-authorization-server"
const openid = "/.well-known/openid-configuration"

describe("an authorization server", () => {
  it.live.each<Case>([
    { name: "with the metadata of RFC 8414", authorization: { discovery: ["oauth"] }, places: [oauth] },
    { name: "with OpenID's metadata alone", authorization: { discovery: ["openid"] }, places: [oauth, openid] },
    {
      name: "below a path, with the metadata of RFC 8414",
      authorization: { path: "/tenant1", discovery: ["oauth"] },
      places: [`${oauth}/tenant1`],
    },
    {
      name: "below a path, with OpenID's metadata inserted",
      authorization: { path: "/tenant1", discovery: ["openid-inserted"] },
      places: [`${oauth}/tenant1`, `${openid}/tenant1`],
    },
    {
      name: "below a path, with OpenID's metadata behind it",
      authorization: { path: "/tenant1", discovery: ["openid"] },
      places: [`${oauth}/tenant1`, `${openid}/tenant1`, `/tenant1${openid}`],
    },
    { name: "that the root's document names", server: { place: "root", pointed: false }, places: [oauth] },
    {
      name: "that the path's document names",
      server: { place: "path", pointed: false, path: "/a/b" },
      places: [oauth],
    },
    { name: "that a document names which the challenge alone tells of", server: { place: "hidden" }, places: [oauth] },
  ])("%s is found, in the order of the specification", ({ authorization: options, places, server: protectedOptions }) =>
    Effect.gen(function* () {
      const { authorization, call } = yield* signedIn(options, protectedOptions)
      const asked = authorization.of("metadata").map(({ path }) => path)
      expect(asked.slice(0, places.length)).toEqual([...places])
      yield* call("echo", { message: "1" })
    }),
  )

  it.live("that is the server itself, and publishes nothing, has the endpoints of 2025-03-26", () =>
    Effect.gen(function* () {
      const missing = () => ({ status: 404, text: "no" })
      const server = yield* hostileAuthorization({ "protected-resource": missing, oauth: missing })
      const service = yield* running(host(), { type: "remote", url: server.url })
      expect(yield* signIn(service)).toEqual({ status: "connected" })
      expect(server.of("registration").length).toBe(1)
      expect(server.of("token").length).toBe(1)
    }),
  )

  it.live("that is nowhere is told so, and what is missing", () =>
    Effect.gen(function* () {
      const missing = () => ({ status: 404, text: "no" })
      const server = yield* hostileAuthorization({
        "protected-resource": missing,
        oauth: missing,
        registration: missing,
      })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect(authReason(error)._tag).toBe("RegistrationRequired")
      expect(String(error)).toContain("publishes no metadata of an authorization server")
      expect(String(error)).toContain(`${server.origin}/register`)
      expect((yield* statusOf(service)).status).toBe("needs_client_registration")
    }),
  )

  it.live("that is named, and has no metadata, is told by its URL", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both({ discovery: [] })
      const service = yield* running(host(), { type: "remote", url: server.url })
      expect(authReason(yield* Effect.flip(signIn(service)))).toMatchObject({
        _tag: "DocumentRefused",
        document: "the authorization server's metadata",
        url: `${authorization.issuer}/`,
        expected: "a document at a well-known place",
      })
    }),
  )

  it.live.each([
    { name: "nothing", methods: undefined, received: "nothing" },
    { name: "plain alone", methods: ["plain"], received: '["plain"]' },
  ])("that offers %s for PKCE is refused, and nobody is sent there", ({ methods, received }) =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both({
        metadata: ({ code_challenge_methods_supported: _, ...document }) =>
          methods === undefined ? document : { ...document, code_challenge_methods_supported: methods },
      })
      const service = yield* running(host(), { type: "remote", url: server.url })
      expect(authReason(yield* Effect.flip(signIn(service)))).toMatchObject({
        _tag: "DocumentRefused",
        field: "code_challenge_methods_supported",
        expected: 'a list with "S256"',
        received,
      })
      expect(authorization.of("registration")).toEqual([])
    }),
  )
})

const redirect = "http://127.0.0.1:19876/mcp/oauth/callback"
const known = { client_id: "by-hand", redirect_uris: [redirect], token_endpoint_auth_method: "none" } as const

describe("the client", () => {
  it.live("that is configured is used, and nothing is registered", () =>
    Effect.gen(function* () {
      const { authorization } = yield* signedIn({ clients: [known] }, {}, host(), {
        oauth: { clientId: "by-hand", redirectUri: redirect },
      })
      expect(authorization.of("registration")).toEqual([])
      expect(authorization.of("token")[0]?.clientId).toBe("by-hand")
    }),
  )

  it.live("registers as a native application, once", () =>
    Effect.gen(function* () {
      const service = yield* signedIn()
      yield* signIn(service)
      const registrations = service.authorization.of("registration")
      expect(registrations.length).toBe(1)
      expect(registrations[0]?.json).toMatchObject({
        application_type: "native",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
        redirect_uris: [redirect, redirect.replace("127.0.0.1", "localhost")],
      })
    }),
  )

  it.live("that cannot register is asked for by the status, with what to write where", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both({ registration: false })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect(authReason(error)).toMatchObject({ _tag: "RegistrationRequired", issuer: authorization.issuer })
      const status = yield* statusOf(service)
      expect(status.status).toBe("needs_client_registration")
      expect("error" in status ? status.error : "").toContain('"oauth": { "clientId"')
    }),
  )
})

describe("the scopes that are asked for", () => {
  const asked = (entry: object, options: AuthorizationOptions = {}, protectedOptions: ProtectedOptions = {}) =>
    Effect.gen(function* () {
      const { authorization } = yield* signedIn(options, protectedOptions, host(), entry)
      return authorization.of("authorization")[0]?.scope?.split(" ")
    })

  it.live("are the configured ones, whatever the server names", () =>
    Effect.gen(function* () {
      expect(yield* asked({ oauth: { scope: "tools admin" } })).toEqual(["tools", "admin"])
    }),
  )

  it.live("are else those of the challenge, with offline_access where it is offered", () =>
    Effect.gen(function* () {
      expect(yield* asked({})).toEqual(["tools", "offline_access"])
    }),
  )

  it.live("are else those of the metadata", () =>
    Effect.gen(function* () {
      expect(yield* asked({}, {}, { challenge: "none" })).toEqual(["tools", "admin", "offline_access"])
    }),
  )
})

describe("configured headers", () => {
  it.live("go to the server alone: not to its authorization server, by no step of a sign-in or a refresh", () =>
    Effect.gen(function* () {
      const headers = { "x-tenant": "blue", "x-api-key": "very-secret" }
      const service = yield* signedIn({}, {}, host(), { headers })
      yield* service.authorization.advance("2 hours")
      yield* service.call("echo", { message: "1" })
      expect(JSON.stringify(service.authorization.requests)).not.toContain("very-secret")
      for (const { path, headers: sent } of service.server.requests) {
        if (path === "/mcp") expect(sent).toMatchObject(headers)
      }
      const { discover } = yield* service.mcp.authorization(name)
      yield* discover
      expect(JSON.stringify(service.authorization.requests)).not.toContain("very-secret")
    }),
  )
})
