/** The keywords that look at an instance alone (JSON Schema Validation, section 6). */
import { isObject } from "../protocol/jsonrpc.ts"
import { shown } from "./error.ts"
import { formats } from "./format.ts"
import { costOf, count, invalid, type Keyword, list, number, object, sentence, text, texts } from "./reader.ts"
import type { Check, Run } from "./run.ts"
import { canonical, member, namesOf, typeOf } from "./value.ts"

const types = new Set(["array", "boolean", "integer", "null", "number", "object", "string"])

const type: Keyword = (reader) => {
  const { schema } = reader
  if (!Object.hasOwn(schema, "type")) return undefined
  const named: ReadonlyArray<unknown> = Array.isArray(schema.type) ? schema.type : [schema.type]
  const wanted = new Set(named)
  if (!named.every((one) => typeof one === "string" && types.has(one))) {
    return invalid(reader, "type", "the name of a type, or an array of such names")
  }
  // OpenAPI's, which generators of schemas write and validators in use understand.
  if (schema.nullable === true) wanted.add("null")
  const expected = [...wanted].join(" or ")
  return (run, value) => {
    const found = typeOf(value)
    if (wanted.has(found) || (found === "number" && wanted.has("integer") && Number.isInteger(value))) return true
    return run.fail(`expected ${expected}, got ${found === "number" && wanted.has("integer") ? "a fraction" : found}`)
  }
}

const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null
const brief = (value: unknown): string => {
  const text = canonical(value) ?? ""
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}

/** A check that a value is one of these, whose cost does not grow with their number. */
const oneOf = (values: ReadonlyArray<unknown>, expected: string): Check => {
  const scalars = new Set(values.filter(isScalar))
  const others = new Set(values.filter((value) => !isScalar(value)).map((value) => canonical(value)))
  return (run, value) => {
    if (isScalar(value) ? scalars.has(value) : others.size > 0 && others.has(canonical(value, run))) return true
    return run.fail(expected)
  }
}

const enumeration: Keyword = (reader) => {
  const values = list(reader, "enum")
  return values && oneOf(values, `expected one of ${sentence(values.map(brief))}`)
}

const constant: Keyword = ({ schema }) =>
  Object.hasOwn(schema, "const") ? oneOf([schema.const], `expected ${brief(schema.const)}`) : undefined

/** A check of one kind of instance. Others are left alone. */
const numeric =
  (keyword: string, fits: (value: number, bound: number) => boolean, expected: string): Keyword =>
  (reader) => {
    const bound = number(reader, keyword)
    if (bound === undefined) return undefined
    return (run, value) =>
      typeof value !== "number" || fits(value, bound) || run.fail(`expected a number ${expected} ${bound}`)
  }

const isMultiple = (value: number, of: number): boolean => {
  const quotient = value / of
  if (!Number.isFinite(quotient)) return value % of === 0
  // Decimal fractions have no exact quotient: 0.3 is a multiple of 0.1.
  return Math.abs(quotient - Math.round(quotient)) <= Math.abs(quotient) * Number.EPSILON * 2
}

const multiple: Keyword = (reader) => {
  if (typeof reader.schema.multipleOf === "number" && reader.schema.multipleOf <= 0) {
    return invalid(reader, "multipleOf", "a number above zero")
  }
  return numeric("multipleOf", isMultiple, "that is a multiple of")(reader)
}

/** The number of code points. */
const lengthOf = (value: string): number => {
  let length = value.length
  for (let at = 0; at < value.length - 1; at++) {
    if ((value.charCodeAt(at) & 0xfc00) === 0xd800 && (value.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
      length--
      at++
    }
  }
  return length
}

interface Measure {
  readonly one: string
  readonly many: string
  /** `undefined` for what has no such size, and where the fuel runs out. */
  readonly of: (value: unknown, run: Run) => number | undefined
}
const characters: Measure = {
  one: "character",
  many: "characters",
  of: (value, run) => (typeof value === "string" && run.spend(value.length >> 4) ? lengthOf(value) : undefined),
}
const items: Measure = { one: "item", many: "items", of: (value) => (Array.isArray(value) ? value.length : undefined) }
const properties: Measure = {
  one: "property",
  many: "properties",
  of: (value, run) => {
    const names = isObject(value) ? namesOf(value) : undefined
    return names !== undefined && run.spend(names.length) ? names.length : undefined
  },
}

const sized =
  (keyword: string, { many, of, one }: Measure, isLeast: boolean): Keyword =>
  (reader) => {
    const bound = count(reader, keyword)
    if (bound === undefined) return undefined
    const message = `expected at ${isLeast ? "least" : "most"} ${bound} ${bound === 1 ? one : many}`
    return (run, value) => {
      const size = of(value, run)
      return size === undefined || (isLeast ? size >= bound : size <= bound) || run.fail(message)
    }
  }

const pattern: Keyword = (reader) => {
  const source = text(reader, "pattern")
  if (source === undefined) return undefined
  const compiled = reader.pattern(source)
  return (run, value) =>
    typeof value !== "string" ||
    !run.spend(costOf(compiled, value)) ||
    compiled.test(value) ||
    run.fail(`expected a string that matches ${shown(source)}`)
}

const format: Keyword = (reader) => {
  const named = reader.schema.format
  const is = reader.formats && typeof named === "string" ? formats.get(named) : undefined
  if (is === undefined) return undefined
  return (run, value) =>
    typeof value !== "string" ||
    !run.spend(value.length >> 2) ||
    is(value) ||
    run.fail(`expected a string in the format "${String(named)}"`)
}

const unique: Keyword = ({ schema }) => {
  if (schema.uniqueItems !== true) return undefined
  return (run, value) => {
    if (!Array.isArray(value) || !run.spend(value.length)) return true
    const known = new Map<string, number>()
    for (const [index, item] of value.entries()) {
      const key = canonical(item, run)
      if (key === undefined) return false
      const before = known.get(key)
      if (before !== undefined) return run.fail(`expected unique items, but item ${index} equals item ${before}`)
      known.set(key, index)
    }
    return true
  }
}

const required: Keyword = (reader) => {
  const names = texts(reader, "required")
  if (names === undefined) return undefined
  return (run, value) => {
    if (!isObject(value) || !run.spend(names.length)) return true
    let fits = true
    for (const name of names) {
      if (member(value, name) !== undefined) continue
      fits = run.fail(`expected the property ${shown(name)}, which is missing`)
      if (run.isOver) break
    }
    return fits
  }
}

/** What has to be there where another member is. */
export const dependents = (name: string, needed: ReadonlyArray<string>): Check => {
  return (run, value) => {
    if (!isObject(value) || !run.spend(needed.length) || member(value, name) === undefined) return true
    const missing = needed.find((one) => member(value, one) === undefined)
    return (
      missing === undefined ||
      run.fail(`expected the property ${shown(missing)}, which ${shown(name)} requires and which is missing`)
    )
  }
}

const dependentRequired: Keyword = (reader) => {
  const all = reader.dialect < 2019 ? undefined : object(reader, "dependentRequired")
  if (all === undefined) return undefined
  const checks = Object.entries(all).map(([name, needed]) =>
    Array.isArray(needed) && needed.every((one) => typeof one === "string")
      ? dependents(name, needed)
      : invalid(reader, "dependentRequired", "an object of arrays of strings"),
  )
  return (run, value) => !run.spend(checks.length) || checks.every((check) => check?.(run, value, undefined) !== false)
}

export const assertions: ReadonlyArray<Keyword> = [
  type,
  enumeration,
  constant,
  numeric("minimum", (value, bound) => value >= bound, "of at least"),
  numeric("maximum", (value, bound) => value <= bound, "of at most"),
  numeric("exclusiveMinimum", (value, bound) => value > bound, "above"),
  numeric("exclusiveMaximum", (value, bound) => value < bound, "below"),
  multiple,
  sized("minLength", characters, true),
  sized("maxLength", characters, false),
  pattern,
  format,
  sized("minItems", items, true),
  sized("maxItems", items, false),
  unique,
  sized("minProperties", properties, true),
  sized("maxProperties", properties, false),
  required,
  dependentRequired,
]
