import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { it } from "../src/effect.ts"
import { recordVariable } from "../src/peers/record-file.ts"
import { fileRecord } from "../src/recording.ts"
import { describe, expect } from "../src/runner.ts"

/** Writes two lines, the second so shortly after the first that a watcher may take them for one. */
const writer = `
  const { appendFileSync } = require("node:fs")
  const keep = (event) => appendFileSync(process.env.${recordVariable}, JSON.stringify({ event }) + "\\n")
  keep("first")
  const began = performance.now()
  while (performance.now() - began < Number(process.argv[1])) continue
  keep("last")
  process.stdin.resume()
`

describe("a record that a process writes", () => {
  it.live.each([0, 0.2, 0.4, 0.6, 0.8, 1])("tells its last line, %s ms after the one before it", (gap) =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn("node", ["-e", writer, String(gap)], {
            env: { ...process.env, [recordVariable]: record.path },
            stdio: ["pipe", "ignore", "inherit"],
          }),
        ),
        (started) => Effect.sync(() => started.kill("SIGKILL")),
      )
      yield* record.first((line) => "event" in line && line.event === "last")
      expect(record.events()).toEqual(["first", "last"])
      expect(child.exitCode).toBe(null)
    }),
  )
})
