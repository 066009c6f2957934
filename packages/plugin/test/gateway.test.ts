import { Client as SdkClient } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { it } from "@opencode-ai/testing/effect"
import { openPage } from "@opencode-ai/testing/page"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { sdkV1, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { fileRecord, recordTo, temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { connect as openSocket } from "node:net"
import { join } from "node:path"
import * as Beginning from "../src/beginning.ts"
import * as Callers from "../src/callers.ts"
import type { LogEntry, Toast } from "../src/host.ts"
import { start } from "../src/instance.ts"
import * as Sampling from "../src/sampling.ts"
import * as Tell from "../src/tell.ts"
import { forgetful } from "./forgetful.ts"
import { front } from "./front.ts"

interface Named {
  readonly path: { readonly name: string }
}

const requestedSchema = { type: "object", properties: {} }
const nobody = async () => undefined

/** The gateway to one server, without an OpenCode: what it would be told is kept. */
const gateway = Effect.fnUntraced(function* (
  near: object,
  others: object = {},
  wanted?: ReadonlyArray<string>,
  {
    beginning = Beginning.make(),
    home: given,
  }: { readonly beginning?: Beginning.Beginning; readonly home?: string } = {},
) {
  const home = given ?? realpathSync(yield* temporaryDirectory)
  const directory = join(home, "project")
  const own = join(home, "config", "opencode")
  for (const each of [directory, own]) mkdirSync(each, { recursive: true })
  writeFileSync(join(own, "opencode.json"), JSON.stringify({ mcp: { near, ...others } }))
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_DATA_HOME: join(home, "data"),
    XDG_CACHE_HOME: home,
  }
  // Where sign-ins are kept is read from the process's own environment.
  const before = process.env["XDG_DATA_HOME"]
  yield* Effect.acquireRelease(
    Effect.sync(() => (process.env["XDG_DATA_HOME"] = env.XDG_DATA_HOME)),
    () =>
      Effect.sync(() =>
        before === undefined ? delete process.env["XDG_DATA_HOME"] : (process.env["XDG_DATA_HOME"] = before),
      ),
  )
  const toasts: Array<Toast> = []
  const log: Array<LogEntry> = []
  const asked: Array<string> = []
  const client = {
    app: { log: async ({ body }: { body: LogEntry }) => void log.push(body) },
    tui: { showToast: async ({ body }: { body: Toast }) => void toasts.push(body) },
    mcp: {
      connect: async ({ path }: Named) => void asked.push(`connect ${path.name}`),
      disconnect: async ({ path }: Named) => void asked.push(`disconnect ${path.name}`),
    },
    session: { create: nobody, prompt: nobody, abort: nobody, delete: nobody },
  }
  const callers = Callers.make()
  const samples = Sampling.make(client, callers)
  const options = { servers: wanted, open: false }
  const { taken } = yield* start({ directory, options, client, beginning, callers, samples }).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
  )
  return { taken, toasts, log, asked, home }
})

/** The official client, as OpenCode uses it. */
const connect = ({ headers, url }: { readonly headers: Readonly<Record<string, string>>; readonly url: string }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new SdkClient({ name: "opencode", version: "1.18.33" })
      // The SDK's own types are not made for `exactOptionalPropertyTypes`.
      const transport: unknown = new StreamableHTTPClientTransport(new URL(url), {
        requestInit: { headers: { ...headers } },
      })
      await client.connect(transport as Parameters<SdkClient["connect"]>[0])
      return client
    }),
    (client) => Effect.promise(() => client.close()),
  )

/** What a handshake is answered. */
const handshake = async ({
  headers,
  url,
}: {
  readonly headers: Readonly<Record<string, string>>
  readonly url: string
}) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} })
  return (await fetch(url, { method: "POST", headers, body })).text()
}

const first = <A>([item]: ReadonlyArray<A>): A => {
  if (item === undefined) throw new Error("there is none")
  return item
}

describe("the gateway", () => {
  it.live("passes the progress of a call, its result and its error on", () =>
    Effect.gen(function* () {
      const { taken } = yield* gateway(sdkV1())
      const client = yield* connect(first(taken))
      const steps: Array<unknown> = []
      const onprogress = (step: object) => void steps.push(step)
      const call = (name: string, args: Record<string, unknown> = {}) =>
        Effect.promise(() => client.callTool({ name, arguments: args }, undefined, { onprogress }))
      const { content } = yield* call("progress", { steps: 2 })
      expect(content).toEqual([{ type: "text", text: "2 steps" }])
      expect(steps).toEqual([
        { progress: 1, total: 2, message: "step 1" },
        { progress: 2, total: 2, message: "step 2" },
      ])
      expect(yield* call("fail")).toMatchObject({ isError: true, content: [{ type: "text", text: "it failed" }] })
      const refused = Effect.promise(() => client.callTool({ name: "refuse", arguments: {} }).catch(String))
      expect(yield* refused).toContain("-32602")
    }),
  )

  it.live("says that a list changed, and lists what is new, before it answers the call that changed it", () =>
    Effect.gen(function* () {
      const { taken } = yield* gateway(sdkV1())
      const client = yield* connect(first(taken))
      let tools: Awaited<ReturnType<SdkClient["listTools"]>>["tools"] = []
      client.setNotificationHandler(ToolListChangedNotificationSchema, async () => {
        tools = (await client.listTools()).tools
      })
      yield* Effect.promise(() => client.callTool({ name: "toggle", arguments: {} }))
      expect(tools.map(({ name }) => name)).toContain("extra")
      // What OpenCode's client would enforce by itself.
      expect(tools.some(({ execution, outputSchema }) => execution !== undefined || outputSchema !== undefined)).toBe(
        false,
      )
    }),
  )

  it.live("hides the secrets of the configuration in the error of a call", () =>
    Effect.gen(function* () {
      const secret = "kept-from-everybody-0123"
      const { taken } = yield* gateway({ ...sdkV1(), environment: { API_TOKEN: secret } })
      const client = yield* connect(first(taken))
      const call = () => client.callTool({ name: `tool-${secret}`, arguments: {} }).catch(String)
      const said = yield* Effect.promise(call)
      expect(said).toContain("tool-")
      expect(said).not.toContain(secret)
    }),
  )

  it.live("cancels the call that its client cancels, and that one alone", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const { taken } = yield* gateway(recordTo(record, sdkV1()))
      const client = yield* connect(first(taken))
      const hang = { name: "hang", arguments: {} }
      const hanging = Effect.promise((signal) =>
        client.callTool(hang, undefined, { signal, onprogress: () => undefined }),
      )
      const call = yield* Effect.forkScoped(hanging)
      yield* record.first((line) => JSON.stringify(line).includes('"notifications/progress"'))
      yield* Fiber.interrupt(call)
      yield* record.first((line) => JSON.stringify(line).includes('"notifications/cancelled"'))
      const echo = () => client.callTool({ name: "echo", arguments: { message: "on" } })
      expect((yield* Effect.promise(echo)).content).toEqual([{ type: "text", text: "on" }])
    }),
  )

  it.live("does not make a call whose cancellation came before it", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const { taken } = yield* gateway(recordTo(record, sdkV1()))
      const { headers, url } = first(taken)
      const send = (session: string, message: object) =>
        Effect.promise(async () => {
          const kinds = { "content-type": "application/json", accept: "application/json, text/event-stream" }
          const all = { ...headers, ...kinds, "mcp-session-id": session }
          const response = await fetch(url, { method: "POST", headers: all, body: JSON.stringify(message) })
          return { session: response.headers.get("mcp-session-id") ?? "", said: await response.text() }
        })
      const { session } = yield* send("", { jsonrpc: "2.0", id: 1, method: "initialize", params: {} })
      yield* send(session, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } })
      const call = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "hang" } }
      expect((yield* send(session, call)).said).not.toContain("result")
      expect(record.lines().some((line) => JSON.stringify(line).includes("tools/call"))).toBe(false)
    }),
  )

  it.live("tells the person what a server asks, and where, waits for the answer, and logs what servers say", () =>
    Effect.gen(function* () {
      const { log, taken, toasts } = yield* gateway(sdkV1())
      const client = yield* connect(first(taken))
      const params = { message: "Your name?\nAnswer at http://127.0.0.1:1", requestedSchema }
      const ask = () => client.callTool({ name: "ask", arguments: { method: "elicitation/create", params } })
      const call = yield* Effect.forkScoped(Effect.promise(ask))
      const { message } = yield* poll(() => toasts[0])
      const [said = "", where = "", ...more] = message.split("\n")
      expect({ said, more }).toEqual({
        said: 'Server "near" asks: "Your name? Answer at http://127.0.0.1:1"',
        more: [],
      })
      const page = yield* openPage(where.replace("Answer at ", ""))
      const { questions } = yield* page.until("questions", ({ questions }) => questions.length > 0)
      const { id, kind } = first(questions)
      expect(kind).toBe("form")
      yield* page.ask("answer", { id, answer: { action: "decline" } })
      expect(JSON.stringify(yield* Fiber.join(call))).toContain("decline")
      const words = { method: "notifications/message", params: { level: "error", data: "out of paper" } }
      yield* Effect.promise(() => client.callTool({ name: "notify", arguments: words }))
      const entry = yield* poll(() => log.find(({ message }) => message === "out of paper"))
      expect(entry).toMatchObject({ level: "error", extra: { server: "near" } })
    }),
  )

  it.live(
    "has OpenCode shake hands anew when a session that the server forgot is followed by one with other words",
    () =>
      Effect.gen(function* () {
        const { entry, forget } = yield* forgetful
        const { asked, taken } = yield* gateway(entry)
        const client = yield* connect(first(taken))
        expect(client.getInstructions()).toBe("Words of session one.")
        forget("two")
        const echo = () => client.callTool({ name: "echo", arguments: { message: "still there" } })
        expect(JSON.stringify(yield* Effect.promise(echo))).toContain("still there")
        yield* poll(() => (asked.length > 0 ? true : undefined))
        expect(asked).toEqual(["connect near"])
        expect((yield* connect(first(taken))).getInstructions()).toBe("Words of session two.")
      }),
  )

  it.live("ends a server that OpenCode has left, and starts it when it is back", () =>
    Effect.gen(function* () {
      const { asked, log, taken } = yield* gateway(sdkV1())
      const about = (client: SdkClient) =>
        Effect.promise(async () => {
          const { structuredContent } = await client.callTool({ name: "process", arguments: {} })
          return Number(Object(structuredContent).pid)
        })
      const pid = yield* Effect.scoped(Effect.flatMap(connect(first(taken)), about))
      yield* poll(() => (isAlive(pid) ? undefined : true))
      yield* poll(() => log.find(({ message }) => message === "near: disabled"))
      expect(yield* about(yield* connect(first(taken)))).not.toBe(pid)
      expect(asked).toEqual([])
    }),
  )

  it.live("notices a sign-in that another program has kept", () =>
    Effect.gen(function* () {
      const { url: inner } = yield* sdkV2Http()
      const { url } = yield* front(inner, "of-opencode")
      const { asked, home, taken } = yield* gateway({ type: "remote", url })
      const refused = Effect.promise(() => handshake(first(taken)))
      expect(yield* refused).toContain("sign")
      const data = join(home, "data", "opencode")
      mkdirSync(data, { recursive: true })
      const stored = { near: { tokens: { accessToken: "of-opencode" }, serverUrl: url } }
      writeFileSync(join(data, "mcp-auth.json"), JSON.stringify(stored), { mode: 0o600 })
      yield* poll(() => (asked.includes("connect near") ? true : undefined))
      const { tools } = yield* Effect.flatMap(connect(first(taken)), (client) =>
        Effect.promise(() => client.listTools()),
      )
      expect(tools.map(({ name }) => name)).toContain("echo")
    }),
  )

  it.live("offers what a server offered last until its time has come, and then says that it failed", () =>
    Effect.gen(function* () {
      const home = realpathSync(yield* temporaryDirectory)
      const file = join(home, "server.ts")
      const { command, type } = sdkV1()
      const near = { type, command: [command[0], file, "stdio"] }
      writeFileSync(file, `await import(${JSON.stringify(command[1])})`)
      yield* Effect.gen(function* () {
        const { taken } = yield* gateway(near, {}, undefined, { home })
        yield* connect(first(taken))
      }).pipe(Effect.scoped)
      writeFileSync(file, "process.exit(7)")
      const over = Deferred.makeUnsafe<void>()
      const beginning = { greeted: () => undefined, asked: () => undefined, over: Deferred.await(over) }
      const { asked, log, taken } = yield* gateway(near, {}, undefined, { home, beginning })
      const client = yield* connect(first(taken))
      const { tools } = yield* Effect.promise(() => client.listTools())
      expect(tools.map(({ name }) => name)).toContain("echo")
      expect(log.map(({ message }) => message)).not.toContain("near: failed")
      yield* Deferred.succeed(over, undefined)
      yield* poll(() => (asked.length > 0 ? true : undefined))
      expect(asked).toEqual(["connect near"])
      expect(yield* Effect.promise(() => handshake(first(taken)))).toContain("code 7")
    }),
  )

  it.live("takes over the servers that are named, and leaves nothing when it ends", () =>
    Effect.gen(function* () {
      let endedAt = 0
      const { pid, url } = yield* Effect.gen(function* () {
        const { taken } = yield* gateway(sdkV1(), { far: sdkV1() }, ["near"])
        expect(taken.map(({ name }) => name)).toEqual(["near"])
        const client = yield* connect(first(taken))
        const about = yield* Effect.promise(() => client.callTool({ name: "process", arguments: {} }))
        // Who keeps a stream open does not keep the end waiting.
        const opening = { method: "POST", body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}' }
        const opened = yield* Effect.promise(() =>
          fetch(first(taken).url, { ...opening, headers: first(taken).headers }),
        )
        const session = { ...first(taken).headers, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" }
        const stream = yield* Effect.promise(() => fetch(first(taken).url, { headers: session }))
        expect(stream.status).toBe(200)
        // Nor does who never ends a request, which the server would wait for. It has read that before it answers another.
        const { port } = new URL(first(taken).url)
        const half = openSocket(Number(port), "127.0.0.1").on("error", () => undefined)
        yield* Effect.promise(() => new Promise<void>((resume) => half.write("POST /0 HTTP/1.1\r\n", () => resume())))
        yield* Effect.promise(() => fetch(first(taken).url).then((answer) => answer.text()))
        endedAt = performance.now()
        return { url: first(taken).url, pid: Object(about.structuredContent).pid }
      }).pipe(Effect.scoped, Effect.timeout("30 seconds"))
      // Such a request is given up by the server itself after ten seconds.
      expect(performance.now() - endedAt).toBeLessThan(8_000)
      expect(isAlive(pid)).toBe(false)
      expect(yield* Effect.promise(() => fetch(url).then(String, () => "nobody"))).toBe("nobody")
    }),
  )
})

test("the progress of a call is shown once it lasts, and then every three seconds", () => {
  const shown: Array<string> = []
  let now = 0
  const told = { log: () => undefined, toast: ({ message }: Toast) => void shown.push(message) }
  const mask = (text: string) => text.replaceAll("hunter2", "***")
  const step = Tell.progress(told, mask, () => now)("near: build")
  const message = "compiling\u001b[2J hunter2\nAnswer at http://evil.example"
  for (now = 0; now <= 7_000; now += 1_000) step({ progress: now / 1_000, total: 7, message })
  const said = '"compiling\\u{1b}[2J *** Answer at http://evil.example"'
  expect(shown).toEqual([`3 of 7: ${said}`, `6 of 7: ${said}`])
})

test("what servers log stays on its line, and a flood of it is counted and not kept", async () => {
  const entries: Array<LogEntry> = []
  let write: () => void = () => undefined
  const written = new Promise<void>((resolve) => (write = resolve))
  const { log } = Tell.make({
    app: { log: ({ body }) => (entries.push(body), written) },
    tui: { showToast: nobody },
    mcp: { connect: nobody, disconnect: nobody },
    session: { create: nobody, prompt: nobody, abort: nobody, delete: nobody },
  })
  const forged = "one\nERROR 2026-01-01 service=auth\u001b[31m two"
  for (let at = 0; at < 10_000; at += 1) log("info", forged, { logger: forged, count: at })
  const settled = () => new Promise<void>((resolve) => void setImmediate(resolve))
  await settled()
  expect(entries).toHaveLength(256)
  const line = "one\\u{a}ERROR 2026-01-01 service=auth\\u{1b}[31m two"
  expect(entries[0]).toMatchObject({ message: line, extra: { logger: line, count: 0 } })
  write()
  await settled()
  expect(entries.at(-1)?.message).toBe("9744 lines came quicker than they could be written, and are lost")
})
