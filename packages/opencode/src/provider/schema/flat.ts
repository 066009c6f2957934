/**
 * Schemas for providers that take little: every node has one type, or is an `anyOf` and nothing else, and references
 * are replaced by what they lead to.
 */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { copy, empty, type Facts, gather, saysWhat, type Union } from "./facts.ts"
import * as Keyword from "./keyword.ts"
import type { At, Rewrite } from "./rewrite.ts"

type Members = Record<string, unknown>

/** One schema, and all that stands in it. */
export const flat = (rewrite: Rewrite, at: At, depth: number): JsonObject => {
  const facts = empty()
  gather(rewrite, facts, at, depth)
  return told(rewrite, facts, at, depth)
}

const isNothing = ({ types, values }: Facts): boolean => types?.length === 0 || values?.length === 0

/** What facts come to. */
export const told = (rewrite: Rewrite, facts: Facts, at: At, depth: number): JsonObject => {
  for (const [keyword, { at: place }] of facts.rest) rewrite.drop(`${place.path}/${keyword}`)
  const [union, ...others] = facts.unions
  for (const { path } of others) rewrite.drop(path)
  return union === undefined ? simple(rewrite, facts, at, depth) : united(rewrite, facts, union, at, depth)
}

const united = (rewrite: Rewrite, facts: Facts, union: Union, at: At, depth: number): JsonObject => {
  const base = copy(facts)
  base.unions.length = 0
  base.rest.clear()
  const alone = union.members.map((member) => {
    const own = empty()
    gather(rewrite, own, member, depth + 1)
    return own
  })
  const constrains = alone.every((own) => !saysWhat(own))
  if (constrains) {
    rewrite.drop(union.path)
    return simple(rewrite, base, at, depth)
  }
  const isNull = (own: Facts) => own.types?.length === 1 && own.types[0] === "null" && own.unions.length === 0
  const takesNull = alone.some(isNull) && (base.types?.includes("null") ?? true)
  const members = union.members.filter((_, index) => {
    const own = alone[index]
    return own !== undefined && !isNull(own)
  })
  const plain = [...base.plain].filter(([keyword]) => Keyword.silent.has(keyword))
  const found = members.flatMap((member) => {
    const whole = copy(base)
    // Each says itself what it is; what the union is said to be is for those that do not.
    for (const [keyword] of plain) whole.plain.delete(keyword)
    gather(rewrite, whole, member, depth + 1)
    for (const [keyword, value] of plain) {
      if (members.length === 1) whole.plain.set(keyword, value)
      else if (keyword === "description" && !whole.plain.has(keyword)) whole.plain.set(keyword, value)
    }
    if (isNothing(whole)) return []
    if (takesNull && members.length === 1) whole.isNull = true
    return [told(rewrite, whole, member, depth + 1)]
  })
  const [only] = found
  if (found.length === 1 && only !== undefined) return only
  if (only === undefined) return takesNull ? { type: "null" } : simple(rewrite, base, at, depth)
  const made = either(rewrite, [...found, ...(takesNull ? [{ type: "null" }] : [])])
  if (union.exclusive && made.anyOf !== undefined) rewrite.drop(union.path)
  return made
}

const listOf = ({ enum: values }: JsonObject): ReadonlyArray<unknown> => (Array.isArray(values) ? values : [])

/** One of several, those that are unions themselves taken apart; names and numbers of one type become one list. */
const either = (rewrite: Rewrite, members: ReadonlyArray<JsonObject>): JsonObject => {
  const all = members.flatMap((member) => (Array.isArray(member.anyOf) ? member.anyOf.filter(isObject) : [member]))
  const [first] = all
  const isList = ({ anyOf, enum: values, type, ...rest }: JsonObject) =>
    anyOf === undefined &&
    Array.isArray(values) &&
    type === first?.type &&
    typeof type === "string" &&
    !("nullable" in rest)
  if (first === undefined || !all.every(isList)) return { anyOf: all }
  const made = { ...first, enum: [...new Set(all.flatMap(listOf))] }
  const values = all.flatMap((member) => [...(rewrite.fixes.get(member)?.values ?? [])])
  if (values.length > 0) rewrite.fixes.set(made, { values: new Map(values) })
  return made
}

/** What a schema is about that does not name its type. */
const inferred = (facts: Facts): ReadonlyArray<string> => {
  const { plain } = facts
  if (facts.types !== undefined) return facts.types
  if (facts.values !== undefined) return [...new Set(facts.values.map(Keyword.typeOf))]
  if (facts.properties.size > 0 || facts.required.size > 0 || facts.additional !== undefined) return ["object"]
  if (facts.items !== undefined || facts.prefix !== undefined) return ["array"]
  if (["pattern", "minLength", "maxLength", "format"].some((keyword) => plain.has(keyword))) return ["string"]
  if (["minimum", "maximum", "multipleOf"].some((keyword) => plain.has(keyword))) return ["number"]
  return []
}

const scalars = ["string", "number", "boolean", "object"]

/** Facts without a union. */
const simple = (rewrite: Rewrite, facts: Facts, at: At, depth: number): JsonObject => {
  const found = inferred(facts)
  const takesNull = facts.isNull || (found.includes("null") && facts.values?.includes(null) !== false)
  const some = found.filter((type) => type !== "null")
  const types = some.includes("number") ? some.filter((type) => type !== "integer") : some
  if (types.length === 0 && takesNull && found.length > 0) return { ...annotations(facts), type: "null" }
  const [type] = types
  if (type !== undefined && types.length === 1)
    return nullable(rewrite, ofType(rewrite, facts, type, at, depth), takesNull)
  // Anything at all: a list of anything would be a list of lists of lists.
  const all = types.length > 0 ? types : at.path.endsWith("/items") ? scalars : [...scalars, "array"]
  const made = all
    .map((one) => ofType(rewrite, facts, one, at, depth))
    .filter((one) => one.enum === undefined || listOf(one).length > 0)
  return either(rewrite, takesNull ? [...made, { type: "null" }] : made)
}

const nullable = (rewrite: Rewrite, made: JsonObject, takesNull: boolean): JsonObject => {
  if (!takesNull) return made
  const { nullable: how } = rewrite.dialect
  if (how === "branch") return { anyOf: [made, { type: "null" }] }
  const changed =
    how === "keyword"
      ? { ...made, nullable: true }
      : { ...made, type: [made.type, "null"], ...(Array.isArray(made.enum) ? { enum: [...made.enum, null] } : {}) }
  const fix = rewrite.fixes.get(made)
  if (fix !== undefined) rewrite.fixes.set(changed, fix)
  return changed
}

const annotations = (facts: Facts): Members => {
  const { plain } = facts
  return Object.fromEntries(
    ["title", "description"].flatMap((name) => (plain.has(name) ? [[name, plain.get(name)]] : [])),
  )
}

const ofType = (rewrite: Rewrite, facts: Facts, type: string, at: At, depth: number): JsonObject => {
  const made: Members = { ...annotations(facts), type }
  const { plain } = facts
  const take = (...keywords: ReadonlyArray<string>) => {
    for (const keyword of keywords) if (plain.has(keyword)) made[keyword] = plain.get(keyword)
  }
  if (facts.values !== undefined) return listed(rewrite, facts, facts.values, type, made, at)
  const initial = plain.get("default")
  if (initial !== undefined && Keyword.isOfType(initial, type)) made.default = initial
  switch (type) {
    case "string":
      take("minLength", "maxLength", "pattern")
      format(rewrite, facts, made, at)
      break
    case "integer":
    case "number":
      numeric(rewrite, facts, made, at)
      break
    case "array":
      take("minItems", "maxItems")
      if (plain.has("uniqueItems")) {
        if (rewrite.dialect.maps) take("uniqueItems")
        else rewrite.drop(`${at.path}/uniqueItems`)
      }
      made.items = items(rewrite, facts, made, at, depth)
      break
    case "object":
      take("minProperties", "maxProperties")
      object(rewrite, facts, made, at, depth)
  }
  return made
}

const format = (rewrite: Rewrite, { plain }: Facts, made: Members, at: At) => {
  const { formats } = rewrite.dialect
  const name = plain.get("format")
  if (typeof name !== "string") return
  if (formats === undefined || formats.has(name)) made.format = name
  else {
    rewrite.drop(`${at.path}/format`)
    made.description = `${typeof made.description === "string" ? `${made.description} ` : ""}(format: ${name})`
  }
}

const numeric = (rewrite: Rewrite, { plain }: Facts, made: Members, at: At) => {
  const { dialect } = rewrite
  for (const keyword of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"]) {
    const value = plain.get(keyword)
    if (value === undefined) continue
    const known = dialect.maps || keyword === "minimum" || keyword === "maximum"
    if (typeof value === "string" ? dialect.formats?.has(value) !== false : known) made[keyword] = value
    else if (made.type === "integer" && typeof value === "number" && keyword.startsWith("exclusive")) {
      const [plainly, limit] =
        keyword === "exclusiveMinimum" ? ["minimum", Math.floor(value) + 1] : ["maximum", Math.ceil(value) - 1]
      const before = plain.get(plainly)
      const tighter = plainly === "minimum" ? Math.max : Math.min
      made[plainly] = typeof before === "number" ? tighter(before, limit) : limit
    } else rewrite.drop(`${at.path}/${keyword}`)
  }
}

/** A list of values, of one type. */
const listed = (
  rewrite: Rewrite,
  { plain }: Facts,
  all: ReadonlyArray<unknown>,
  type: string,
  made: Members,
  at: At,
): JsonObject => {
  const { textEnums } = rewrite.dialect
  const values = all.filter((value) => Keyword.isOfType(value, type))
  const initial = plain.get("default")
  if (type === "object" || type === "array") {
    if (values.length > 0) rewrite.drop(`${at.path}/enum`)
    if (type === "array") made.items = { type: "string" }
    return made
  }
  // Gemini refuses an empty string.
  const fit = textEnums ? values.filter((value) => value !== "") : values
  if (fit.length === 0) rewrite.drop(`${at.path}/enum`)
  if (fit.length === 0 && values.length > 0) return made
  if (!textEnums || type === "string") {
    return { ...made, ...(fit.includes(initial) ? { default: initial } : {}), enum: fit }
  }
  // A boolean may be either anyway.
  if (type === "boolean" && fit.length > 1) return made
  const texts = new Map(fit.map((value) => [String(value), value]))
  const given = fit.includes(initial) ? { default: String(initial) } : {}
  const changed = { ...made, type: "string", ...given, enum: [...texts.keys()] }
  rewrite.fixes.set(changed, { values: texts })
  return changed
}

const items = (rewrite: Rewrite, facts: Facts, made: Members, at: At, depth: number): JsonObject => {
  const { prefix } = facts
  const anything = { schema: true, resource: at.resource, path: `${at.path}/items`, trail: at.trail } as const
  if (prefix === undefined) return flat(rewrite, facts.items ?? anything, depth + 1)
  const isClosed = facts.items?.schema === false
  const all = facts.items === undefined || isClosed ? prefix : [...prefix, facts.items]
  const one = rewrite.combined("anyOf", all) ?? anything
  if (isClosed && made.maxItems === undefined) made.maxItems = prefix.length
  const isSame = new Set(all.map(({ schema }) => rewrite.text(schema))).size === 1
  // In which order they come is lost, and what comes after them.
  if (!isSame || facts.items === undefined) rewrite.drop(`${at.path}/prefixItems`)
  return flat(rewrite, one, depth + 1)
}

const object = (rewrite: Rewrite, facts: Facts, made: Members, at: At, depth: number) => {
  const { additional } = facts
  const all = [...facts.properties].filter(([name, property]) => {
    if (name === "__proto__") rewrite.drop(property.path)
    return name !== "__proto__" && property.schema !== false
  })
  const properties = all.flatMap(([name, at]) => rewrite.property(name, at, (one) => flat(rewrite, one, depth + 1)))
  if (properties.length > 0) made.properties = Object.fromEntries(properties)
  const names = new Set(properties.map(([name]) => name))
  const required = [...facts.required].filter((name) => {
    if (!names.has(name)) rewrite.drop(`${at.path}/required`)
    return names.has(name)
  })
  if (required.length > 0) made.required = required
  if (additional === undefined) return
  if (rewrite.dialect.maps) {
    made.additionalProperties =
      typeof additional.schema === "boolean" ? additional.schema : flat(rewrite, additional, depth + 1)
  } else if (additional.schema !== false) rewrite.drop(`${at.path}/additionalProperties`)
}
