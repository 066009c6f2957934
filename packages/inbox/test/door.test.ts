import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { request } from "node:http"
import { connect } from "node:net"
import { policy, tickets } from "../src/front.ts"
import { html, world } from "./world.ts"

interface Knocked {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** A request with these headers and no others. */
const knock = (
  base: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  body?: string,
) =>
  Effect.callback<Knocked>((resume) => {
    const outgoing = request(`${base}${path}`, { method, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk)
        // A stream has no end.
        if (String(response.headers["content-type"]).startsWith("text/event-stream")) response.destroy()
      })
      response.on("close", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        ),
      )
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(body)
    return Effect.sync(() => void outgoing.destroy())
  })

const json = { "content-type": "application/json" }

describe("the door", () => {
  it.live("lets nobody in without the secret, and tells how to get it", () =>
    Effect.gen(function* () {
      const { base, secret } = yield* world({})
      const wrong: ReadonlyArray<readonly [string, string, Readonly<Record<string, string>>?]> = [
        ["GET", ""],
        ["GET", "?secret="],
        ["GET", `?secret=${secret.slice(1)}`],
        ["GET", `?secret=wrong&secret=${secret}`],
        ["GET", "?ticket=wrong"],
        ["GET", `?ticket=wrong&secret=${secret}`],
        ["HEAD", ""],
        ["GET", "favicon.ico"],
        ["GET", "events"],
        ["GET", `events?secret=${secret}`],
        ["GET", "events", { authorization: "Bearer wrong" }],
        ["GET", "events", { authorization: secret }],
        ["GET", "events", { authorization: `Basic ${secret}` }],
        ["POST", "ask", json],
        ["POST", `ask?secret=${secret}`, json],
        ["POST", "ask", { ...json, authorization: "Bearer " }],
        ["DELETE", ""],
        ["OPTIONS", "ask"],
      ]
      for (const [method, path, headers = {}] of wrong) {
        const { status, text } = yield* knock(base, path, headers, method, method === "POST" ? "{}" : undefined)
        expect([method, path, status]).toEqual([method, path, 403])
        if (method !== "HEAD") expect(text).toContain("mcp ui")
        expect(text).not.toContain(secret)
      }
    }),
  )

  it.live("is not upset by what is no address", () =>
    Effect.gen(function* () {
      const { base } = yield* world({})
      for (const target of ["//", "///?secret=x", "http:///", "http://[/?ticket=x"]) {
        const answer = yield* Effect.callback<string>((resume) => {
          const socket = connect(Number(new URL(base).port), "127.0.0.1", () => {
            socket.write(`GET ${target} HTTP/1.1\r\nHost: ${new URL(base).host}\r\nConnection: close\r\n\r\n`)
          })
          let said = ""
          socket.setEncoding("utf8").on("data", (data) => (said += data))
          socket.on("close", () => resume(Effect.succeed(said)))
        })
        expect(answer).toMatch(/^HTTP\/1.1 4\d\d /)
      }
    }),
  )

  it.live("answers under the names of this machine alone, and no other page", () =>
    Effect.gen(function* () {
      const { base, secret } = yield* world({})
      const { host, port } = new URL(base)
      const authorization = `Bearer ${secret}`
      const paths: ReadonlyArray<readonly [string, string]> = [
        ["GET", `?secret=${secret}`],
        ["GET", "events"],
        ["POST", "ask"],
      ]
      for (const [method, path] of paths) {
        const status = (headers: Readonly<Record<string, string>>) =>
          Effect.map(
            knock(base, path, { ...json, authorization, ...headers }, method, method === "POST" ? "{}" : undefined),
            ({ status }) => status,
          )
        expect(yield* status({})).toBe(200)
        expect(yield* status({ host: `LOCALHOST:${port}`, origin: `http://localhost:${port}` })).toBe(200)
        for (const name of ["evil.example", `evil.example:${port}`, "127.0.0.1", `0.0.0.0:${port}`]) {
          expect(yield* status({ host: name })).toBe(421)
        }
        for (const origin of ["https://evil.example", "null", `https://${host}`, `http://localhost:${port}`]) {
          expect(yield* status({ origin })).toBe(403)
        }
      }
    }),
  )

  it.live("gives the page, which may run what is in it and ask nobody else", () =>
    Effect.gen(function* () {
      const { base, inbox } = yield* world({})
      const { headers, status, text } = yield* knock(base, new URL(inbox.url).search)
      expect([status, text]).toEqual([200, html])
      const hash = (inside: string) => `'sha256-${createHash("sha256").update(inside).digest("base64")}'`
      expect(headers["content-security-policy"]).toBe(
        `default-src 'none'; script-src ${hash('"page"')}; style-src ${hash("body{margin:0}")}; connect-src 'self'; img-src data:; media-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      )
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      })
      expect(Object.keys(headers)).not.toContain("access-control-allow-origin")
    }),
  )

  it.live("takes a ticket once", () =>
    Effect.gen(function* () {
      const { base, inbox, secret } = yield* world({})
      const ticket = yield* inbox.ticket
      expect(ticket).not.toContain(secret)
      const { search } = new URL(ticket)
      // What only looks at an address does not use it up.
      expect((yield* knock(base, search, {}, "HEAD")).status).toBe(403)
      const first = yield* knock(base, search)
      expect([first.status, first.headers["location"]]).toEqual([303, `/?secret=${secret}`])
      expect((yield* knock(base, search)).status).toBe(403)
    }),
  )

  it.live("names what is wrong with a request, and does nothing", () =>
    Effect.gen(function* () {
      const { ask, base, secret } = yield* world({})
      const known = { authorization: `Bearer ${secret}` }
      const post = (body: string, headers: Readonly<Record<string, string>> = json) =>
        knock(base, "ask", { ...known, ...headers }, "POST", body)
      expect((yield* post("{}", { "content-type": "text/plain" })).status).toBe(415)
      expect((yield* post("{}", {})).status).toBe(415)
      expect((yield* post("{}", { "content-type": "application/json; charset=utf-8" })).status).toBe(200)
      expect((yield* post(`"${"x".repeat(16 * 1024 * 1024)}"`)).status).toBe(413)
      expect((yield* knock(base, "nowhere", known)).status).toBe(404)
      expect((yield* knock(base, "ask", known)).status).toBe(404)

      const answer = (body: string) => Effect.map(post(body), ({ text }): unknown => JSON.parse(text))
      for (const [body, what] of [
        ["no JSON", "no JSON object"],
        ["[]", "no JSON object"],
        ["{}", "op: Expected one of act, tools"],
        [`{"op":"__proto__"}`, "op: Expected one of"],
        [`{"op":"tools"}`, "tools: server: expected a string, found nothing"],
        [`{"op":"act","server":"x","action":"explode"}`, "act: action: expected one of connect"],
        [`{"op":"answer","id":"x","answer":{"action":"yes"}}`, "answer: answer: expected an answer"],
        [`{"op":"call","id":"","server":"x","tool":"y","arguments":{}}`, "call: id: expected a string of 1 to 200"],
      ] as const) {
        expect(yield* answer(body)).toMatchObject({
          ok: false,
          error: { tag: "Unreadable", message: expect.stringContaining(what) },
        })
      }
      expect(yield* ask("tools", { server: "nobody" })).toMatchObject({ ok: false, error: { tag: "ServerNotFound" } })
      expect(yield* ask("cancel", { id: "none" })).toMatchObject({ ok: false, error: { tag: "Gone" } })
      expect(yield* ask("refuse", { id: "none" })).toMatchObject({ ok: false, error: { tag: "NotOpen" } })
      expect(yield* ask("allow", { id: "none" })).toMatchObject({ ok: false, error: { tag: "Gone" } })
      expect(yield* ask("visited", { id: "none" })).toMatchObject({ ok: false, error: { tag: "Gone" } })
    }),
  )

  it.live("has room for 32 pages, and again once one is closed", () =>
    Effect.gen(function* () {
      const { base, inbox, open, secret } = yield* world({})
      const events = knock(base, "events", { authorization: `Bearer ${secret}` })
      expect(inbox.isWatched()).toBe(false)
      const scope = yield* Scope.make()
      const pages = yield* Scope.provide(
        Effect.forEach(Array.from({ length: 32 }), () => open, { concurrency: "unbounded" }),
        scope,
      )
      yield* Effect.forEach(pages, (page) => page.until("hello"))
      yield* Effect.forEach(pages, (page) => page.until("servers"))
      expect(inbox.isWatched()).toBe(true)
      expect((yield* events).status).toBe(503)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep("10 millis").pipe(Effect.repeat({ while: () => inbox.isWatched() }))
      expect((yield* events).status).toBe(200)
    }),
  )

  it.live("closes every stream, every connection and its port with its Scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { base, open } = yield* Scope.provide(world({}), scope)
      const page = yield* open
      yield* page.until("servers")
      const port = Number(new URL(base).port)
      const hungUp = yield* Deferred.make<void>()
      const idle = connect(port, "127.0.0.1")
      idle.on("error", () => undefined)
      idle.on("close", () => Deferred.doneUnsafe(hungUp, Effect.void))
      // A connection that a browser keeps for its next request.
      yield* Effect.callback<void>((resume) => {
        idle.on("data", () => resume(Effect.void))
        idle.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
      })
      yield* Scope.close(scope, Exit.void)
      yield* page.ended
      yield* Deferred.await(hungUp)
      const refused = yield* Effect.promise(() => fetch(base).catch(() => "refused"))
      expect(refused).toBe("refused")
    }),
  )
})

test("a ticket is good for a minute, and sixteen are kept", () => {
  let now = 0
  const { issue, take } = tickets(() => now)
  const old = issue()
  now += 59_999
  expect(take(old)).toBe(true)
  expect(take(old)).toBe(false)
  const older = issue()
  now += 60_000
  expect(take(older)).toBe(false)
  const first = issue()
  for (let more = 0; more < 16; more += 1) issue()
  expect(take(first)).toBe(false)
})

test("a page without a script or a style of its own runs none", () => {
  expect(policy("<p>text")).toContain("script-src 'none'; style-src 'none'")
  const many = policy(`<script type="module">1</script><SCRIPT>2</SCRIPT>`)
  expect(many.match(/sha256-/g)).toHaveLength(2)
})
