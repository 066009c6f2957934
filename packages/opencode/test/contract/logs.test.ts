import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "../cli/program.ts"

const dying = rawStdio({
  start: [
    { do: "stderr", text: "no licence\n" },
    { do: "exit", code: 4 },
  ],
})
const why = /s is not connected \(failed\): .*exited with code 4/

describe("logs of a server that cannot be reached", () => {
  it.live("are what it said, and the exit code says that it could not be reached", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const said = yield* mcp({ s: dying }, ["logs", "s"])
      expect([said.code, said.stdout]).toEqual([3, "s\tstderr\tno licence\n"])
      expect(said.stderr).toMatch(why)
      const machine = yield* mcp({ s: dying }, ["logs", "s", "--level", "info", "--json"])
      expect([machine.code, json(machine)]).toEqual([3, [{ source: "stderr", server: "s", line: "no licence" }]])
    }),
  )

  it.live("are not waited for", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stderr, stdout } = yield* mcp({ s: dying }, ["logs", "s", "--follow"])
      expect([code, stdout]).toEqual([3, "s\tstderr\tno licence\n"])
      expect(stderr).toMatch(why)
      expect(stderr.match(/is not connected/g)).toHaveLength(1)
    }),
  )

  it.live("do not fail the logs of the others", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stderr } = yield* mcp({ s: dying, good: rawStdio({}) }, ["logs"])
      expect(code).toBe(0)
      expect(stderr).toContain("s is left out")
    }),
  )
})
