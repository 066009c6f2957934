import * as Effect from "effect/Effect"
import { queries } from "@opencode-ai/testing/corpus/queries"
import { corpus } from "@opencode-ai/testing/corpus/tools"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import type { ToolDefinition } from "../../src/mcp/index.ts"
import { make, stem, type Tools } from "../../src/session/search.ts"

const definition = (server: string, tool: ToolDefinition["tool"]): ToolDefinition => ({
  server,
  tool,
  fullKey: `${server}_${tool.name}`,
  trusted: false,
})

/** By keys that are like the client's. */
const record = (definitions: ReadonlyArray<ToolDefinition>): Tools =>
  Object.fromEntries(definitions.map((each) => [each.fullKey, each]))

const all = record(corpus().map(({ server, tool }) => definition(server, tool)))

const simple = (server: string, name: string, description = "") =>
  definition(server, { name, description, inputSchema: { type: "object" } })

describe("a search among 2,000 tools", () => {
  it.effect("finds at least 45 of 50 tools among the first five", () =>
    Effect.gen(function* () {
      expect(Object.keys(all)).toHaveLength(2000)
      expect(queries).toHaveLength(50)
      const index = make()
      const missed: Array<string> = []
      for (const { query, server, tool } of queries) {
        const key = `${server}_${tool}`
        expect(all).toHaveProperty([key])
        if (!(yield* index.find(all, query, 5)).includes(key)) missed.push(query)
      }
      expect({ missed, found: 50 - missed.length >= 45 }).toMatchObject({ found: true })
    }),
  )
  it.effect("gives nothing that the session may not use", () =>
    Effect.gen(function* () {
      const found = yield* make().find(all, "create issue", 20, (key) => key.startsWith("jira_"))
      expect(found.length).toBeGreaterThan(0)
      expect(found.every((key) => key.startsWith("jira_"))).toBe(true)
    }),
  )
  it.effect("answers what says nothing with nothing", () =>
    Effect.gen(function* () {
      const index = make()
      for (const query of ["", "the", "?!", "qqqqqqqqqqqq"]) expect(yield* index.find(all, query, 5)).toEqual([])
      expect((yield* index.find(all, "issue ".repeat(100_000), 5)).length).toBe(5)
    }),
  )
})

describe("the index", () => {
  it.effect("follows what servers list", () =>
    Effect.gen(function* () {
      const index = make()
      const kept = simple("a", "open_window", "Opens a window")
      const before = record([kept, simple("a", "open_door", "Opens a door")])
      expect(yield* index.find(before, "open the door", 1)).toEqual(["a_open_door"])
      const after = record([kept, simple("a", "open_door", "Opens a bottle"), simple("b", "paint_door")])
      expect(new Set(yield* index.find(after, "door", 5))).toEqual(new Set(["a_open_door", "b_paint_door"]))
      expect(yield* index.find(after, "bottle", 5)).toEqual(["a_open_door"])
      expect(yield* index.find(record([kept]), "door", 5)).toEqual([])
      expect(yield* index.find(before, "door", 5)).toEqual(["a_open_door"])
    }),
  )
  it.effect("stays as it should, however often lists change", () =>
    Effect.gen(function* () {
      const index = make()
      for (let turn = 0; turn < 40; turn++) {
        const tools = record(Array.from({ length: 100 }, (_, at) => simple("s", `tool_${turn}_${at}`, `Makes cakes`)))
        expect(yield* index.find(tools, "cake", 1000)).toHaveLength(100)
      }
    }),
  )
  it.effect("finds by title, parameters and beginnings, however a name is spelt", () =>
    Effect.gen(function* () {
      const tools = record([
        definition("a", { name: "x1", title: "Water the garden", inputSchema: { type: "object" } }),
        definition("a", {
          name: "x2",
          inputSchema: { type: "object", properties: { hosepipeLength: { type: "number" } } },
        }),
        simple("a", "listHTTPServers"),
        simple("a", "drop-table"),
      ])
      const index = make()
      const found = (query: string) => index.find(tools, query, 5)
      expect(yield* found("gardens")).toEqual(["a_x1"])
      expect(yield* found("hosepipe")).toEqual(["a_x2"])
      expect(yield* found("http server")).toEqual(["a_listHTTPServers"])
      expect(yield* found("dropping tables")).toEqual(["a_drop-table"])
      expect(yield* found("gardne")).toEqual(["a_x1"])
    }),
  )
})

test("words are known in all their forms", () => {
  const groups = [
    ["merge", "merges", "merged", "merging"],
    ["query", "queries"],
    ["issue", "issues"],
    ["plan", "planned", "planning"],
    ["status"],
    ["address"],
  ]
  for (const group of groups) expect(new Set(group.map(stem)).size).toBe(1)
  expect(stem("status")).toBe("status")
  expect(stem("string")).toBe("string")
})
