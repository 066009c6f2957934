/** Schemas for providers that take JSON Schema: brought to 2020-12, with what is no valid keyword left out. */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Keyword from "./keyword.ts"
import type { At, Rewrite } from "./rewrite.ts"

type Entries = Array<readonly [string, unknown]>

/** What says nothing about instances and is worth the model's time. */
const told = new Set(["title", "description", "default"])

/** One schema, and all that stands in it. */
export const kept = (rewrite: Rewrite, at: At, depth: number): JsonObject => {
  if (!rewrite.enter(at, depth)) return {}
  const { schema } = at
  if (typeof schema === "boolean") return schema ? {} : { not: {} }
  const out: Entries = []
  const reference = schema.$ref ?? schema.$dynamicRef ?? schema.$recursiveRef
  if (reference !== undefined) out.push(...referred(rewrite, at, reference))
  // Before 2019-09 a reference hides whatever stands beside it.
  const hidden = schema.$ref !== undefined && at.resource.dialect < 2019
  for (const [keyword, value] of Object.entries(schema)) {
    if (hidden && !told.has(keyword)) continue
    out.push(...member(rewrite, at, keyword, value, depth))
  }
  const made: JsonObject = Object.fromEntries(out)
  const names = isObject(schema.properties) ? rewrite.rename(Object.keys(schema.properties)) : new Map<string, string>()
  const changed = [...names].filter(([from, to]) => from !== to)
  if (changed.length > 0) rewrite.fixes.set(made, { names: new Map(changed.map(([from, to]) => [to, from])) })
  return made
}

const referred = (rewrite: Rewrite, at: At, reference: unknown): Entries => {
  const target = rewrite.resolve(at, reference)
  if (target !== undefined) return [["$ref", `#/$defs/${rewrite.define(target)}`]]
  rewrite.drop(`${at.path}/$ref`)
  return []
}

/** What becomes of one keyword. */
const member = (rewrite: Rewrite, at: At, keyword: string, value: unknown, depth: number): Entries => {
  const { schema } = at
  if (typeof schema === "boolean") return []
  const path = `${at.path}/${keyword}`
  const dropped = (): Entries => {
    rewrite.drop(path)
    return []
  }
  const one = (to: string, from: unknown, ...keys: ReadonlyArray<string | number>): Entries => {
    const found = rewrite.below(at, from, ...keys)
    if (found === undefined) return dropped()
    const isFlag = typeof found.schema === "boolean" && (to.endsWith("Properties") || to.endsWith("Items"))
    return [[to, isFlag ? found.schema : kept(rewrite, found, depth + 1)]]
  }
  const list = (to: string): Entries => {
    const found = Array.isArray(value) ? value.map((each, index) => rewrite.below(at, each, keyword, index)) : []
    const fit = found.filter((each) => each !== undefined)
    if (fit.length === 0 || fit.length < found.length) return dropped()
    return [[to, fit.map((each) => kept(rewrite, each, depth + 1))]]
  }

  switch (keyword) {
    case "$ref":
    case "$dynamicRef":
    case "$recursiveRef":
      return []
    case "type":
      return typed(schema, value) ?? dropped()
    case "const":
      return [["enum", [value]]]
    case "enum": {
      if ("const" in schema) return []
      if (!Array.isArray(value) || value.length === 0) return dropped()
      return [["enum", schema.nullable === true && !value.includes(null) ? [...value, null] : value]]
    }
    case "required": {
      if (!Array.isArray(value)) return dropped()
      const names = Keyword.textsOf(value)
      const own = isObject(schema.properties) ? rewrite.rename(Object.keys(schema.properties)) : undefined
      return names.length === 0 ? [] : [["required", names.map((name) => own?.get(name) ?? rewrite.renamed(name))]]
    }
    case "properties":
      return isObject(value) ? [["properties", properties(rewrite, at, value, depth)]] : dropped()
    case "items":
      return Array.isArray(value)
        ? list("prefixItems")
        : Array.isArray(schema.prefixItems) || value !== true
          ? one("items", value, "items")
          : [["items", {}]]
    case "additionalItems":
      return Array.isArray(schema.items) ? one("items", value, keyword) : []
    case "exclusiveMinimum":
    case "exclusiveMaximum":
    case "minimum":
    case "maximum":
      return bound(schema, keyword, value) ?? dropped()
    case "dependentRequired":
    case "dependencies":
      return dependencies(rewrite, at, keyword, value, depth) ?? dropped()
    case "pattern":
      if (!rewrite.dialect.lookaround && Keyword.looksAround(String(value))) return dropped()
  }

  if (Keyword.listed.has(keyword)) return list(keyword)
  if (Keyword.single.has(keyword)) return one(keyword, value, keyword)
  if (Keyword.named.has(keyword)) {
    if (!isObject(value)) return dropped()
    const found = Object.entries(value).map(([name, each]) => [name, rewrite.below(at, each, keyword, name)] as const)
    const fit = found.flatMap(([name, each]) =>
      each === undefined ? [] : [[name, kept(rewrite, each, depth + 1)] as const],
    )
    return fit.length === 0 ? [] : [[keyword, Object.fromEntries(fit)]]
  }
  const fits = Keyword.values.get(keyword)
  if (fits === undefined) return []
  if (fits(value)) return [[keyword, value]]
  return Keyword.silent.has(keyword) ? [] : dropped()
}

/** The types, with null where `nullable` says so; an array says what it holds, as OpenAI demands. */
const typed = (schema: JsonObject, value: unknown): Entries | undefined => {
  const types = Keyword.typesOf(value)
  if (types === undefined) return undefined
  const all = schema.nullable === true && !types.includes("null") ? [...types, "null"] : types
  const type = ["type", all.length === 1 ? all[0] : all] as const
  const holds = (schema.items === undefined || Array.isArray(schema.items)) && schema.unevaluatedItems === undefined
  const open = types.includes("array") && holds && schema.additionalItems === undefined
  return open ? [type, ["items", {}]] : [type]
}

export const properties = (rewrite: Rewrite, at: At, value: JsonObject, depth: number): JsonObject => {
  const names = rewrite.rename(Object.keys(value))
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, schema]) => {
      const found = rewrite.below(at, schema, "properties", name)
      // No JSON parser of a host gives this name to anybody.
      if (name !== "__proto__" && found !== undefined) {
        return rewrite.property(names.get(name) ?? name, found, (one) => kept(rewrite, one, depth + 1))
      }
      rewrite.drop(`${at.path}/properties/${name}`)
      return []
    }),
  )
}

/** Draft-04 had `exclusiveMinimum: true` beside a `minimum`. */
const bound = (schema: JsonObject, keyword: string, value: unknown): Entries | undefined => {
  if (typeof value === "boolean" && keyword.startsWith("exclusive")) {
    const limit = schema[keyword === "exclusiveMinimum" ? "minimum" : "maximum"]
    return value && typeof limit === "number" ? [[keyword, limit]] : []
  }
  if (Keyword.values.get(keyword)?.(value) !== true) return undefined
  const isHidden = schema[keyword === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum"] === true
  return isHidden && !keyword.startsWith("exclusive") ? [] : [[keyword, value]]
}

const dependencies = (
  rewrite: Rewrite,
  at: At,
  keyword: string,
  value: unknown,
  depth: number,
): Entries | undefined => {
  if (!isObject(value)) return undefined
  const { required, schemas } = Keyword.dependenciesOf(value)
  const out: Entries = []
  if (required.length > 0) {
    const renamed = required.map(([name, list]) => {
      const names = Keyword.textsOf(list).map((each) => rewrite.renamed(each))
      return [rewrite.renamed(name), names] as const
    })
    out.push(["dependentRequired", Object.fromEntries(renamed)])
  }
  const fit = schemas.flatMap(([name, schema]) => {
    const found = rewrite.below(at, schema, keyword, name)
    return found === undefined ? [] : [[rewrite.renamed(name), kept(rewrite, found, depth + 1)] as const]
  })
  if (fit.length > 0) out.push(["dependentSchemas", Object.fromEntries(fit)])
  return out
}
