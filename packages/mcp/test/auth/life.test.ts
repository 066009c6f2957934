/** The life of a grant: it is used, renewed, refused. A person is needed for nothing but the first and the last. */
import { it } from "@opencode-ai/testing/effect"
import type { AuthorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import type { Step } from "@opencode-ai/testing/peers/authorization/settings"
import { person } from "@opencode-ai/testing/person"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { Browser } from "../../src/auth/browser.ts"
import { readCallback } from "../../src/auth/callback.ts"
import { fail, StoreFailed } from "../../src/auth/error.ts"
import { type CredentialStore, makeMemory } from "../../src/auth/store.ts"
import { authReason, both, grants, host, name, running, signedIn, signIn, statusOf } from "./authorized.ts"

const refreshes = (grantTypes: ReadonlyArray<string | undefined>) =>
  grantTypes.filter((grant) => grant === "refresh_token").length

/** Lets what was given out expire. To us, a minute has passed: what is refused at once is not renewed again. */
const later = ({ advance }: AuthorizationServer) => Effect.andThen(advance("2 hours"), TestClock.adjust("1 minute"))

describe("a sign-in", () => {
  it.live("connects a server that asked for one, and its calls carry the token", () =>
    Effect.gen(function* () {
      const { authorization, server } = yield* both()
      const service = yield* running(host(), { type: "remote", url: server.url })
      const before = yield* statusOf(service)
      expect(before.status).toBe("needs_auth")
      expect("error" in before ? before.error : "").toContain("asks for authorization")
      expect(yield* signIn(service)).toEqual({ status: "connected" })
      const result = yield* service.call("whoami")
      expect(result.structuredContent).toMatchObject({ subject: "alice", scopes: ["tools"] })
      expect(grants(authorization)).toEqual(["authorization_code"])
      expect(yield* Effect.flatMap(service.mcp.authorization(name), ({ status }) => status)).toBe("authenticated")
      expect(service.events.map((event) => (event.type === "mcp.status.changed" ? event.data.status : ""))).toEqual(
        expect.arrayContaining(["needs_auth", "connected"]),
      )
    }),
  )

  it.live("asks the resource in each of its requests, the refresh too", () =>
    Effect.gen(function* () {
      const { authorization, call, server } = yield* signedIn()
      yield* authorization.revokeAccessTokens
      yield* call("echo", { message: "1" })
      const [page] = authorization.of("authorization")
      expect(page?.resource).toBe(server.url)
      expect(authorization.of("token").map(({ grantType, resource }) => [grantType, resource])).toEqual([
        ["authorization_code", server.url],
        ["refresh_token", server.url],
      ])
    }),
  )

  it.live("opens the browser of the context that the service was built in, whoever begins it", () =>
    Effect.gen(function* () {
      const { server } = yield* both()
      const opened: Array<URL> = []
      const browser = Layer.succeed(Browser)({ open: (url) => Effect.sync(() => opened.push(url) > 0) })
      const service = yield* running(host(undefined, browser), { type: "remote", url: server.url })
      const shown: Array<boolean> = []
      const { signIn } = yield* service.mcp.authorization(name)
      const status = yield* signIn({
        show: (_, isOpened) => Effect.sync(() => void shown.push(isOpened)),
        paste: Effect.suspend(() => person().authorize(opened[0]?.href ?? "")).pipe(
          Effect.map((url) => readCallback(new URL(url).searchParams)),
          Effect.orDie,
        ),
      })
      expect(status).toEqual({ status: "connected" })
      expect([opened.length, shown]).toEqual([1, [true]])
    }),
  )

  it.live("is not needed again in another process that has the store", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const { authorization, server } = yield* signedIn({}, {}, host(store))
      yield* authorization.advance("2 hours")
      const second = yield* running(host(store), { type: "remote", url: server.url })
      expect(yield* statusOf(second)).toEqual({ status: "connected" })
      yield* second.call("echo", { message: "1" })
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
    }),
  )

  it.live("is not needed in another process where the metadata are told of by the challenge alone", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const { authorization, mcp, server } = yield* signedIn({}, { place: "hidden" }, host(store))
      // As if it had run out while nobody looked.
      const place = (yield* mcp.authorization(name), (yield* store.list)[0])
      if (place === undefined) throw new Error("nothing is kept")
      yield* store.update(place, (kept) =>
        kept?.tokens === undefined ? kept : { ...kept, tokens: { ...kept.tokens, expiresAt: 1 } },
      )
      const second = yield* running(host(store), { type: "remote", url: server.url, headers: { "x-tenant": "blue" } })
      expect(yield* statusOf(second)).toEqual({ status: "connected" })
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
      for (const { headers } of authorization.requests) expect(headers["x-tenant"]).toBe(undefined)
    }),
  )
})

describe("a client that the authorization server has forgotten", () => {
  it.live("is told by the exchange of a code, and the next sign-in registers anew", () =>
    Effect.gen(function* () {
      const service = yield* signedIn()
      const { authorization } = service
      yield* authorization.set({
        before: ({ endpoint }) =>
          endpoint === "token" ? { status: 401, json: { error: "invalid_client" } } : undefined,
      })
      expect(authReason(yield* Effect.flip(signIn(service)))).toMatchObject({ error: "invalid_client" })
      yield* authorization.set({ before: () => undefined })
      yield* signIn(service)
      expect(authorization.of("registration").length).toBe(2)
    }),
  )
})

describe("a token that the server refuses", () => {
  it.live("is refreshed without a person, and the call is answered", () =>
    Effect.gen(function* () {
      const { authorization, call, server } = yield* signedIn()
      yield* authorization.advance("2 hours")
      const result = yield* call("echo", { message: "hello" })
      expect(result.content).toEqual([{ type: "text", text: "hello" }])
      expect(server.executions("echo")).toBe(1)
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
    }),
  )

  it.effect("is refreshed where its life was never told", () =>
    Effect.gen(function* () {
      const tokens = ({ expires_in: _, ...answer }: { readonly [member: string]: unknown }) => answer
      const { authorization, call } = yield* signedIn({ tokens })
      yield* later(authorization)
      yield* call("echo", { message: "1" })
      yield* later(authorization)
      yield* call("echo", { message: "2" })
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token", "refresh_token"])
    }),
  )

  it.effect("is refreshed again and again, with a refresh token that is new each time", () =>
    Effect.gen(function* () {
      const { authorization, call } = yield* signedIn({ rotation: true })
      for (let hour = 0; hour < 5; hour++) {
        yield* later(authorization)
        yield* call("echo", { message: String(hour) })
      }
      const used = authorization.of("token").flatMap(({ form }) => form.refresh_token ?? [])
      expect(used.length).toBe(5)
      expect(new Set(used).size).toBe(5)
      expect(authorization.of("token").every(({ status }) => status === 200)).toBe(true)
    }),
  )

  it.effect("keeps a refresh token that the answer does not replace", () =>
    Effect.gen(function* () {
      const { authorization, call } = yield* signedIn({ rotation: false })
      yield* authorization.set({
        tokens: ({ refresh_token: _, ...answer }: { readonly [member: string]: unknown }) => answer,
      })
      for (const message of ["1", "2", "3"]) {
        yield* later(authorization)
        yield* call("echo", { message })
      }
      expect(refreshes(grants(authorization))).toBe(3)
    }),
  )

  it.live("is over where there is no refresh token: a person is needed, and the status says so", () =>
    Effect.gen(function* () {
      const service = yield* signedIn({ refreshTokens: "never" })
      yield* service.authorization.advance("2 hours")
      const error = yield* Effect.flip(service.call("echo", { message: "1" }))
      expect(authReason(error)._tag).toBe("SignInRequired")
      expect(error.message).toContain("asks for authorization")
      expect((yield* statusOf(service)).status).toBe("needs_auth")
      expect(yield* signIn(service)).toEqual({ status: "connected" })
      yield* service.call("echo", { message: "1" })
      expect(service.server.executions("echo")).toBe(1)
    }),
  )
})

describe("a refresh", () => {
  it.live("that is refused ends the grant: tokens are dropped, the client is kept, a person is needed", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization } = service
      yield* authorization.advance("2 hours")
      yield* authorization.revokeRefreshTokens
      const error = yield* Effect.flip(service.call("echo", { message: "1" }))
      expect(authReason(error)._tag).toBe("SignInRequired")
      expect(error.message).toContain("invalid_grant")
      const status = yield* statusOf(service)
      expect(status.status).toBe("needs_auth")
      const told = service.events.filter(({ type, data }) => type === "mcp.status.changed" && data.server === name)
      expect(told.at(-1)?.data).toMatchObject({ status: "needs_auth" })
      const kept = (yield* store.list)[0]?.credentials
      expect(kept?.tokens).toBe(undefined)
      expect(kept?.client?.id).toBe(authorization.of("token")[0]?.clientId)

      expect(yield* signIn(service)).toEqual({ status: "connected" })
      yield* service.call("echo", { message: "1" })
      expect(authorization.of("registration").length).toBe(1)
    }),
  )

  it.live("by a client that is forgotten drops the client too: the next sign-in registers anew", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization } = service
      yield* authorization.advance("2 hours")
      yield* authorization.forgetClients
      const error = yield* Effect.flip(service.call("echo", { message: "1" }))
      expect(authReason(error)._tag).toBe("SignInRequired")
      expect(error.message).toContain("invalid_client")
      expect((yield* store.list)[0]?.credentials.client).toBe(undefined)
      expect(yield* signIn(service)).toEqual({ status: "connected" })
      yield* service.call("echo", { message: "1" })
      expect(authorization.of("registration").length).toBe(2)
    }),
  )

  it.live.each([
    { name: "gets no answer", step: { drop: true } },
    { name: "meets HTTP 503", step: { status: 503, html: "<h1>down</h1>" } },
    { name: "meets HTTP 500 that is an OAuth error", step: { status: 500, json: { error: "invalid_request" } } },
    { name: "meets HTTP 429", step: { status: 429, headers: { "retry-after": "1" }, text: "slow down" } },
    { name: "meets temporarily_unavailable", step: { status: 400, json: { error: "temporarily_unavailable" } } },
  ] satisfies ReadonlyArray<{ readonly name: string; readonly step: Step }>)(
    "that %s is made once more, and nobody notices",
    ({ step }) =>
      Effect.gen(function* () {
        const { authorization, call } = yield* signedIn()
        yield* authorization.advance("2 hours")
        let failures = 0
        yield* authorization.set({
          before: ({ grantType }) => (grantType === "refresh_token" && failures++ < 2 ? step : undefined),
        })
        yield* call("echo", { message: "1" })
        expect(refreshes(grants(authorization))).toBe(3)
        expect(failures).toBe(3)
      }),
  )

  it.live("whose server wants to be left alone is left alone, and the tokens are kept", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization, call } = service
      yield* authorization.advance("2 hours")
      yield* authorization.set({
        before: ({ endpoint }) =>
          endpoint === "token" ? { status: 429, headers: { "retry-after": "60" }, text: "no" } : undefined,
      })
      for (const message of ["1", "2", "3"]) {
        const error = yield* Effect.flip(call("echo", { message }))
        expect(authReason(error)).toMatchObject({ _tag: "StepFailed", step: "the refresh", retryAfter: 60 })
        expect(error.message).toContain("answered HTTP 429; try again in 60 s")
      }
      expect(refreshes(grants(authorization))).toBe(1)
      expect((yield* store.list)[0]?.credentials.tokens?.refresh).not.toBe(undefined)
      expect(yield* statusOf(service)).toEqual({ status: "connected" })
    }),
  )

  it.live(
    "whose answer is lost has cost the grant, where the server rotates: that is told, and a person signs in",
    () =>
      Effect.gen(function* () {
        const service = yield* signedIn()
        const { authorization } = service
        yield* authorization.advance("2 hours")
        let lost = 0
        yield* authorization.set({
          before: ({ grantType }) => (grantType === "refresh_token" && lost++ === 0 ? "lose" : undefined),
        })
        const error = yield* Effect.flip(service.call("echo", { message: "1" }))
        expect(authReason(error)._tag).toBe("SignInRequired")
        expect(error.message).toContain("invalid_grant")
        expect(yield* signIn(service)).toEqual({ status: "connected" })
        yield* service.call("echo", { message: "1" })
      }),
  )

  it.live("whose answer is lost is made once more, where refresh tokens stay what they are", () =>
    Effect.gen(function* () {
      const { authorization, call } = yield* signedIn({ rotation: false })
      yield* authorization.advance("2 hours")
      let lost = 0
      yield* authorization.set({
        before: ({ grantType }) => (grantType === "refresh_token" && lost++ === 0 ? "lose" : undefined),
      })
      yield* call("echo", { message: "1" })
      expect(refreshes(grants(authorization))).toBe(2)
    }),
  )

  it.live("that begins before a sign-out does not bring the credentials back", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization } = service
      yield* authorization.advance("2 hours")
      const { remove } = yield* service.mcp.authorization(name)
      const removed = Deferred.makeUnsafe<void>()
      const forget = Effect.andThen(Effect.orDie(remove), Deferred.succeed(removed, undefined))
      yield* authorization.set({
        before: ({ grantType }) => (grantType === "refresh_token" ? Effect.as(forget, undefined) : undefined),
      })
      yield* Effect.exit(service.call("echo", { message: "1" }))
      yield* Deferred.await(removed)
      expect(yield* store.list).toEqual([])
      expect((yield* statusOf(service)).status).toBe("needs_auth")
    }),
  )

  it.live("whose tokens cannot be written down loses none of them, says so, and writes them when it can", () =>
    Effect.gen(function* () {
      const memory = makeMemory()
      let isFull = false
      const full = fail(
        new StoreFailed({ place: "the file", detail: "cannot be written (ENOSPC)", hint: "Make room." }),
      )
      const store: CredentialStore["Service"] = {
        ...memory,
        update: (place, change) => Effect.suspend(() => (isFull ? Effect.fail(full) : memory.update(place, change))),
      }
      const { authorization, call, events } = yield* signedIn({ rotation: true }, {}, host(store))
      const kept = Effect.map(memory.list, ([one]) => one?.credentials.tokens)
      const before = yield* kept
      isFull = true
      yield* authorization.revokeAccessTokens
      yield* call("echo", { message: "1" })
      yield* call("echo", { message: "2" })
      expect(yield* kept).toEqual(before)
      const warnings = events.flatMap((event) => (event.type === "mcp.warning" ? [event.data.message] : []))
      expect(warnings).toEqual([expect.stringContaining("lost when this process ends: the credentials in the file")])
      isFull = false
      yield* authorization.revokeAccessTokens
      yield* call("echo", { message: "3" })
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token", "refresh_token"])
      expect(authorization.of("token").every(({ status }) => status === 200)).toBe(true)
      expect(yield* kept).not.toEqual(before)
    }),
  )

  it.live("by another program, that left newer tokens, is as good as one's own", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const { authorization, call, mcp } = yield* signedIn({}, {}, host(store))
      yield* mcp.authorization(name)
      const [place] = yield* store.list
      if (place?.credentials.tokens === undefined) throw new Error("nothing is kept")
      const old = place.credentials.tokens
      yield* authorization.advance("2 hours")
      // It refreshes, the server forgets the old token, and only then it writes.
      let answered: { readonly [member: string]: unknown } = {}
      yield* authorization.set({ tokens: (answer) => (answered = answer) })
      yield* Effect.promise(() =>
        fetch(`${authorization.issuer}/token`, {
          method: "POST",
          body: new URLSearchParams({
            grant_type: "refresh_token",
            refresh_token: Redacted.value(old.refresh ?? Redacted.make("")),
            client_id: place.credentials.client?.id ?? "",
            resource: place.url,
          }),
        }),
      )
      yield* authorization.set({ tokens: (answer) => answer })
      expect(typeof answered.access_token).toBe("string")
      yield* store.update(place, (kept) => ({
        ...kept,
        tokens: {
          ...old,
          access: Redacted.make(String(answered.access_token)),
          refresh: Redacted.make(String(answered.refresh_token)),
        },
      }))
      yield* call("echo", { message: "1" })
      expect(refreshes(grants(authorization))).toBe(1)
    }),
  )
})
