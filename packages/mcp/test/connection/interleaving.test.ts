/** Fibres that give way in the middle: whatever happens in between, nobody waits for an attempt that nobody makes. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { start } from "../support/scripted.ts"
import { service } from "../support/service.ts"

/** After how many steps a fibre lets others go on; usually 2,048, and so it comes to the same places once in a while. */
const givingWay = [4, 5, 6, 7, 8, 9] as const

const after = (steps: number) => Effect.provideService(References.MaxOpsBeforeYield, steps)

describe("a server is connected", () => {
  it.effect.each(givingWay)("although its first session ends as it begins, after each %s steps", (steps) =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      let sessions = 0
      yield* add("a", {
        on: {
          "notifications/initialized": (_, client) => {
            sessions += 1
            if (sessions === 1) client.end("gone")
          },
        },
      })
      expect(yield* mcp.callTool("a", "echo", { n: 1 })).toMatchObject({ content: [{ text: '{"n":1}' }] })
      expect(sessions).toBe(2)
    }).pipe(after(steps)),
  )

  it.effect.each(givingWay)("although who connected it before was interrupted, after each %s steps", (steps) =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      yield* add("a")
      for (let turns = 0; turns < 12; turns++) {
        yield* mcp.disconnect("a")
        const connecting = yield* start(mcp.connect("a"))
        yield* Effect.forEach(Array.from({ length: turns }), () => Effect.yieldNow, { discard: true })
        yield* Fiber.interrupt(connecting)
        expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
      }
    }).pipe(after(steps)),
  )
})
