/** X6: what becomes of those that share a server when its owner, one of them, or the server ends. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { realTime } from "@opencode-ai/testing/polling"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { counts, isEvent, knownPid, meeting, pidOf, type Program } from "./programs.ts"

const minute = 60_000

const isProgress = isEvent("mcp.progress")

/** Waits until a program has noticed that its server is gone. */
const noticed = ({ first }: Program) =>
  first(({ data, event }) => event === "mcp.status.changed" && data?.attempt !== undefined)

describe("when the owner of a server", () => {
  it.live("is killed, the others go on with a new process, one for all, and the old one is gone", () =>
    Effect.gen(function* () {
      const { here, start } = yield* meeting
      const owner = yield* start(sdkV2())
      const [one, other] = [yield* here(sdkV2()), yield* here(sdkV2())]
      const before = yield* pidOf(owner)
      yield* other.does("subscribe", "test://text")
      yield* other.does("setLevel", "error")
      const hanging = one.beginCall("hang")
      yield* one.first(isProgress)
      yield* owner.kill
      expect(yield* Effect.flip(hanging.result)).toContain(`process ${owner.pid}, which ran the server`)
      yield* noticed(other)
      const pids = yield* Effect.all([pidOf(one), pidOf(other)], { concurrency: 2 })
      expect(pids[0]).toBe(pids[1])
      expect(pids[0]).not.toBe(before)
      expect(pids.concat(before).map(isAlive)).toEqual([true, true, false])
      // What was wished of the old one is wished of the new one.
      yield* other.call("touch", { uri: "test://text" })
      yield* other.first(isEvent("mcp.resource.updated"))
      expect(yield* counts(one)).toMatchObject({ initialize: 1, "logging/setLevel": 1, "resources/subscribe": 1 })
    }),
  )

  it.live("is killed with a server that heeds nothing and has no mark, that is gone before the next one starts", () =>
    Effect.gen(function* () {
      const { here, start } = yield* meeting
      const entry = { ...rawStdio({ ignoreEnd: true, ignoreSigterm: true }), inheritEnvironment: false }
      const owner = yield* start(entry)
      const other = yield* here(entry)
      const before = yield* knownPid(owner)
      expect(yield* knownPid(other)).toBe(before)
      yield* owner.kill
      yield* noticed(other)
      yield* other.call("echo", { message: "still there" })
      expect(isAlive(before)).toBe(false)
      expect(yield* knownPid(other)).not.toBe(before)
    }),
  )

  it.live("disconnects or ends, the others go on; it may come back as one of them; nothing is left by the last", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      const owner = yield* here(sdkV2())
      const other = yield* here(sdkV2())
      const before = yield* pidOf(other)
      yield* owner.does("disconnect")
      const next = yield* pidOf(other)
      expect(next).not.toBe(before)
      expect(isAlive(before)).toBe(false)
      yield* owner.does("connect")
      expect(yield* pidOf(owner)).toBe(next)
      yield* other.end
      expect(isAlive(next)).toBe(false)
      yield* noticed(owner)
      expect(isAlive(yield* pidOf(owner))).toBe(true)
      yield* owner.end
      expect(readdirSync(directory)).toEqual([])
    }),
  )
})

describe("when a program that uses the server of another", () => {
  it.live("is killed, its calls are cancelled at the server, and its wishes given up", () =>
    Effect.gen(function* () {
      const { here, start } = yield* meeting
      const owner = yield* here(sdkV2())
      const other = yield* start(sdkV2())
      const pid = yield* pidOf(owner)
      yield* other.does("subscribe", "test://text")
      other.beginCall("hang")
      yield* other.first(isProgress)
      yield* other.kill
      const isTold = (got: Record<string, unknown>) =>
        got["notifications/cancelled"] === 1 && got["resources/unsubscribe"] === 1
      yield* Effect.repeat(counts(owner), { until: isTold })
      expect(yield* pidOf(owner)).toBe(pid)
    }),
  )

  it.effect("still uses it, the server does not sleep; when nobody does it sleeps, and is woken for both", () =>
    Effect.gen(function* () {
      const { here } = yield* meeting
      const entry = { ...sdkV2(), sleep: minute }
      const owner = yield* here(entry)
      const other = yield* here(entry)
      const before = yield* pidOf(other)
      const hanging = other.beginCall("hang")
      yield* other.first(isProgress)
      yield* TestClock.adjust(3 * minute)
      expect(yield* knownPid(owner)).toBe(before)
      expect(isAlive(before)).toBe(true)
      other.cancel(hanging)
      yield* Effect.flip(hanging.result)
      // First who uses it last leaves, and then the owner finds that nobody has used it for a while.
      const nap = Effect.andThen(TestClock.adjust(minute), realTime(Effect.sleep(10)))
      yield* Effect.repeat(nap, { until: () => !isAlive(before) })
      const pids = yield* Effect.all([pidOf(owner), pidOf(other)], { concurrency: 2 })
      expect(pids[0]).toBe(pids[1])
      expect(pids[0]).not.toBe(before)
    }),
  )
})

describe("when the server itself", () => {
  it.live("dies, all learn why, and one of them starts it again for all", () =>
    Effect.gen(function* () {
      const { here } = yield* meeting
      const record = yield* fileRecord
      const script = {
        on: { "resources/read": [{ do: "exit", code: 3 }] },
        capabilities: { tools: {}, resources: {} },
      } as const
      const entry = recordTo(record, rawStdio(script))
      const [owner, other] = [yield* here(entry), yield* here(entry)]
      const before = yield* knownPid(owner)
      expect(yield* Effect.flip(other.does("read", "test://text"))).toContain("exited with code 3")
      for (const program of [owner, other]) {
        yield* noticed(program)
        yield* program.call("echo", { message: "again" })
      }
      const pids = [yield* knownPid(owner), yield* knownPid(other)]
      expect(pids[0]).toBe(pids[1])
      expect(pids[0]).not.toBe(before)
      expect(record.wire().messages("sent", "initialize").length).toBe(2)
    }),
  )

  it.live("cannot be started, each program is told why", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      const entry = { type: "local", command: [join(directory, "nothing")] }
      const programs = yield* Effect.all([here(entry), here(entry)], { concurrency: 2 })
      for (const { does } of programs) {
        expect(yield* does("servers")).toMatchObject([{ status: { status: "failed" } }])
        expect(JSON.stringify(yield* does("servers"))).toContain("no such program")
      }
    }),
  )
})
