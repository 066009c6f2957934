/** X6: what becomes of those that share a server when its owner, one of them, or the server ends. */
import * as Effect from "effect/Effect"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { meeting, type Program } from "./programs.ts"

const pidOf = (program: Program) => Effect.map(program.call("process"), ({ pid }): number => pid)
const knownPid = (program: Program) => Effect.map(program.does("servers"), ([server]): number => server.pid)

/** Waits until a program has noticed that its server is gone. */
const lost = ({ first }: Program) =>
  first(({ data, event }) => event === "mcp.status.changed" && data.attempt !== undefined)

describe("when the owner of a server", () => {
  it.live("is killed, the others go on with a new process, one for all, and the old one is gone", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const owner = yield* start(sdkV2())
      const others = yield* Effect.all([start(sdkV2()), start(sdkV2())], { concurrency: 2 })
      const before = yield* pidOf(owner)
      const hanging = others[0]!.begin("call", { tool: "hang" })
      yield* others[0]!.first(({ event }) => event === "mcp.progress")
      owner.kill("SIGKILL")
      expect(yield* Effect.flip(hanging.result)).toContain(`process ${owner.pid}, which ran the server`)
      const pids = yield* Effect.all(others.map(pidOf), { concurrency: 2 })
      expect(new Set(pids).size).toBe(1)
      expect(pids[0]).not.toBe(before)
      expect(isAlive(before)).toBe(false)
      expect(isAlive(pids[0] ?? 0)).toBe(true)
    }),
  )

  it.live("is killed with a server that heeds nothing, that is gone before the next one is started", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const entry = { ...rawStdio({ ignoreEnd: true, ignoreSigterm: true }), inheritEnvironment: false }
      const owner = yield* start(entry)
      const other = yield* start(entry)
      const before = yield* knownPid(owner)
      owner.kill("SIGKILL")
      yield* lost(other)
      yield* other.call("echo", { message: "still there" })
      expect(isAlive(before)).toBe(false)
      expect(yield* knownPid(other)).not.toBe(before)
    }),
  )

  it.live("ends, or disconnects it, the others go on; and it may come back as one of them", () =>
    Effect.gen(function* () {
      const { directory, start } = yield* meeting
      const owner = yield* start(sdkV2())
      const other = yield* start(sdkV2())
      const before = yield* pidOf(other)
      yield* owner.does("disconnect")
      const next = yield* pidOf(other)
      expect(next).not.toBe(before)
      expect(isAlive(before)).toBe(false)
      yield* owner.does("connect")
      expect(yield* pidOf(owner)).toBe(next)
      yield* other.end
      expect(isAlive(next)).toBe(false)
      expect(isAlive(yield* pidOf(owner))).toBe(true)
      yield* owner.end
      expect(readdirSync(directory)).toEqual([])
    }),
  )

  it.live("says what it wished again to the next server: subscriptions and log level", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const owner = yield* start(sdkV2())
      const other = yield* start(sdkV2())
      yield* other.does("subscribe", "test://text")
      yield* other.does("setLevel", "error")
      owner.kill("SIGKILL")
      yield* lost(other)
      yield* other.call("touch", { uri: "test://text" })
      yield* other.first(({ event }) => event === "mcp.resource.updated")
      expect((yield* other.call("recorded")).counts["logging/setLevel"]).toBe(1)
    }),
  )
})

describe("when a program that uses the server of another", () => {
  it.live("is killed, its calls are cancelled at the server, and its wishes given up", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const owner = yield* start(sdkV2())
      const other = yield* start(sdkV2())
      const pid = yield* pidOf(owner)
      yield* other.does("subscribe", "test://text")
      const hanging = other.begin("call", { tool: "hang" })
      yield* other.first(({ event }) => event === "mcp.progress")
      other.kill("SIGKILL")
      yield* other.ended
      yield* Effect.gen(function* () {
        const { counts } = yield* owner.call("recorded")
        return counts["notifications/cancelled"] === 1 && counts["resources/unsubscribe"] === 1
      }).pipe(Effect.repeat({ until: (isDone) => isDone }))
      expect(hanging.id).toBeGreaterThan(0)
      expect(yield* pidOf(owner)).toBe(pid)
    }),
  )

  it.live("is idle, and the owner is: the server sleeps when neither has used it, and one call wakes it for both", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const entry = { ...sdkV2(), sleep: 300 }
      const owner = yield* start(entry)
      const other = yield* start(entry)
      const before = yield* pidOf(other)
      const hanging = other.begin("call", { tool: "hang" })
      yield* other.first(({ event }) => event === "mcp.progress")
      // The owner has been idle for much longer than it takes to fall asleep.
      yield* Effect.forEach(Array.from({ length: 40 }), () => other.call("echo", { message: "x" }), { discard: true })
      expect(isAlive(before)).toBe(true)
      other.cancel(hanging)
      yield* poll(() => (isAlive(before) ? undefined : true))
      const pids = yield* Effect.all([pidOf(owner), pidOf(other)], { concurrency: 2 })
      expect(pids[0]).toBe(pids[1])
      expect(pids[0]).not.toBe(before)
    }),
  )
})

describe("when the server itself", () => {
  it.live("dies, all learn why, and one of them starts it again for all", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const record = yield* fileRecord
      const entry = recordTo(
        record,
        rawStdio({ on: { "resources/read": [{ do: "exit", code: 3 }] }, capabilities: { tools: {}, resources: {} } }),
      )
      const programs = [yield* start(entry), yield* start(entry)]
      const before = yield* knownPid(programs[0]!)
      const error = yield* Effect.flip(programs[1]!.does("read", "test://text"))
      expect(error).toContain("exited with code 3")
      for (const program of programs) expect(yield* program.call("echo", { message: "again" })).toContain("again")
      const pids = yield* Effect.all(programs.map(knownPid))
      expect(pids[0]).toBe(pids[1])
      expect(pids[0]).not.toBe(before)
      const inits = record.wire().messages("sent", "initialize")
      expect(inits.length).toBe(2)
    }),
  )

  it.live("cannot be started, each program is told why", () =>
    Effect.gen(function* () {
      const { directory, start } = yield* meeting
      const entry = { type: "local", command: [join(directory, "nothing")] }
      const programs = yield* Effect.all([start(entry), start(entry)], { concurrency: 2 })
      for (const program of programs) {
        const [server] = yield* program.does("servers")
        expect(server.status).toMatchObject({ status: "failed" })
        expect(server.status.error).toContain("no such program")
      }
    }),
  )
})
