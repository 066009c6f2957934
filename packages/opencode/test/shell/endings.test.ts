/** How a shell ends, and that nothing of it stays; and what one bad server costs the others. */
import { it } from "@opencode-ai/testing/effect"
import { everything, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { fileRecord, recordTo, temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { startShell } from "./client.ts"

const long = { op: "call", server: "everything", tool: "trigger-long-running-operation" }

/** A server whose every call hangs, which ignores the end of its input and SIGTERM, and leaves a grandchild. */
const stubborn = (pidFile: string) =>
  rawStdio({
    ignoreSigterm: true,
    ignoreEnd: true,
    start: [{ do: "spawn", pidFile, ignoreSigterm: true }],
    on: { "tools/call": [] },
  })

it.live("at the end of its input it answers what it was asked, and then closes every server", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { everything, hangs: rawStdio({ on: { initialize: [] } }) } })
    shell.send({ id: 1, ...long, args: { duration: 1, steps: 2 } }, { id: 2, op: "tools", server: "everything" })
    shell.end()
    expect((yield* shell.reply(1)).ok).toBe(true)
    expect((yield* shell.reply(2)).ok).toBe(true)
    expect(yield* shell.exit).toBe(0)
    expect(shell.processes()).toEqual([])
  }),
)

it.live(
  "exit cancels what is in flight, and is answered last, once everything is closed",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const shell = yield* startShell({ servers: { everything, stubborn: stubborn(join(directory, "pid")) } })
      yield* shell.ask({ id: 0, op: "tools" })
      expect(shell.processes().length).toBe(3)
      shell.send({ id: 1, ...long, args: { duration: 60 } }, { id: 2, op: "call", server: "stubborn", tool: "echo" })
      shell.send({ id: "end", op: "exit" }, { id: 3, op: "status" })
      expect((yield* shell.reply("end")).result).toBe(true)
      expect(shell.processes()).toEqual([])
      expect((yield* shell.reply(1)).error?.tag).toBe("Cancelled")
      expect((yield* shell.reply(2)).error?.tag).toBe("Cancelled")
      expect(yield* shell.exit).toBe(0)
      expect(shell.said.at(-1)?.id).toBe("end")
    }),
  30_000,
)

it.live(
  "SIGINT in a call closes everything, and the exit code is 130",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const shell = yield* startShell({ servers: { everything, stubborn: stubborn(join(directory, "pid")) } })
      yield* shell.ask({ id: 0, op: "tools" })
      shell.send({ id: 1, ...long, args: { duration: 60, steps: 600 } })
      yield* shell.event("mcp.progress", "everything")
      shell.child.kill("SIGINT")
      expect(yield* shell.exit).toBe(130)
      expect(shell.processes()).toEqual([])
    }),
  30_000,
)

it.live(
  "a reader that goes away ends it, and nothing stays",
  () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { everything } })
      yield* shell.ask({ id: 0, op: "tools" })
      shell.send({ id: 1, ...long, args: { duration: 60, steps: 600 } })
      yield* shell.event("mcp.progress", "everything")
      shell.child.stdout?.destroy()
      yield* shell.exit
      expect(shell.processes()).toEqual([])
    }),
  30_000,
)

it.live(
  "ten servers, of which one hangs and one crashes: the eight others work in their own time",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const good = ["a", "b", "c", "d", "e"]
      const crash = rawStdio({
        on: {
          initialize: [
            { do: "stderr", text: "boom\n" },
            { do: "exit", code: 3 },
          ],
        },
      })
      const shell = yield* startShell({
        servers: {
          hangs: rawStdio({ on: { initialize: [] } }),
          crashes: crash,
          ...Object.fromEntries(good.map((name) => [name, rawStdio()])),
          everything,
          files: filesystem(directory),
          memory: memory(join(directory, "memory.json")),
        },
      })
      for (const server of good) {
        const { result } = yield* shell.ask({ id: server, op: "call", server, tool: "echo", args: { server } })
        expect(result.content[0].text).toBe(JSON.stringify({ server }))
      }
      for (const server of ["everything", "files", "memory"]) {
        expect((yield* shell.ask({ id: server, op: "tools", server })).result.length).toBeGreaterThan(0)
      }
      yield* shell.event("mcp.status.changed", "crashes", ({ status }) => status === "failed")
      const { result } = yield* shell.ask({ id: 1, op: "status" })
      expect(result.hangs).toEqual({ status: "pending" })
      expect(result.crashes.status).toBe("failed")
      expect(result.crashes.error).toContain("boom")
      expect(Object.values(result).filter((each) => JSON.stringify(each) === '{"status":"connected"}').length).toBe(8)
      // Who asks for all waits for the one that hangs; it can be told to stop.
      shell.send({ id: "all", op: "tools" })
      expect((yield* shell.ask({ id: 2, op: "disconnect", server: "hangs" })).result).toEqual({ status: "disabled" })
      const all = (yield* shell.reply("all")).result
      expect(new Set(all.map((tool: { server: string }) => tool.server)).size).toBe(8)
      shell.end()
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  30_000,
)

it.live("a server that dies in a call ends that call, and no other server notices", () =>
  Effect.gen(function* () {
    const dies = rawStdio({ on: { "tools/call": [{ do: "signal", signal: "SIGKILL" }] } })
    const shell = yield* startShell({ servers: { dies, raw: rawStdio() } })
    expect((yield* shell.ask({ id: 1, op: "call", server: "dies", tool: "echo" })).error?.tag).toBe("Transport")
    expect((yield* shell.ask({ id: 2, op: "call", server: "raw", tool: "echo" })).ok).toBe(true)
    expect((yield* shell.event("mcp.status.changed", "dies", ({ attempt }) => attempt === 1)).data.error).toContain(
      "SIGKILL",
    )
    // It is started again by itself.
    expect((yield* shell.ask({ id: 3, op: "call", server: "dies", tool: "echo" })).error?.tag).toBe("Transport")
  }),
)

it.live("a configuration that cannot be parsed ends it with 2, and says where", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ text: '{ "mcp": nope }' })
    expect(yield* shell.exit).toBe(2)
    expect(shell.stderr()).toContain("servers.json:1:")
  }),
)

const isAnswer = (message: unknown) => JSON.stringify(message).includes('"id":"heard"')

it.live("who does not read loses log messages and is told how many, and loses no reply", () =>
  Effect.gen(function* () {
    const record = yield* fileRecord
    const params = { level: "info", data: "$params" }
    const log = { do: "send", message: { jsonrpc: "2.0", method: "notifications/message", params } } as const
    const result = { do: "result", result: { content: [{ type: "text", text: "done" }] } } as const
    const heard = { do: "ask", id: "heard", method: "ping" } as const
    const on = { "tools/call": [...Array.from({ length: 12 }, () => log), result, heard] }
    const shell = yield* startShell({ servers: { chatty: recordTo(record, rawStdio({ on })) }, reads: false })
    const args = { long: "x".repeat(1_000_000) }
    shell.send({ id: 1, op: "call", server: "chatty", tool: "echo", args })
    // The shell has taken everything before it answers the server.
    yield* record.first((line) => "direction" in line && line.direction === "sent" && isAnswer(line.message))
    shell.read()
    expect((yield* shell.reply(1)).ok).toBe(true)
    const { data } = yield* shell.event("mcp.warning", "chatty")
    const lost = Number(/^(\d+) events were dropped.* \1 mcp\.log$/.exec(data.message)?.[1])
    expect(lost).toBeGreaterThan(2)
    expect(shell.said.filter(({ event }) => event === "mcp.log").length).toBe(12 - lost)
  }),
)
