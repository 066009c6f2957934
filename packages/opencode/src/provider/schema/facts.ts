/**
 * What a schema says of one instance, its references followed and its `allOf` taken together.
 *
 * Subschemas are not looked into: several that apply to one place are kept as one `allOf`.
 */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Keyword from "./keyword.ts"
import type { At, Rewrite } from "./rewrite.ts"

/** The members of an `anyOf` or a `oneOf`. */
export interface Union {
  readonly path: string
  readonly exclusive: boolean
  readonly members: ReadonlyArray<At>
}

export interface Facts {
  /** `undefined`: of any type. */
  types: ReadonlyArray<string> | undefined
  values: ReadonlyArray<unknown> | undefined
  readonly properties: Map<string, At>
  readonly required: Set<string>
  /** What else an object may hold. */
  additional: At | undefined
  items: At | undefined
  prefix: ReadonlyArray<At> | undefined
  readonly unions: Array<Union>
  /** Keywords whose values are no schemas. */
  readonly plain: Map<string, unknown>
  /** What cannot be taken apart: by keyword, with where it stands. */
  readonly rest: Map<string, { readonly at: At; readonly value: unknown }>
  isNull: boolean
}

export const empty = (): Facts => ({
  types: undefined,
  values: undefined,
  properties: new Map(),
  required: new Set(),
  additional: undefined,
  items: undefined,
  prefix: undefined,
  unions: [],
  plain: new Map(),
  rest: new Map(),
  isNull: false,
})

export const copy = (facts: Facts): Facts => ({
  ...facts,
  properties: new Map(facts.properties),
  required: new Set(facts.required),
  unions: [...facts.unions],
  plain: new Map(facts.plain),
  rest: new Map(facts.rest),
})

/** Whether a schema says more than which names are required. */
export const saysWhat = (facts: Facts): boolean =>
  facts.types !== undefined ||
  facts.values !== undefined ||
  facts.properties.size > 0 ||
  facts.items !== undefined ||
  facts.prefix !== undefined ||
  facts.unions.length > 0 ||
  [...facts.plain.keys()].some((keyword) => !Keyword.silent.has(keyword))

const apart = (types: ReadonlyArray<string>): ReadonlyArray<string> =>
  types.includes("number") ? [...types, "integer"] : types

const both = (a: ReadonlyArray<string> | undefined, b: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (a === undefined) return b
  const [of, other] = [new Set(apart(a)), new Set(apart(b))]
  const common = [...of].filter((type) => other.has(type))
  return common.includes("number") ? common.filter((type) => type !== "integer") : common
}

/** Adds what a schema says. */
export const gather = (rewrite: Rewrite, facts: Facts, at: At, depth: number): void => {
  if (!rewrite.enter(at, depth)) return
  const { schema } = at
  if (schema === false) facts.types = []
  if (typeof schema === "boolean") return
  const reference = schema.$ref ?? schema.$dynamicRef ?? schema.$recursiveRef
  const hidden = schema.$ref !== undefined && at.resource.dialect < 2019
  // What stands beside a reference is nearer to the instance than what it leads to: its words come first.
  words(facts, schema)
  if (!hidden) own(rewrite, facts, at, schema, depth)
  if (reference !== undefined) follow(rewrite, facts, at, reference, depth)
}

const words = (facts: Facts, schema: JsonObject) => {
  for (const keyword of ["title", "description"]) {
    const value = schema[keyword]
    if (typeof value === "string" && !facts.plain.has(keyword)) facts.plain.set(keyword, value)
  }
  if (schema.default !== undefined && !facts.plain.has("default")) facts.plain.set("default", schema.default)
}

const follow = (rewrite: Rewrite, facts: Facts, at: At, reference: unknown, depth: number) => {
  const target = rewrite.resolve(at, reference)
  if (target === undefined) return rewrite.drop(`${at.path}/$ref`)
  if (!at.trail.has(target.path)) return gather(rewrite, facts, target, depth + 1)
  // It leads back to where we are: what follows is left to the model's imagination.
  rewrite.drop(`${at.path}/$ref`)
  if (typeof target.schema === "boolean") return
  words(facts, target.schema)
  const types = Keyword.typesOf(target.schema.type)?.filter((type) => type !== "array")
  facts.types = both(facts.types, types === undefined || types.length === 0 ? ["object"] : types)
}

const own = (rewrite: Rewrite, facts: Facts, at: At, schema: JsonObject, depth: number) => {
  const types = Keyword.typesOf(schema.type)
  if (types !== undefined) {
    facts.types = both(facts.types, schema.nullable === true ? [...new Set([...types, "null"])] : types)
  }
  const values = Keyword.valuesOf(schema)
  if (values !== undefined) {
    const seen = facts.values?.map((value) => JSON.stringify(value))
    const all = schema.nullable === true && !values.includes(null) ? [...values, null] : values
    facts.values = seen === undefined ? all : all.filter((value) => seen.includes(JSON.stringify(value)))
  }
  const add = (to: At | undefined, found: At | undefined) =>
    found === undefined ? to : to === undefined ? found : rewrite.combined("allOf", [to, found])

  for (const [keyword, value] of Object.entries(schema)) {
    const path = `${at.path}/${keyword}`
    switch (keyword) {
      case "properties":
        for (const [name, one] of Object.entries(isObject(value) ? value : {})) {
          const found = add(facts.properties.get(name), rewrite.below(at, one, keyword, name))
          if (found !== undefined) facts.properties.set(name, found)
        }
        break
      case "required":
        for (const name of Keyword.textsOf(value)) facts.required.add(name)
        break
      case "additionalProperties":
        facts.additional = add(facts.additional, rewrite.below(at, value, keyword))
        break
      case "items":
      case "prefixItems":
        if (Array.isArray(value)) {
          const all = value.map((one, index) => rewrite.below(at, one, keyword, index))
          facts.prefix = all.filter((one) => one !== undefined)
        } else facts.items = add(facts.items, rewrite.below(at, value, keyword))
        break
      case "additionalItems":
        if (Array.isArray(schema.items)) facts.items = add(facts.items, rewrite.below(at, value, keyword))
        break
      case "allOf":
        for (const [index, one] of (Array.isArray(value) ? value : []).entries()) {
          const found = rewrite.below(at, one, keyword, index)
          if (found !== undefined) gather(rewrite, facts, found, depth + 1)
        }
        break
      case "anyOf":
      case "oneOf": {
        const all = Array.isArray(value) ? value.map((one, index) => rewrite.below(at, one, keyword, index)) : []
        const members = all.filter((one) => one !== undefined)
        if (members.length > 0) facts.unions.push({ path, exclusive: keyword === "oneOf", members })
        break
      }
      default:
        other(rewrite, facts, at, keyword, value)
    }
  }
}

/** The lower limits: of two, the greater one counts. */
const lower = new Set(["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"])

const other = (rewrite: Rewrite, facts: Facts, at: At, keyword: string, value: unknown) => {
  if (Keyword.silent.has(keyword)) return
  const fits = Keyword.values.get(keyword)
  if (fits === undefined) {
    const known = Keyword.single.has(keyword) || Keyword.named.has(keyword) || keyword.startsWith("depend")
    if (known) facts.rest.set(keyword, { at, value })
    return
  }
  if (!fits(value)) return rewrite.drop(`${at.path}/${keyword}`)
  const before = facts.plain.get(keyword)
  if (typeof before === "number" && typeof value === "number" && keyword !== "multipleOf") {
    facts.plain.set(keyword, lower.has(keyword) ? Math.max(before, value) : Math.min(before, value))
  } else if (before === undefined) facts.plain.set(keyword, value)
  else if (before !== value) rewrite.drop(`${at.path}/${keyword}`)
}
