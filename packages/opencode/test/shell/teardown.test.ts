/**
 * Under every ending nothing of a local server stays: neither itself, though it heeds neither the end of its input nor SIGTERM,
 * nor what it started, though that left its group (`setsid`) and heeds as little.
 */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio, type RawScript } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { type Shell, startShell } from "./client.ts"

/** One that is deaf, with a deaf grandchild in its group and one that left it: three processes. */
const stubborn = (directory: string, script: RawScript = {}) =>
  rawStdio({
    ignoreSigterm: true,
    ignoreEnd: true,
    start: [
      { do: "spawn", pidFile: join(directory, "child"), ignoreSigterm: true },
      { do: "spawn", pidFile: join(directory, "left"), ignoreSigterm: true, setsid: true },
    ],
    ...script,
  })

const rewrite = ({ config }: Shell, servers: object) => writeFileSync(config, JSON.stringify({ mcp: servers }))

/** A shell with a deaf server, of which everything runs. */
const running = (script: RawScript = {}) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const shell = yield* startShell({ servers: { deaf: stubborn(directory, script) } })
    yield* shell.event("mcp.status.changed", "deaf", ({ status }) => status === "connected")
    expect(shell.processes().length).toBe(3)
    return shell
  })

describe("while the shell goes on", () => {
  const other = rawStdio()
  const endings: ReadonlyArray<{
    readonly name: string
    readonly left: number
    readonly end: (shell: Shell) => Effect.Effect<unknown>
  }> = [
    { name: "disconnect", left: 0, end: (shell) => shell.ask({ id: 1, op: "disconnect", server: "deaf" }) },
    { name: "remove", left: 0, end: (shell) => shell.ask({ id: 1, op: "remove", server: "deaf" }) },
    {
      name: "add, in its place",
      left: 1,
      end: (shell) => shell.ask({ id: 1, op: "add", name: "deaf", config: other }),
    },
    {
      name: "reload of a configuration without it",
      left: 0,
      end: (shell) =>
        Effect.suspend(() => {
          rewrite(shell, {})
          // It is answered with what differs; what is gone from the configuration is ended meanwhile.
          return Effect.andThen(
            shell.ask({ id: 1, op: "reload" }),
            poll(() => (shell.processes().length === 0 ? true : undefined)),
          )
        }),
    },
    {
      name: "reload of a configuration with another in its place",
      left: 1,
      end: (shell) =>
        Effect.suspend(() => {
          rewrite(shell, { deaf: other })
          return Effect.andThen(
            shell.ask({ id: 1, op: "reload" }),
            shell.ask({ id: 2, op: "call", server: "deaf", tool: "echo" }),
          )
        }),
    },
  ]
  it.live.each(endings)(
    "nothing of a server stays after its %s",
    ({ end, left }) =>
      Effect.gen(function* () {
        const shell = yield* running()
        yield* end(shell)
        expect(shell.processes().length).toBe(left)
        shell.end()
        expect(yield* shell.exit).toBe(0)
        expect(shell.processes()).toEqual([])
      }),
    60_000,
  )

  it.live("nothing stays of a server whose handshake failed, nor of one that crashed", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const refuses = stubborn(directory, { on: { initialize: [{ do: "error", code: -1, message: "no" }] } })
      const crashes = stubborn(directory, { on: { initialize: [{ do: "exit", code: 1 }] } })
      const shell = yield* startShell({ servers: { refuses, crashes } })
      for (const name of ["refuses", "crashes"]) {
        yield* shell.event("mcp.status.changed", name, ({ status }) => status === "failed")
      }
      // It is told at once, and its processes are ended then.
      yield* poll(() => (shell.processes().length === 0 ? true : undefined))
      shell.end()
      expect(yield* shell.exit).toBe(0)
    }),
  )
})

describe("when the shell ends", () => {
  const signals: ReadonlyArray<{ readonly name: NodeJS.Signals; readonly code: number }> = [
    { name: "SIGINT", code: 130 },
    { name: "SIGTERM", code: 143 },
    { name: "SIGHUP", code: 129 },
  ]
  it.live.each(signals)("by %s, nothing stays, whatever is in flight", ({ code, name }) =>
    Effect.gen(function* () {
      const shell = yield* running({ on: { "tools/call": [] } })
      shell.send({ id: 1, op: "call", server: "deaf", tool: "echo" }, { id: 2, op: "disconnect", server: "deaf" })
      shell.child.kill(name)
      expect(yield* shell.exit).toBe(code)
      expect(shell.processes()).toEqual([])
    }),
  )

  it.live("by exit, or the end of its input, nothing stays", () =>
    Effect.gen(function* () {
      const first = yield* running()
      expect((yield* first.ask({ id: 1, op: "exit" })).result).toBe(true)
      expect(first.processes()).toEqual([])
      const second = yield* running()
      second.end()
      expect(yield* second.exit).toBe(0)
      expect(second.processes()).toEqual([])
    }),
  )

  it.live("by SIGKILL, a server that heeds its stdin ends by itself, and the next shell ends what does not", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const killed = yield* startShell({ servers: { deaf: stubborn(directory), heeds: sdkV1() } })
      for (const name of ["deaf", "heeds"]) {
        yield* killed.event("mcp.status.changed", name, ({ status }) => status === "connected")
      }
      expect(killed.processes().length).toBe(4)
      killed.child.kill("SIGKILL")
      yield* killed.exit
      yield* poll(() => (killed.processes().length === 3 ? true : undefined))
      const next = yield* running()
      yield* poll(() => (killed.processes().length === 0 ? true : undefined))
      // What is its own lives on.
      expect(next.processes().length).toBe(3)
      next.end()
      expect(yield* next.exit).toBe(0)
      expect(next.processes()).toEqual([])
    }),
  )
})
