import * as Effect from "effect/Effect"
import { Ajv } from "ajv"
import { Ajv2019 } from "ajv/dist/2019.js"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as z from "zod"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { compile } from "../../src/schema/validator.ts"
import { type Draft, makers, uris } from "./agreement.ts"
import { problems, unusable, verdicts } from "./compiled.ts"

const drafts: ReadonlyArray<Draft> = [7, 2019, 2020]
const classes = { 7: Ajv, 2019: Ajv2019, 2020: Ajv2020 }

describe("a schema", () => {
  it.live.each(drafts)(
    "of draft %s has the verdicts that Ajv gives",
    (draft) =>
      Effect.gen(function* () {
        let compared = 0
        for (let seed = 0; seed < 400; seed++) {
          const { instance, schema } = makers(seed, draft)
          const made = schema()
          const ajv = new classes[draft]({ strict: false, ownProperties: true, logger: false, validateSchema: false })
          const theirs = yield* Effect.sync(() => ajv.compile(made))
          const ours = yield* compile(made)
          for (let count = 0; count < 6; count++) {
            const value = instance()
            // In rare cases the code that Ajv makes throws where keywords ask what others have looked at.
            const verdict = yield* Effect.option(Effect.try({ try: () => theirs(value), catch: String }))
            if (verdict._tag === "None") continue
            compared++
            const found = ours.validate(value)
            expect({ made, value, found, valid: found.length === 0 }).toMatchObject({ valid: verdict.value })
          }
        }
        expect(compared).toBeGreaterThan(2000)
      }),
    60_000,
  )

  it.live("is read in the dialect that it names, and in 2020-12 where it names none", () =>
    Effect.gen(function* () {
      const tuple = { prefixItems: [{ type: "string" }] }
      expect(yield* verdicts(tuple, [[1]])).toEqual([false])
      expect(yield* verdicts({ $schema: uris[2020], ...tuple }, [[1]])).toEqual([false])
      expect(yield* verdicts({ $schema: uris[2019], ...tuple }, [[1]])).toEqual([true])
      const old = {
        $schema: "http://json-schema.org/draft-07/schema",
        items: [{ type: "string" }],
        additionalItems: false,
      }
      expect(yield* verdicts(old, [["a"], [1], ["a", 2]])).toEqual([true, false, false])
      const beside = { $ref: "#/definitions/a", maxLength: 1, definitions: { a: { type: "string" } } }
      expect(yield* verdicts({ $schema: uris[7], ...beside }, ["ab"])).toEqual([true])
      expect(yield* verdicts(beside, ["ab"])).toEqual([false])
    }),
  )

  it.live("in a dialect that is not known is unusable, and says which", () =>
    Effect.gen(function* () {
      for (const $schema of ["http://json-schema.org/draft-04/schema#", "https://example.com/mine", 3]) {
        const reason = yield* unusable({ $schema, type: "string" })
        expect(reason).toMatchObject({ _tag: "UnknownDialect", dialect: String($schema) })
        expect(reason.message).toContain(String($schema))
      }
    }),
  )

  it.live("with a keyword that has a wrong value is unusable, and says which and where", () =>
    Effect.gen(function* () {
      const wrong = [
        { type: "any" },
        { type: 5 },
        { required: true },
        { minLength: -1 },
        { minimum: "1" },
        { exclusiveMinimum: true },
        { multipleOf: 0 },
        { enum: "a" },
        { properties: [] },
        { allOf: {} },
        { not: 1 },
        { items: "string" },
        { dependentRequired: { a: "b" } },
        { $ref: 1 },
        { pattern: 1 },
      ]
      for (const schema of wrong) {
        const reason = yield* unusable({ properties: { "a/b": schema } })
        expect(reason._tag).toBe("Invalid")
        expect(reason.message).toContain("/properties/a~1b")
      }
      expect((yield* unusable("string"))._tag).toBe("Invalid")
      expect((yield* unusable(null))._tag).toBe("Invalid")
    }),
  )

  it.live("as zod makes it has zod's verdicts", () =>
    Effect.gen(function* () {
      const person = z.object({
        name: z.string().min(1).max(20),
        email: z.email(),
        born: z.iso.date().optional(),
        at: z.iso.datetime(),
        id: z.uuid(),
        age: z.int().nonnegative().nullable(),
        tags: z.record(z.string(), z.array(z.enum(["a", "b"]))),
        pair: z.tuple([z.string(), z.number()]),
        shape: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("circle"), radius: z.number().positive() }),
          z.object({ kind: z.literal("square"), side: z.number().multipleOf(0.1) }),
        ]),
      })
      const good = {
        name: "é",
        email: "a.b@example.com",
        at: "2026-02-28T12:00:00Z",
        id: "123e4567-e89b-42d3-a456-426614174000",
        age: null,
        tags: { one: ["a", "b"] },
        pair: ["x", 1],
        shape: { kind: "square", side: 0.3 },
      }
      const changed = [
        {},
        { name: "" },
        { name: "x".repeat(21) },
        { email: "a..b@example.com" },
        { email: "nobody" },
        { born: "2026-02-28" },
        { born: "2026-02-30" },
        { at: "yesterday" },
        { id: "123" },
        { age: 1 },
        { age: 1.5 },
        { age: -1 },
        { tags: { one: ["c"] } },
        { pair: ["x"] },
        { pair: ["x", "y"] },
        { shape: { kind: "circle", radius: 0 } },
        { shape: { kind: "circle", side: 1 } },
        { name: undefined },
      ].map((change): unknown => JSON.parse(JSON.stringify({ ...good, ...change })))
      const theirs = changed.map((one) => person.safeParse(one).success)
      expect(theirs.filter(Boolean).length).toBe(3)
      for (const target of ["draft-2020-12", "draft-7"] as const) {
        expect(yield* verdicts(z.toJSONSchema(person, { target }), changed)).toEqual(theirs)
      }
      const tree = z.object({
        name: z.string(),
        get below() {
          return z.array(tree)
        },
      })
      const deep = { name: "a", below: [{ name: "b", below: [{ name: 1, below: [] }] }] }
      expect(yield* problems(z.toJSONSchema(tree), deep)).toEqual([
        "/below/0/below/0/name: expected string, got number",
      ])
    }),
  )
})

describe("a problem", () => {
  it.live("names its path as a JSON pointer, and what was expected there", () =>
    Effect.gen(function* () {
      const schema = {
        type: "object",
        properties: {
          "a/b~c": { type: "array", items: { type: ["integer", "null"] } },
          kind: { enum: ["x", 1, { y: 2 }] },
          text: { minLength: 2, pattern: "^a" },
          either: { anyOf: [{ type: "string" }, { type: "number", minimum: 3 }] },
        },
        required: ["toString"],
        additionalProperties: false,
      }
      const instance = { "a/b~c": [1, null, 1.5, "x"], kind: "z", text: "é", either: 2, other: 1 }
      expect(yield* problems(schema, instance)).toEqual([
        `: expected the property "toString", which is missing`,
        "/a~1b~0c/2: expected integer or null, got a fraction",
        "/a~1b~0c/3: expected integer or null, got string",
        `/kind: expected one of "x", 1, {"y":2}`,
        "/text: expected at least 2 characters",
        `/text: expected a string that matches "^a"`,
        "/either: expected one of the alternatives, but none fits: expected string, got number, expected a number of at least 3",
        `: the property "other" is not allowed here`,
      ])
    }),
  )

  it.live("is one of ten at most, and does not repeat what the instance holds", () =>
    Effect.gen(function* () {
      const found = yield* problems(
        { items: { type: "string" } },
        Array.from({ length: 1000 }, () => 12345),
      )
      expect(found.length).toBe(10)
      expect(found.join()).not.toContain("12345")
    }),
  )
})

describe("names that objects inherit", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]
  it.live("are properties like any other, and touch no prototype", () =>
    Effect.gen(function* () {
      for (const name of names) {
        const quoted = JSON.stringify(name)
        const schema: unknown = JSON.parse(
          `{"required":[${quoted}],"properties":{${quoted}:{"type":"integer"}},"additionalProperties":false}`,
        )
        const instances = ["{}", `{${quoted}:1}`, `{${quoted}:"x"}`, `{${quoted}:{"polluted":1}}`]
        expect(
          yield* verdicts(
            schema,
            instances.map((one): unknown => JSON.parse(one)),
          ),
        ).toEqual([false, true, false, false])
        const keyword: unknown = JSON.parse(
          `{"dependentRequired":{${quoted}:["b"]},"patternProperties":{"^${name}$":{"maximum":3}},"unevaluatedProperties":false,"enum":[{${quoted}:1},{${quoted}:1,"b":2}],"$defs":{${quoted}:false}}`,
        )
        const more = [`{${quoted}:1}`, `{${quoted}:1,"b":2}`, `{}`]
        expect(
          yield* verdicts(
            keyword,
            more.map((one): unknown => JSON.parse(one)),
          ),
        ).toEqual([false, false, false])
        const reference: unknown = JSON.parse(`{"$ref":"#/$defs/${name}"}`)
        expect((yield* unusable(reference))._tag).toBe("UnresolvableReference")
        const keywords: unknown = JSON.parse(`{${quoted}:{"type":"string"}}`)
        expect(yield* verdicts(keywords, [1])).toEqual([true])
      }
      expect("polluted" in {}).toBe(false)
    }),
  )
})

describe("a format", () => {
  it.live("is an annotation where nobody asks for it", () =>
    Effect.gen(function* () {
      expect(yield* verdicts({ format: "email" }, ["nobody"])).toEqual([true])
      expect(yield* verdicts({ format: "hostname" }, ["!"], { formats: true })).toEqual([true])
    }),
  )

  it.live("of an elicitation is checked where it is asked for", () =>
    Effect.gen(function* () {
      const cases = {
        email: [
          ["a@b.c", "a.b+c@example.com", `"a b"@c.d`, "a@[127.0.0.1]"],
          ["a", "@b", "a@", "a..b@c", "a@-b.c", "a b@c"],
        ],
        uri: [
          ["https://a.b/c?d#e", "urn:isbn:1", "mailto:a@b", "http://[::1]:80/"],
          ["a", "/a", "http://a b", "http://a:b/", "//a.b", "http://[1/"],
        ],
        date: [
          ["2026-11-21", "2024-02-29"],
          ["2026-1-2", "2025-02-29", "2026-13-01", "21.11.2026", "2026-11-21T00:00:00Z"],
        ],
        "date-time": [
          ["2026-11-21T12:00:00Z", "2026-11-21t12:00:00.5+01:00", "1990-12-31T23:59:60Z"],
          ["2026-11-21", "2026-11-21T12:00:00", "2026-11-21T25:00:00Z", "2026-11-21 12:00:00Z", "1990-12-31T12:59:60Z"],
        ],
      }
      for (const [format, [good = [], bad = []]] of Object.entries(cases)) {
        const found = yield* verdicts({ format }, [...good, ...bad, 5], { formats: true })
        expect([format, found]).toEqual([format, [...good.map(() => true), ...bad.map(() => false), true]])
      }
    }),
  )
})
