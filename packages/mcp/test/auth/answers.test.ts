/** Answers of a token endpoint that are right by the letter, or nearly: none of them ends a grant, hides it or repeats a secret. */
import { it } from "@opencode-ai/testing/effect"
import { hostileAuthorization, type HostileHandler } from "@opencode-ai/testing/peers/hostile-authorization"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { makeMemory } from "../../src/auth/store.ts"
import { authReason, host, name, printed, running, signIn } from "./authorized.ts"

const token =
  (changes: { readonly [field: string]: unknown }): HostileHandler =>
  (_, { json }) => ({ json: { ...json, ...changes } })

const kept = (changes: { readonly [field: string]: unknown }) =>
  Effect.gen(function* () {
    const store = makeMemory()
    const server = yield* hostileAuthorization({ token: token(changes) })
    const service = yield* running(host(store), { type: "remote", url: server.url })
    const status = yield* signIn(service)
    return { status, tokens: (yield* store.list)[0]?.credentials.tokens }
  })

describe("the life of a token", () => {
  for (const [said, isKnown] of [
    ["3600", true],
    [1e9, true],
    [0, false],
    [-5, false],
    [null, false],
    [1e15, false],
    [1e308, false],
  ] as const) {
    it.live(`of ${JSON.stringify(said)} seconds is ${isKnown ? "taken" : "taken for not said"}`, () =>
      Effect.gen(function* () {
        const { status, tokens } = yield* kept({ expires_in: said })
        expect(status).toEqual({ status: "connected" })
        expect(tokens?.expiresAt !== undefined).toBe(isKnown)
      }),
    )
  }

  it.effect("is prolonged by a refresh that answers with the same token: it is not renewed with each call", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        token: ({ nth }, { json }) => ({
          json: { ...json, access_token: "access-1", expires_in: nth === 0 ? 100 : 3600 },
        }),
      })
      const { mcp, ...service } = yield* running(host(), { type: "remote", url: server.url })
      yield* signIn({ mcp, ...service })
      yield* TestClock.adjust("2 minutes")
      yield* mcp.ping(name)
      const renewed = server.of("token").length
      expect(renewed).toBeGreaterThan(1)
      for (let call = 0; call < 5; call++) yield* mcp.ping(name)
      expect(server.of("token").length).toBe(renewed)
    }),
  )
})

describe("a type of token that nobody knows", () => {
  it.live("is refused, and what it repeats of the request is not told", () =>
    Effect.gen(function* () {
      const verifiers: Array<string> = []
      const server = yield* hostileAuthorization({
        token: ({ form }, { json }) => {
          verifiers.push(form.code_verifier ?? "")
          return { json: { ...json, token_type: `${form.code_verifier} ${"x".repeat(100_000)}` } }
        },
      })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect(verifiers.length).toBe(1)
      expect(printed(error)).not.toContain(verifiers[0])
      expect(error.message.length).toBeLessThan(1_000)
    }),
  )
})

describe("a registration", () => {
  it.live.each(["", "a\nb", "\u001b[2J"])("that answers with the id %j is refused", (id) =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        registration: (_, { json }) => ({ status: 201, json: { ...json, client_id: id } }),
      })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect(authReason(error)).toMatchObject({ _tag: "DocumentRefused", field: "client_id" })
      expect(error.message).not.toContain("\u001b")
    }),
  )
})
