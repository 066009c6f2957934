/** Hazard 3: what page one promised still holds after page two was read. */
import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"
import { both } from "./over.ts"

const it = testEffect(testMcp())

const pages = Array.from({ length: 5 }, (_, at) => `tool-${at}`)
const tools = pages.map((name) => ({
  name,
  inputSchema: { type: "object" },
  outputSchema: { type: "object", properties: { value: { type: "integer" } }, required: ["value"] },
}))

describe("the output schemas of a list in pages", () => {
  it.live.each(both)("hold for the tools of every page, before and after it is listed again: %s", ({ serve }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", yield* serve({ tools, pageSize: 1 })))
      for (let round = 0; round < 2; round++) {
        expect((yield* mcp.tools("a")).length).toBe(5)
        for (const name of pages) {
          // The server answers without the structured content that it promised.
          const { message } = yield* failure(mcp.callTool("a", name, {}))
          expect(message).toContain(`the tool "${name}"`)
          expect(message).toContain("structuredContent")
        }
        yield* mcp.disconnect("a")
        yield* mcp.connect("a")
      }
    }),
  )
})
