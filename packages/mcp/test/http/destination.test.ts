/** Where requests end up that a server or its name server leads astray. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { HttpError } from "../../src/http/error.ts"
import * as Guard from "../../src/http/guard.ts"
import * as Outbound from "../../src/http/outbound.ts"
import { type Handler, resolving, serving } from "./serving.ts"

/** A public address that is nobody's: what was 6bone's is routed nowhere. */
const nowhere = "3ffe::1"

const local = Guard.make("http://127.0.0.1/mcp")

const get = (url: string, guard = local) => Outbound.request({ method: "GET", url, guard })

const failure = (effect: Effect.Effect<unknown, HttpError>) =>
  Effect.map(Effect.flip(effect), ({ message, reason }) => `${reason._tag}: ${message}`)

const json: Handler = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}")

describe("a redirect", () => {
  const to =
    (location: string, status = 302): Handler =>
    (response) =>
      void response.writeHead(status, { location }).end("moved")

  const places: ReadonlyArray<readonly [location: string, message: RegExp]> = [
    ["https://169.254.169.254/latest/meta-data/", /^UrlRefused: .*169\.254\.169\.254 \(cloud metadata\)/],
    ["http://169.254.169.254/latest/meta-data/", /^UrlRefused: .* an http: URL/],
    ["https://[::ffff:10.0.0.1]/", /^UrlRefused: .*::ffff:a00:1 \(private\)/],
    ["https://0xa.1/", /^UrlRefused: .*10\.0\.0\.1 \(private\)/],
    ["https://0xc0a80001/", /^UrlRefused: .*192\.168\.0\.1 \(private\)/],
    ["https://2852039166/", /^UrlRefused: .*169\.254\.169\.254 \(cloud metadata\)/],
    ["https://metadata.google.internal/", /^UrlRefused: .* metadata\.google\.internal resolves to 169\.254\.169\.254/],
    ["file:///etc/passwd", /^RedirectRefused: .* a file: URL/],
    ["javascript:alert(1)", /^RedirectRefused: .* a javascript: URL/],
    ["https://a:b@auth.example.com/", /^RedirectRefused: .* user name or a password/],
    ["https://[", /^RedirectRefused: .* does not say where to/],
  ]
  for (const [location, message] of places) {
    it.effect(`to ${location} is not followed`, () =>
      Effect.gen(function* () {
        const server = yield* serving(to(location))
        const { layer } = resolving(["169.254.169.254"])
        expect(yield* Effect.provide(failure(get(`http://127.0.0.1:${server.port}/`)), layer)).toMatch(message)
        expect(server.requests.length).toBe(1)
      }),
    )
  }

  for (const location of ["http://0x7f.1", "http://2130706433", "http://127.1", "http://localhost"]) {
    it.effect(`from a public server to ${location} reaches nothing on this machine`, () =>
      Effect.gen(function* () {
        const victim = yield* serving(json)
        // The host that the person configured stands for the public one, which no test can have.
        const guard = Guard.make("http://mcp.example.com/")
        const server = yield* serving(to(`${location}:${victim.port}/`))
        const { layer } = resolving(["127.0.0.1"])
        const configured = { ...guard, plain: new Set([`http://mcp.example.com:${server.port}`]) }
        const message = yield* Effect.provide(failure(get(`http://mcp.example.com:${server.port}/`, configured)), layer)
        expect(message).toMatch(/^UrlRefused: .* is this machine, expected a public host/)
        expect([server.connections(), victim.connections()]).toEqual([1, 0])
      }),
    )
  }

  it.effect("is followed five times and no more", () =>
    Effect.gen(function* () {
      const circle = yield* serving(to("/"))
      expect(yield* failure(get(`http://127.0.0.1:${circle.port}/`))).toContain("5 others before it")
      expect(circle.requests.length).toBe(6)
      const five = yield* serving((response, request) => {
        const hop = Number(request.url?.slice(1))
        if (hop < 5) to(`/${hop + 1}`)(response, request)
        else json(response, request)
      })
      const { status, url } = yield* get(`http://127.0.0.1:${five.port}/0`)
      expect([status, url]).toEqual([200, `http://127.0.0.1:${five.port}/5`])
    }),
  )

  it.effect("to another origin carries nothing of ours", () =>
    Effect.gen(function* () {
      const headers = { authorization: "Bearer 1", cookie: "a=b", "x-key": "k", accept: "application/json" }
      const other = yield* serving(json)
      const server = yield* serving((response, request) =>
        to(request.url === "/" ? "/same" : `http://127.0.0.1:${other.port}/`)(response, request),
      )
      yield* Outbound.request({ method: "GET", url: `http://127.0.0.1:${server.port}/`, guard: local, headers })
      for (const request of server.requests) expect(request.headers).toMatchObject(headers)
      expect(server.requests.length).toBe(2)
      expect(Object.keys(other.requests[0]?.headers ?? {}).sort()).toEqual(["accept", "connection", "host"])
    }),
  )

  const posts: ReadonlyArray<readonly [status: number, where: "same" | "other", outcome: RegExp]> = [
    [301, "same", /^RedirectRefused: .* a POST becomes a GET/],
    [302, "same", /^RedirectRefused: .* a POST becomes a GET/],
    [303, "same", /^RedirectRefused: .* a POST becomes a GET/],
    [307, "same", /^POST grant=1$/],
    [308, "same", /^POST grant=1$/],
    [307, "other", /^RedirectRefused: .* a POST is not sent on to another origin/],
    [308, "other", /^RedirectRefused: .* a POST is not sent on to another origin/],
    [302, "other", /^RedirectRefused/],
  ]
  for (const [status, where, outcome] of posts) {
    it.effect(`${status} of a POST to ${where === "same" ? "its own origin" : "another origin"}`, () =>
      Effect.gen(function* () {
        const echo: Handler = (response, request) => {
          let text = ""
          request.on("data", (chunk) => (text += chunk))
          request.on("end", () => response.end(`${request.method} ${text}`))
        }
        const other = yield* serving(echo)
        const server = yield* serving((response, request) =>
          request.url === "/token"
            ? to(where === "same" ? "/x" : `http://127.0.0.1:${other.port}/x`, status)(response, request)
            : echo(response, request),
        )
        const url = `http://127.0.0.1:${server.port}/token`
        const sent = Outbound.request({ method: "POST", url, guard: local, body: "grant=1" })
        const said = yield* Effect.match(sent, {
          onSuccess: ({ text }) => text,
          onFailure: ({ message, reason }) => `${reason._tag}: ${message}`,
        })
        expect(said).toMatch(outcome)
        expect(other.connections()).toBe(0)
      }),
    )
  }
})

describe("the address that was checked is the one that is connected to:", () => {
  it.effect("a name that is public first and private then is asked for once, and the private one never reached", () =>
    Effect.gen(function* () {
      const victim = yield* serving(json)
      const resolver = resolving([nowhere], ["127.0.0.1"])
      const guard = Guard.make("https://mcp.example.com/")
      const url = `https://rebinding.example.com:${victim.port}/`
      const first = yield* Effect.forkChild(Effect.provide(failure(get(url, guard)), resolver.layer))
      // Where the network refuses that address at once, this changes nothing.
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(first)).toMatch(/^(AnswerTooSlow|Unreachable)/)
      expect(resolver.asked).toEqual(["rebinding.example.com"])
      const second = yield* Effect.provide(failure(get(url, guard)), resolver.layer)
      expect(second).toMatch(/^UrlRefused: .* rebinding\.example\.com resolves to 127\.0\.0\.1 \(loopback\)/)
      expect(victim.connections()).toBe(0)
    }),
  )

  it.effect("with the name in Host, and no second question to the name server", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      const resolver = resolving(["127.0.0.1"], ["10.0.0.1"])
      const url = `http://localhost:${server.port}/`
      expect((yield* Effect.provide(get(url), resolver.layer)).status).toBe(200)
      expect(server.requests[0]?.headers.host).toBe(`localhost:${server.port}`)
      expect(resolver.asked).toEqual(["localhost"])
    }),
  )

  it.effect("those of the system, where nobody provides others", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      expect((yield* get(`http://localhost:${server.port}/`)).status).toBe(200)
      expect(yield* failure(get("https://no-such-host.invalid/"))).toMatch(/no such host|name server does not answer/)
    }),
  )

  it.effect("at every hop anew", () =>
    Effect.gen(function* () {
      const server = yield* serving((response) => response.writeHead(302, { location: "/again" }).end())
      const resolver = resolving(["127.0.0.1"], ["10.0.0.1"])
      const message = yield* Effect.provide(failure(get(`http://localhost:${server.port}/`)), resolver.layer)
      expect(message).toMatch(/^UrlRefused: .*\/again is refused: localhost resolves to 10\.0\.0\.1 \(private\)/)
      expect(server.requests.length).toBe(1)
    }),
  )

  it.effect("and where none of them answers, that is said", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(serving(json))
      const { layer } = resolving(["127.0.0.1", "127.0.0.2"])
      const message = yield* Effect.provide(failure(get(`http://localhost:${port}/`)), layer)
      expect(message).toMatch(/^Unreachable: .*: nothing listens there\. A server named it: check the network/)
      const own = yield* failure(get(`http://127.0.0.1:${port}/`))
      expect(own).toMatch(/^Unreachable: .*: nothing listens there\. .* correct the port in "url"/)
    }),
  )

  it.effect("the next one, where the first does not answer", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      const { layer } = resolving(["::1", "127.0.0.1"])
      expect((yield* Effect.provide(get(`http://localhost:${server.port}/`), layer)).status).toBe(200)
    }),
  )
})
