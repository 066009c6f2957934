/** The guarded request as a `fetch`, for the official SDK and in its hands. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  exchangeAuthorization,
  registerClient,
} from "@modelcontextprotocol/client"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { HttpError } from "../../src/http/error.ts"
import * as FetchLike from "../../src/http/fetch-like.ts"
import * as Guard from "../../src/http/guard.ts"
import { type Handler, resolving, serving } from "./serving.ts"

const guard = Guard.make("http://127.0.0.1/mcp")

/** What a promise rejects with. */
const rejection = (use: () => Promise<unknown>): Effect.Effect<unknown> =>
  Effect.callback((resume) => {
    use().then(
      () => resume(Effect.die(new Error("It was no rejection"))),
      (error: unknown) => resume(Effect.succeed(error)),
    )
  })

/** A signal that its owner ends, and says why: the signal of a Scope ends without a word. */
const signalling = () => {
  const controller = new AbortController()
  return { signal: controller.signal, abort: (why: string) => controller.abort(why) }
}

const reason = (use: () => Promise<unknown>) =>
  Effect.map(rejection(use), (error) => (error instanceof HttpError ? error.reason._tag : error))

const answering =
  (answers: Readonly<Record<string, unknown>>): Handler =>
  (response, request) => {
    const answer = answers[request.url ?? ""]
    if (answer === undefined) return void response.writeHead(404).end("no")
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer))
  }

const echo: Handler = (response, request) => {
  let text = ""
  request.on("data", (chunk) => (text += chunk))
  request.on("end", () => {
    const { authorization = null, "content-type": type = null } = request.headers
    response.end(JSON.stringify({ method: request.method, text, type, authorization }))
  })
}

describe("as a fetch", () => {
  it.effect("it sends what fetch would send", () =>
    Effect.gen(function* () {
      const fetch = yield* FetchLike.make({ guard })
      const server = yield* serving(echo)
      const url = new URL(`http://127.0.0.1:${server.port}/`)
      const sent = (init?: RequestInit) => Effect.promise(() => fetch(url, init).then((response) => response.json()))
      expect(yield* sent()).toEqual({ method: "GET", text: "", type: null, authorization: null })
      const form = new URLSearchParams({ grant_type: "x y" })
      expect(yield* sent({ method: "post", body: form })).toMatchObject({
        method: "POST",
        text: "grant_type=x+y",
        type: "application/x-www-form-urlencoded;charset=UTF-8",
      })
      const headers = { authorization: "Basic 1", "content-type": "application/json" }
      expect(yield* sent({ method: "POST", body: "{}", headers })).toMatchObject({
        text: "{}",
        type: "application/json",
        authorization: "Basic 1",
      })
      expect(yield* sent({ method: "POST", body: new Blob(["ü"]), headers: [["authorization", "x"]] })).toMatchObject({
        text: "ü",
        authorization: "x",
      })
    }),
  )

  it.effect("it answers with a Response: status, headers, where it came from, a body to be read once", () =>
    Effect.gen(function* () {
      const fetch = yield* FetchLike.make({ guard })
      const server = yield* serving((response, request) =>
        request.url === "/"
          ? response.writeHead(302, { location: "/there" }).end()
          : response.writeHead(401, { "www-authenticate": "Bearer" }).end("no"),
      )
      const response = yield* Effect.promise(() => fetch(`http://127.0.0.1:${server.port}/`, { redirect: "manual" }))
      expect([response.status, response.ok, response.url]).toEqual([
        401,
        false,
        `http://127.0.0.1:${server.port}/there`,
      ])
      expect(response.headers.get("www-authenticate")).toBe("Bearer")
      expect(yield* Effect.promise(() => response.clone().text())).toBe("no")
      expect(yield* Effect.promise(() => response.text())).toBe("no")
      expect(response.bodyUsed).toBe(true)
    }),
  )

  it.effect("it answers without a body where there is none", () =>
    Effect.gen(function* () {
      const fetch = yield* FetchLike.make({ guard })
      for (const status of [204, 205, 304]) {
        const server = yield* serving((response) => response.writeHead(status).end())
        const response = yield* Effect.promise(() => fetch(`http://127.0.0.1:${server.port}/`))
        expect([response.status, response.body]).toEqual([status, null])
      }
    }),
  )

  it.effect("it rejects with the HttpError, never with a TypeError", () =>
    Effect.gen(function* () {
      const fetch = yield* FetchLike.make({ guard })
      const page = yield* serving((response) => response.end("<html>"))
      const url = `http://127.0.0.1:${page.port}/`
      expect(yield* reason(() => fetch("https://10.0.0.1/"))).toBe("UrlRefused")
      expect(yield* reason(() => fetch("no URL"))).toBe("UrlRefused")
      expect(yield* reason(() => fetch("javascript:alert(1)"))).toBe("UrlRefused")
      expect(yield* reason(() => fetch(url, { headers: { "x\n": "1" } }))).toBe("InvalidRequest")
      expect(yield* reason(() => fetch(url, { method: "a b" }))).toBe("InvalidRequest")
      expect(yield* reason(() => fetch(url).then((response) => response.json()))).toBe("InvalidBody")
      const used = new Response("x").body
      yield* Effect.promise(() => new Response(used).text())
      expect(yield* reason(() => fetch(url, { method: "POST", body: used }))).toBe("InvalidRequest")
      expect(page.requests.length).toBe(1)
    }),
  )

  it.effect("it has the resolver and the clock of the Effect that made it", () =>
    Effect.gen(function* () {
      const { layer } = resolving(["10.0.0.1"])
      const lied = yield* Effect.provide(FetchLike.make({ guard }), layer)
      expect(yield* reason(() => lied("https://auth.example.com/"))).toBe("UrlRefused")
      const asked = yield* Deferred.make<void>()
      const server = yield* serving(() => Deferred.doneUnsafe(asked, Effect.void))
      const fetch = yield* FetchLike.make({ guard })
      const waiting = yield* Effect.forkChild(reason(() => fetch(`http://127.0.0.1:${server.port}/`)))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(waiting)).toBe("AnswerTooSlow")
    }),
  )

  it.effect("it ends when its signal says so", () =>
    Effect.gen(function* () {
      const fetch = yield* FetchLike.make({ guard })
      const asked = yield* Deferred.make<void>()
      const server = yield* serving(() => Deferred.doneUnsafe(asked, Effect.void))
      const { abort, signal } = signalling()
      const url = `http://127.0.0.1:${server.port}/`
      const waiting = yield* Effect.forkChild(rejection(() => fetch(url, { signal })))
      yield* Deferred.await(asked)
      abort("enough")
      expect(yield* Fiber.join(waiting)).toBe("enough")
      yield* server.idle
      expect(yield* rejection(() => fetch(url, { signal }))).toBe("enough")
      expect(server.requests.length).toBe(1)
    }),
  )
})

describe("in the hands of the official SDK", () => {
  it.effect("discovery, registration and exchange go through it", () =>
    Effect.gen(function* () {
      const answers: Record<string, unknown> = {}
      const server = yield* serving(answering(answers))
      const issuer = `http://127.0.0.1:${server.port}`
      const redirect_uris = ["http://127.0.0.1:1/callback"]
      answers["/.well-known/oauth-protected-resource/mcp"] = {
        resource: `${issuer}/mcp`,
        authorization_servers: [issuer],
      }
      answers["/.well-known/openid-configuration"] = undefined
      answers["/.well-known/oauth-authorization-server"] = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        response_types_supported: ["code"],
      }
      answers["/register"] = { client_id: "c", redirect_uris }
      answers["/token"] = { access_token: "t", token_type: "Bearer" }
      const fetchFn = yield* FetchLike.make({ guard })
      const tokens = yield* Effect.promise(async () => {
        const resource = await discoverOAuthProtectedResourceMetadata(`${issuer}/mcp`, {}, fetchFn)
        const metadata = await discoverAuthorizationServerMetadata(resource.authorization_servers?.[0] ?? "", {
          fetchFn,
        })
        if (metadata === undefined) throw new Error("no metadata")
        const clientInformation = await registerClient(issuer, { metadata, clientMetadata: { redirect_uris }, fetchFn })
        const redirectUri = redirect_uris[0] ?? ""
        const code = { authorizationCode: "a", codeVerifier: "v", redirectUri }
        return exchangeAuthorization(issuer, { metadata, clientInformation, ...code, fetchFn })
      })
      expect(tokens).toMatchObject({ access_token: "t" })
      expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
        "GET /.well-known/oauth-protected-resource/mcp",
        "GET /.well-known/oauth-authorization-server",
        "POST /register",
        "POST /token",
      ])
    }),
  )

  it.effect("what is refused comes out as it is, after one attempt", () =>
    Effect.gen(function* () {
      const server = yield* serving((response) => response.writeHead(302, { location: "https://10.0.0.1/" }).end())
      const page = yield* serving((response) => response.end("<html>"))
      const fetchFn = yield* FetchLike.make({ guard })
      const discovered = (port: number) =>
        reason(() => discoverOAuthProtectedResourceMetadata(`http://127.0.0.1:${port}/mcp`, {}, fetchFn))
      expect(yield* discovered(server.port)).toBe("UrlRefused")
      expect(server.requests.length).toBe(1)
      expect(yield* discovered(page.port)).toBe("InvalidBody")
      expect(page.requests.length).toBe(1)
    }),
  )
})
