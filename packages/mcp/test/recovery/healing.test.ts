/** N5: a server whose session ended by itself is connected anew, at once and then ever more rarely, until it is given up. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { start } from "../support/scripted.ts"
import { service } from "../support/service.ts"

/** A server that counts its sessions; while `isBroken` none begins. */
const counting = Effect.gen(function* () {
  const made = yield* service
  const state = { sessions: 0, isBroken: false }
  yield* made.add("a", {
    on: {
      initialize: () => {
        state.sessions += 1
        return state.isBroken ? { error: { code: -32603, message: "no room" } } : undefined
      },
    },
  })
  const statuses: Array<string> = []
  made.mcp.listen(({ data, type }) => {
    if (type !== "mcp.status.changed") return
    const { attempt, status } = data
    statuses.push(attempt === undefined ? status : `${status} ${attempt}`)
  })
  statuses.length = 0
  const status = Effect.map(made.mcp.servers, ([state]) => state?.status)
  return { ...made, state, statuses, status }
})

describe("a session that ended by itself", () => {
  it.effect("is followed by another at once", () =>
    Effect.gen(function* () {
      const { client, mcp, state, statuses } = yield* counting
      client("a").end("gone")
      yield* TestClock.adjust(0)
      yield* mcp.settled
      expect(statuses).toEqual(["pending 1", "connected"])
      expect(state.sessions).toBe(2)
      expect(yield* mcp.callTool("a", "echo", { n: 1 })).toMatchObject({ content: [{ text: '{"n":1}' }] })
    }),
  )

  it.effect("is tried again ever more rarely, and given up after a crash loop, with the last reason", () =>
    Effect.gen(function* () {
      const { client, state, status, statuses } = yield* counting
      state.isBroken = true
      client("a").end("gone")
      yield* TestClock.adjust("1 minute")
      expect(statuses).toEqual([...[1, 2, 3, 4, 5, 6].map((attempt) => `pending ${attempt}`), "failed"])
      expect(state.sessions).toBe(7)
      expect(yield* status).toMatchObject({ status: "failed", error: "no room (code -32603)" })
      // Nothing goes on behind it.
      yield* TestClock.adjust("1 hour")
      expect(state.sessions).toBe(7)
    }),
  )

  it.effect("is tried once more by the next call, after it was given up", () =>
    Effect.gen(function* () {
      const { client, mcp, state, status } = yield* counting
      state.isBroken = true
      client("a").end("gone")
      yield* TestClock.adjust("1 minute")
      state.isBroken = false
      yield* mcp.callTool("a", "echo", {})
      expect(yield* status).toEqual({ status: "connected" })
    }),
  )

  it.effect("is woken by a call: it does not wait out the pause", () =>
    Effect.gen(function* () {
      const { client, mcp, state } = yield* counting
      state.isBroken = true
      client("a").end("gone")
      // Two attempts have failed; the next one is some two seconds away.
      yield* TestClock.adjust(1_300)
      state.isBroken = false
      const call = yield* start(mcp.callTool("a", "echo", { n: 2 }))
      yield* mcp.settled
      expect(yield* Fiber.join(call)).toMatchObject({ content: [{ text: '{"n":2}' }] })
    }),
  )

  it.effect("counts as a crash loop where each one dies soon, and not where they last", () =>
    Effect.gen(function* () {
      const { client, mcp, state, status } = yield* counting
      for (let crash = 0; crash < 6; crash++) {
        client("a").end("gone")
        yield* TestClock.adjust("30 seconds")
        expect(yield* status).toEqual({ status: "connected" })
      }
      client("a").end("gone")
      yield* TestClock.adjust("30 seconds")
      expect(yield* status).toMatchObject({ status: "failed" })
      yield* mcp.callTool("a", "echo", {})
      for (let crash = 0; crash < 20; crash++) {
        yield* TestClock.adjust("61 seconds")
        client("a").end("gone")
        yield* TestClock.adjust(0)
        yield* mcp.settled
      }
      expect(yield* status).toEqual({ status: "connected" })
      expect(state.sessions).toBe(1 + 6 + 1 + 20)
    }),
  )

  it.effect("is not followed by another where somebody disconnects it meanwhile, or removes it", () =>
    Effect.gen(function* () {
      const { client, mcp, state, status } = yield* counting
      state.isBroken = true
      client("a").end("gone")
      yield* TestClock.adjust(1_300)
      yield* mcp.disconnect("a")
      state.isBroken = false
      yield* TestClock.adjust("1 minute")
      expect(yield* status).toEqual({ status: "disabled" })
      expect(state.sessions).toBe(3)
    }),
  )
})
