/** X6: a server with `sleep` has no process while nobody uses it, and the next command wakes it. */
import { it } from "@opencode-ai/testing/effect"
import { everything, memory } from "@opencode-ai/testing/peers/published"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { startShell } from "./client.ts"

const call = { op: "call", server: "memory", tool: "create_entities" }
const entity = (n: number) => ({ entities: [{ name: `e${n}`, entityType: "x", observations: [] }] })

it.live(
  "a server that sleeps is connected without a process, offers what it did, and is woken once by many calls",
  () =>
    Effect.gen(function* () {
      const graph = memory(join(yield* temporaryDirectory, "graph.json"))
      const shell = yield* startShell({ servers: { everything, memory: { ...graph, sleep: 300 } } })
      const tools = (yield* shell.ask({ id: "tools", op: "tools" })).result.filter(
        (tool: { readonly server: string }) => tool.server === "memory",
      )
      const gone = () => (shell.processes().some((line) => line.includes("server-memory")) ? undefined : true)
      const events = () =>
        shell.said.filter(
          ({ data, event }) => event !== undefined && event !== "mcp.stderr" && data.server === "memory",
        ).length
      yield* poll(gone)
      const before = events()
      const servers = (yield* shell.ask({ id: 1, op: "servers" })).result
      const [awake, asleep] = servers
      expect(awake).toMatchObject({ status: "connected", pid: expect.any(Number) })
      expect(asleep).toMatchObject({ status: "connected", tools: tools.length, protocolVersion: "2025-11-25" })
      expect(asleep.pid).toBe(undefined)
      expect((yield* shell.ask({ id: 2, op: "status" })).result.memory).toEqual({ status: "connected" })
      expect((yield* shell.ask({ id: 3, op: "tools", server: "memory" })).result).toEqual(tools)
      expect(gone()).toBe(true)

      const calls = Array.from({ length: 20 }, (_, n) => ({ id: `call ${n}`, ...call, args: entity(n) }))
      shell.send(...calls)
      for (const { id } of calls) expect((yield* shell.reply(id)).ok).toBe(true)
      yield* poll(gone)
      const read = yield* shell.ask({ id: 4, op: "call", server: "memory", tool: "read_graph" })
      expect(read.result.structuredContent.entities.length).toBeGreaterThan(0)
      expect(events()).toBe(before)

      // Disconnected in its sleep it stays so.
      yield* poll(gone)
      expect((yield* shell.ask({ id: 5, op: "disconnect", server: "memory" })).result.status).toBe("disabled")
      expect((yield* shell.ask({ id: 6, ...call, args: entity(0) })).error?.tag).toBe("NotConnected")
      expect((yield* shell.ask({ id: "end", op: "exit" })).result).toBe(true)
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  60_000,
)

it.live(
  "the end of its input ends a shell whose servers fall asleep or are being woken, and nothing stays",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const sleepy = (n: number) => ({ ...memory(join(directory, `${n}.json`)), sleep: 1 + 40 * n })
      const shell = yield* startShell({ servers: Object.fromEntries([0, 1, 2, 3, 4].map((n) => [`m${n}`, sleepy(n)])) })
      yield* shell.ask({ id: "tools", op: "tools" })
      const ask = (n: number) => ({ id: n, op: "call", server: `m${n % 5}`, tool: "read_graph" })
      for (let n = 0; n < 8; n++) expect(yield* shell.ask(ask(n))).toMatchObject({ ok: true })
      shell.send(...[20, 21, 22, 23, 24].map(ask))
      shell.end()
      for (const n of [20, 21, 22, 23, 24]) expect(yield* shell.reply(n)).toMatchObject({ ok: true })
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  60_000,
)
