/** What a program leaves behind that is killed before it can end its servers, and what is nobody's to end. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { abandoned, sweep } from "../../src/process/mark.ts"

/** The program with a server, once it says that it is connected. */
const program = (entry: object) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof spawn>>((resume) => {
      const file = fileURLToPath(new URL("killed-process.ts", import.meta.url))
      const child = spawn(process.execPath, [...process.execArgv, file, JSON.stringify(entry)], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      child.stdout.once("data", () => resume(Effect.succeed(child)))
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  )

const ended = (child: ReturnType<typeof spawn>) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

describe("what a killed program left behind", () => {
  it.live("is ended by the next one: the server that heeds nothing, and what left its group", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = (name: string) => join(directory, name)
      const start = [
        { do: "spawn", pidFile: file("group") },
        { do: "spawn", pidFile: file("left"), setsid: true, ignoreSigterm: true },
      ] as const
      const child = yield* program(rawStdio({ ignoreEnd: true, ignoreSigterm: true, start }))
      expect(start.every(({ pidFile }) => existsSync(pidFile))).toBe(true)
      const pids = start.map(({ pidFile }) => Number(readFileSync(pidFile, "utf8")))
      yield* sweep
      // It lives, and so does what is its own.
      expect(pids.map(isAlive)).toEqual([true, true])
      child.kill("SIGKILL")
      yield* ended(child)
      // Any other client on this machine that starts in this moment may have ended them before.
      yield* sweep
      expect(pids.map(isAlive)).toEqual([false, false])
    }),
  )
})

describe("of processes with a mark", () => {
  const row = (pid: number, started: string, mark = "") => ({ pid, parent: 1, group: pid, started, mark })
  const owner = row(10, "Mon Nov 16 10:00:00 2026")

  test("those are left behind whose owner is not there, or has given its id to a stranger", () => {
    const gone = row(20, "1", "here/11/5/a")
    const stranger = row(21, "1", "here/10/Mon_Nov_16_09:00:00_2026/a")
    const own = row(22, "1", "here/10/Mon_Nov_16_10:00:00_2026/a")
    const rows = [gone, stranger, own]
    expect(abandoned(rows, [owner, ...rows], "here").map(({ pid }) => pid)).toEqual([20, 21])
  })

  test("those are not that come from another container, or name no start time", () => {
    const rows = [row(20, "1", "there/11/5/a"), row(21, "1", "here/11//a"), row(22, "1", "nonsense")]
    expect(abandoned(rows, [owner, ...rows], "here")).toEqual([])
  })
})
