/** Values of JSON as validation sees them: their types, their members, their equality. */
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Run } from "./run.ts"

export type Type = "array" | "boolean" | "null" | "number" | "object" | "string" | "undefined"

/** The type of an instance. What JSON has not is of no type. */
export const typeOf = (value: unknown): Type => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  const type = typeof value
  return type === "bigint" || type === "function" || type === "symbol" ? "undefined" : type
}

/** The object's own member; `undefined` where it has none. What is inherited is not in it. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** The names of the members that JSON would have. */
export const namesOf = (object: JsonObject): ReadonlyArray<string> =>
  Object.keys(object).filter((name) => object[name] !== undefined)

const deepest = 800

/**
 * A text that equal values share, and no others: members are sorted, -0 is 0. `undefined` where that is too much work,
 * which the run knows then; a schema's own values are never too much.
 */
export const canonical = (value: unknown, run?: Run, depth = 0): string | undefined => {
  if (depth > deepest) {
    run?.giveUp("the instance is nested too deeply to be validated")
    return undefined
  }
  const parts: Array<string> = []
  const add = (name: string, part: unknown): boolean => {
    const text = canonical(part, run, depth + 1)
    if (text === undefined) return false
    const whole = name === "" ? text : `${name}:${text}`
    parts.push(whole)
    // What is nested is copied once for each level.
    return run?.spend(whole.length >> 4) !== false
  }
  if (run?.spend(1) === false) return undefined
  if (typeof value === "string") return run?.spend(value.length >> 4) === false ? undefined : JSON.stringify(value)
  if (Array.isArray(value)) return value.every((part) => add("", part)) ? `[${parts.join()}]` : undefined
  if (!isObject(value)) return String(value)
  const names = namesOf(value).toSorted()
  return names.every((name) => add(JSON.stringify(name), value[name])) ? `{${parts.join()}}` : undefined
}
