import { Ajv } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import { Method } from "@opencode-ai/mcp"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { everything, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { normalise } from "../../src/provider/schema.ts"
import { samples } from "./samples.ts"

const standard = { npm: "@ai-sdk/openai-compatible", providerID: "local", modelID: "tiny" }
const openai = { npm: "@ai-sdk/openai", providerID: "openai", modelID: "gpt-6" }
const anthropic = { npm: "@ai-sdk/anthropic", providerID: "anthropic", modelID: "claude-5" }
const google = { npm: "@ai-sdk/google", providerID: "google", modelID: "gemini-4" }
const gateway = { npm: "@openrouter/ai-sdk-provider", providerID: "openrouter", modelID: "google/gemini-4" }
const kimi = { npm: "@ai-sdk/openai-compatible", providerID: "moonshotai", modelID: "kimi-k3" }
const models = { standard, openai, anthropic, google, gateway, kimi }

type Properties = Record<string, unknown>
/** What becomes of a property, and what was dropped with it. */
const property = (model: typeof standard, of: unknown, more: object = {}) => {
  const { dropped, schema } = normalise(model, { type: "object", properties: { of }, ...more })
  const properties: Properties = Object(schema.properties)
  return { of: properties.of, dropped, defs: schema.$defs }
}
const of = (model: typeof standard, schema: unknown, more?: object) => property(model, schema, more).of

describe("the root of a tool's schema", () => {
  const root = (schema: object, model = standard) => normalise(model, { ...schema })

  test("is an object with properties, whatever the server wrote", () => {
    const nothing = { type: "object", properties: {}, additionalProperties: false }
    for (const schema of [{}, { type: "object" }, { $schema: "https://json-schema.org/draft/2020-12/schema" }]) {
      expect(root(schema)).toMatchObject({ schema: nothing, dropped: [] })
    }
    expect(root({ type: "array", items: {} })).toMatchObject({ schema: nothing, dropped: ["/type"] })
  })
  test("is closed only where the server said nothing", () => {
    expect(root({ additionalProperties: true }).schema.additionalProperties).toBe(true)
    expect(root({ additionalProperties: { type: "string" } }).schema.additionalProperties).toEqual({ type: "string" })
    expect(root({ patternProperties: { "^x-": {} } }).schema).not.toHaveProperty("additionalProperties")
    expect(of(standard, { type: "object" })).toEqual({ type: "object" })
  })
  test("requires only what it has", () => {
    const { dropped, schema } = root({ properties: { a: { type: "string" } }, required: ["a", "b"] })
    expect(schema.required).toEqual(["a"])
    expect(dropped).toEqual(["/required"])
  })
  test("follows a reference", () => {
    const schema = { $ref: "#/$defs/A", $defs: { A: { type: "object", properties: { a: { type: "string" } } } } }
    expect(root(schema).schema).toEqual({
      type: "object",
      properties: { a: { type: "string" } },
      additionalProperties: false,
    })
  })
  test("takes the members of allOf together", () => {
    const allOf = [
      { properties: { a: { type: "string" }, n: { minimum: 1 } }, required: ["a"] },
      { properties: { b: { type: "string" }, n: { type: "integer" } } },
    ]
    for (const model of Object.values(models)) {
      const { dropped, schema } = root({ allOf }, model)
      expect(Object.keys(Object(schema.properties))).toEqual(["a", "n", "b"])
      expect(schema).toMatchObject({ type: "object", required: ["a"] })
      expect(schema).not.toHaveProperty("allOf")
      expect(dropped).toEqual([])
    }
    expect(root({ allOf }, google).schema.properties).toMatchObject({ n: { type: "integer", minimum: 1 } })
  })
  test("has no union: all properties of all members, and a word on which go together", () => {
    const oneOf = [
      { type: "object", properties: { action: { const: "get" }, id: { type: "string" } }, required: ["action", "id"] },
      { type: "object", properties: { action: { const: "list" }, page: { type: "integer" } }, required: ["action"] },
    ]
    for (const model of Object.values(models)) {
      const { dropped, schema } = root({ oneOf, description: "Items." }, model)
      expect(schema).toMatchObject({
        type: "object",
        description: `Items.\nGive one of: action: "get", id | action: "list"`,
        properties: { action: { enum: ["get", "list"] }, id: { type: "string" }, page: { type: "integer" } },
        required: ["action"],
      })
      expect(schema).not.toHaveProperty("oneOf")
      expect(dropped).toEqual(["/oneOf"])
    }
  })
  test("says which of its properties are needed where a union says only that", () => {
    const { schema } = root({
      properties: { route: { type: "string" }, file: { type: "string" } },
      anyOf: [{ required: ["route"] }, { required: ["file"] }],
    })
    expect(schema.description).toBe("Give one of: route | file")
    expect(schema).not.toHaveProperty("anyOf")
  })
})

const drafts: ReadonlyArray<[string, unknown, unknown]> = [
  ["const", { const: "a" }, { enum: ["a"] }],
  ["null by nullable", { type: "string", nullable: true }, { type: ["string", "null"] }],
  [
    "null in a list of values",
    { type: "string", nullable: true, enum: ["a"] },
    { type: ["string", "null"], enum: ["a", null] },
  ],
  ["a list of types", { type: ["string", "integer"] }, { type: ["string", "integer"] }],
  ["an array of anything", { type: "array" }, { type: "array", items: {} }],
  [
    "2020-12's tuple",
    { type: "array", prefixItems: [{ type: "string" }] },
    { type: "array", items: {}, prefixItems: [{ type: "string" }] },
  ],
  [
    "draft-07's tuple",
    { type: "array", items: [{ type: "string" }] },
    { type: "array", items: {}, prefixItems: [{ type: "string" }] },
  ],
  ["draft-04's limit", { type: "number", minimum: 0, exclusiveMinimum: true }, { type: "number", exclusiveMinimum: 0 }],
  ["anything", true, {}],
  ["what only its author understands", { type: "string", "x-order": 1, $comment: "?" }, { type: "string" }],
]

describe("a provider that takes JSON Schema", () => {
  for (const [name, from, to] of drafts) {
    test(`is given ${name} in 2020-12`, () => {
      for (const model of [standard, openai, anthropic])
        expect(property(model, from)).toMatchObject({ of: to, dropped: [] })
    })
  }
  test("is given references, those that lead anywhere in the schema, and never others", () => {
    const tree = { type: "object", properties: { next: { $ref: "#/definitions/Tree" } } }
    const { defs, of: made } = property(standard, { $ref: "#/definitions/Tree" }, { definitions: { Tree: tree } })
    expect(made).toEqual({ $ref: "#/$defs/Tree" })
    expect(defs).toEqual({ Tree: { type: "object", properties: { next: { $ref: "#/$defs/Tree" } } } })
    const other = property(
      standard,
      { $ref: "#/properties/far" },
      { properties: { far: { type: "string" }, of: { $ref: "#/properties/far" } } },
    )
    expect([other.of, other.defs]).toEqual([{ $ref: "#/$defs/far" }, { far: { type: "string" } }])
    const remote = property(standard, { $ref: "https://example.com/schema.json", description: "Far." })
    expect(remote).toMatchObject({ of: { description: "Far." }, dropped: ["/properties/of/$ref"] })
  })
  test("is not given keywords with values that are none", () => {
    const wrong = { type: "string", minLength: -1, pattern: "(", required: true, enum: [], title: 3, minimum: "0" }
    expect(property(anthropic, wrong)).toMatchObject({
      of: { type: "string" },
      dropped: ["enum", "minLength", "minimum", "pattern", "required"].map((name) => `/properties/of/${name}`),
    })
  })
  test("is given names that it takes, and the server its own", () => {
    const properties = { $filter: { type: "string" }, _filter: { type: "string" }, ok: { type: "string" } }
    const { restore, schema } = normalise(anthropic, { properties, required: ["$filter"] })
    expect(schema).toMatchObject({ required: ["_filter_2"] })
    expect(Object.keys(Object(schema.properties))).toEqual(["_filter_2", "_filter", "ok"])
    expect(restore({ _filter_2: "a", _filter: "b" })).toEqual({ $filter: "a", _filter: "b" })
    const either = { properties: { $a: {}, $b: {} }, anyOf: [{ required: ["$a"] }, { required: ["$b"] }] }
    expect(of(anthropic, either)).toEqual({
      properties: { _a: {}, _b: {} },
      anyOf: [{ required: ["_a"] }, { required: ["_b"] }],
    })
  })
  test("of OpenAI's is given no pattern that looks around", () => {
    const schema = { type: "string", pattern: "^(?!a)" }
    expect(property(openai, schema)).toMatchObject({ of: { type: "string" }, dropped: ["/properties/of/pattern"] })
    expect(of(anthropic, schema)).toEqual(schema)
  })
})

describe("a provider that takes little", () => {
  test("is given no references, and cycles end as objects", () => {
    const $defs = {
      Node: { type: "object", description: "A node.", properties: { child: { $ref: "#/$defs/Node" } } },
      Name: { type: "string", minLength: 1 },
    }
    for (const model of [google, gateway, kimi]) {
      const cyclic = property(model, { $ref: "#/$defs/Node" }, { $defs })
      const child = { type: "object", description: "A node." }
      expect(cyclic.of).toEqual({ type: "object", description: "A node.", properties: { child } })
      expect(cyclic.dropped).toEqual(["/$defs/Node/properties/child/$ref"])
      expect(property(model, { $ref: "#/$defs/Name", description: "Whose?" }, { $defs })).toMatchObject({
        of: { type: "string", minLength: 1, description: "Whose?" },
        dropped: [],
      })
    }
  })
  test("is told of null in its own way", () => {
    for (const schema of [
      { type: ["string", "null"] },
      { type: "string", nullable: true },
      { anyOf: [{ type: "string" }, { type: "null" }] },
    ]) {
      expect(of(google, schema)).toEqual({ type: ["string", "null"] })
      expect(of(gateway, schema)).toEqual({ type: "string", nullable: true })
      expect(of(kimi, schema)).toEqual({ anyOf: [{ type: "string" }, { type: "null" }] })
    }
    expect(of(google, { type: ["string", "null"], enum: ["a", null] })).toEqual({
      type: ["string", "null"],
      enum: ["a", null],
    })
    expect(of(google, { type: ["string", "null"], enum: ["a"] })).toEqual({ type: "string", enum: ["a"] })
  })
  test("is given one type in each place, with what belongs to it", () => {
    for (const model of [google, gateway, kimi]) {
      expect(of(model, { type: ["integer", "string"], minimum: 1, maxLength: 9, description: "Which?" })).toEqual({
        anyOf: [
          { type: "integer", minimum: 1, description: "Which?" },
          { type: "string", maxLength: 9, description: "Which?" },
        ],
      })
      expect(of(model, { properties: { a: { minimum: 2 } } })).toEqual({
        type: "object",
        properties: { a: { type: "number", minimum: 2 } },
      })
    }
  })
  test("is given one list of values where a union is one", () => {
    expect(property(google, { oneOf: [{ const: "a" }, { const: "b" }] })).toMatchObject({
      of: { type: "string", enum: ["a", "b"] },
      dropped: [],
    })
  })
  test("is given a union alone, with what stood beside it in each member", () => {
    const schema = {
      type: "object",
      properties: { id: { type: "string" } },
      oneOf: [{ properties: { a: { type: "string" } } }, { properties: { b: { type: "boolean" } } }],
    }
    const id = { type: "string" }
    expect(property(google, schema)).toMatchObject({
      of: {
        anyOf: [
          { type: "object", properties: { id, a: { type: "string" } } },
          { type: "object", properties: { id, b: { type: "boolean" } } },
        ],
      },
      dropped: ["/properties/of/oneOf"],
    })
  })
  test("of Google's is given values as texts, and the server its own", () => {
    const schema = { properties: { n: { type: "integer", enum: [1, 2], default: 2 }, m: { enum: [true, "on", 3] } } }
    const { restore, schema: made } = normalise(google, schema)
    expect(made.properties).toMatchObject({ n: { type: "string", enum: ["1", "2"], default: "2" } })
    expect(restore({ n: "2", m: "3" })).toEqual({ n: 2, m: 3 })
    expect(restore({ n: "7" })).toEqual({ n: "7" })
  })
  test("of Google's is given the formats that it knows", () => {
    expect(of(google, { type: "string", format: "date-time" })).toEqual({ type: "string", format: "date-time" })
    expect(property(google, { type: "string", format: "uri", description: "Where." })).toMatchObject({
      of: { type: "string", description: "Where. (format: uri)" },
      dropped: ["/properties/of/format"],
    })
  })
  test("is given what it cannot say as near as it can, and it is told what is missing", () => {
    expect(property(google, { type: "object", additionalProperties: { type: "string" } })).toMatchObject({
      of: { type: "object" },
      dropped: ["/properties/of/additionalProperties"],
    })
    expect(
      property(kimi, { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false }),
    ).toMatchObject({
      of: { type: "array", maxItems: 2, items: { anyOf: [{ type: "string" }, { type: "number" }] } },
      dropped: ["/properties/of/prefixItems"],
    })
    expect(property(google, { not: { type: "string" } }).dropped).toEqual(["/properties/of/not"])
  })
})

describe("arguments", () => {
  test("that are null and may not be, are left out where they are optional", () => {
    const schema = {
      properties: { a: { type: "string" }, b: { type: "string" }, c: { type: ["string", "null"] } },
      required: ["a"],
    }
    const { restore } = normalise(openai, schema)
    expect(restore({ a: null, b: null, c: null })).toEqual({ a: null, c: null })
    const args = { a: "x" }
    expect(restore(args)).toBe(args)
    for (const odd of [null, 3, "text", [1]]) expect(restore(odd)).toEqual(odd)
  })
})

describe("a schema that means harm", () => {
  const cut = (schema: object) => {
    for (const model of Object.values(models)) {
      const made = normalise(model, { ...schema })
      expect(made.schema).toMatchObject({ type: "object" })
      expect(made.dropped.length).toBeGreaterThan(0)
      expect(JSON.stringify(made.schema).length).toBeLessThan(2_000_000)
    }
  }
  test("is cut where it is too deep", () => {
    let deep: object = { type: "string" }
    for (let level = 0; level < 300; level++) deep = { type: "object", properties: { deeper: deep } }
    cut({ type: "object", properties: { deep } })
    for (let level = 0; level < 3000; level++) deep = { type: "object", properties: { deeper: deep } }
    cut({ type: "object", properties: { deep } })
  })
  test("is cut where it is too large", () => {
    const wide = Array.from({ length: 20_000 }, (_, index) => [`p${index}`, { type: "string" }])
    cut({ type: "object", properties: Object.fromEntries(wide) })
    cut({ type: "object", properties: { text: { type: "string", description: "x".repeat(2_000_000) } } })
  })
  test("is cut where its references multiply", () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 30 }, (_, level) => {
        const next = { $ref: `#/$defs/d${level + 1}` }
        return [`d${level}`, { type: "object", properties: { a: next, b: next, c: { allOf: [next, next] } } }]
      }),
    )
    cut({ type: "object", properties: { bomb: { $ref: "#/$defs/d0" } }, $defs })
  })
  test("is cut where its references lead nowhere but to themselves", () => {
    const $defs = { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }
    for (const model of [google, gateway, kimi]) {
      const made = property(model, { $ref: "#/$defs/a" }, { $defs })
      expect(made.dropped).toEqual(["/$defs/b/$ref"])
    }
    expect(property(standard, { $ref: "#/$defs/a" }, { $defs }).of).toEqual({ $ref: "#/$defs/a" })
  })
  test("touches no prototype", () => {
    const schema: unknown = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"},"toString":{"$ref":"#/$defs/__proto__"}},"$defs":{"__proto__":{"type":"integer"}},"required":["__proto__"]}',
    )
    for (const model of Object.values(models)) {
      const { dropped, restore, schema: made } = normalise(model, Object(schema))
      expect(Object.keys(Object(made.properties))).toEqual(["constructor", "toString"])
      expect(dropped).toContain("/properties/__proto__")
      restore(JSON.parse('{"__proto__":{"polluted":true},"constructor":"a"}'))
    }
    expect(Object({})).not.toHaveProperty("polluted")
  })
  test("is asked for once", () => {
    const schema = { type: "object" }
    expect(normalise(google, schema)).toBe(normalise({ ...google, modelID: "gemini-5" }, schema))
    expect(normalise(google, schema)).not.toBe(normalise(standard, schema))
  })
})

// `nullable` is a keyword of OpenAPI, which Ajv knows too.
const draft7 = new Ajv({ strict: false, logger: false })
const latest = new Ajv2020({ strict: false, logger: false })

/** A form that the AI SDK's Google provider turns into the API's without refusing it. */
const isFlat = (schema: unknown): boolean => {
  const { anyOf, items, properties, type, ...rest }: Properties = Object(schema)
  const below = [
    ...(Array.isArray(anyOf) ? anyOf : []),
    ...(items === undefined ? [] : [items]),
    ...Object.values(Object(properties)),
  ]
  const only = anyOf === undefined ? typeof type === "string" || Array.isArray(type) : type === undefined
  const known = ["$ref", "$defs", "allOf", "oneOf", "const", "not", "prefixItems"].every(
    (keyword) => !(keyword in rest),
  )
  return only && known && below.every(isFlat)
}

describe("the tools of real servers", () => {
  const peers = {
    everything: Effect.succeed(everything),
    filesystem: Effect.map(temporaryDirectory, (directory) => filesystem(directory)),
    memory: Effect.map(temporaryDirectory, (directory) => memory(`${directory}/memory.json`)),
    "the SDK, v1": Effect.succeed(sdkV1()),
    "the SDK, v2": Effect.succeed(sdkV2()),
  }
  for (const [name, peer] of Object.entries(peers)) {
    it.live(`of ${name} keep what they mean`, () =>
      Effect.gen(function* () {
        const { session } = yield* connect(yield* peer)
        const { tools } = yield* session.request(Method.listTools, {})
        expect(tools.length).toBeGreaterThan(2)
        let judged = 0
        const problems: Array<object> = []
        for (const { inputSchema } of tools) {
          const old = String(inputSchema.$schema).includes("draft-07")
          const original = (old ? draft7 : latest).compile({
            ...inputSchema,
          })
          for (const [provider, model] of Object.entries(models)) {
            const { dropped, restore, schema } = normalise(model, inputSchema)
            if (provider === "google" || provider === "gateway") expect(isFlat(schema)).toBe(true)
            const accepts = latest.compile(schema)
            if (dropped.length > 0) continue
            for (const args of samples(schema, schema)) {
              if (!accepts(args)) continue
              judged += 1
              if (original(restore(args))) continue
              problems.push({ provider, args, problems: original.errors })
            }
          }
        }
        expect(problems).toEqual([])
        expect(judged).toBeGreaterThan(20)
      }),
    )
  }
})
