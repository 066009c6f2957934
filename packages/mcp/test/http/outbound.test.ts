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
import { type Handler, serving, speaking } from "./serving.ts"

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
