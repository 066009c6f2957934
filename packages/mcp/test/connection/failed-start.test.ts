/** A start that fails is told at once, whatever its teardown takes; and the next one does not run beside it. */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"

const { live } = testEffect(testMcp())

describe("a server that answers nothing and has to be killed", () => {
  live(
    "is failed while it still runs, and is gone before it is started again",
    () =>
      Effect.gen(function* () {
        const pidFile = join(yield* temporaryDirectory, "pid")
        const deaf = rawStdio({
          ignoreEnd: true,
          ignoreSigterm: true,
          on: { initialize: [{ do: "spawn", pidFile, setsid: true, ignoreSigterm: true }] },
        })
        const mcp = yield* Mcp
        /** Whether the process of an attempt was alive when its failure was told. */
        const alive: Array<boolean> = []
        const pids: Array<number> = []
        mcp.listen(({ data, type }) => {
          if (type !== "mcp.status.changed" || data.status !== "failed" || !existsSync(pidFile)) return
          const pid = Number(readFileSync(pidFile, "utf8"))
          rmSync(pidFile)
          if (pids.length > 0) expect(pids.some(isAlive)).toBe(false)
          pids.push(pid)
          alive.push(isAlive(pid))
        })
        const first = yield* mcp.add(config("deaf", { ...deaf, timeout: 2_000 }))
        expect(first).toMatchObject({ status: "failed" })
        yield* mcp.connect("deaf")
        yield* mcp.disconnect("deaf")
        expect(alive).toEqual([true, true])
        expect(pids.some(isAlive)).toBe(false)
      }),
    30_000,
  )
})
