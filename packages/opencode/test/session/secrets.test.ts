import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as MCP from "../../src/mcp/index.ts"
import * as SessionPrompt from "../../src/session/prompt.ts"
import { told, world } from "./running.ts"

it.live("a server's last words hold no secret of its entry, whoever reads them", () =>
  Effect.gen(function* () {
    const leaky = rawStdio({
      on: {
        "tools/call": [
          { do: "stderr", text: "the password correct-horse is wrong\n" },
          { do: "exit", code: 3 },
        ],
      },
    })
    const { layer, model } = yield* world({
      servers: { leaky: { ...leaky, environment: { ...leaky.environment, PASSWORD: "correct-horse" } } },
      script: [{ calls: [{ tool: "leaky_echo", args: { message: "a" } }] }, { text: "It failed." }],
    })
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      const sessions = yield* SessionPrompt.Service
      const answer = yield* sessions.prompt({ parts: [{ type: "text", text: "Go." }] })
      const { messages } = told(yield* model.request(1))
      const result = JSON.stringify(messages.at(-1))
      expect(result).toContain("the password *** is wrong")
      expect(JSON.stringify([messages, answer])).not.toContain("correct-horse")
      expect(mcp.mask("correct-horse")).toBe("***")
    }).pipe(Effect.provide(layer))
  }),
)
