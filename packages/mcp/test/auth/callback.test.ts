/** The server that the browser comes back to: what it accepts, from whom, and that nothing is left of it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { request } from "node:http"
import { connect, createServer, type Server, type Socket } from "node:net"
import { type Listener, listen } from "../../src/auth/callback.ts"

const path = "/mcp/oauth/callback"
const anywhere = { redirectUri: `http://127.0.0.1:0${path}`, fixed: false }

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** A request as it stands, without what a `fetch` adds. */
const visit = (
  url: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Effect.Effect<Answer, Error> =>
  Effect.callback((resume) => {
    const sent = request(url, { method: "GET", ...options, agent: false }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (body += chunk))
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body })),
      )
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end()
    return Effect.sync(() => sent.destroy())
  })

const opened = (port: number, host = "127.0.0.1"): Effect.Effect<Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback((resume) => {
      const socket = connect(port, host, () => resume(Effect.succeed(socket)))
      socket.on("error", () => undefined)
      socket.resume()
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

const closed = (socket: Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
  })

/** All that comes until the end; asked for before anything can come. */
const answered = (socket: Socket): Effect.Effect<string> => {
  let text = ""
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
  return Effect.map(closed(socket), () => text)
}

const portOf = ({ redirectUri }: Listener): number => Number(new URL(redirectUri).port)

/** Takes a port, and fails where it is taken. */
const occupy = (port: number, host = "127.0.0.1"): Effect.Effect<number, Error, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Server, Error>((resume) => {
        const server = createServer()
        server.once("error", (error) => resume(Effect.fail(error)))
        server.listen(port, host, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    },
  )

const isFree = (port: number) => Effect.isSuccess(Effect.scoped(occupy(port)))

/** A listener that waits for the state `s`. */
const waiting = Effect.tap(listen(anywhere), (listener) => Effect.sync(() => listener.expect("s")))

describe("the callback", () => {
  it.live("with the right state is the answer, and its page waits for the outcome", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const page = yield* Effect.forkChild(visit(`${listener.redirectUri}?code=c%2Bd&state=s&iss=https%3A%2F%2Fas`))
      expect(yield* listener.answer).toEqual({
        code: "c+d",
        state: "s",
        iss: "https://as",
        error: undefined,
        errorDescription: undefined,
      })
      expect(page.pollUnsafe()).toBeUndefined()
      yield* listener.conclude({ ok: true, message: "You are signed in to blue." })
      const { body, headers, status } = yield* Fiber.join(page)
      expect(status).toBe(200)
      expect(body).toContain("You are signed in to blue.")
      expect(body).toContain("close this page and go back to OpenCode")
      expect(headers["cache-control"]).toBe("no-store")
      expect(headers["referrer-policy"]).toBe("no-referrer")
      expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/)
    }),
  )

  it.live("that comes before a sign-in began, or with another state, neither ends it nor counts", () =>
    Effect.gen(function* () {
      const listener = yield* listen(anywhere)
      expect((yield* visit(`${listener.redirectUri}?code=c&state=s`)).status).toBe(409)
      listener.expect("s")
      for (const query of ["code=c&state=t", "code=c", "error=access_denied&state=", "code=c&state=s&state=s", ""]) {
        const { body, status } = yield* visit(`${listener.redirectUri}?${query}`)
        expect([query, status]).toEqual([query, 400])
        expect(body).toContain("The sign-in that OpenCode waits for goes on.")
      }
      const page = yield* Effect.forkChild(visit(`${listener.redirectUri}?code=right&state=s`))
      expect((yield* listener.answer).code).toBe("right")
      yield* listener.conclude({ ok: true, message: "" })
      expect((yield* Fiber.join(page)).status).toBe(200)
    }),
  )

  it.live("is accepted once", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const first = yield* Effect.forkChild(visit(`${listener.redirectUri}?code=1&state=s`))
      yield* listener.answer
      const second = yield* visit(`${listener.redirectUri}?code=2&state=s`)
      expect(second.status).toBe(410)
      expect(second.body).toContain("This sign-in is over")
      expect((yield* listener.answer).code).toBe("1")
      yield* listener.conclude({ ok: false, message: "no" })
      expect((yield* Fiber.join(first)).status).toBe(400)
      expect((yield* visit(`${listener.redirectUri}?code=3&state=s`)).status).toBe(410)
    }),
  )

  it.live("is not taken any more once the answer was pasted", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      yield* listener.conclude({ ok: true, message: "pasted" })
      expect((yield* visit(`${listener.redirectUri}?code=1&state=s`)).status).toBe(410)
    }),
  )
})

describe("requests that no browser sends on its way back", () => {
  it.live("are refused, whatever state they carry", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const port = portOf(listener)
      const right = `${listener.redirectUri}?code=c&state=s`
      const refused = (url: string, options: Parameters<typeof visit>[1]) =>
        Effect.map(visit(url, options), ({ status }) => status)
      for (const method of ["POST", "HEAD", "PUT", "OPTIONS", "DELETE"]) {
        expect([method, yield* refused(right, { method })]).toEqual([method, 405])
      }
      for (const other of ["/", `${path}/`, "/mcp/oauth/callbac", "/favicon.ico", `/${path}`, path.toUpperCase()]) {
        expect([other, yield* refused(`http://127.0.0.1:${port}${other}?code=c&state=s`, {})]).toEqual([other, 404])
      }
      for (const host of [
        "evil.example",
        `evil.example:${port}`,
        "127.0.0.1",
        `localhost:${port + 1}`,
        `127.1:${port}`,
      ]) {
        expect([host, yield* refused(right, { headers: { host } })]).toEqual([host, 421])
      }
      for (const origin of ["https://evil.example", `http://127.0.0.1:${port}`, "null"]) {
        expect([origin, yield* refused(right, { headers: { origin } })]).toEqual([origin, 403])
      }
      for (const dest of ["image", "iframe", "script", "object"]) {
        expect([dest, yield* refused(right, { headers: { "sec-fetch-dest": dest } })]).toEqual([dest, 403])
      }
      expect(yield* refused(right, { headers: { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty" } })).toBe(403)
      const twice = yield* opened(port)
      const said = answered(twice)
      twice.write(`GET ${path}?code=c&state=s HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nHost: evil.example\r\n\r\n`)
      expect(yield* said).toContain("HTTP/1.1 421")
      const page = yield* Effect.forkChild(
        visit(right, {
          headers: { host: `LOCALHOST:${port}`, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
        }),
      )
      expect((yield* listener.answer).code).toBe("c")
      yield* listener.conclude({ ok: true, message: "" })
      yield* Fiber.join(page)
    }),
  )

  it.live("and heads without end or sense cost their own connection", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const port = portOf(listener)
      const junk = yield* opened(port)
      junk.write("\u0016\u0003\u0001 not http at all\r\n\r\n")
      yield* closed(junk)
      const long = yield* opened(port)
      long.write(`GET ${path}?code=${"a".repeat(100_000)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
      yield* closed(long)
      const many = yield* Effect.forEach(Array.from({ length: 40 }), () => opened(port))
      yield* Effect.forEach(many.slice(32), closed)
      many.forEach((socket) => socket.destroy())
      yield* Effect.forEach(many, closed)
      const page = yield* Effect.forkChild(Effect.retry(visit(`${listener.redirectUri}?code=c&state=s`), { times: 20 }))
      expect((yield* listener.answer).code).toBe("c")
      yield* listener.conclude({ ok: true, message: "" })
      yield* Fiber.join(page)
    }),
  )

  it.live(
    "nor does one that never ends its head keep a connection for long",
    () =>
      Effect.gen(function* () {
        const listener = yield* waiting
        const slow = yield* opened(portOf(listener))
        slow.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`)
        yield* Effect.forkScoped(
          Effect.forever(
            Effect.andThen(
              Effect.sleep(200),
              Effect.sync(() => slow.write("X-A: b\r\n")),
            ),
          ),
        )
        yield* closed(slow)
      }),
    40_000,
  )
})

describe("the page", () => {
  it.live("shows a server's words as text, shortened, with nothing in them that hides or turns", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const page = yield* Effect.forkChild(visit(`${listener.redirectUri}?error=access_denied&state=s`))
      expect((yield* listener.answer).error).toBe("access_denied")
      const message = `<script>alert("1")</script>&amp;'\u202egpj\u0007\u200b\ud800${"x".repeat(10_000)}END`
      yield* listener.conclude({ ok: false, message })
      const { body, status } = yield* Fiber.join(page)
      expect(status).toBe(400)
      expect(body).toContain(
        "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;\ufffdgpj\ufffd\ufffd\ufffdxxx",
      )
      expect(body).not.toContain("<script")
      expect(body).not.toContain("END")
      expect(body.length).toBeLessThan(3_000)
      expect(body).toContain("begin the sign-in again there")
    }),
  )

  it.live("of a request shows nothing that the request brought", () =>
    Effect.gen(function* () {
      const listener = yield* waiting
      const probe = "marker<b>"
      const query = `code=${probe}&state=${probe}&error=${probe}&error_description=${probe}`
      for (const url of [`${listener.redirectUri}?${query}`, `http://127.0.0.1:${portOf(listener)}/marker?${query}`]) {
        expect((yield* visit(url)).body).not.toContain("marker")
      }
    }),
  )
})

describe("the port", () => {
  it.live("that is configured and taken is an error that names it", () =>
    Effect.gen(function* () {
      const port = yield* occupy(0)
      const error = yield* Effect.flip(listen({ redirectUri: `http://127.0.0.1:${port}${path}`, fixed: true }))
      expect(error.reason).toMatchObject({ _tag: "PortUnavailable", port })
      expect(error.message).toContain(`port ${port} of 127.0.0.1: another program uses it`)
    }),
  )

  it.live("that is taken and not configured gives way to a free one", () =>
    Effect.gen(function* () {
      const port = yield* occupy(0)
      const listener = yield* listen({ redirectUri: `http://127.0.0.1:${port}${path}`, fixed: false })
      expect(portOf(listener)).not.toBe(port)
      expect(new URL(listener.redirectUri).pathname).toBe(path)
      expect((yield* visit(listener.redirectUri)).status).toBe(409)
    }),
  )

  it.live("of localhost answers under both addresses, and is nobody else's on either", () =>
    Effect.gen(function* () {
      const hasIpv6 = yield* Effect.isSuccess(Effect.scoped(occupy(0, "::1")))
      const listener = yield* listen({ redirectUri: `http://localhost:0${path}`, fixed: false })
      const port = portOf(listener)
      expect(listener.redirectUri).toBe(`http://localhost:${port}${path}`)
      expect((yield* visit(`http://127.0.0.1:${port}${path}`)).status).toBe(409)
      if (!hasIpv6) return
      expect((yield* visit(`http://[::1]:${port}${path}`)).status).toBe(409)
      const stranger = yield* occupy(0, "::1")
      const error = yield* Effect.flip(listen({ redirectUri: `http://localhost:${stranger}${path}`, fixed: true }))
      expect(error.reason).toMatchObject({ _tag: "PortUnavailable", port: stranger })
      expect(yield* isFree(stranger)).toBe(true)
    }),
  )

  it.live("is on loopback alone", () =>
    Effect.gen(function* () {
      const port = portOf(yield* listen(anywhere))
      // Every other address of this machine would be taken too, had it been bound to all of them.
      yield* occupy(port, "127.0.0.2")
    }),
  )

  it.live("is none where the redirect URI is another machine's: the answer is pasted", () =>
    Effect.gen(function* () {
      const redirectUri = "https://example.com/callback"
      const listener = yield* listen({ redirectUri, fixed: true })
      expect(listener.redirectUri).toBe(redirectUri)
      listener.expect("s")
      yield* listener.conclude({ ok: true, message: "" })
    }),
  )

  const endings: ReadonlyArray<readonly [string, (used: Effect.Effect<void>) => Effect.Effect<unknown, unknown>]> = [
    ["a success", (used) => used],
    ["a failure", (used) => Effect.exit(Effect.andThen(used, Effect.fail("no")))],
    ["a defect", (used) => Effect.exit(Effect.andThen(used, Effect.die("no")))],
    ["a timeout", (used) => Effect.timeoutOption(Effect.andThen(used, Effect.never), 50)],
    [
      "an interruption",
      (used) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.andThen(used, Effect.never), { startImmediately: true })
          yield* Fiber.interrupt(fiber)
        }),
    ],
  ]
  it.live.each(endings)("is free after %s, with every connection to it closed", ([, ending]) =>
    Effect.gen(function* () {
      let port = 0
      const held: Array<Socket> = []
      const scope = yield* Effect.scope
      const run = Effect.scoped(
        Effect.gen(function* () {
          const listener = yield* waiting
          port = portOf(listener)
          for (const text of [
            "",
            "GET / HTTP/1.1\r\n",
            `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`,
          ]) {
            const socket = yield* Scope.provide(opened(port), scope)
            socket.write(text)
            held.push(socket)
          }
          yield* Scope.provide(Effect.forkScoped(Effect.exit(visit(`${listener.redirectUri}?code=c&state=s`))), scope)
          yield* listener.answer
        }),
      )
      yield* ending(Effect.orDie(run))
      yield* Effect.forEach(held, closed)
      expect(yield* isFree(port)).toBe(true)
    }),
  )

  it.live("does not leave a page waiting whose outcome nobody told", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const listener = yield* Scope.provide(waiting, scope)
      const page = yield* Effect.forkChild(visit(`${listener.redirectUri}?code=c&state=s`))
      yield* listener.answer
      yield* Scope.close(scope, Exit.failCause(Cause.interrupt()))
      const { body, status } = yield* Fiber.join(page)
      expect(status).toBe(503)
      expect(body).toContain("The sign-in was ended")
    }),
  )
})
