/** Hazard 2: what is wrong with one tool is that tool's matter. Real servers with unusable schemas are in `mcp/output.test.ts`. */
import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { both } from "./over.ts"

const it = testEffect(testMcp())

const input = { type: "object" }
const good = ["first", "second", "last"]
const malformed = [{ name: 7, inputSchema: input }, { inputSchema: input }, { name: "no-schema" }, null, "a tool", []]
const unusable = [
  { name: "unresolvable", outputSchema: { type: "object", properties: { a: { $ref: "#/$defs/nowhere" } } } },
  { name: "remote", outputSchema: { $ref: "https://example.com/schema.json" } },
  { name: "dialect", outputSchema: { $schema: "https://example.com/dialect", type: "object" } },
].map((tool) => ({ ...tool, inputSchema: input }))
const plain = (name: string) => ({ name, inputSchema: input })

const mixed = [plain("first"), ...malformed, plain("second"), ...unusable, plain("last")]

describe("one tool that makes no sense", () => {
  for (const pageSize of [100, 2]) {
    it.live.each(both)(`leaves every other tool listed and callable, ${pageSize} on a page: %s`, ({ serve }) =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        const warnings: Array<string> = []
        mcp.listen(({ data, type }) => type === "mcp.warning" && warnings.push("message" in data ? data.message : ""))
        const entry = yield* serve({ tools: mixed, pageSize })
        expect(yield* mcp.add(config("a", entry))).toEqual({ status: "connected" })
        const names = (yield* mcp.tools("a")).map(({ tool }) => tool.name)
        expect(names.filter((name) => good.includes(name))).toEqual(good)
        expect(names).toEqual(expect.arrayContaining(unusable.map(({ name }) => name)))
        for (const name of names) {
          const { content } = yield* mcp.callTool("a", name, { name })
          expect(content).toEqual([{ type: "text", text: JSON.stringify({ name }) }])
        }
        expect(warnings.some((warning) => warning.includes("unresolvable"))).toBe(true)
      }),
    )
  }
})
