/** Values of JSON as validation sees them: their types, their members, their equality. */
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Run } from "./run.ts"

export type Type = "array" | "boolean" | "null" | "number" | "object" | "string" | "undefined"

/** The type of an instance. What JSON has not is of no type. */
export const typeOf = (value: unknown): Type =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "array"
      : typeof value === "bigint" || typeof value === "function" || typeof value === "symbol"
        ? "undefined"
        : typeof value

/** The object's own member; `undefined` where it has none. What is inherited is not in it. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** The names of the members that JSON would have. */
export const namesOf = (object: JsonObject): ReadonlyArray<string> =>
  Object.keys(object).filter((name) => object[name] !== undefined)

const deepest = 800

/**
 * A text that equal values share, and no others. Members are sorted; -0 is 0. `undefined` where the fuel runs out or
 * the value is nested too deeply.
 */
export const canonical = (value: unknown, run?: Run, depth = 0): string | undefined => {
  if (depth > deepest || run?.spend(1) === false) return undefined
  if (typeof value === "string") return run?.spend(value.length >> 4) === false ? undefined : JSON.stringify(value)
  if (Array.isArray(value)) {
    const items: Array<string> = []
    for (const one of value) {
      const text = canonical(one, run, depth + 1)
      if (text === undefined) return undefined
      items.push(text)
    }
    return `[${items.join()}]`
  }
  if (!isObject(value)) return String(value)
  const members: Array<string> = []
  for (const name of namesOf(value).toSorted()) {
    const text = canonical(value[name], run, depth + 1)
    if (text === undefined) return undefined
    members.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${members.join()}}`
}
