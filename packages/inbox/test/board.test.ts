import type { Event } from "@opencode-ai/mcp/events"
import { it } from "@opencode-ai/testing/effect"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { freePort } from "@opencode-ai/testing/peers/launch"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { person } from "@opencode-ai/testing/person"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect } from "node:net"
import type { Host } from "../src/host.ts"
import * as Lines from "../src/lines.ts"
import { restored, said, saidIn, schema } from "../src/text.ts"
import { type Options, password, world } from "./world.ts"

const mask = (text: string) => text.replaceAll(password, "***")

/** A client that says what the test lets it say. */
const flooded = (host: Partial<Host>) => {
  const emits: Array<(event: Event) => void> = []
  const options: Options = {
    host: ({ mcp }) => ({
      ...host,
      mcp: {
        ...mcp,
        listen: (listener) => {
          emits.push(listener)
          return mcp.listen(listener)
        },
      },
    }),
  }
  const flood = (from: number, to: number, text: (at: number) => string) => {
    for (let at = from; at < to; at += 1) {
      const event: Event = { type: "mcp.log", data: { server: "x", level: "info", data: text(at) } }
      for (const emit of emits) emit(event)
    }
  }
  return { options, flood }
}

describe("a page", () => {
  it.live("shows servers, and does to them what makes sense", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world(
        {
          near: sdkV1(),
          broken: { type: "local", command: ["no-such-program"] },
          strange: { ...sdkV1(), enabled: false },
        },
        {
          host: ({ describe }) => ({
            describe: (server) =>
              Effect.map(describe(server), (about) =>
                server === "strange" ? { ...about, review: `runs \u202e${password}` } : about,
              ),
          }),
        },
      )
      const page = yield* open
      const hello = yield* page.until("hello")
      expect(hello).toEqual({ type: "hello", directory: "/project", version: "1.2.3" })
      const { servers } = yield* page.until("servers", ({ servers }) => servers.length === 3)
      expect(servers[0]).toMatchObject({
        name: "near",
        type: "local",
        status: "connected",
        how: "runs near with ***",
        transport: "stdio",
        title: "sdk-v1",
        actions: ["restart", "disconnect"],
      })
      expect(servers[0]?.pid).toBeGreaterThan(0)
      expect(servers[1]).toMatchObject({
        status: "failed",
        error: expect.stringContaining("no-such-program"),
        actions: ["connect"],
      })
      expect(servers[2]).toMatchObject({
        status: "disabled",
        actions: ["approve"],
        review: "runs \\u{202e}***",
      })
      const first = servers[0]?.pid
      expect(yield* ask("act", { server: "near", action: "restart" })).toEqual({ ok: true, result: null })
      yield* page.until("servers", ({ servers }) => {
        const [near] = servers
        return near?.status === "connected" && near.pid !== undefined && near.pid !== first
      })
      yield* ask("act", { server: "near", action: "disconnect" })
      const off = yield* page.until("servers", ({ servers }) => servers[0]?.status === "disabled")
      expect(off.servers[0]?.actions).toEqual(["connect"])
      expect(yield* ask("act", { server: "strange", action: "approve" })).toMatchObject({
        ok: false,
        error: { tag: "Unreadable", message: expect.stringContaining("nothing was") },
      })
      expect(yield* ask("act", { server: "strange", action: "approve", form: "seen" })).toEqual({
        ok: false,
        error: { tag: "NotTrusted", message: "it is not to be trusted", hint: "leave it alone" },
      })
      expect(yield* ask("act", { server: "near", action: "signIn" })).toMatchObject({
        ok: false,
        error: { tag: "NotAuthorizable" },
      })
    }),
  )

  it.live("is lost to none of its lists that goes wrong", () =>
    Effect.gen(function* () {
      const broken: Options = { host: ({ mcp }) => ({ mcp: { ...mcp, held: Effect.die("out of order") } }) }
      const { open } = yield* world({ near: sdkV1() }, broken)
      const page = yield* open
      yield* page.until("servers", ({ servers }) => servers[0]?.status === "connected")
      yield* page.until("tasks")
      expect(page.pushes.some(({ type }) => type === "held")).toBe(false)
    }),
  )

  it.live("shows the log and stderr of each server, and sets the least level", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() })
      const page = yield* open
      const chatter = (args: object) =>
        ask("call", { id: "chatter", server: "near", tool: "chatter", arguments: { ...args } })
      yield* chatter({ level: "warning", logger: "db" })
      const { lines } = yield* page.until("lines", ({ lines }) => lines.some(({ source }) => source === "log"))
      expect(lines.find(({ source }) => source === "log")).toMatchObject({
        server: "near",
        level: "warning",
        logger: "db",
      })
      expect(yield* ask("level", { server: "near", level: "error" })).toEqual({ ok: true, result: null })
      yield* chatter({ level: "every" })
      yield* page.until("lines", ({ lines }) => lines.some(({ level }) => level === "emergency"))
      const levels = page.pushes.flatMap((push) => (push.type === "lines" ? push.lines : [])).map(({ level }) => level)
      expect(levels).not.toContain("notice")
      // What happened before a page was opened is there, too.
      const late = yield* open
      const all = yield* late.until("lines", ({ lines }) => lines.some(({ level }) => level === "emergency"))
      expect(all.lines.find(({ source }) => source === "status")).toMatchObject({ server: "near", text: "pending" })
      expect(all.lost).toBe(0)
    }),
  )

  it.live("gets no secret and nothing that hides, whatever a server says", () =>
    Effect.gen(function* () {
      const nasty = `\u001b]0;x\u0007<img src=x onerror=alert(1)>\u202e\u{e0041}${password}`
      const safe = "\\u{1b}]0;x\\u{7}<img src=x onerror=alert(1)>\\u{202e}\\u{e0041}***"
      const log = {
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { level: "error", data: nasty, logger: nasty },
      }
      const form = {
        message: nasty,
        requestedSchema: { type: "object", properties: { "a\u200b": { type: "string", title: nasty } } },
      }
      const server = rawStdio({
        instructions: nasty,
        capabilities: { tools: {}, logging: {} },
        tools: [{ name: "echo", description: nasty, inputSchema: { type: "object", title: nasty } }],
        on: {
          "tools/call": [
            { do: "stderr", text: `${nasty}\n` },
            { do: "send", message: log },
            { do: "ask", id: "q", method: "elicitation/create", params: form },
            { do: "error", code: -32000, message: nasty, data: nasty },
          ],
        },
      })
      const { ask, open } = yield* world({ [`na\u202esty`]: server })
      const page = yield* open
      const name = `na\u202esty`
      const { servers } = yield* page.until("servers", ({ servers }) => servers[0]?.instructions !== undefined)
      expect(servers[0]?.instructions).toBe(safe)
      expect(yield* ask("tools", { server: name })).toMatchObject({
        ok: true,
        result: [{ name: "echo", description: safe, inputSchema: { title: safe } }],
      })
      const call = yield* Effect.forkChild(
        ask("call", { id: "x", server: name, tool: "echo", arguments: { text: nasty } }),
      )
      const { questions } = yield* page.until("questions", ({ questions }) => questions.length > 0)
      expect(questions[0]).toMatchObject({
        message: safe,
        schema: { properties: { "a\u200b": { title: safe } } },
      })
      yield* page.until("lines", ({ lines }) => lines.some((line) => line.source === "log" && line.text === safe))
      yield* page.until("lines", ({ lines }) => lines.some((line) => line.source === "stderr" && line.text === safe))
      yield* ask("refuse", { id: questions[0]?.id ?? "" })
      expect(yield* Fiber.join(call)).toMatchObject({
        ok: false,
        error: { message: expect.stringContaining(safe) },
      })
      const all = JSON.stringify(page.pushes)
      expect(all).not.toContain(password)
    }),
  )

  it.live("is not hurt by a flood, and is told how much of it is lost", () =>
    Effect.gen(function* () {
      let masked = 0
      const mask = (text: string) => {
        masked += 1
        return text
      }
      const { flood, options } = flooded({ mask })
      const { open } = yield* world({}, options)
      // Nobody looks: nothing is made of it.
      flood(0, 20_000, (at) => `line ${at}`)
      expect(masked).toBe(0)
      const page = yield* open
      const first = yield* page.until("lines")
      expect([first.lines.length, first.lines[0]?.text, first.lost]).toEqual([5_000, "line 15000", 0])
      flood(20_000, 120_000, (at) => `line ${at}`)
      const last = yield* page.until("lines", ({ lines }) => lines.at(-1)?.text === "line 119999")
      expect(last.lines.length).toBeLessThanOrEqual(1_000)
      const batches = page.pushes.flatMap((push) => (push.type === "lines" ? [push] : [])).slice(1)
      expect(batches.length).toBeLessThan(50)
      expect(batches.reduce((sum, { lines, lost }) => sum + lines.length + lost, 0)).toBe(100_000)
    }),
  )

  it.live("that does not read costs no memory, and keeps no other waiting", () =>
    Effect.gen(function* () {
      const { flood, options } = flooded({})
      const { base, open, secret } = yield* world({}, options)
      const { host, port } = new URL(base)
      const seen = yield* Deferred.make<void>()
      let bytes = 0
      const slow = connect(Number(port), "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => slow.destroy()))
      slow.pause()
      slow.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${secret}\r\n\r\n`)
      slow.on("data", (chunk) => {
        bytes += chunk.length
        if (String(chunk).includes("the end")) Deferred.doneUnsafe(seen, Effect.void)
      })
      const page = yield* open
      for (let round = 0; round < 10; round += 1) {
        flood(0, 1_000, (at) => (at === 999 ? `round ${round}` : "y".repeat(10_000)))
        yield* page.until("lines", ({ lines }) => lines.at(-1)?.text === `round ${round}`)
      }
      flood(0, 1, () => "the end")
      yield* page.until("lines", ({ lines }) => lines.at(-1)?.text === "the end")
      slow.resume()
      yield* Deferred.await(seen)
      const all = page.pushes.reduce((sum, push) => sum + JSON.stringify(push).length, 0)
      expect(bytes).toBeLessThan(all / 2)
    }),
  )
})

describe("a sign-in", () => {
  it.live("is begun on the page, which shows where to go, and is followed there", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization)
      const entry = { type: "remote", url: server.url, oauth: { callbackPort: yield* freePort } }
      const { ask, open } = yield* world({ work: entry })
      const page = yield* open
      const before = yield* page.until("servers", ({ servers }) => servers[0]?.status === "needs_auth")
      expect(before.servers[0]?.actions).toEqual(["signIn", "connect"])
      expect(yield* ask("act", { server: "work", action: "signIn" })).toEqual({ ok: true, result: null })
      const { servers } = yield* page.until("servers", ({ servers }) => servers[0]?.signIn !== undefined)
      const { host, url } = servers[0]?.signIn ?? { host: "", url: "" }
      expect(new URL(url).host).toBe(host)
      // A second click joins.
      expect(yield* ask("act", { server: "work", action: "signIn" })).toEqual({ ok: true, result: null })

      yield* person().visit(url, { decision: "deny" })
      const failed = yield* page.until("servers", ({ servers }) => servers[0]?.signInFailed !== undefined)
      expect(failed.servers[0]).toMatchObject({ status: "needs_auth", signInFailed: expect.stringMatching(/denied/) })
      expect(failed.servers[0]?.signIn).toBeUndefined()

      yield* ask("act", { server: "work", action: "signIn" })
      const again = yield* page.until("servers", ({ servers }) => servers[0]?.signIn !== undefined)
      expect(again.servers[0]?.signInFailed).toBeUndefined()
      yield* person().visit(again.servers[0]?.signIn?.url ?? "")
      const done = yield* page.until(
        "servers",
        ({ servers }) => servers[0]?.status === "connected" && servers[0].signIn === undefined,
      )
      expect(done.servers[0]?.actions).toEqual(["restart", "disconnect", "signOut"])
      expect(yield* ask("act", { server: "work", action: "signOut" })).toEqual({ ok: true, result: null })
      yield* page.until("servers", ({ servers }) => servers[0]?.status === "needs_auth")
    }),
  )
})

test("lines are kept, the last 5,000 and 4 Mi characters of them, and cut without half a secret", () => {
  const lines = Lines.make(mask)
  const add = (data: unknown) => lines.add({ server: "x", at: 0, source: "log", level: "info", data })
  add({ a: [1, password] })
  add(`${"x".repeat(16 * 1024 - 4)}${password}`)
  expect(lines.after(0).lines.map(({ text }) => text)).toEqual([
    `{"a":[1,"***"]}`,
    `${"x".repeat(16 * 1024 - 4)}***…`.slice(0, 16 * 1024 + 1),
  ])
  for (let at = 0; at < 300; at += 1) add("y".repeat(16 * 1024))
  expect(lines.after(0).lines.length).toBe(256)
  for (let at = 0; at < 12_000; at += 1) add(String(at))
  const { lines: kept } = lines.after(0)
  expect([kept.length, kept[0]?.text, kept.at(-1)?.text]).toEqual([5_000, "7000", "11999"])
  expect(lines.after(lines.last() - 10)).toMatchObject({ lost: 0 })
  expect(lines.after(lines.last() - 10).lines.map(({ text }) => text)).toEqual(
    Array.from({ length: 10 }, (_, at) => String(11_990 + at)),
  )
  expect(lines.after(0).lost).toBe(0)
  expect(lines.after(1).lost).toBe(lines.last() - 1 - 1_000)
})

test("texts are made safe and data stays what it is", () => {
  expect(said(mask, `a\r\nb\tc\u0000\u2028${password}⚠️`)).toBe("a\nb\tc\\u{0}\\u{2028}***⚠️")
  const image = { type: "image", mimeType: "image/png", data: password }
  expect(saidIn(mask, { content: [image, { type: "text", text: password, data: password }] })).toEqual({
    content: [image, { type: "text", text: "***", data: "***" }],
  })
  const form = {
    type: "object",
    description: password,
    properties: {
      title: { type: "string", title: password, default: password, enum: [password], enumNames: [password] },
      description: { oneOf: [{ const: password, title: password }] },
    },
    required: [password],
  }
  expect(schema(mask, form)).toEqual({
    type: "object",
    description: "***",
    properties: {
      title: { type: "string", title: "***", default: password, enum: [password], enumNames: ["***"] },
      description: { oneOf: [{ const: password, title: "***" }] },
    },
    required: [password],
  })
  const deep = Array.from({ length: 1_000 }).reduce<unknown>((inner) => [inner], "x")
  expect(JSON.stringify(saidIn(mask, deep)).length).toBeLessThan(1_000)
})

test("what the person left alone goes back as the server said it", () => {
  const original = { a: `${password}\u200b`, b: [{ text: "plain" }, { text: `x${password}` }] }
  const shown = saidIn(mask, original)
  expect(restored(mask, original, shown)).toEqual(original)
  expect(restored(mask, original, { ...shown, b: [{ text: "x*** edited" }] })).toEqual({
    a: original.a,
    b: [{ text: "x*** edited" }],
  })
})
