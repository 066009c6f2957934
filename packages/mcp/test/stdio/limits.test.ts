import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { Method } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { type Local, local } from "../support/stdio.ts"

const MiB = 1024 * 1024
const echo = { name: "echo", arguments: { a: 1 } }
const call = ({ session }: Local, options = {}) => session.request(Method.callTool, echo, options)
const answered = { content: [{ type: "text" as const, text: `{"a":1}` }] }

/** One call goes wrong, as the script says; every other request is answered rightly. */
const wrong = (actions: ReadonlyArray<object>, limit = 64 * 1024) =>
  local(rawStdio({ on: { "tools/call": actions as [] } }), { messageLimit: limit })

const works = ({ session }: Local) => Effect.map(session.request(Method.ping, {}), (pong) => expect(pong).toEqual({}))

describe("a large message", () => {
  it.live("of 24 MB arrives", () =>
    Effect.gen(function* () {
      const peer = yield* local(rawStdio({ on: { "tools/call": [{ do: "huge", bytes: 24_000_000 }] } }), {
        recorded: false,
      })
      const { content } = yield* call(peer)
      const [block] = content
      expect(block?.type === "text" ? block.text.length : 0).toBe(24_000_000)
      yield* works(peer)
    }),
  )

  it.live("of 4 MB is sent, read or not", () =>
    Effect.gen(function* () {
      const peer = yield* local(rawStdio(), { recorded: false })
      const text = "ü".repeat(2 * MiB)
      const { content } = yield* peer.session.request(Method.callTool, { name: "echo", arguments: { text } })
      expect(JSON.stringify(content).length).toBeGreaterThan(2 * MiB)
    }),
  )

  const x = "x".repeat(100_000)
  const lines = [
    { name: "its id at the head", text: `{"jsonrpc":"2.0","id":$id,"result":{"content":[],"x":"${x}"}}\n` },
    { name: "its id at the tail", text: `{"jsonrpc":"2.0","result":{"content":[],"x":"${x}"},"id":$id}\n` },
    { name: "another call's id inside", text: `{"result":{"id":1,"x":"${x}"},"id":$id,"jsonrpc":"2.0"}\n` },
  ]
  it.live.each(lines)("over the limit costs its own call alone: %s", ({ text }) =>
    Effect.gen(function* () {
      const peer = yield* wrong([{ do: "write", parts: [text] }])
      const { message, reason } = yield* failure(call(peer))
      expect(reason).toMatchObject({ _tag: "Transport" })
      expect(message).toContain("larger than the limit of 65536 bytes")
      expect(message).toContain(`"limits"`)
      yield* works(peer)
    }),
  )

  it.live("over the limit that is a request of the server's costs no call of ours", () =>
    Effect.gen(function* () {
      const text = `{"jsonrpc":"2.0","id":$id,"method":"sampling/createMessage","params":{"x":"${x}"}}\n`
      const peer = yield* wrong([
        { do: "write", parts: [text] },
        { do: "result", result: answered },
      ])
      expect(yield* call(peer)).toEqual(answered)
      expect(peer.warnings.some((warning) => warning.includes("larger than the limit"))).toBe(true)
    }),
  )

  it.live("over the limit in pieces of seven bytes", () =>
    Effect.gen(function* () {
      const script = {
        split: 7,
        on: { "tools/call": [{ do: "write", parts: [`{"result":{"x":"${"x".repeat(4_000)}"},"id":$id}\n`] }] },
      } as const
      const peer = yield* local(rawStdio(script), { messageLimit: 4_010 })
      expect((yield* failure(call(peer))).message).toContain("larger than the limit")
      yield* works(peer)
    }),
  )

  it.live("without an end, nor a word of whose it is, is bounded in memory, and its call ends at its deadline", () =>
    Effect.gen(function* () {
      const peer = yield* wrong([{ do: "endless" }], MiB)
      const before = process.memoryUsage().rss
      const { reason } = yield* failure(call(peer, { timeout: 700 }))
      expect(reason).toMatchObject({ _tag: "Timeout" })
      // A gigabyte passes in this time; a bounded reader keeps almost nothing of it.
      expect(process.memoryUsage().rss - before).toBeLessThan(300 * MiB)
    }),
  )
})

describe("bytes in any pieces", () => {
  it.live.each([1, 3, 1_021])("make the same messages: %s", (split) =>
    Effect.gen(function* () {
      const text = "żółw 🐢 漢字\n\u0000\\"
      const peer = yield* local(rawStdio({ split, instructions: text }))
      const { content } = yield* peer.session.request(Method.callTool, { name: "echo", arguments: { text } })
      expect(content).toEqual([{ type: "text", text: JSON.stringify({ text }) }])
      expect(peer.session.agreement.instructions).toBe(text)
    }),
  )

  it.live("may end in CRLF, and have empty lines between them", () =>
    Effect.gen(function* () {
      const line = `\r\n\n  \n{"jsonrpc":"2.0","id":$id,"result":{"content":[]}}\r\n\r\n`
      const peer = yield* wrong([{ do: "write", parts: [line] }])
      expect(yield* call(peer)).toEqual({ content: [] })
      expect(peer.warnings).toEqual([])
    }),
  )

  it.live("may come many in one piece, a half one last", () =>
    Effect.gen(function* () {
      const log = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n`
      const parts = [`${log.repeat(500)}{"jsonrpc":"2.0","id":$id,`, `"result":{"content":[]}}\n`]
      const peer = yield* wrong([
        { do: "write", parts: parts.slice(0, 1) },
        { do: "write", parts: parts.slice(1) },
      ])
      let seen = 0
      peer.notifications.listen("message", () => (seen += 1))
      yield* call(peer)
      expect(seen).toBe(500)
    }),
  )
})

describe("output that is no JSON-RPC", () => {
  it.live("is reported a few times and then no more, and hurts nobody", () =>
    Effect.gen(function* () {
      const junk = Array.from({ length: 100 }, (_, at) => `Listening on port ${at}…\n`)
      const peer = yield* wrong([
        { do: "write", parts: junk },
        { do: "result", result: answered },
      ])
      expect(yield* call(peer)).toEqual(answered)
      expect(peer.warnings.length).toBe(5)
      expect(peer.warnings[0]).toContain("Listening on port 0…")
      expect(peer.warnings[4]).toContain("not reported")
    }),
  )

  it.live("before the handshake is no obstacle", () =>
    Effect.gen(function* () {
      const start = [{ do: "write", parts: ["Welcome!\n\u001b[31mred\u001b[0m\n"] }] as const
      yield* works(yield* local(rawStdio({ start })))
    }),
  )

  it.live("may be invalid UTF-8, numbers, nulls and texts", () =>
    Effect.gen(function* () {
      const parts = [[0xff, 0xfe, 0x80, 0x0a], '1\nnull\n"text"\ntrue\n[]\n{}\n']
      const peer = yield* wrong([
        { do: "write", parts },
        { do: "result", result: answered },
      ])
      expect(yield* call(peer)).toEqual(answered)
    }),
  )

  it.live.each([10_000, 1_000_000])("nor what anybody could mean: an answer nested so deep: %s", (depth) =>
    Effect.gen(function* () {
      const peer = yield* local(rawStdio({ on: { "tools/call": [{ do: "nest", depth }] } }), { recorded: false })
      const outcome = yield* Effect.result(call(peer, { timeout: 1_000 }))
      // Read or refused: it is one call's matter.
      expect(["Success", "Failure"]).toContain(outcome._tag)
      yield* works(peer)
    }),
  )
})

describe("a server that never reads", () => {
  const large = { name: "echo", arguments: { text: "x".repeat(MiB) } }

  it.live("costs its own calls at their deadlines, and no more memory than is allowed", () =>
    Effect.gen(function* () {
      const code = `
        process.stdin.once("data", (chunk) => {
          process.stdin.pause()
          const id = JSON.parse(String(chunk).split("\\n")[0]).id
          const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "d", version: "1" } }
          process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n")
          setTimeout(() => process.exit(), 60_000)
        })`
      const peer = yield* local({ type: "local", command: ["node", "-e", code] }, { recorded: false })
      const before = process.memoryUsage().rss
      const one = failure(peer.session.request(Method.callTool, large, { timeout: 700 }))
      const errors = yield* Effect.forEach(Array.from({ length: 200 }), () => one, { concurrency: "unbounded" })
      expect(new Set(errors.map(({ reason }) => reason._tag))).toEqual(new Set(["Timeout"]))
      // 200 MB were asked for; what is written is bounded at a few, the rest was never made.
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * MiB)
      // Asking on costs nothing more.
      for (let at = 0; at < 50; at++) {
        expect((yield* failure(call(peer, { timeout: 1 }))).reason._tag).toBe("Timeout")
      }
    }),
  )

  it.live("and then reads gets what still waits, in order, and nothing that was given up", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const code = `
        const { appendFileSync } = require("node:fs")
        const keep = (line) => appendFileSync(process.env.MCP_PEER_RECORD, line + "\\n")
        let rest = ""
        let paused = false
        process.once("SIGUSR2", () => process.stdin.resume())
        setTimeout(() => process.exit(), 60_000)
        process.stdin.on("end", () => process.exit())
        process.stdin.on("data", (chunk) => {
          const lines = (rest + chunk).split("\\n")
          rest = lines.pop()
          for (const line of lines) {
            const message = JSON.parse(line)
            if (message.params?.arguments !== undefined) message.params.arguments = {}
            keep(JSON.stringify({ direction: "sent", message }))
            const send = (result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }) + "\\n")
            if (message.method === "initialize") {
              send({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } })
            } else if (message.id !== undefined) send({ content: [] })
            if (message.method === "notifications/initialized" && !paused) {
              paused = true
              process.stdin.pause()
            }
          }
        })`
      const peer = yield* local(recordTo(record, { type: "local", command: ["node", "-e", code] }), { recorded: false })
      yield* record.first((line) => "message" in line && Object(line.message).method === "notifications/initialized")
      const ask = (name: string) => peer.session.request(Method.callTool, { ...large, name })
      const calls = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, at) => `call-${at}`),
        (name) => start(ask(name)),
      )
      // Two that were never written are given up: they are neither sent nor cancelled.
      const [late, later] = calls.slice(-2)
      if (late !== undefined) yield* Fiber.interrupt(late)
      if (later !== undefined) yield* Fiber.interrupt(later)
      process.kill(peer.session.pid ?? 0, "SIGUSR2")
      yield* Effect.forEach(calls.slice(0, -2), Fiber.join)
      const names = record
        .wire()
        .messages("sent", "tools/call")
        .map(({ params }) => params?.name)
      expect(names).toEqual(Array.from({ length: 10 }, (_, at) => `call-${at}`))
      expect(record.wire().messages("sent", "notifications/cancelled")).toEqual([])
    }),
  )
})
