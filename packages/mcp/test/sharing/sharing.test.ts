/** X6: several programs, one process of a server; and each of them as if it were alone. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { meeting } from "./programs.ts"

describe("two programs with a server that is shared", () => {
  it.live("have one process of it, and see it both", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const [one, other] = yield* Effect.all([start(sdkV2()), start(sdkV2())], { concurrency: 2 })
      const pids = yield* Effect.all([one.call("process"), other.call("process")], { concurrency: 2 })
      expect(pids[0].pid).toBe(pids[1].pid)
      const [mine, theirs] = yield* Effect.all([one.does("servers"), other.does("servers")])
      expect(mine[0].pid).toBe(pids[0].pid)
      expect(theirs[0].pid).toBe(pids[0].pid)
      expect(yield* one.does("tools")).toBe(yield* other.does("tools"))
      const { counts } = yield* other.call("recorded")
      expect(counts.initialize).toBe(1)
    }),
  )
})
