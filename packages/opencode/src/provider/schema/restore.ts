/** Arguments as a model gave them, as the server's own schema has them. */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Keyword from "./keyword.ts"
import type { Fix } from "./rewrite.ts"

export interface Restoring {
  readonly root: JsonObject
  readonly definitions: ReadonlyMap<string, JsonObject>
  readonly fixes: WeakMap<object, Fix>
}

const deepest = 200

/** Undoes what was changed for the provider, and leaves out what is optional, null, and may not be null. */
export const restore = (restoring: Restoring, args: unknown): unknown => undo(restoring, restoring.root, args, 0)

const targetOf = ({ definitions }: Restoring, schema: JsonObject): JsonObject | undefined =>
  typeof schema.$ref === "string" ? definitions.get(schema.$ref.slice("#/$defs/".length)) : undefined

const undo = (restoring: Restoring, schema: unknown, value: unknown, depth: number): unknown => {
  if (!isObject(schema) || depth > deepest) return value
  const fix = restoring.fixes.get(schema)
  if (typeof value === "string") {
    if (fix?.values?.has(value) === true) return fix.values.get(value)
  }
  const here = isObject(value)
    ? object(restoring, schema, value, fix, depth)
    : Array.isArray(value)
      ? list(restoring, schema, value, depth)
      : value
  const target = targetOf(restoring, schema)
  const referred = target === undefined ? here : undo(restoring, target, here, depth + 1)
  const all = Array.isArray(schema.allOf) ? schema.allOf : []
  const whole = all.reduce((before, one) => undo(restoring, one, before, depth + 1), referred)
  const members = [schema.anyOf, schema.oneOf].find(Array.isArray)
  const member: unknown = members?.find((one) => fits(restoring, one, whole, 2))
  return member === undefined ? whole : undo(restoring, member, whole, depth + 1)
}

const object = (
  restoring: Restoring,
  schema: JsonObject,
  value: JsonObject,
  fix: Fix | undefined,
  depth: number,
): JsonObject => {
  const known = isObject(schema.properties) ? schema.properties : {}
  const required = new Set(Keyword.textsOf(schema.required))
  let changed = false
  const entries = Object.entries(value).flatMap(([name, one]) => {
    const own: unknown = Object.hasOwn(known, name) ? known[name] : undefined
    const isLeftOut = one === null && own !== undefined && !required.has(name) && !takesNull(restoring, own, 0)
    const restored = undo(restoring, own ?? schema.additionalProperties, one, depth + 1)
    const given = fix?.names?.get(name) ?? name
    if (isLeftOut || restored !== one || given !== name) changed = true
    return isLeftOut ? [] : [[given, restored] as const]
  })
  return changed ? Object.fromEntries(entries) : value
}

const list = (restoring: Restoring, schema: JsonObject, value: ReadonlyArray<unknown>, depth: number) => {
  const front: ReadonlyArray<unknown> = Array.isArray(schema.prefixItems) ? schema.prefixItems : []
  const restored = value.map((one, index) => undo(restoring, front[index] ?? schema.items, one, depth + 1))
  return restored.some((one, index) => one !== value[index]) ? restored : value
}

/** Whether null may stand here; where it cannot be told, it may. */
const takesNull = (restoring: Restoring, schema: unknown, depth: number): boolean => {
  if (!isObject(schema) || depth > 20) return true
  const target = targetOf(restoring, schema)
  if (target !== undefined && !takesNull(restoring, target, depth + 1)) return false
  if (Array.isArray(schema.enum) && !schema.enum.includes(null) && schema.nullable !== true) return false
  const types = Keyword.typesOf(schema.type)
  if (types !== undefined && !types.includes("null") && schema.nullable !== true) return false
  const members = [schema.anyOf, schema.oneOf].find(Array.isArray)
  return members === undefined || members.some((one) => takesNull(restoring, one, depth + 1))
}

/** Whether a value is what a member of a union is about: its type, its names, its constants. */
const fits = (restoring: Restoring, schema: unknown, value: unknown, levels: number): boolean => {
  if (!isObject(schema)) return schema !== false
  const target = targetOf(restoring, schema)
  if (target !== undefined && levels > 0 && !fits(restoring, target, value, levels - 1)) return false
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return false
  const types = Keyword.typesOf(schema.type)
  if (types !== undefined && !types.some((type) => Keyword.isOfType(value, type))) return false
  if (!isObject(value)) return true
  if (Keyword.textsOf(schema.required).some((name) => !Object.hasOwn(value, name))) return false
  const known = isObject(schema.properties) ? schema.properties : {}
  if (levels === 0) return true
  return Object.entries(value).every(
    ([name, one]) => !Object.hasOwn(known, name) || one === null || fits(restoring, known[name], one, levels - 1),
  )
}
