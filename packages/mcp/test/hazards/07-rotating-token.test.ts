/** Many callers and one rotating refresh token: one refresh, and an answer for each. */
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { type CredentialStore, makeMemory } from "../../src/auth/store.ts"
import { grants, host, type Running, running, signedIn } from "../auth/authorized.ts"

const calls = (count: number, ...services: ReadonlyArray<Running>) =>
  Effect.forEach(
    services.flatMap((service) => Array.from({ length: count }, (_, index) => [service, String(index)] as const)),
    ([service, message]) => service.call("echo", { message }),
    { concurrency: "unbounded" },
  )

const refreshed = (store: CredentialStore["Service"]) =>
  Effect.map(store.list, (all) =>
    all.map(({ credentials }) => credentials.tokens?.access).map((access) => access && Redacted.value(access)),
  )

describe("an expired token that rotates", () => {
  for (const count of [8, 50]) {
    it.live(`is refreshed once for ${count} calls at a time, and each is answered`, () =>
      Effect.gen(function* () {
        const service = yield* signedIn()
        yield* service.authorization.advance("2 hours")
        const results = yield* calls(count, service)
        expect(results.map(({ content }) => content)).toEqual(
          Array.from({ length: count }, (_, index) => [{ type: "text", text: String(index) }]),
        )
        expect(grants(service.authorization)).toEqual(["authorization_code", "refresh_token"])
        expect(service.server.executions("echo")).toBe(count)
      }),
    )
  }

  it.live("is refreshed once for the calls of two services over one store, which both go on with what came", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const first = yield* signedIn({}, {}, host(store))
      const second = yield* running(host(store), { type: "remote", url: first.server.url })
      yield* first.authorization.advance("2 hours")
      yield* calls(8, first, second)
      expect(grants(first.authorization)).toEqual(["authorization_code", "refresh_token"])
      expect(first.server.executions("echo")).toBe(16)
      yield* first.authorization.advance("2 hours")
      yield* calls(1, second)
      expect(first.authorization.of("token").at(-1)?.status).toBe(200)
    }),
  )

  it.live("is refreshed where another service had renewed it before, and what it got is refused by now as well", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const first = yield* signedIn({}, {}, host(store))
      const second = yield* running(host(store), { type: "remote", url: first.server.url })
      yield* calls(1, second)
      yield* first.authorization.revokeAccessTokens
      yield* calls(1, first)
      yield* first.authorization.revokeAccessTokens
      // It finds the tokens of the first one, which the server takes as little as its own.
      const results = yield* calls(4, second)
      expect(results.length).toBe(4)
      expect(grants(first.authorization)).toEqual(["authorization_code", "refresh_token", "refresh_token"])
    }),
  )

  it.live("is refreshed and kept, though the call that began it was interrupted", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const service = yield* signedIn({}, {}, host(store))
      const { authorization } = service
      const before = yield* refreshed(store)
      yield* authorization.advance("2 hours")
      const release = Deferred.makeUnsafe<void>()
      yield* authorization.set({
        before: ({ grantType }) =>
          grantType === "refresh_token" ? Effect.as(Deferred.await(release), undefined) : undefined,
      })
      const first = yield* Effect.forkChild(service.call("echo", { message: "first" }))
      yield* authorization.first(({ grantType }) => grantType === "refresh_token")
      const others = yield* Effect.forkChild(calls(7, service))
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(release, undefined)
      expect((yield* Fiber.join(others)).length).toBe(7)
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
      expect(yield* refreshed(store)).not.toEqual(before)
      // The session goes on, and with it the grant.
      yield* service.call("echo", { message: "last" })
      expect(authorization.of("token").every(({ status }) => status === 200)).toBe(true)
    }),
  )

  it.live("is kept by a service that ends in the middle of its refresh: the next one needs nobody", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const first = yield* signedIn({}, {}, host(store))
      const { authorization, server } = first
      yield* authorization.advance("2 hours")
      const release = Deferred.makeUnsafe<void>()
      yield* authorization.set({
        before: ({ grantType }) =>
          grantType === "refresh_token" ? Effect.as(Deferred.await(release), undefined) : undefined,
      })
      const short = yield* Effect.forkChild(
        Effect.scoped(Effect.flatMap(running(host(store), { type: "remote", url: server.url }), () => Effect.never)),
      )
      yield* authorization.first(({ grantType }) => grantType === "refresh_token")
      const ending = yield* Effect.forkChild(Fiber.interrupt(short))
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(ending)
      yield* first.call("echo", { message: "1" })
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
      expect(authorization.of("token").at(-1)?.status).toBe(200)
    }),
  )
})
