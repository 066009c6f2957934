import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"
import { asker, visit } from "../elicitation/asker.ts"
import { start } from "../support/scripted.ts"

describe("a call that needs the same visit twice (-32042)", () => {
  it.effect("asks for it once", () =>
    Effect.gen(function* () {
      const error = { code: -32042, message: "Sign in first", data: { elicitations: [visit("a"), visit("a")] } }
      const done = { result: { content: [] } }
      const answers: Array<object> = [{ error }]
      const peer = yield* asker({
        elicit: () => Effect.succeed({ action: "accept" }),
        script: { on: { "tools/call": () => answers.shift() ?? done } },
      })
      const calling = yield* start(peer.session.request(Method.callTool, { name: "echo" }))
      yield* peer.reached(1)
      yield* peer.deliver({
        jsonrpc: "2.0",
        method: "notifications/elicitation/complete",
        params: { elicitationId: "a" },
      })
      yield* Fiber.join(calling)
      expect(peer.asked).toHaveLength(1)
    }),
  )
})
