/** N5: a network that goes and comes back. The server is real, and the way to it can be cut. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { cable } from "@opencode-ai/testing/peers/relay"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp, Recovery } from "../../src/index.ts"
import { observe } from "../support/service.ts"

/** Nobody waits for a minute here; pauses of streams are so long that only an answer can end them. */
const quick = Layer.succeed(Recovery)({
  attempts: Schedule.recurs(0),
  sound: 60_000,
  stream: Schedule.spaced("1 hour"),
  returning: Schedule.spaced("100 millis"),
})
const it = testEffect(Layer.provide(testMcp(), quick))

/** A server behind a cable, with a stream for messages. */
const server = Effect.gen(function* () {
  const http = yield* rawHttp({ session: "s", get: () => ({ sse: [], hold: true }) })
  const { cut, mend, url } = yield* cable(http.url)
  const mcp = yield* Mcp
  const observed = yield* observe(mcp)
  const add = mcp.add(config("a", { type: "remote", url, timeout: 5_000 }))
  const status = Effect.map(mcp.servers, ([state]) => state?.status.status)
  return { ...observed, add, cut, http, mcp, mend, status, call: mcp.callTool("a", "echo", { n: 1 }) }
})

describe("a network that goes while a server is connected", () => {
  it.live(
    "fails its calls with the reason; when it is back, they work at once, and the stream for messages is there",
    () =>
      Effect.gen(function* () {
        const { add, call, cut, http, mcp, mend, of, status } = yield* server
        yield* add
        const first = yield* http.first(({ method }) => method === "GET")
        const before = of("mcp.status.changed").length
        yield* cut
        expect((yield* Effect.flip(call)).message).toContain("could not reach")
        expect((yield* Effect.flip(mcp.ping("a"))).message).toContain("could not reach")
        expect(yield* status).toBe("connected")
        yield* mend
        expect(yield* call).toMatchObject({ content: [{ text: '{"n":1}' }] })
        const again = yield* http.first(({ index, method }) => method === "GET" && index > first.index)
        expect(again.headers["mcp-session-id"]).toBe("s")
        expect(of("mcp.status.changed").length).toBe(before)
        expect(http.of("initialize").length).toBe(1)
      }),
  )
})

describe("a server that is not there when it is connected", () => {
  it.live("is failed at once, and connected when it is there: nobody has to ask, and nobody is told in between", () =>
    Effect.gen(function* () {
      const { add, cut, first, mcp, mend, of } = yield* server
      yield* cut
      expect((yield* add).status).toBe("failed")
      // Nobody waits for what is not pending.
      expect(yield* mcp.tools()).toEqual([])
      yield* mend
      yield* first(({ data, type }) => type === "mcp.status.changed" && "status" in data && data.status === "connected")
      expect(of("mcp.status.changed").map((data) => ("status" in data ? data.status : ""))).toEqual([
        "pending",
        "failed",
        "connected",
      ])
      yield* mcp.settled
      expect((yield* mcp.tools()).length).toBe(1)
    }),
  )

  it.live("is connected by the next call, which need not wait for its turn", () =>
    Effect.gen(function* () {
      const { add, call, cut, mend, status } = yield* server
      yield* cut
      yield* add
      yield* mend
      expect(yield* call).toMatchObject({ content: [{ text: '{"n":1}' }] })
      expect(yield* status).toBe("connected")
    }),
  )
})
