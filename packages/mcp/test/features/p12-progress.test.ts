/** Progress (P12): a token on every request that can be long, and what comes of each step. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Mcp } from "../../src/index.ts"
import type { Handler } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

/** Reports a step by the token of the request, and answers. */
const reporting =
  (result: object): Handler =>
  ({ params }, client) => {
    const progressToken = Object(params)._meta?.progressToken
    client.send({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken, progress: 1, total: 2, message: "half" },
    })
    return { result }
  }

const requests: ReadonlyArray<{
  readonly method: string
  readonly ask: (mcp: Mcp["Service"], request: string) => Effect.Effect<unknown, unknown>
}> = [
  { method: "tools/call", ask: (mcp, request) => mcp.callTool("a", "echo", {}, { request }) },
  { method: "resources/read", ask: (mcp, request) => mcp.readResource("a", "a:b", { request }) },
  { method: "prompts/get", ask: (mcp, request) => mcp.getPrompt("a", "p", {}, { request }) },
]

describe("a request that can be long", () => {
  it.effect.each(requests)("has a token of its own, and each step is an event: $method", ({ ask, method }) =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const { of } = yield* observe(mcp)
      yield* add("a", {
        capabilities: { tools: {}, resources: {}, prompts: {} },
        on: {
          "tools/call": reporting({ content: [] }),
          "resources/read": reporting({ contents: [] }),
          "prompts/get": reporting({ messages: [] }),
        },
      })
      yield* ask(mcp, "mine")
      yield* ask(mcp, "mine too")
      const sent = wire("a").messages("sent", method)
      const tokens = sent.map(({ params }) => Object(params)._meta.progressToken)
      expect(tokens).toEqual(sent.map(({ id }) => id))
      expect(new Set(tokens).size).toBe(2)
      expect(of("mcp.progress")).toEqual(
        ["mine", "mine too"].map((request) => ({ server: "a", request, progress: 1, total: 2, message: "half" })),
      )
    }),
  )
})
