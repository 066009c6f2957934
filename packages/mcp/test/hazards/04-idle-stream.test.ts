/** Hazard 4: a server that closes its idle GET stream. Of HTTP alone; how often the transport asks is in `transport/streams.test.ts`. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { functionServer, stream } from "./function-server.ts"

/** A stream that stays open for a while without an event. */
const shortLived = () =>
  new Response(new ReadableStream({ start: (controller) => void setImmediate(() => controller.close()) }), {
    headers: { "content-type": "text/event-stream" },
  })

const closings: ReadonlyArray<{ readonly name: string; readonly get: (nth: number) => Response }> = [
  { name: "at once", get: () => stream() },
  { name: "after a while", get: shortLived },
  { name: "after a comment", get: () => stream(": hello\n\n") },
  { name: "and wants to be asked at once", get: () => stream("id: p\nretry: 0\ndata:\n\n") },
  { name: "and counts its events", get: (nth) => stream(`id: p${nth}\nretry: 1\ndata:\n\n`) },
]

describe("a server that closes its idle stream", () => {
  it.effect.each(closings)("gets at most four GETs in five seconds, then ever fewer: it closes it %s", ({ get }) =>
    Effect.gen(function* () {
      const { mcp, of, pass } = yield* functionServer(({ method }, nth) => (method === "GET" ? get(nth) : undefined))
      const statuses: Array<string> = []
      mcp.listen(({ type }) => type === "mcp.status.changed" && statuses.push(type))
      // What was before it listened.
      statuses.length = 0
      yield* pass(5)
      expect(of("GET").length).toBeGreaterThan(1)
      expect(of("GET").length).toBeLessThanOrEqual(4)
      yield* pass(115)
      const pauses = of("GET").map(({ at }, index, all) => Math.round((at - (all[index - 1]?.at ?? 0)) / 50) * 50)
      expect(pauses.slice(1)).toEqual(pauses.slice(1).toSorted((a, b) => a - b))
      // In two minutes fewer than two more for each of the first.
      expect(of("GET").length).toBeLessThan(9)
      expect(statuses).toEqual([])
      expect((yield* mcp.callTool("a", "echo", { n: 1 })).content).toEqual([{ type: "text", text: '{"n":1}' }])
      expect(of("initialize").length).toBe(1)
    }),
  )
})
