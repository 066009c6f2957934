import type { Event } from "@opencode-ai/mcp/events"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Outlet from "../../src/cli/shell/outlet.ts"

const log = (server: string, data: string): Event => ({ type: "mcp.log", data: { server, level: "info", data } })
const status = (server: string): Event => ({ type: "mcp.status.changed", data: { server, status: "connected" } })

/** An outlet whose reader takes one write at a time, when it is told to. */
const outlet = (limits?: Outlet.OutletLimits) => {
  const written: Array<string> = []
  const pressure: Array<boolean> = []
  let done: ((failed: boolean) => void) | undefined
  const made = Outlet.make({
    sink: {
      write: (text, finish) => {
        written.push(text)
        done = finish
      },
    },
    encode: (event) => JSON.stringify(event),
    pressure: (high) => pressure.push(high),
    ...(limits === undefined ? {} : { limits }),
  })
  const take = (failed = false) => {
    const finish = done
    done = undefined
    finish?.(failed)
  }
  return { ...made, written, pressure, take }
}

/** Until what was scheduled for the end of this tick is done. */
const tick = Effect.promise(() => Promise.resolve())

describe("the outlet", () => {
  it.effect("joins what one tick says, and writes one thing at a time, in order", () =>
    Effect.gen(function* () {
      const out = outlet()
      out.reply("1")
      out.event(status("a"))
      out.reply("2")
      expect(out.written).toEqual([])
      yield* tick
      const first = `1\n${JSON.stringify(status("a"))}\n2\n`
      expect(out.written).toEqual([first])
      out.reply("3")
      yield* tick
      out.reply("4")
      yield* tick
      expect(out.written).toEqual([first])
      out.take()
      expect(out.written).toEqual([first, "3\n4\n"])
    }),
  )

  it.effect("drops chatter once too much waits, counts it for each server, and says so when there is room", () =>
    Effect.gen(function* () {
      const out = outlet({ high: 1_000, most: 5_000 })
      out.reply("x".repeat(1_500))
      yield* tick
      expect(out.pressure).toEqual([true])
      out.event(log("a", "lost"))
      out.event(log("a", "lost"))
      out.event(log("b", "lost"))
      out.event(status("a"))
      out.reply("reply")
      out.take()
      expect(out.pressure).toEqual([true, false])
      const said = out.written.join("").split("\n")
      expect(said.slice(1, 3)).toEqual([JSON.stringify(status("a")), "reply"])
      const warnings = said.slice(3).join("")
      expect(warnings).toContain("2 events were dropped, because the output was not read fast enough: 2 mcp.log")
      expect(warnings).toContain('"b"')
      out.take()
      out.event(log("a", "back"))
      yield* tick
      expect(out.written.at(-1)).toContain("back")
    }),
  )

  it.effect("drops every event at last, and never a reply", () =>
    Effect.gen(function* () {
      const out = outlet({ high: 1_000, most: 5_000 })
      out.reply("x".repeat(6_000))
      yield* tick
      out.event(status("a"))
      out.reply("reply")
      out.take()
      out.take()
      const said = out.written.join("")
      expect(said).toContain("\nreply\n")
      expect(said).toContain("1 mcp.status.changed")
      expect(said).not.toContain("connected")
    }),
  )

  it.effect("is flushed once the last write is done, and gone once one has failed", () =>
    Effect.gen(function* () {
      const out = outlet()
      yield* out.flushed
      out.reply("1")
      const flushed = yield* Effect.forkChild(out.flushed, { startImmediately: true })
      const gone = yield* Effect.forkChild(out.gone, { startImmediately: true })
      yield* tick
      expect(flushed.pollUnsafe()).toBe(undefined)
      out.take()
      yield* Fiber.join(flushed)
      out.reply("2")
      yield* tick
      const waiting = yield* Effect.forkChild(out.flushed, { startImmediately: true })
      out.take(true)
      yield* Fiber.join(waiting)
      yield* Fiber.join(gone)
      out.reply("3")
      yield* tick
      expect(out.written).toEqual(["1\n", "2\n"])
    }),
  )
})
