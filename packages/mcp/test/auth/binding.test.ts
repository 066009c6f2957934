/** What was given out for one is not shown to another (A10; the hostile servers of 11, 12, 13). */
import { config } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { person } from "@opencode-ai/testing/person"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type Callback, readCallback } from "../../src/auth/callback.ts"
import { makeMemory } from "../../src/auth/store.ts"
import { authReason, both, grants, host, name, running, signedIn, signIn, statusOf } from "./authorized.ts"

/** A sign-in as far as the callback, and what the client makes of another one instead. */
const instead = (change: (callback: Callback) => Callback) =>
  Effect.gen(function* () {
    const { authorization, server } = yield* both()
    const service = yield* running(host(), { type: "remote", url: server.url })
    const { finish, start } = yield* service.mcp.authorization(name)
    const { authorizationUrl } = yield* start()
    const url = new URL(yield* person().authorize(authorizationUrl.href))
    const right = readCallback(url.searchParams)
    return { authorization, service, finish, right, error: yield* Effect.flip(finish(change(right))) }
  })

describe("a callback", () => {
  it.live("of another issuer is not redeemed", () =>
    Effect.gen(function* () {
      const { authorization, error } = yield* instead((right) => ({ ...right, iss: "https://evil.example" }))
      expect(error.reason).toMatchObject({
        _tag: "DocumentRefused",
        document: "the callback",
        field: "iss",
        expected: authorization.issuer,
        received: "https://evil.example",
      })
      expect(authorization.of("token")).toEqual([])
    }),
  )

  it.live("of another issuer is not redeemed where a person pastes it without its state", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const service = yield* running(host(), { type: "remote", url: server.url })
      const { finish, start } = yield* service.mcp.authorization(name)
      const { authorizationUrl } = yield* start()
      const { code } = readCallback(new URL(yield* person().authorize(authorizationUrl.href)).searchParams)
      const error = yield* Effect.flip(finish({ code, iss: "https://evil.example" }, true))
      expect(error.reason).toMatchObject({ _tag: "DocumentRefused", field: "iss" })
      expect(authorization.of("token")).toEqual([])
    }),
  )

  it.live("without the issuer that was promised is not redeemed", () =>
    Effect.gen(function* () {
      const { authorization, error } = yield* instead(({ iss: _, ...rest }) => rest)
      expect(error.reason).toMatchObject({ _tag: "DocumentRefused", field: "iss", received: "none" })
      expect(authorization.of("token")).toEqual([])
    }),
  )

  it.live("with another state or none neither is redeemed nor ends the sign-in", () =>
    Effect.gen(function* () {
      const { authorization, error, finish, right, service } = yield* instead((callback) => ({
        ...callback,
        state: "guessed",
      }))
      expect(error.reason._tag).toBe("StateMismatch")
      expect(error.message).toContain("begin anew")
      const { state: _, ...stateless } = right
      expect((yield* Effect.flip(finish(stateless))).reason._tag).toBe("StateMismatch")
      expect(authorization.of("token")).toEqual([])
      expect(yield* finish(right)).toEqual({ status: "connected" })
      expect((yield* Effect.flip(finish(right))).reason._tag).toBe("StateMismatch")
      expect(grants(authorization)).toEqual(["authorization_code"])
      yield* service.call("echo", { message: "1" })
    }),
  )

  it.live("that says no says so, and what was granted before stays", () =>
    Effect.gen(function* () {
      const service = yield* signedIn()
      const error = yield* Effect.flip(signIn(service, { decision: "deny" }))
      expect(authReason(error)).toMatchObject({ _tag: "OAuthRefused", error: "access_denied" })
      expect(String(error)).toContain("Sign in again and agree")
      yield* service.call("echo", { message: "1" })
      expect(yield* statusOf(service)).toEqual({ status: "connected" })
      expect(grants(service.authorization)).toEqual(["authorization_code"])
    }),
  )

  it.live("with an error of another issuer is not believed", () =>
    Effect.gen(function* () {
      const { error } = yield* instead(({ state }) => ({
        state,
        iss: "https://evil.example",
        error: "access_denied",
        errorDescription: "call +1 555",
      }))
      expect(error.reason._tag).toBe("DocumentRefused")
      expect(error.message).not.toContain("555")
    }),
  )
})

describe("a server whose authorization server changed", () => {
  it.live("does not get what the one before issued: a person signs in, with a client of its own", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const first = yield* signedIn({}, {}, host(store))
      const { server } = first
      const evil = yield* authorizationServer()
      yield* evil.protect(server.url)
      yield* server.set({ authorization: evil })
      const [kept] = yield* store.list
      if (kept === undefined) throw new Error("nothing is kept")
      yield* store.update(kept, (now) =>
        now?.tokens === undefined ? now : { ...now, tokens: { ...now.tokens, expiresAt: 1 } },
      )
      const second = yield* running(host(store), { type: "remote", url: server.url })
      const status = yield* statusOf(second)
      expect(status.status).toBe("needs_auth")
      expect("error" in status ? status.error : "").toContain(
        `its authorization server is ${evil.issuer} now, and what is stored was issued by ${first.authorization.issuer}`,
      )
      expect(evil.of("token")).toEqual([])
      expect(yield* signIn(second)).toEqual({ status: "connected" })
      const sent = JSON.stringify(evil.requests)
      for (const secret of first.authorization.secrets) expect(sent).not.toContain(secret)
      expect(sent).not.toContain(kept.credentials.client?.id)
    }),
  )

  it.live("does not get a secret from the configuration that went to the one before", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const redirect = "http://127.0.0.1:19876/mcp/oauth/callback"
      const clients = [{ client_id: "opencode", client_secret: "very-secret", redirect_uris: [redirect] }]
      const oauth = { clientId: "opencode", clientSecret: "very-secret", redirectUri: redirect }
      const first = yield* signedIn({ clients }, {}, host(store), { oauth })
      expect(first.authorization.of("token")[0]?.clientAuth).toBe("client_secret_basic")
      const evil = yield* authorizationServer()
      yield* evil.protect(first.server.url)
      yield* first.server.set({ authorization: evil })
      const second = yield* running(host(store), { type: "remote", url: first.server.url, oauth })
      const error = yield* Effect.flip(signIn(second))
      expect(authReason(error)).toMatchObject({ _tag: "DocumentRefused", received: evil.issuer })
      expect(String(error)).toContain("Nothing was sent there")
      // The person says that it is right.
      const { remove } = yield* second.mcp.authorization(name)
      yield* remove
      const { start } = yield* second.mcp.authorization(name)
      yield* start()
      const sent = JSON.stringify(evil.requests)
      expect(sent).not.toContain("very-secret")
    }),
  )

  it.live("does so in the middle of a sign-in: the code is not redeemed", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const service = yield* running(host(), { type: "remote", url: server.url })
      const { finish, start } = yield* service.mcp.authorization(name)
      const { authorizationUrl } = yield* start()
      const callback = yield* person().authorize(authorizationUrl.href)
      const evil = yield* authorizationServer()
      yield* server.set({ authorization: evil })
      const error = yield* Effect.flip(finish(readCallback(new URL(callback).searchParams)))
      expect(error.message).toContain(`the person was sent to ${authorization.issuer}`)
      expect([...authorization.of("token"), ...evil.of("token")]).toEqual([])
    }),
  )
})

describe("a token", () => {
  it.live("for one server is not sent to another, nor to another URL under the same name", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization, mcp } = service
      const other = yield* protectedMcp(authorization)
      const evil = yield* hostileAuthorization()
      yield* mcp.add(config("other", { type: "remote", url: other.url }))
      yield* mcp.add(config(name, { type: "remote", url: evil.url }))
      expect((yield* statusOf(service)).status).toBe("needs_auth")
      expect((yield* statusOf(service, "other")).status).toBe("needs_auth")
      const sent = JSON.stringify([other.requests, evil.requests])
      for (const secret of authorization.secrets) expect(sent).not.toContain(secret)
      expect([...other.requests, ...evil.requests].some(({ headers }) => headers.authorization !== undefined)).toBe(
        false,
      )
      // The one before is as it was.
      yield* mcp.add(config(name, { type: "remote", url: service.server.url }))
      yield* service.call("echo", { message: "1" })
    }),
  )

  it.live("is asked for the server itself: metadata about another are refused before anybody is sent anywhere", () =>
    Effect.gen(function* () {
      for (const resource of ["https://bank.example/mcp", "http://127.0.0.1:1/mcp"]) {
        const { authorization, server } = yield* both({}, { metadata: (document) => ({ ...document, resource }) })
        const service = yield* running(host(), { type: "remote", url: server.url })
        const error = yield* Effect.flip(signIn(service))
        expect(authReason(error)).toMatchObject({
          _tag: "DocumentRefused",
          document: "the protected resource metadata",
          field: "resource",
          expected: `${server.url}, or what is above it`,
          received: resource,
        })
        expect(authorization.requests).toEqual([])
      }
    }),
  )

  it.live("is not asked of metadata that name another issuer than where they lie", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both({
        metadata: (document) => ({ ...document, issuer: "https://login.example" }),
      })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect(authReason(error)).toMatchObject({
        _tag: "DocumentRefused",
        field: "issuer",
        expected: authorization.issuer,
        received: "https://login.example",
      })
      expect(authorization.requests.every(({ endpoint }) => endpoint === "metadata")).toBe(true)
    }),
  )

  it.live("stays out of what a store shows of it", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      yield* signedIn({}, {}, host(store))
      const [kept] = yield* store.list
      expect(Redacted.isRedacted(kept?.credentials.tokens?.access)).toBe(true)
      expect(JSON.stringify(kept)).not.toContain("eyJ")
    }),
  )
})
