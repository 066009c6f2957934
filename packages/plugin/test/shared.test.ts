/** X6: two OpenCode processes in one project, and one process of a server that its entry says is shared. */
import { isAlive } from "@opencode-ai/testing/peers/alive"
import type { ModelStep } from "@opencode-ai/testing/peers/model"
import { itOpenCode, type Serving } from "@opencode-ai/testing/peers/opencode"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { bound, processOf, prompt, resultsOf, sessionOf, world } from "./world.ts"

describe("two of the released OpenCode in one project", () => {
  itOpenCode(
    "have one process of a shared server; when the one that owns it is killed, the other keeps calling",
    () =>
      Effect.gen(function* () {
        const pids: Array<number> = []
        const call: ModelStep = { calls: [{ tool: "near_process" }] }
        const read: ModelStep = (request) => {
          pids.push(processOf(resultsOf(request).at(-1)))
          return { text: "Done." }
        }
        const { host } = yield* world({
          servers: { near: { ...sdkV1(), shared: true } },
          script: [call, read, call, read, call, read],
          env: { XDG_RUNTIME_DIR: yield* temporaryDirectory },
        })
        const ask = (serving: Serving) =>
          Effect.flatMap(sessionOf(serving), (session) => prompt(serving, session, "Which process is it?"))
        const [owner, other] = [yield* host.serve, yield* host.serve]
        yield* ask(owner)
        yield* ask(other)
        const [first = 0, second] = pids
        expect(first).toBeGreaterThan(0)
        expect(second).toBe(first)
        process.kill(owner.pid, "SIGKILL")
        yield* poll(() => (isAlive(owner.pid) ? undefined : true))
        yield* ask(other)
        const third = pids[2] ?? 0
        expect(third).toBeGreaterThan(0)
        expect(third).not.toBe(first)
        expect([first, third].map(isAlive)).toEqual([false, true])
        yield* other.stop
        expect(isAlive(third)).toBe(false)
      }),
    bound,
  )
})
