import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { outcome, unusable, verdicts } from "./compiled.ts"

describe("a reference", () => {
  it.live("leads to wherever a JSON pointer, an anchor or an $id of the same document leads", () =>
    Effect.gen(function* () {
      const $defs = {
        "a/b %": { type: "integer" },
        named: { $anchor: "word", type: "string" },
        inner: { $id: "inner", $defs: { deep: { $id: "deep/", type: "boolean" } } },
        urn: { $id: "urn:example:null", type: "null" },
      }
      for (const [$ref, good] of [
        ["#/$defs/a~1b%20%25", 1],
        ["#word", "a"],
        ["inner#/$defs/deep", true],
        ["https://example.com/deep/", true],
        ["urn:example:null", null],
        ["https://example.com/root#word", "a"],
      ] as const) {
        const schema = { $id: "https://example.com/root", properties: { x: { $ref } }, $defs }
        expect([$ref, yield* verdicts(schema, [{ x: good }, { x: {} }])]).toEqual([$ref, [true, false]])
      }
    }),
  )

  it.live("to another document is never fetched: the schema is unusable, and says where to what", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ check: false })
      const remote = `${server.url}/schema.json`
      for (const schema of [
        { properties: { a: { $ref: remote } } },
        { $id: `${server.url}/`, properties: { a: { $ref: "schema.json" } } },
        { $id: server.url, properties: { a: { $ref: `${remote}#/$defs/b` } } },
        { properties: { a: { $dynamicRef: remote } } },
        { $id: remote, properties: { a: { $ref: "#/$defs/nothing" } } },
        { properties: { a: { $ref: "file:///etc/passwd" } } },
        { properties: { a: { $ref: "%%%" } } },
        { properties: { a: { $ref: "#/%zz" } } },
      ]) {
        const reason = yield* unusable(schema)
        expect(reason).toMatchObject({ _tag: "UnresolvableReference", path: "/properties/a" })
        expect(reason.message).toContain(JSON.stringify(Object.values(schema.properties.a)[0]))
      }
      expect((yield* unusable({ $schema: remote }))._tag).toBe("UnknownDialect")
      expect(server.requests).toEqual([])
    }),
  )

  it.live("does not see what another schema named", () =>
    Effect.gen(function* () {
      const $id = "https://example.com/shared"
      expect(yield* verdicts({ $id, type: "string", $defs: { a: { $id: "a" } } }, ["x"])).toEqual([true])
      expect(yield* verdicts({ $id, type: "integer" }, ["x"])).toEqual([false])
      expect((yield* unusable({ $ref: $id }))._tag).toBe("UnresolvableReference")
      expect((yield* unusable({ $id: "https://example.com/", $ref: "a" }))._tag).toBe("UnresolvableReference")
    }),
  )

  it.live("that leads back to itself without descending makes the schema unusable, one that descends does not", () =>
    Effect.gen(function* () {
      const recursive = { $schema: "https://json-schema.org/draft/2019-09/schema", $recursiveAnchor: true }
      for (const schema of [
        { $ref: "#" },
        { allOf: [{ anyOf: [{ $ref: "#" }] }] },
        { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { not: { $ref: "#/$defs/a" } } } },
        { if: { $ref: "#" } },
        { dependentSchemas: { a: { $ref: "#" } } },
        { $dynamicAnchor: "a", $dynamicRef: "#a" },
        { ...recursive, $recursiveRef: "#" },
      ]) {
        expect((yield* unusable(schema))._tag).toBe("TooComplex")
      }
      const list = { type: "object", properties: { next: { $ref: "#" } }, additionalProperties: false }
      expect(yield* verdicts(list, [{ next: { next: {} } }, { next: { next: { last: 1 } } }])).toEqual([true, false])
      const tree = { ...recursive, type: "object", additionalProperties: { $recursiveRef: "#" } }
      expect(yield* verdicts(tree, [{ a: { b: {} } }, { a: { b: 1 } }])).toEqual([true, false])
    }),
  )

  it.live("that only turns out to have no end while validating ends undecided", () =>
    Effect.gen(function* () {
      const anchored = { x: { $dynamicAnchor: "n" } }
      const schema = {
        $id: "https://example.com/",
        $dynamicAnchor: "n",
        $ref: "c",
        $defs: { c: { $id: "c", $dynamicRef: "#n", $defs: anchored } },
      }
      expect(yield* outcome(schema, 1)).toBe("Undecided")
    }),
  )
})
