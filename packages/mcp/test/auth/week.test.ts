/** A week of a session whose tokens live for an hour. */
import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { type CredentialStore, makeMemory } from "../../src/auth/store.ts"
import { grants, host, signedIn, statusOf } from "./authorized.ts"

/** A store that tells when a turn at it is taken and given back: a request of a renewal takes real time. */
const watched = () => {
  const store = makeMemory()
  let turns = 0
  let idle = Deferred.makeUnsafe<void>()
  const service: CredentialStore["Service"] = {
    ...store,
    exclusively: (place, effect) =>
      Effect.suspend(() => {
        if (turns++ === 0) idle = Deferred.makeUnsafe<void>()
        const done = Effect.sync(() => {
          if (--turns === 0) Deferred.doneUnsafe(idle, Effect.void)
        })
        return Effect.ensuring(store.exclusively(place, effect), done)
      }),
  }
  return { service, settled: Effect.suspend(() => (turns === 0 ? Effect.void : Deferred.await(idle))) }
}

// A request takes real time, and this clock waits no longer for it than it must.
const time = Layer.mergeAll(TestClock.layer({ warningDelay: "10 millis" }), Logger.layer([]))

testEffect(time).live(
  "a week of expiry and refresh needs no person, and a refresh in an hour",
  () =>
    Effect.gen(function* () {
      const store = watched()
      const service = yield* signedIn({ accessTokenTtl: 3600 }, {}, host(store.service))
      const { authorization, call, server } = service
      const start = yield* Clock.currentTimeMillis
      const pass = (time: Duration.Input) =>
        Effect.andThen(authorization.advance(time), Effect.andThen(TestClock.adjust(time), store.settled))
      const expiry = Effect.map(store.service.list, ([kept]) => kept?.credentials.tokens?.expiresAt ?? 0)
      /** How long before their end tokens were renewed, in seconds. */
      const ahead: Array<number> = []
      let calls = 0
      while ((yield* Clock.currentTimeMillis) - start < 7 * 24 * 3_600_000) {
        const over = yield* expiry
        const left = over - (yield* Clock.currentTimeMillis)
        // Nothing happens for most of an hour; then the margin of a minute and its jitter begin.
        yield* pass(left - 92_000)
        expect(yield* expiry).toBe(over)
        yield* call("echo", { message: String(calls++) })
        while ((yield* expiry) === over) {
          expect(yield* Clock.currentTimeMillis).toBeLessThan(over - 55_000)
          yield* pass("2 seconds")
        }
        ahead.push(Math.round((over - (yield* Clock.currentTimeMillis)) / 1000))
        yield* call("echo", { message: String(calls++) })
      }
      expect(ahead.length).toBeGreaterThanOrEqual(7 * 24)
      expect(ahead.length).toBeLessThan(7 * 24 * 1.05)
      expect(new Set(ahead).size).toBeGreaterThan(5)
      expect(server.executions("echo")).toBe(calls)
      // Nothing was refused for what had run out: only the first message of all, that brought no token.
      expect(server.requests.filter(({ verdict }) => verdict === 401).length).toBe(1)
      expect(grants(authorization)).toEqual(["authorization_code", ...ahead.map(() => "refresh_token")])
      expect(authorization.of("token").every(({ status }) => status === 200)).toBe(true)
      expect(yield* statusOf(service)).toEqual({ status: "connected" })
    }),
  180_000,
)
