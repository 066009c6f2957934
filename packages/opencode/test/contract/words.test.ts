import { it } from "@opencode-ai/testing/effect"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { world } from "../cli/program.ts"

describe("one word that is neither a pair nor JSON", () => {
  it.live.each([
    { words: ["call", "s", "echo", "hello"], takes: "echo takes (message: string)" },
    { words: ["prompt", "s", "greet", "hello"], takes: "greet takes (name: string, language?: string)" },
  ])("is not taken for JSON that has gone wrong: $words", ({ takes, words }) =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stderr } = yield* mcp({ s: sdkV1() }, words)
      expect(stderr).toBe(`error: "hello" is neither key=value nor a JSON object; ${takes}\n`)
      expect(code).toBe(2)
    }),
  )
})
