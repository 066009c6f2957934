/** X6: several programs, one process of a server; and each of them as if it were alone. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { sdkV1Tasks, sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { counts, isEvent, knownPid, meeting, pidOf, type Program } from "./programs.ts"

/** Two programs with the same server; the first is its owner. */
const two = (entry: object = sdkV2()) =>
  Effect.gen(function* () {
    const { here } = yield* meeting
    const owner = yield* here(entry, { name: "owner" })
    const other = yield* here(entry, { name: "other" })
    return { owner, other, both: [owner, other] }
  })

const isProgress = isEvent("mcp.progress")

describe("programs with a server that is shared", () => {
  it.live("have one process of it, whichever was first, and all see which", () =>
    Effect.gen(function* () {
      const { start } = yield* meeting
      const programs = yield* Effect.all([start(sdkV2()), start(sdkV2())], { concurrency: 2 })
      const pids = yield* Effect.all(programs.map(pidOf), { concurrency: 2 })
      expect(new Set(pids).size).toBe(1)
      expect(yield* Effect.all(programs.map(knownPid))).toEqual(pids)
      const [tools, ...more] = yield* Effect.all(programs.map(({ does }) => does("tools")))
      expect(more).toEqual([tools])
      for (const program of programs) {
        expect(yield* counts(program)).toMatchObject({ initialize: 1, "notifications/initialized": 1 })
      }
    }),
  )

  it.live("get their own answers, to calls with the same ids at the same time", () =>
    Effect.gen(function* () {
      const { both } = yield* two()
      const words = both.map((_, n) => Array.from({ length: 100 }, (_, index) => ({ text: `${n}:${index}` })))
      const answers = yield* Effect.all(
        both.map(({ call }, n) =>
          Effect.forEach(words[n] ?? [], ({ text }) => call("echo", { message: text }), { concurrency: "unbounded" }),
        ),
        { concurrency: 2 },
      )
      expect(answers).toEqual(words)
    }),
  )

  it.live("get the progress of their own calls alone", () =>
    Effect.gen(function* () {
      const { both } = yield* two()
      yield* Effect.all(
        both.map(({ call }, n) => call("progress", { steps: n + 2 })),
        { concurrency: 2 },
      )
      expect(both.map(({ said }) => said.filter(isProgress).length)).toEqual([2, 3])
    }),
  )

  it.live("cancel their own calls alone", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two()
      const cancelled = (times: number) =>
        Effect.repeat(counts(owner), { until: (got) => got["notifications/cancelled"] === times })
      const mine = owner.beginCall("hang")
      const theirs = other.beginCall("hang")
      for (const { first } of [owner, other]) yield* first(isProgress)
      other.cancel(theirs)
      yield* Effect.flip(theirs.result)
      yield* cancelled(1)
      expect(owner.said.some(({ id }) => id === mine.id)).toBe(false)
      owner.cancel(mine)
      yield* Effect.flip(mine.result)
      yield* cancelled(2)
    }),
  )

  it.live("are asked what belongs to their own calls", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two()
      const params = {
        message: "Who?",
        requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      }
      const ask = ({ call }: Program) => call("ask", { method: "elicitation/create", params })
      expect(yield* ask(other)).toMatchObject({ result: { action: "accept", content: { name: "other" } } })
      expect(yield* ask(owner)).toMatchObject({ result: { action: "accept", content: { name: "owner" } } })
    }),
  )

  it.live("subscribe together: the server is asked once, and told of the end when nobody wants it", () =>
    Effect.gen(function* () {
      const { both, other, owner } = yield* two()
      const uri = "test://text"
      const isUpdate = isEvent("mcp.resource.updated")
      const updates = ({ said }: Program) => said.filter(isUpdate).length
      for (const { does } of both) yield* does("subscribe", uri)
      yield* owner.call("touch", { uri })
      for (const { first } of both) yield* first(isUpdate)
      yield* owner.does("unsubscribe", uri)
      yield* owner.call("touch", { uri })
      yield* other.first(() => updates(other) === 2)
      expect(updates(owner)).toBe(1)
      const asked = yield* counts(owner)
      expect(asked["resources/subscribe"]).toBe(1)
      expect(asked["resources/unsubscribe"]).toBe(undefined)
      yield* other.does("unsubscribe", uri)
      expect(yield* counts(owner)).toMatchObject({ "resources/unsubscribe": 1 })
    }),
  )

  it.live("hear of the log what each of them wanted, and all of what the server offers anew", () =>
    Effect.gen(function* () {
      const { both, other, owner } = yield* two()
      yield* owner.does("setLevel", "error")
      yield* other.does("setLevel", "debug")
      const levels = ({ said }: Program) => said.filter(isEvent("mcp.log")).map(({ data }) => data?.level)
      yield* other.call("chatter", { level: "every" })
      yield* other.first(() => levels(other).length === 8)
      yield* owner.first(() => levels(owner).length === 4)
      expect(levels(owner)).toEqual(["error", "critical", "alert", "emergency"])
      yield* other.call("toggle")
      for (const { first } of both) yield* first(isEvent("mcp.tools.changed"))
    }),
  )

  it.live("do not see each other's tasks", () =>
    Effect.gen(function* () {
      const { other, owner } = yield* two(sdkV1Tasks())
      const call = owner.beginCall("gated", { text: "mine" })
      const { data } = yield* owner.first(isEvent("mcp.task.status"))
      const { taskId } = Object(data?.task)
      expect(yield* owner.does("tasks")).toMatchObject([{ taskId }])
      expect(yield* other.does("tasks")).toEqual([])
      for (const action of ["taskResult", "cancelTask"]) {
        expect(yield* Effect.flip(other.does(action, taskId))).toContain("names no task of this client")
      }
      yield* other.call("release")
      expect(JSON.stringify(yield* call.result)).toContain("mine")
    }),
  )
})
