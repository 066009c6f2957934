/** What becomes of requests to where a server pointed, whatever answers there. */
import { gzipSync, brotliCompressSync } from "node:zlib"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { HttpError } from "../../src/http/error.ts"
import * as Guard from "../../src/http/guard.ts"
import * as Outbound from "../../src/http/outbound.ts"
import { Resolver } from "../../src/http/resolver.ts"
import { type Handler, resolving, serving, speaking } from "./serving.ts"

/** A public address that is nobody's: what was 6bone's is routed nowhere. */
const nowhere = "3ffe::1"

const local = Guard.make("http://127.0.0.1/mcp")

const get = (url: string, guard = local) => Outbound.request({ method: "GET", url, guard })

const failure = (effect: Effect.Effect<unknown, HttpError>) =>
  Effect.map(Effect.flip(effect), ({ message, reason }) => `${reason._tag}: ${message}`)

const json: Handler = (response) => response.writeHead(200, { "content-type": "application/json" }).end(`{"a":"ü"}`)

describe("an answer", () => {
  it.effect("comes with its status, headers, text, JSON and URL", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      const answer = yield* get(`http://127.0.0.1:${server.port}/x?y=z`)
      expect([answer.status, answer.text, answer.url]).toEqual([
        200,
        `{"a":"ü"}`,
        `http://127.0.0.1:${server.port}/x?y=z`,
      ])
      expect(answer.headers.get("content-type")).toBe("application/json")
      expect(yield* answer.json).toEqual({ a: "ü" })
      expect(server.requests[0]?.url).toBe("/x?y=z")
      expect(server.requests[0]?.headers.host).toBe(`127.0.0.1:${server.port}`)
    }),
  )

  it.effect("with any status is an answer", () =>
    Effect.gen(function* () {
      for (const status of [204, 304, 400, 404, 500]) {
        const server = yield* serving((response) => response.writeHead(status).end())
        expect((yield* get(`http://127.0.0.1:${server.port}/`)).status).toBe(status)
      }
    }),
  )

  it.effect("is unpacked, where it comes compressed unasked", () =>
    Effect.gen(function* () {
      for (const [encoding, body] of [
        ["gzip", gzipSync("{}")],
        ["BR", brotliCompressSync("{}")],
      ] as const) {
        const server = yield* serving((response) => response.writeHead(200, { "content-encoding": encoding }).end(body))
        const answer = yield* get(`http://127.0.0.1:${server.port}/`)
        expect(yield* answer.json).toEqual({})
        expect(answer.headers.has("content-encoding")).toBe(false)
        expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity")
      }
    }),
  )

  it.effect("with bytes in its headers that are no ASCII is read all the same", () =>
    Effect.gen(function* () {
      const head = Buffer.from("HTTP/1.1 200 OK\r\nx: caf\xe9\u0001\r\ncontent-length: 2\r\n\r\n{}", "latin1")
      const server = yield* speaking(head)
      const outcome = yield* Effect.match(get(`http://127.0.0.1:${server.port}/`), {
        onSuccess: ({ text }) => text,
        onFailure: ({ reason }) => reason._tag,
      })
      expect(outcome).toMatch(/^(\{\}|Unreachable|InvalidBody)$/)
    }),
  )

  it.effect("that is no JSON says what it is", () =>
    Effect.gen(function* () {
      const pages: ReadonlyArray<readonly [string, string]> = [
        ["<!doctype html><p>Sign in", "a page (HTML or XML) where JSON was expected"],
        [" ", "an empty body where JSON was expected"],
        ["access_token=1", "something else than JSON"],
      ]
      for (const [text, what] of pages) {
        const server = yield* serving((response) => response.end(text))
        const answer = yield* get(`http://127.0.0.1:${server.port}/?code=secret`)
        const message = yield* failure(answer.json)
        expect(message).toContain(`InvalidBody: http://127.0.0.1:${server.port}/?… answered (HTTP 200) with ${what}`)
        expect(message).not.toContain("secret")
      }
    }),
  )
})

describe("a hostile answer ends in a clear failure:", () => {
  const mebibyte = 1024 * 1024
  const answers: ReadonlyArray<readonly [name: string, answer: Handler, message: RegExp]> = [
    [
      "a body that says that it is too large",
      (response) => response.writeHead(200, { "content-length": 2 * mebibyte }).write("{"),
      /^BodyTooLarge: .* answered with more than 1048576 bytes/,
    ],
    [
      "a body that does not say so",
      (response) => void response.writeHead(200).write(Buffer.alloc(2 * mebibyte, 32)),
      /^BodyTooLarge/,
    ],
    [
      "a body without end",
      (response) => {
        const more = () => void (response.destroyed || response.write(Buffer.alloc(65536, 32), more))
        response.writeHead(200)
        more()
      },
      /^BodyTooLarge/,
    ],
    [
      "a small body that unpacks to a gigabyte",
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
      /^BodyTooLarge/,
    ],
    [
      "a body packed in what it says it is not",
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end("{}"),
      /^InvalidBody: .* a broken compression/,
    ],
    [
      "a packed body without its end",
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("{}").subarray(0, 12)),
      /^InvalidBody: .* a broken compression/,
    ],
    [
      "a compression that nobody knows",
      (response) => response.writeHead(200, { "content-encoding": "toString" }).end("{}"),
      /^InvalidBody: .* a compression that this client does not know/,
    ],
    [
      "a body that is cut off",
      (response) => {
        response.writeHead(200, { "content-length": 100 }).write("{")
        setImmediate(() => response.destroy())
      },
      /^Unreachable: .* the connection was closed/,
    ],
    ["no answer", (response) => void response.destroy(), /^Unreachable: .* the connection was closed/],
  ]
  // 64 MiB of zeros: enough to see that the reading stops at the first.
  const bomb = gzipSync(Buffer.alloc(64 * mebibyte))
  for (const [name, answer, message] of answers) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const server = yield* serving(answer)
        expect(yield* failure(get(`http://127.0.0.1:${server.port}/`))).toMatch(message)
        yield* server.idle
      }),
    )
  }

  const bytes: ReadonlyArray<readonly [name: string, parts: ReadonlyArray<string>, message: RegExp]> = [
    ["another protocol", ["220 ready when you are\r\n\r\n"], /^Unreachable: .* no HTTP server/],
    ["headers without end", ["HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(20_000)], /^Unreachable/],
    ["a status that is none", ["HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n"], /^(InvalidBody|Unreachable)/],
    [
      "an upgrade nobody asked for",
      ["HTTP/1.1 101 No\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
      /^(InvalidBody|Unreachable)/,
    ],
    ["a chunk that is cut off", ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{}"], /^Unreachable/],
    ["chunks without a last one", ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"], /^Unreachable/],
    ["a chunk of no size", ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n"], /^Unreachable/],
    ["a NUL in a header", ["HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"], /^Unreachable|^InvalidBody/],
    [
      "two lengths",
      ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
      /^Unreachable|^InvalidBody/,
    ],
  ]
  for (const [name, parts, message] of bytes) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const server = yield* speaking(...parts)
        expect(yield* failure(get(`http://127.0.0.1:${server.port}/`))).toMatch(message)
      }),
    )
  }
})

describe("time", () => {
  for (const drip of ["nothing", "a byte"]) {
    it.effect(`ends after ten seconds, with ${drip} in them, and closes the connection`, () =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const server = yield* serving((response) => {
          if (drip !== "nothing") response.writeHead(200).write("{")
          Deferred.doneUnsafe(asked, Effect.void)
        })
        const waiting = yield* Effect.forkChild(failure(get(`http://127.0.0.1:${server.port}/?k=secret`)))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("9 seconds")
        expect(server.connections()).toBe(1)
        yield* TestClock.adjust("1 second")
        const message = yield* Fiber.join(waiting)
        expect(message).toContain(
          `AnswerTooSlow: http://127.0.0.1:${server.port}/?… did not answer in full within 10 s`,
        )
        yield* server.idle
      }),
    )
  }

  it.effect("is one for all hops", () =>
    Effect.gen(function* () {
      let hops = 0
      const asked = yield* Deferred.make<void>()
      const server = yield* serving((response) => {
        if (hops++ === 0) Deferred.doneUnsafe(asked, Effect.void)
        else response.writeHead(200).end("{}")
      })
      const first = yield* serving((response) => {
        response.writeHead(302, { location: `http://127.0.0.1:${server.port}/` }).end()
      })
      const waiting = yield* Effect.forkChild(failure(get(`http://127.0.0.1:${first.port}/`)))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(waiting)).toContain("AnswerTooSlow")
    }),
  )

  it.effect("does not pass for a name that is never resolved", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(
        failure(Effect.provideService(get("https://auth.example.com/"), Resolver, { addresses: () => Effect.never })),
      )
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(waiting)).toContain("AnswerTooSlow: https://auth.example.com/")
    }),
  )

  it.effect("does not matter to who interrupts: the connection is closed at once", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const server = yield* serving(() => Deferred.doneUnsafe(asked, Effect.void))
      const waiting = yield* Effect.forkChild(get(`http://127.0.0.1:${server.port}/`))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(waiting)
      yield* server.idle
    }),
  )
})

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

describe("what HTTP cannot carry is not sent:", () => {
  for (const value of ["a\r\nx-evil: 1", "a\nb", "a\0b", "snow ☃"]) {
    it.effect(`a header with ${JSON.stringify(value)}`, () =>
      Effect.gen(function* () {
        const server = yield* serving(json)
        const headers = { authorization: value }
        const url = `http://127.0.0.1:${server.port}/`
        const message = yield* failure(Outbound.request({ method: "GET", url, guard: local, headers }))
        expect(message).toMatch(/^InvalidRequest/)
        expect(message).not.toContain(value)
        expect(server.requests.length).toBe(0)
      }),
    )
  }

  it.effect("a line break in a URL stays in its place", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      yield* get(`http://127.0.0.1:${server.port}/a%0d%0ax-evil:1\r\nx-evil: 2`)
      expect(server.requests[0]?.headers["x-evil"]).toBe(undefined)
      expect(server.requests[0]?.url).toBe("/a%0d%0ax-evil:1x-evil:%202")
    }),
  )

  it.effect("a method that is none", () =>
    Effect.gen(function* () {
      const server = yield* serving(json)
      const url = `http://127.0.0.1:${server.port}/`
      expect(yield* failure(Outbound.request({ method: "GET /x HTTP/1.1\r\n", url, guard: local }))).toContain(
        "Invalid",
      )
      expect(server.requests.length).toBe(0)
    }),
  )
})
