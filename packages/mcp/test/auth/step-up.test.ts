/** A call that needs more than was granted (A6). */
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import { person, type PersonOptions } from "@opencode-ai/testing/person"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { readCallback } from "../../src/auth/callback.ts"
import { makeMemory } from "../../src/auth/store.ts"
import { finish, start } from "../../src/auth/sign-in.ts"
import { StepUp, type StepUpRequest } from "../../src/connection/authorize.ts"
import { authReason, grants, host, name, running, signedIn, signIn } from "./authorized.ts"

/** A person who is asked while a call waits, and goes to the authorization server. */
const asked = (options: PersonOptions = {}, wait: Effect.Effect<void> = Effect.void) => {
  const requests: Array<StepUpRequest> = []
  const layer = Layer.succeed(StepUp)((request) =>
    Effect.gen(function* () {
      requests.push(request)
      yield* wait
      const { authorizationUrl } = yield* start(request.oauth, request.scopes)
      const callback = yield* Effect.orDie(person().authorize(authorizationUrl.href, options))
      yield* finish(request.oauth, readCallback(new URL(callback).searchParams), false)
      return true
    }),
  )
  return { requests, layer: host(undefined, layer) }
}

describe("a call that lacks scopes", () => {
  it.live("waits for the person, who is asked for what was granted and what is missing, and succeeds", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked()
      const { authorization, call, server } = yield* signedIn({}, { challenge: "missing" }, layer)
      expect((yield* call("admin")).structuredContent).toEqual({ done: true })
      expect(requests.map(({ scopes, server: name }) => [name, scopes])).toEqual([["work", ["tools", "admin"]]])
      expect(authorization.of("authorization").some(({ scope }) => scope?.startsWith("tools admin"))).toBe(true)
      expect(server.executions("admin")).toBe(1)
      // What was granted before is still good for.
      yield* call("echo", { message: "1" })
      yield* call("admin")
      expect(grants(authorization)).toEqual(["authorization_code", "authorization_code"])
      expect(requests.length).toBe(1)
    }),
  )

  it.live("shares the question with others that lack the same", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked()
      const { call, server } = yield* signedIn({}, {}, layer)
      yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => call("admin"), { concurrency: "unbounded" })
      expect(server.executions("admin")).toBe(8)
      expect(requests.length).toBe(1)
    }),
  )

  it.live("fails where there is no person, with what is missing; the next sign-in asks for it", () =>
    Effect.gen(function* () {
      const service = yield* signedIn()
      const error = yield* Effect.flip(service.call("admin"))
      expect(authReason(error)).toMatchObject({
        _tag: "InsufficientScope",
        scopes: ["tools", "admin"],
        missing: ["admin"],
        refused: false,
      })
      expect(error.message).toContain("it needs the scopes admin, which were not granted yet")
      // The session is none the worse for it.
      yield* service.call("echo", { message: "1" })
      yield* signIn(service)
      yield* service.call("admin")
      expect(service.authorization.of("token").length).toBe(2)
    }),
  )

  it.live("is refused once: who said no is not asked again, and nothing else is lost", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked({ decision: "deny" })
      const { call } = yield* signedIn({}, {}, layer)
      for (let turn = 0; turn < 3; turn++) {
        const error = yield* Effect.flip(call("admin"))
        expect(authReason(error)).toMatchObject({ _tag: "InsufficientScope", missing: ["admin"], refused: true })
        expect(error.message).toContain("which were refused")
      }
      expect(requests.length).toBe(1)
      yield* call("echo", { message: "1" })
    }),
  )

  it.live("is refused once: who grants all but that is not asked again either", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked({ withhold: ["admin"] })
      const { call } = yield* signedIn({}, {}, layer)
      for (let turn = 0; turn < 3; turn++) {
        expect(authReason(yield* Effect.flip(call("admin")))).toMatchObject({
          _tag: "InsufficientScope",
          missing: ["admin"],
          refused: true,
        })
      }
      expect(requests.length).toBe(1)
      yield* call("echo", { message: "1" })
    }),
  )

  it.live("asks once where the person turns the question down", () =>
    Effect.gen(function* () {
      let questions = 0
      const layer = Layer.succeed(StepUp)(() => Effect.sync(() => questions++ > 100))
      const { call } = yield* signedIn({}, {}, host(undefined, layer))
      yield* Effect.flip(call("admin"))
      expect(authReason(yield* Effect.flip(call("admin")))._tag).toBe("InsufficientScope")
      expect(questions).toBe(1)
    }),
  )

  it.live("ends by its own deadline, while the sign-in goes on and is good for the next call", () =>
    Effect.gen(function* () {
      const gate = Deferred.makeUnsafe<void>()
      const { layer, requests } = asked({}, Deferred.await(gate))
      const { authorization, call, mcp } = yield* signedIn({}, {}, layer)
      const error = yield* Effect.flip(mcp.callTool("work", "admin", {}, { timeout: 300 }))
      expect(error.message).toContain("300 ms")
      const next = yield* Effect.forkChild(call("admin"))
      yield* Deferred.succeed(gate, undefined)
      expect((yield* Fiber.join(next)).structuredContent).toEqual({ done: true })
      expect(requests.length).toBe(1)
      expect(grants(authorization)).toEqual(["authorization_code", "authorization_code"])
    }),
  )

  it.live("does not loop where the server is content with nothing", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked()
      const { call, server } = yield* signedIn({}, {}, layer)
      yield* call("admin")
      yield* server.set({
        before: ({ json }) =>
          json.method === "tools/call"
            ? {
                status: 403,
                headers: { "www-authenticate": 'Bearer error="insufficient_scope", scope="admin"' },
                text: "",
              }
            : undefined,
      })
      const before = server.requests.length
      const error = yield* Effect.flip(call("admin"))
      expect(authReason(error)).toMatchObject({ _tag: "InsufficientScope", missing: [], refused: true })
      expect(error.message).toContain("names no scope that is missing")
      expect(server.requests.length - before).toBe(1)
      expect(requests.length).toBe(1)
    }),
  )

  it.live("is told apart from an expired token: a 403 that asks for nothing signs nobody in", () =>
    Effect.gen(function* () {
      const { layer, requests } = asked()
      const { authorization, call, server } = yield* signedIn({}, {}, layer)
      yield* server.set({
        before: ({ json }) =>
          json.method === "tools/call"
            ? { status: 403, headers: { "www-authenticate": "Bearer" }, text: "forbidden" }
            : undefined,
      })
      const error = yield* Effect.flip(call("echo", { message: "1" }))
      expect(error.message).toContain("403")
      expect(requests.length).toBe(0)
      expect(grants(authorization)).toEqual(["authorization_code"])
    }),
  )

  it.live("of a server that wants another each time does not make what is kept grow without end", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const scope = (nth: number) => `${"s".repeat(300)}-${nth}`
      const server = yield* hostileAuthorization({
        mcp: ({ json, nth }, { answer }) =>
          json.method === "ping"
            ? {
                status: 403,
                headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope(nth)}"` },
                text: "",
              }
            : answer,
      })
      const service = yield* running(host(store), { type: "remote", url: server.url })
      yield* signIn(service)
      for (let turn = 0; turn < 20; turn++) yield* Effect.flip(service.mcp.ping(name))
      const wanted = (yield* store.list)[0]?.credentials.wantedScope ?? ""
      expect(wanted.length).toBeLessThan(2_000)
      expect(wanted.split(" ")[0]).toBe(scope(server.of("mcp").at(-1)?.nth ?? 0))
    }),
  )
})
