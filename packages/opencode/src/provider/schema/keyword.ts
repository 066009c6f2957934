/** The keywords of JSON Schema: which there are, and what their values may be. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Result from "effect/Result"

type Is = (value: unknown) => boolean

const isNumber: Is = (value) => typeof value === "number" && Number.isFinite(value)
const isCount: Is = (value) => Number.isSafeInteger(value) && Number(value) >= 0
const isText: Is = (value) => typeof value === "string"
const isFlag: Is = (value) => typeof value === "boolean"

/** A regular expression of JavaScript's. It is never run here. */
const isPattern: Is = (value) => {
  if (typeof value !== "string" || value.length > 10_000) return false
  return Result.isSuccess(Result.try(() => new RegExp(value, "u")))
}

/** Keywords whose value is no schema, with what it may be. */
export const values: ReadonlyMap<string, Is> = new Map<string, Is>([
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].map((name) => [name, isNumber] as const),
  ["multipleOf", (value) => isNumber(value) && Number(value) > 0],
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"].map(
    (name) => [name, isCount] as const,
  ),
  ...["minContains", "maxContains"].map((name) => [name, isCount] as const),
  ...["title", "description", "format", "contentEncoding", "contentMediaType"].map((name) => [name, isText] as const),
  ...["uniqueItems", "deprecated", "readOnly", "writeOnly"].map((name) => [name, isFlag] as const),
  ["pattern", isPattern],
  ["default", () => true],
  ["examples", Array.isArray],
])

/** Keywords that say something about a schema and nothing about instances. */
export const silent: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment"],
  ...["$defs", "definitions", "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType"],
  ...["title", "description", "default", "nullable"],
])

/** Keywords with one schema. */
export const single: ReadonlySet<string> = new Set([
  ...["additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"],
  ...["unevaluatedItems", "unevaluatedProperties"],
])

/** Keywords with a list of schemas. */
export const listed: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])

/** Keywords with schemas by names. */
export const named: ReadonlySet<string> = new Set(["dependentSchemas", "patternProperties", "properties"])

export const types: ReadonlySet<string> = new Set([
  ...["string", "number", "integer", "boolean", "object", "array", "null"],
])

/** The types that a schema names; `undefined` where it names none. */
export const typesOf = (type: unknown): ReadonlyArray<string> | undefined => {
  const named = (Array.isArray(type) ? type : [type]).filter(
    (one): one is string => typeof one === "string" && types.has(one),
  )
  return named.length === 0 ? undefined : [...new Set(named)]
}

/** The type of a value, as a schema names it. */
export const typeOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  return typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value
}

/** Whether a value of this type may stand where a schema names that one. */
export const isOfType = (value: unknown, type: string): boolean => {
  const own = typeOf(value)
  return own === type || (type === "number" && own === "integer")
}

/** The values that a schema allows by `enum` or `const`. */
export const valuesOf = (schema: object): ReadonlyArray<unknown> | undefined => {
  if ("const" in schema) return [schema.const]
  return "enum" in schema && Array.isArray(schema.enum) && schema.enum.length > 0 ? schema.enum : undefined
}

/** Names that a list holds. */
export const textsOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? [...new Set(value.filter((one): one is string => typeof one === "string"))] : []

/** `dependencies` of draft-07 as the two keywords that it became. */
export const dependenciesOf = (
  value: unknown,
): { readonly required: ReadonlyArray<[string, unknown]>; readonly schemas: ReadonlyArray<[string, unknown]> } => {
  const all = isObject(value) ? Object.entries(value) : []
  return {
    required: all.filter(([, one]) => Array.isArray(one)),
    schemas: all.filter(([, one]) => !Array.isArray(one)),
  }
}

/** Whether a pattern looks around or back. */
export const looksAround = (pattern: string): boolean => /\(\?<?[=!]|\\[1-9]|\\k</.test(pattern)
