/**
 * What is wrong with a value that somebody else wrote, as a sentence that names the place.
 *
 * Members that a check does not name are let through: a later revision may know them.
 */
import { brief } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"

/** What is wrong with the value at a path (`messages[0].role`), or nothing. */
export type Check = (value: unknown, at: string) => string | undefined

/** Says what was expected at a path. */
export const unexpected = (at: string, what: string, value: unknown): string =>
  `${at === "" ? "params" : at} must be ${what}, not ${brief(value)}`

const where =
  (what: string, holds: (value: unknown) => boolean): Check =>
  (value, at) =>
    holds(value) ? undefined : unexpected(at, what, value)

export const text: Check = where("a string", (value) => typeof value === "string")
export const name: Check = where("a string that is not empty", (value) => typeof value === "string" && value !== "")
export const flag: Check = where("a boolean", (value) => typeof value === "boolean")
export const number: Check = where("a number", (value) => typeof value === "number" && Number.isFinite(value))
export const object: Check = where("an object", isObject)

/** Up to 1. */
export const fraction: Check = where(
  "a number from 0 to 1",
  (value) => typeof value === "number" && value >= 0 && value <= 1,
)

/** Above 0. */
export const count: Check = where("a whole number above 0", (value) => Number.isSafeInteger(value) && Number(value) > 0)

/** Base64 as `atob` reads it. The data itself, which may be long, is neither matched as a whole nor repeated. */
export const base64: Check = (value, at) => {
  if (typeof value !== "string") return unexpected(at, "a string of base64", value)
  const end = value.search(/[^A-Za-z0-9+/\r\n]/)
  return end < 0 || value.slice(end) === "=" || value.slice(end) === "==" ? undefined : `${at} must be base64`
}

export const oneOf = (...values: ReadonlyArray<string>): Check =>
  where(values.map((value) => JSON.stringify(value)).join(" or "), (value) => values.some((each) => each === value))

export const arrayOf =
  (check: Check, most = Number.POSITIVE_INFINITY): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return unexpected(at, "an array", value)
    if (value.length > most) return `${at} has ${value.length} items, and at most ${most} are taken`
    for (const [index, item] of value.entries()) {
      const problem = check(item, `${at}[${index}]`)
      if (problem !== undefined) return problem
    }
  }

type Members = { readonly [member: string]: Check }

/** An object with all the `required` members; the `optional` ones are looked at where they are there. */
export const members = (required: Members, optional: Members = {}): Check => {
  const checks = [
    ...Object.entries(required).map(([key, check]) => ({ key, check, needed: true })),
    ...Object.entries(optional).map(([key, check]) => ({ key, check, needed: false })),
  ]
  return (value, at) => {
    if (!isObject(value)) return unexpected(at, "an object", value)
    for (const { check, key, needed } of checks) {
      const member = Object.hasOwn(value, key) ? value[key] : undefined
      const problem = member === undefined && !needed ? undefined : check(member, at === "" ? key : `${at}.${key}`)
      if (problem !== undefined) return problem
    }
  }
}

/** An object whose `type` chooses what it has to be. */
export const byType =
  (kinds: ReadonlyMap<unknown, Check>): Check =>
  (value, at) => {
    if (!isObject(value)) return unexpected(at, "an object", value)
    const check = kinds.get(value.type)
    return check === undefined
      ? unexpected(`${at}.type`, [...kinds.keys()].map((kind) => JSON.stringify(kind)).join(" or "), value.type)
      : check(value, at)
  }
