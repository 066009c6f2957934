import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import type { LocalPeer } from "@opencode-ai/testing/peers/launch"
import { poll } from "@opencode-ai/testing/polling"
import { rawStdio, type RawScript } from "@opencode-ai/testing/peers/raw-stdio"
import { fileRecord, recordTo, temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Mcp, Method } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { local } from "../support/stdio.ts"

const deaf = { ignoreEnd: true, ignoreSigterm: true } as const

/** A server in few bytes, so that there can be many: it answers `initialize`, and heeds nothing. */
const deafShell: LocalPeer = {
  type: "local",
  command: [
    "sh",
    "-c",
    `trap "" TERM
    read -r line
    id=\${line##*\\"id\\":}; id=\${id%%[,\\}]*}
    result='{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"deaf","version":"1"}}'
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$result"
    exec sleep 120`,
  ],
}

/** The process ids of the grandchildren that a script starts. */
const grandchildren = Effect.map(temporaryDirectory, (directory) => {
  const file = (name: string) => join(directory, name)
  const actions = [
    { do: "spawn", pidFile: file("plain") },
    { do: "spawn", pidFile: file("left"), setsid: true },
    { do: "spawn", pidFile: file("stubborn"), ignoreSigterm: true },
    { do: "spawn", pidFile: file("both"), setsid: true, ignoreSigterm: true },
  ] as const
  const pids = () => actions.map(({ pidFile }) => Number(readFileSync(pidFile, "utf8")))
  return { actions, pids, started: () => actions.every(({ pidFile }) => existsSync(pidFile)) }
})

const alive = (pids: ReadonlyArray<number>) => pids.map(isAlive)
const all = (value: boolean) => [value, value, value, value]

describe("closing the Scope of a local server leaves no process", () => {
  const servers: ReadonlyArray<{ readonly name: string; readonly script: RawScript }> = [
    { name: "of one that ends with its stdin", script: {} },
    { name: "of one that ignores the end of stdin", script: { ignoreEnd: true } },
    { name: "of one that ignores SIGTERM too", script: deaf },
    {
      name: "of one that does not read",
      script: { on: { "notifications/initialized": [{ do: "wait", ms: 60_000 }] } },
    },
  ]
  it.live.each(servers)("%s: children in the group, out of it, and deaf ones", ({ script }) =>
    Effect.gen(function* () {
      const { actions, pids } = yield* grandchildren
      const scope = yield* Scope.make()
      const { session } = yield* Scope.provide(local(rawStdio({ ...script, start: actions })), scope)
      const server = session.pid ?? 0
      expect([isAlive(server), ...alive(pids())]).toEqual([true, ...all(true)])
      yield* Scope.close(scope, Exit.void)
      expect([isAlive(server), ...alive(pids())]).toEqual([false, ...all(false)])
    }),
  )

  it.live("closes stdin first, and asks by signal only who does not heed that", () =>
    Effect.gen(function* () {
      const heeds = yield* fileRecord
      const ignores = yield* fileRecord
      yield* Effect.scoped(local(recordTo(heeds, rawStdio()), { grace: { stdin: 5_000, term: 5_000 } }))
      yield* Effect.scoped(local(recordTo(ignores, rawStdio({ ignoreEnd: true }))))
      expect(heeds.events()).toEqual(["eof"])
      expect(ignores.events()).toEqual(["eof", "SIGTERM"])
    }),
  )

  it.live("while the handshake runs", () =>
    Effect.gen(function* () {
      const { actions, pids, started } = yield* grandchildren
      const record = yield* fileRecord
      const peer = recordTo(record, rawStdio({ ...deaf, start: actions, on: { initialize: [] } }))
      const fiber = yield* start(Effect.scoped(local(peer)))
      yield* record.first((line) => "message" in line)
      expect(started()).toBe(true)
      yield* Fiber.interrupt(fiber)
      expect(alive(pids())).toEqual(all(false))
    }),
  )

  const refused: ReadonlyArray<{ readonly name: string; readonly script: RawScript }> = [
    { name: "an unknown revision", script: { protocolVersion: "1999-01-01" } },
    { name: "an error", script: { on: { initialize: [{ do: "error", code: -1, message: "no" }] } } },
    { name: "silence", script: { on: { initialize: [] } } },
    { name: "its exit", script: { on: { initialize: [{ do: "exit", code: 1 }] } } },
  ]
  it.effect.each(refused)("after a handshake that failed by %s", ({ name, script }) =>
    Effect.gen(function* () {
      const { actions, pids, started } = yield* grandchildren
      const failed = yield* start(failure(Effect.scoped(local(rawStdio({ ...deaf, ...script, start: actions })))))
      yield* poll(() => (started() ? true : undefined))
      // However long it took to start, it has as long as it may have to answer.
      if (name === "silence") yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(failed)
      expect(alive(pids())).toEqual(all(false))
    }),
  )

  it.live("of one that crashed, in its group and out of it", () =>
    Effect.gen(function* () {
      const { actions, pids } = yield* grandchildren
      const scope = yield* Scope.make()
      const script = { start: actions, on: { "tools/call": [{ do: "signal", signal: "SIGKILL" }] } } as const
      const { session } = yield* Scope.provide(local(rawStdio(script)), scope)
      yield* failure(session.request(Method.callTool, { name: "echo" }))
      yield* Scope.close(scope, Exit.void)
      expect(alive(pids())).toEqual(all(false))
    }),
  )

  it.live("whose grandchild holds its output open: its end is noticed all the same", () =>
    Effect.gen(function* () {
      const code = `
        const { spawn } = require("node:child_process")
        const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "inherit" })
        process.stderr.write("child " + child.pid + "\\n")
        process.stdin.once("data", () => process.exit(5))`
      const { message } = yield* failure(Effect.scoped(local({ type: "local", command: ["node", "-e", code] })))
      expect(message).toContain("exited with code 5")
      const [, pid] = /child (\d+)/.exec(message) ?? []
      expect(isAlive(Number(pid))).toBe(false)
    }),
  )
})

describe("closing many", () => {
  /** Connects so many servers that heed neither the end of stdin nor SIGTERM, closes them, and says how long that took. */
  const closing = (count: number) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const mcp = Context.get(yield* Layer.buildWithScope(testMcp(), scope), Mcp)
      const names = Array.from({ length: count }, (_, at) => `server-${at}`)
      const statuses = yield* Effect.forEach(names, (name) => mcp.add(config(name, deafShell)), {
        concurrency: "unbounded",
      })
      expect(statuses.filter(({ status }) => status !== "connected")).toEqual([])
      const pids = (yield* mcp.servers).map(({ pid }) => pid ?? 0)
      expect(pids.every(isAlive)).toBe(true)
      const [elapsed] = yield* Effect.timed(Scope.close(scope, Exit.void))
      expect(pids.some(isAlive)).toBe(false)
      return Duration.toMillis(elapsed)
    })

  it.live(
    "takes about as long as closing one: fifty that have to be killed end in parallel",
    () =>
      Effect.gen(function* () {
        const one = yield* closing(1)
        const fifty = yield* closing(50)
        // One after the other would take fifty times as long; what is above one is this machine's own work.
        expect(fifty).toBeLessThan(10 * one)
      }),
    120_000,
  )

  it.effect(
    "in every state leaves nothing: connected, starting, failed, replaced",
    () =>
      Effect.gen(function* () {
        const { actions, pids, started } = yield* grandchildren
        const scope = yield* Scope.make()
        const mcp = Context.get(yield* Layer.buildWithScope(testMcp(), scope), Mcp)
        const entry = (at: number, script: RawScript = {}) => rawStdio({ ...script, start: actions.slice(at, at + 1) })
        const silent = { on: { initialize: [] } }
        yield* mcp.add(config("connected", entry(0)))
        yield* start(mcp.add(config("starting", { ...entry(1, silent), timeout: { startup: 600_000 } })))
        const failed = yield* start(mcp.add(config("failed", { ...entry(2, silent), timeout: { startup: 2_000 } })))
        yield* mcp.add(config("replaced", entry(3)))
        yield* mcp.add(config("replaced", rawStdio()))
        yield* poll(() => (started() ? true : undefined))
        yield* TestClock.adjust("2 seconds")
        expect((yield* Fiber.join(failed)).status).toBe("failed")
        yield* Scope.close(scope, Exit.void)
        expect(alive(pids())).toEqual(all(false))
      }),
    60_000,
  )

  it.live("while it lives, disconnecting and removing leave nothing either, and are over when that is so", () =>
    Effect.gen(function* () {
      const { actions, pids } = yield* grandchildren
      const scope = yield* Scope.make()
      const mcp = Context.get(yield* Layer.buildWithScope(testMcp(), scope), Mcp)
      for (const [at, end] of [mcp.disconnect, mcp.remove].entries()) {
        yield* mcp.add(config("a", rawStdio({ ...deaf, start: actions.slice(2 * at, 2 * at + 2) })))
        const mine = () => actions.slice(2 * at, 2 * at + 2).map(({ pidFile }) => Number(readFileSync(pidFile, "utf8")))
        expect(alive(mine())).toEqual([true, true])
        yield* end("a")
        expect(alive(mine())).toEqual([false, false])
      }
      yield* Scope.close(scope, Exit.void)
      expect(alive(pids())).toEqual(all(false))
    }),
  )
})
