import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { it } from "../../src/effect.ts"
import { hostileAuthorization } from "../../src/peers/hostile-authorization.ts"
import { person } from "../../src/person.ts"
import { describe, expect } from "../../src/runner.ts"
import { call, sdkClient } from "./authorization/sdk.ts"
import { document, get } from "./authorization/talk.ts"

const form = (url: string, fields: Record<string, string>) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { method: "POST", body: new URLSearchParams(fields), signal })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

describe("hostileAuthorization", () => {
  it.live("lets the SDK's client in where a test says nothing", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization()
      const client = yield* sdkClient(server.url).connect
      expect((yield* call(client, "echo", { a: 1 })).content).toEqual([{ type: "text", text: '{"a":1}' }])
      expect(server.of("token").map(({ form }) => form.grant_type)).toEqual(["authorization_code"])
      expect(server.of("token")[0]?.form).toMatchObject({ code: "code-1", client_id: "client-1", resource: server.url })
      expect(server.of("registration")[0]?.json.client_name).toBe("the SDK")
      expect(server.of("openid")).toEqual([])
    }),
  )

  it.live("is the server of 2025-03-26 where it says nothing of the resource", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        "protected-resource": () => ({ status: 404, text: "" }),
        mcp: (_, { answer }) => ("status" in answer && answer.status === 401 ? { status: 401, text: "" } : answer),
      })
      const client = yield* sdkClient(server.url).connect
      expect((yield* call(client, "echo", { a: 1 })).isError).toBeUndefined()
      expect(server.of("oauth").map(({ path }) => path)).toContain("/.well-known/oauth-authorization-server")
    }),
  )

  it.live("answers each document as a test says, from what is right or from nothing", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        "protected-resource": (_, { json }) => ({ json: { ...json, resource: "https://other.example/mcp" } }),
        oauth: (_, { json: { code_challenge_methods_supported: __, ...json } }) => ({
          json: { ...json, authorization_endpoint: "javascript:alert(1)" },
        }),
        openid: () => ({ redirect: "http://169.254.169.254/latest/meta-data" }),
        registration: () => ({ status: 403, json: { error: "access_denied" } }),
        authorization: (_, { redirect }) => ({ redirect: redirect.replace(/iss=[^&]*/, "iss=https://evil.example") }),
        token: () => ({ json: { error: "invalid_grant" } }),
      })
      const resource = yield* document(`${server.origin}/.well-known/oauth-protected-resource/mcp`)
      expect(resource.resource).toBe("https://other.example/mcp")
      const metadata = yield* document(`${server.origin}/.well-known/oauth-authorization-server`)
      expect(metadata.authorization_endpoint).toBe("javascript:alert(1)")
      expect(metadata.code_challenge_methods_supported).toBeUndefined()
      expect((yield* form(`${server.origin}/register`, {})).status).toBe(403)
      expect(yield* form(`${server.origin}/token`, {})).toMatchObject({
        status: 200,
        text: '{"error":"invalid_grant"}',
      })
      const callback = "http://127.0.0.1:1/callback"
      const url = `${server.origin}/authorize?redirect_uri=${encodeURIComponent(callback)}&state=st`
      expect(yield* person().authorize(url)).toBe(`${callback}?code=code-1&state=st&iss=https://evil.example`)
      const redirected = yield* Effect.promise(() =>
        fetch(`${server.origin}/.well-known/openid-configuration`, { redirect: "manual" }),
      )
      expect(redirected.headers.get("location")).toBe("http://169.254.169.254/latest/meta-data")
    }),
  )

  it.live("answers with pages, megabytes and later times, and stops in the middle", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        oauth: ({ nth }) =>
          nth === 0
            ? { html: "<script>alert(1)</script>" }
            : { body: Array.from({ length: 32 }, () => " ".repeat(65_536)) },
        registration: () => ({ status: 429, headers: { "retry-after": "7" }, text: "later" }),
        openid: () => ({ drop: true }),
      })
      const at = `${server.origin}/.well-known/oauth-authorization-server`
      expect((yield* get(at)).headers.get("content-type")).toContain("text/html")
      expect((yield* get(at)).text).toHaveLength(2 * 1024 * 1024)
      expect((yield* form(`${server.origin}/register`, {})).headers.get("retry-after")).toBe("7")
      expect(Exit.isFailure(yield* Effect.exit(get(`${server.origin}/.well-known/openid-configuration`)))).toBe(true)
      expect(server.abandoned()).toBe(0)
      yield* server.set({ registration: (_, { answer }) => answer })
      expect((yield* form(`${server.origin}/register`, {})).status).toBe(201)
    }),
  )

  it.live("holds an answer until it is released, or nobody waits for it any more", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const server = yield* hostileAuthorization({
        token: ({ nth }, { answer }) =>
          nth === 0
            ? Effect.as(Deferred.await(go), answer)
            : Effect.onInterrupt(Effect.never, () => Deferred.succeed(left, undefined)),
      })
      const url = `${server.origin}/token`
      const waiting = yield* Effect.forkChild(form(url, { grant_type: "refresh_token" }))
      yield* server.first((request) => request.endpoint === "token")
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(go, undefined)
      expect((yield* Fiber.join(waiting)).text).toContain("access-1")

      const leaving = yield* Effect.forkChild(form(url, { grant_type: "refresh_token" }))
      yield* server.first((request) => request.endpoint === "token" && request.nth === 1)
      yield* Fiber.interrupt(leaving)
      yield* Deferred.await(left)
      expect(server.abandoned()).toBe(1)
    }),
  )
})
