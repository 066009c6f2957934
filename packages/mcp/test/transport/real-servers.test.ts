/** The remote transports against servers that this project did not write. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { everythingHttp, everythingSse } from "@opencode-ai/testing/peers/published"
import { effectMcpHttp, sdkV1Http, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"

const servers = [
  { name: "server-everything", peer: everythingHttp, kind: "streamable-http" },
  { name: "server-everything over SSE", peer: everythingSse, kind: "sse" },
  { name: "a server on SDK v1", peer: sdkV1Http(), kind: "streamable-http" },
  { name: "a server on SDK v2", peer: sdkV2Http(), kind: "streamable-http" },
  { name: "Effect's McpServer", peer: effectMcpHttp(), kind: "streamable-http" },
] as const

describe("a remote session", () => {
  for (const { kind, name, peer } of servers) {
    it.live(`lists and calls: ${name}`, () =>
      Effect.gen(function* () {
        const { session, wire } = yield* connect(yield* peer)
        expect(session.transport).toBe(kind)
        const { tools } = yield* session.request(Method.listTools, {})
        expect(tools.some((tool) => tool.name === "echo")).toBe(true)
        const calls = Array.from({ length: 20 }, (_, at) =>
          session.request(Method.callTool, { name: "echo", arguments: { message: `number ${at}` } }),
        )
        const answers = yield* Effect.all(calls, { concurrency: "unbounded" })
        answers.forEach(({ content }, at) => expect(JSON.stringify(content)).toContain(`number ${at}`))
        expect(wire.receivedProblems).toEqual([])
      }),
    )
  }

  it.live("hears of progress while a call runs, each step as it is made", () =>
    Effect.gen(function* () {
      const { session } = yield* connect(yield* everythingHttp)
      const steps: Array<number> = []
      yield* session.request(
        Method.callTool,
        { name: "trigger-long-running-operation", arguments: { duration: 0.4, steps: 4 } },
        { onProgress: ({ progress }) => steps.push(progress) },
      )
      expect(steps).toEqual([1, 2, 3, 4])
    }),
  )

  it.live("hears what the server says outside of calls, on the stream that it opened", () =>
    Effect.gen(function* () {
      const { notifications, session } = yield* connect(yield* everythingHttp)
      const logs = notifications.stream("message")
      const first = yield* Effect.forkChild(Stream.runHead(logs), { startImmediately: true })
      yield* session.request(Method.callTool, { name: "toggle-simulated-logging", arguments: {} })
      expect((yield* Fiber.join(first))._tag).toBe("Some")
    }),
  )
})
