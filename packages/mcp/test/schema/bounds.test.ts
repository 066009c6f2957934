// Each of these would run for longer than anybody waits, or end the process, if nothing bounded it. No time is asserted:
// a test that hangs fails by its timeout.
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { outcome, unusable, verdicts } from "./compiled.ts"

const enough = 60_000

const nested = (depth: number, leaf: unknown, wrap: (inner: unknown) => unknown): unknown => {
  let made = leaf
  for (let level = 0; level < depth; level++) made = wrap(made)
  return made
}
const many = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => make(index))
const members = <Item>(count: number, make: (index: number) => readonly [string, Item]) =>
  Object.fromEntries(many(count, make))

/** Definitions of which each applies the next one as it is told to, and the last is `leaf`. */
const chain = (length: number, make: (next: object) => unknown, leaf: unknown) => ({
  $ref: "#/$defs/a0",
  $defs: { ...members(length, (at) => [`a${at}`, make({ $ref: `#/$defs/a${at + 1}` })]), [`a${length}`]: leaf },
})

describe("the time that a schema can cost", () => {
  it.live.each(["allOf", "anyOf", "oneOf"])(
    "is bounded where %s doubles it sixty-four times",
    (keyword) =>
      Effect.gen(function* () {
        const schema = (leaf: unknown) => chain(64, (next) => ({ [keyword]: [next, next] }), leaf)
        expect(yield* outcome(schema(keyword === "allOf"), 1)).toBe("Undecided")
        expect(
          yield* outcome(
            chain(64, (next) => ({ not: { [keyword]: [next, next] } }), true),
            1,
          ),
        ).toBe("Undecided")
      }),
    enough,
  )

  it.live(
    "is bounded where two branches descend into each level of the instance",
    () =>
      Effect.gen(function* () {
        const branch = { properties: { a: { $ref: "#/$defs/t" } } }
        const schema = { $ref: "#/$defs/t", $defs: { t: { allOf: [branch, { ...branch }] } } }
        expect(
          yield* outcome(
            schema,
            nested(5, 1, (a) => ({ a })),
          ),
        ).toBe("Valid")
        expect(
          yield* outcome(
            schema,
            nested(200, 1, (a) => ({ a })),
          ),
        ).toBe("Undecided")
        const containing = chain(30, (contains) => ({ contains }), true)
        expect(
          yield* outcome(
            containing,
            nested(30, 1, (one) => [one, 0]),
          ),
        ).not.toBe("Undecided")
      }),
    enough,
  )

  it.live(
    "grows with the instance no faster than the instance",
    () =>
      Effect.gen(function* () {
        const rows = many(50_000, (id) => ({ id, name: `name ${id}`, tags: ["a", "b"] }))
        const row = {
          properties: {
            id: { type: "integer" },
            name: { type: "string", maxLength: 20 },
            tags: { items: { type: "string" } },
          },
          required: ["id", "name"],
          additionalProperties: false,
        }
        expect(yield* verdicts({ items: row, uniqueItems: true }, [rows, [...rows, rows[7]]])).toEqual([true, false])
        const objects = many(20_000, (i) => ({ i }))
        expect(yield* verdicts({ items: { enum: objects } }, [objects])).toEqual([true])
        const wide = members(50_000, (at) => [`p${at}`, at])
        expect(yield* verdicts({ unevaluatedProperties: { type: "integer" } }, [wide])).toEqual([true])
        expect(yield* verdicts({ propertyNames: { pattern: "^p[0-9]{1,5}$" } }, [wide])).toEqual([true])
      }),
    enough,
  )

  it.live(
    "is bounded where the instance and the schema are large together",
    () =>
      Effect.gen(function* () {
        const array = many(200_000, (at) => at)
        const { $defs, $ref } = chain(16, (next) => ({ allOf: [next, next] }), { type: "integer" })
        expect(yield* outcome({ items: { oneOf: many(20_000, (at) => ({ const: at })) } }, array)).toBe("Undecided")
        expect(yield* outcome({ items: { $ref }, $defs }, array)).toBe("Undecided")
        const needed = many(20_000, (at) => ({ required: [`p${at}`] }))
        expect(
          yield* outcome(
            { items: { not: { anyOf: needed } } },
            many(200_000, () => ({})),
          ),
        ).toBe("Undecided")
        const keys = members(20_000, (at) => [`q${at}`, at])
        const patternProperties = members(1000, (at) => [`^p${at}x*$`, true])
        expect(yield* outcome({ patternProperties }, keys)).not.toBe("Mismatch")
        expect(yield* outcome({ uniqueItems: true }, [nested(700, "x".repeat(2_000_000), (one) => [one])])).toBe(
          "Undecided",
        )
      }),
    enough,
  )

  it.live(
    "is bounded before anything is validated",
    () =>
      Effect.gen(function* () {
        const tag = (schema: unknown) => Effect.map(unusable(schema), ({ _tag }) => _tag)
        expect(yield* tag({ description: "x".repeat(1024 * 1024) })).toBe("TooLarge")
        expect(yield* tag({ enum: many(300_000, (at) => at) })).toBe("TooLarge")
        expect(yield* tag(nested(10_000, true, (not) => ({ not })))).toBe("TooLarge")
        expect(yield* tag(nested(10_000, 1, (one) => ({ enum: [one] })))).toBe("TooLarge")
        expect(yield* tag(chain(5000, (next) => next, true))).toBe("TooComplex")
        const properties = members(40_000, (at) => [`p${at}`, { type: "string" }])
        expect(yield* verdicts({ properties }, [{ p7: "x" }, { p39999: 1 }])).toEqual([true, false])
        const resources = members(6000, (at) => [`a${at}`, { $id: `https://example.com/${at}`, $dynamicAnchor: "n" }])
        const references = members(12_000, (at) => [`p${at}`, { $dynamicRef: "#n" }])
        expect(yield* verdicts({ $dynamicAnchor: "n", $defs: resources, properties: references }, [{}])).toEqual([true])
      }),
    enough,
  )
})

describe("nesting", () => {
  it.live("of an instance, however deep, overflows no stack", () =>
    Effect.gen(function* () {
      const tree = { $ref: "#/$defs/t", $defs: { t: { anyOf: [{ properties: { a: { $ref: "#/$defs/t" } } }] } } }
      const object = (depth: number) => nested(depth, 1, (a) => ({ a }))
      expect(yield* outcome(tree, object(200))).toBe("Valid")
      expect(yield* outcome(tree, object(100_000))).toBe("Undecided")
      const array = nested(100_000, 1, (one) => [one])
      expect(yield* outcome({ uniqueItems: true }, [array])).toBe("Undecided")
      expect(yield* outcome({ enum: [[[]]] }, array)).toBe("Undecided")
      expect(yield* outcome({ type: "array" }, array)).toBe("Valid")
      expect(
        yield* outcome(
          nested(240, true, (items) => ({ items })),
          array,
        ),
      ).toBe("Valid")
    }),
  )
})

describe("a pattern", () => {
  it.live(
    "takes time linear in the text, where a backtracking engine takes for ever",
    () =>
      Effect.gen(function* () {
        for (const pattern of ["^(a+)+$", "^(a|aa)*$", "^(([a-z])+.)+[A-Z]([a-z])+$", "^(?=(a+)+$)a*$", "(x+x+)+y"]) {
          expect(yield* verdicts({ pattern }, [`${"a".repeat(50_000)}!`])).toEqual([false])
          expect(
            yield* verdicts({ patternProperties: { [pattern]: false } }, [{ [`${"a".repeat(5000)}!`]: 1 }]),
          ).toEqual([true])
        }
        const long = { pattern: `^${"\\p{L}{1000}".repeat(8)}$` }
        expect(yield* outcome(long, "é".repeat(2_000_000))).toBe("Undecided")
        const heavy = { items: { pattern: "\\p{L}{1000}\\p{L}{1000}" } }
        expect(
          yield* outcome(
            heavy,
            many(1000, () => "é".repeat(10_000)),
          ),
        ).toBe("Undecided")
      }),
    enough,
  )

  it.live(
    "that repeats too much, or too many of them, make the schema unusable",
    () =>
      Effect.gen(function* () {
        const unsupported = [
          "(a{1000}){1000}",
          "((a{100}){100}){100}",
          "\\p{L}{1000}".repeat(50),
          "a".repeat(6000),
          "(".repeat(3000),
        ]
        for (const pattern of unsupported) expect((yield* unusable({ pattern }))._tag).toBe("UnsupportedPattern")
        const patternProperties = members(20_000, (at) => [`^p${at}a{1,90}$`, true])
        expect((yield* unusable({ patternProperties }))._tag).toBe("UnsupportedPattern")
      }),
    enough,
  )

  it.live("means what ECMAScript means by it", () =>
    Effect.gen(function* () {
      for (const [pattern, good, bad] of [
        ["^.$", ["😀", "é"], ["ab", "\n"]],
        ["a$", ["ba"], ["a\n"]],
        ["^\\u0041\\u{1F600}$", ["A😀"], ["B"]],
        ["^\\s+$", ["\u00a0\ufeff\u2003 \t\v"], ["a", ""]],
        ["^[\\s,]$", ["\u2028", ","], ["a"]],
        ["^[^\\s]\\S$", ["ab"], ["a\u00a0", "\u00a0a"]],
        ["^\\p{Letter}\\p{Script=Greek}\\p{Nd}$", ["éα٣"], ["1α1"]],
        ["^[\\w.-]+\\/\\d$", ["a-b./1"], ["a b/1"]],
        ["^(?<name>a|b)[^]$", ["a\n"], ["c\n"]],
        ["^(?=.*\\d)(?!admin)[a-z\\d]{3,8}$", ["abc1", "1ab"], ["abc", "admin1", "a1", "A12"]],
        ["^(?:(?:a|b){2}|c)$", ["ab", "c"], ["a"]],
        ["b|^c", ["abc", "cd"], ["a"]],
        ["[", [], undefined],
        ["(?<=a)b", [], undefined],
        ["(a)\\1", [], undefined],
        ["a(?!b)", [], undefined],
        ["^(?=a)a|b$", [], undefined],
      ] as const) {
        const schema = { pattern }
        if (bad === undefined) {
          const reason = yield* unusable({ properties: { a: schema } })
          expect(reason).toMatchObject({ _tag: "UnsupportedPattern", path: "/properties/a", pattern })
          continue
        }
        const found = yield* verdicts(schema, [...good, ...bad, 5])
        expect([pattern, found]).toEqual([pattern, [...good.map(() => true), ...bad.map(() => false), true]])
      }
      expect((yield* unusable({ pattern: "a(?!b)" })).message).toContain("linear time")
      expect((yield* unusable({ pattern: "(a)\\1" })).message).toContain("linear time")
    }),
  )
})
