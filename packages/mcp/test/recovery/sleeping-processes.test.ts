/** X6 with the servers that the protocol's maintainers publish: no process while they sleep, and everything as before. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { everything, memory } from "@opencode-ai/testing/peers/published"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import { join } from "node:path"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())
const minute = 60_000

/** The process of a server; `undefined` while it sleeps. */
const pidOf = Effect.fnUntraced(function* (server: string) {
  const mcp = yield* Mcp
  return (yield* mcp.servers).find(({ name }) => name === server)?.pid
})

/** What it was asked when it was connected is answered first: the server's time is not the test's. */
const idle = Effect.fnUntraced(function* (server: string) {
  const { live } = yield* (yield* Mcp).connection(server)
  yield* poll(() => (live()?.catalog.isReading() === false ? live()?.session.idle() : undefined))
})

/** Lets a server fall asleep, and gives the process that it had. */
const asleep = Effect.fnUntraced(function* (server: string) {
  const pid = (yield* pidOf(server)) ?? 0
  expect(isAlive(pid)).toBe(true)
  yield* idle(server)
  yield* TestClock.adjust(minute)
  expect(yield* pidOf(server)).toBe(undefined)
  yield* poll(() => (isAlive(pid) ? undefined : pid))
  return pid
})

it.effect(
  "server-memory is gone while it sleeps, and knows what it knew when a call wakes it",
  () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("memory", { ...memory(join(yield* temporaryDirectory, "graph.json")), sleep: minute }))
      const offered = yield* mcp.tools()
      const entities = [{ name: "Ada", entityType: "person", observations: ["counts"] }]
      yield* mcp.callTool("memory", "create_entities", { entities })
      const pids = new Set<number>()
      for (let nap = 0; nap < 3; nap++) {
        pids.add(yield* asleep("memory"))
        expect(yield* mcp.tools()).toBe(offered)
        const graph = yield* mcp.callTool("memory", "read_graph")
        expect(JSON.stringify(graph)).toContain("counts")
        expect(isAlive((yield* pidOf("memory")) ?? 0)).toBe(true)
      }
      expect(pids.size).toBe(3)
      yield* mcp.remove("memory")
    }),
  60_000,
)

it.effect(
  "server-everything is woken by fifty calls at once as one process, while its last one is still ending",
  () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { wires } = yield* Recordings
      yield* mcp.add(config("everything", { ...everything, sleep: minute }))
      yield* mcp.setLevel("everything", "error")
      const offered = { tools: yield* mcp.tools(), prompts: yield* mcp.prompts(), resources: yield* mcp.resources() }
      const pid = (yield* pidOf("everything")) ?? 0
      yield* idle("everything")
      yield* TestClock.adjust(minute)
      expect(yield* pidOf("everything")).toBe(undefined)
      const calls = Array.from({ length: 50 }, (_, n) => n)
      const results = yield* Effect.forEach(calls, (n) => mcp.callTool("everything", "echo", { message: `${n}` }), {
        concurrency: "unbounded",
      })
      for (const n of calls) expect(results[n]).toMatchObject({ content: [{ text: `Echo: ${n}` }] })
      expect(isAlive(pid)).toBe(false)
      expect(wires("everything").length).toBe(2)
      expect(wires("everything").at(-1)?.messages("sent", "logging/setLevel").length).toBe(1)
      yield* mcp.ping("everything")
      expect(yield* mcp.tools()).toEqual(offered.tools)
      expect(yield* mcp.prompts()).toEqual(offered.prompts)
      expect(yield* mcp.resources()).toEqual(offered.resources)
    }),
  60_000,
)
