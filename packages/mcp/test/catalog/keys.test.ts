import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { assign, fullKey, keyLimit, type ToolName } from "../../src/catalog/keys.ts"
import { make, matches } from "../../src/catalog/offer.ts"

const keysOf = (...tools: ReadonlyArray<readonly [server: string, tool: string]>) =>
  assign(tools.map(([server, tool]) => ({ server, tool })))

/** Names that meet often: few letters, some of which are replaced. */
const part = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Literals(["a", "b", "_", ".", " ", "ü", "0123456789012345678901234567890123"])),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  (letters) => letters.join(""),
)
const toolNames = Arbitrary.map(
  Arbitrary.array(Arbitrary.all({ server: part, tool: part }), { minLength: 2, maxLength: 12 }),
  (all): ReadonlyArray<ToolName> => [...new Map(all.map((one) => [JSON.stringify(one), one])).values()],
)

const holds = (property: (tools: ReadonlyArray<ToolName>) => boolean) =>
  Effect.gen(function* () {
    const result = yield* Arbitrary.checkEffect(toolNames, (tools) => Effect.sync(() => property(tools)), {
      runs: 300,
      size: 100,
    })
    expect(Arbitrary.formatCheckFailure(result)).toBe(undefined)
  })

describe("keys", () => {
  test("are server and tool, with what a model's provider does not allow replaced", () => {
    expect(keysOf(["git hub", "list.issues"])).toEqual(["git_hub_list_issues"])
    expect(keysOf(["ü", "漢/字"])).toEqual(["_____"])
    expect(keysOf(["a-b_C9", "x"])).toEqual(["a-b_C9_x"])
  })
  test("that collide all get the same kind of suffix, and the others none", () => {
    const [first, second, other] = keysOf(["s", "a.b"], ["s", "a_b"], ["s", "c"])
    expect(first).toMatch(/^s_a_b_[0-9a-f]{8}$/)
    expect(second).toMatch(/^s_a_b_[0-9a-f]{8}$/)
    expect(first).not.toBe(second)
    expect(other).toBe("s_c")
  })
  test("of different servers collide too", () => {
    const keys = keysOf(["a", "b_c"], ["a_b", "c"])
    expect(keys.every((key) => /^a_b_c_[0-9a-f]{8}$/.test(key))).toBe(true)
  })
  test("of 64 characters stand as they are, of 65 are shortened", () => {
    const fits = "t".repeat(keyLimit - 2)
    const [whole, cut] = keysOf(["s", fits], ["s", `${fits}x`])
    expect(whole).toBe(`s_${fits}`)
    expect(cut?.length).toBe(keyLimit)
    expect(cut).toMatch(/^s_t{53}_[0-9a-f]{8}$/)
  })
  test("may be like members of every object", () => {
    expect(keysOf(["", "_proto__"], ["constructor", ""])).toEqual(["__proto__", "constructor_"])
  })
  test("that once meant another tool are not given again", () => {
    const [key] = assign([{ server: "b", tool: "t" }], (key) => key === "b_t")
    expect(key).toMatch(/^b_t_[0-9a-f]{8}$/)
  })

  it.effect("are never two tools', and never longer than a provider allows", () =>
    holds((tools) => {
      const keys = assign(tools)
      return new Set(keys).size === keys.length && keys.every((key) => /^[a-zA-Z0-9_-]{1,64}$/.test(key))
    }),
  )
  it.effect("do not depend on the order in which servers connect", () =>
    holds((tools) => {
      const key = new Map(assign(tools).map((key, index) => [tools[index], key]))
      const turned = tools.toReversed()
      return assign(turned).every((one, index) => one === key.get(turned[index]))
    }),
  )
  it.effect("are plain wherever they can be", () =>
    holds((tools) => {
      const full = tools.map(({ server, tool }) => fullKey(server, tool))
      return assign(tools).every((key, index) => {
        const plain = full[index] ?? ""
        const alone = full.filter((one) => one === plain).length === 1
        return key === plain || plain.length > keyLimit || !alone || /_[0-9a-f]{8}$/.test(plain)
      })
    }),
  )
})

describe("wildcards", () => {
  const cases: ReadonlyArray<readonly [pattern: string, name: string, does: boolean]> = [
    ["*", "", true],
    ["*", "anything", true],
    ["read_*", "read_file", true],
    ["read_*", "read_", true],
    ["read_*", "reader", false],
    ["*_file", "read_file", true],
    ["r?ad", "read", true],
    ["r?ad", "rad", false],
    ["a*b*c", "axxbyyc", true],
    ["a*b*c", "axxbyy", false],
    ["**", "x", true],
    ["", "", true],
    ["", "x", false],
    ["a.c", "abc", false],
    ["[a]", "[a]", true],
    ["a*", "A", false],
    ["?", "", false],
  ]
  for (const [pattern, name, does] of cases) {
    test(`${JSON.stringify(pattern)} ${does ? "matches" : "does not match"} ${JSON.stringify(name)}`, () =>
      expect(matches(pattern, name)).toBe(does))
  }
  test("take no time that grows without bound", () => {
    expect(matches(`${"*a".repeat(50)}b`, "a".repeat(5_000))).toBe(false)
  })
})

describe("the tools that are offered", () => {
  const tools = ["read_file", "write_file", "drop_table", "__proto__"].map((name) => ({
    name,
    inputSchema: { type: "object" as const },
  }))
  const offered = (allow: ReadonlyArray<string>, deny: ReadonlyArray<string>) =>
    make(tools, { allow, deny }).tools.map(({ name }) => name)
  test("are all where nothing is said, and then the very list", () => {
    expect(make(tools, { allow: ["*"], deny: [] }).tools).toBe(tools)
  })
  test("are those allowed and not denied", () => {
    expect(offered(["*_file"], ["write*"])).toEqual(["read_file"])
    expect(offered([], [])).toEqual([])
    expect(offered(["*"], ["*"])).toEqual([])
    expect(offered(["*"], ["drop_*"])).toEqual(["read_file", "write_file", "__proto__"])
  })
  test("are found by name, whatever the name", () => {
    const { byName } = make(tools, { allow: ["*"], deny: [] })
    expect(byName.get("__proto__")?.name).toBe("__proto__")
    expect(byName.get("constructor")).toBe(undefined)
  })
})
