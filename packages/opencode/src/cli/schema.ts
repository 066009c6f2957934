/** What the command line reads off a tool's input schema. It validates nothing: that is the server's. */

export type Schema = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A property of an object, its own alone. */
export const own = (object: unknown, key: string): unknown =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined

/** How many references are followed before they are taken for a circle. */
const hops = 16

/** The schema that a local `$ref` leads to; the schema itself where it has none, or one that leads nowhere. */
export const resolve = (schema: unknown, root: unknown): Schema => {
  let current = schema
  for (let hop = 0; hop < hops; hop++) {
    const ref = own(current, "$ref")
    if (typeof ref !== "string" || !ref.startsWith("#")) break
    const path = ref.slice(1).split("/").slice(1)
    const target = path.reduce<unknown>((at, key) => own(at, key.replaceAll("~1", "/").replaceAll("~0", "~")), root)
    if (target === undefined) break
    current = target
  }
  return isObject(current) ? current : {}
}

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : []

/** An argument of a tool. */
export interface Property {
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
}

/** The arguments that a tool names, those of `allOf` too. */
export const properties = (root: unknown): ReadonlyArray<Property> => {
  const found = new Map<string, Schema>()
  const required = new Set<string>()
  const parts = [resolve(root, root)]
  for (const part of parts) {
    for (const each of strings(part["required"])) required.add(each)
    const named = part["properties"]
    if (isObject(named)) for (const [name, schema] of Object.entries(named)) found.set(name, resolve(schema, root))
    const all = part["allOf"]
    if (Array.isArray(all) && parts.length < hops) parts.push(...all.slice(0, hops).map((each) => resolve(each, root)))
  }
  for (const name of required) if (!found.has(name)) found.set(name, {})
  return [...found].map(([name, schema]) => ({ name, schema, required: required.has(name) }))
}

/** The arguments of a prompt: those that have a name. */
export const argumentsOf = (prompt: unknown): ReadonlyArray<Property> => {
  const listed = own(prompt, "arguments")
  return (Array.isArray(listed) ? listed : []).flatMap((each: unknown) => {
    const [name, description] = [own(each, "name"), own(each, "description")]
    if (typeof name !== "string") return []
    const schema = { type: "string", ...(typeof description === "string" ? { description } : {}) }
    return [{ name, schema, required: own(each, "required") === true }]
  })
}

/** Whether a tool takes arguments that its schema does not name: where it says so, or names none at all. */
export const isOpen = (root: unknown): boolean => {
  const schema = resolve(root, root)
  const additional = schema["additionalProperties"]
  if (additional !== undefined) return additional !== false
  return (
    schema["patternProperties"] !== undefined ||
    schema["anyOf"] !== undefined ||
    schema["oneOf"] !== undefined ||
    properties(root).length === 0
  )
}

/** The types that a value may have, from `type`, `enum`, `const` and the alternatives of `anyOf` and `oneOf`. */
export const types = (schema: Schema, root: unknown, depth = 0): ReadonlySet<string> => {
  const declared = schema["type"]
  if (typeof declared === "string") return new Set([declared])
  if (Array.isArray(declared)) return new Set(strings(declared))
  const values = "const" in schema ? [schema["const"]] : Array.isArray(schema["enum"]) ? schema["enum"] : undefined
  if (values !== undefined) return new Set(values.map(typeOf))
  const alternatives = [schema["anyOf"], schema["oneOf"]].flatMap((each) => (Array.isArray(each) ? each : []))
  if (depth > 4) return new Set()
  return new Set(alternatives.slice(0, 64).flatMap((each) => [...types(resolve(each, root), root, depth + 1)]))
}

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

/** `message: string, count?: number`. */
export const signature = (root: unknown): string => {
  const parts = properties(root)
    .toSorted((a, b) => Number(b.required) - Number(a.required))
    .map(({ name, required, schema }) => {
      const values = schema["enum"]
      const known = Array.isArray(values) && values.length <= 6 ? values.map((each) => JSON.stringify(each)) : []
      const type = known.length > 0 ? known.join("|") : [...types(schema, root)].join("|") || "any"
      return `${name}${required ? "" : "?"}: ${type}`
    })
  return `(${parts.join(", ")})`.replace(/\s+/g, " ")
}

const typed = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [String(value)] : []

/** The values that a schema names one by one, as they are typed; none where it leaves them open. */
export const choices = (schema: Schema, root: unknown): ReadonlyArray<string> => {
  const named = own(schema, "enum")
  if (Array.isArray(named)) return named.flatMap(typed)
  const either = own(schema, "anyOf") ?? own(schema, "oneOf")
  if (Array.isArray(either)) {
    return either.slice(0, hops).flatMap((each) => typed(own(resolve(each, root), "const")))
  }
  const all = types(schema, root)
  return all.size === 1 && all.has("boolean") ? ["true", "false"] : []
}
