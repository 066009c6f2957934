/** What the keywords of a schema are read with: see `compile.ts`. */
import type { JsonObject } from "../protocol/jsonrpc.ts"
import type { Dialect, Resource } from "./document.ts"
import { Invalid, type SchemaReason } from "./error.ts"
import type { Pattern } from "./pattern.ts"
import type { Check, Node } from "./run.ts"

/** Reads one schema. The first failure of a document makes it unusable; what is made after it is never run. */
export interface Reader {
  readonly schema: JsonObject
  readonly dialect: Dialect
  /** Where the schema stands. */
  readonly path: string
  /** Whether the formats are checked. */
  readonly formats: boolean
  readonly fail: (reason: SchemaReason) => void
  /** A subschema, by where it stands in this one. */
  readonly node: (value: unknown, ...keys: ReadonlyArray<string | number>) => Node
  /** The same, which applies to the same instance. */
  readonly inPlace: (value: unknown, ...keys: ReadonlyArray<string | number>) => Node
  /** The schema that a reference leads to, which applies to the same instance. */
  readonly refer: (reference: string) => Node
  /** The schemas of the document that a dynamic anchor names, by their resources; none where the reference is not dynamic. */
  readonly dynamic: (reference: string) => ReadonlyMap<Resource, Node>
  readonly pattern: (pattern: string) => Pattern
}

/** Reads a keyword, or keywords that belong together; `undefined` where the schema has none of them. */
export type Keyword = (reader: Reader) => Check | undefined

/** Reports that a keyword has a wrong value, and is nothing. */
export const invalid = (reader: Reader, keyword: string, expected: string): undefined => {
  reader.fail(new Invalid({ path: reader.path, detail: `the keyword "${keyword}" is not ${expected}` }))
}

/** The value of a keyword where it has one that is valid; one that is not is reported. */
const read =
  <Value>(is: (value: unknown) => value is Value, expected: string) =>
  (reader: Reader, keyword: string): Value | undefined => {
    if (!Object.hasOwn(reader.schema, keyword)) return undefined
    const value = reader.schema[keyword]
    if (is(value)) return value
    return invalid(reader, keyword, expected)
  }

const isTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((one) => typeof one === "string")

export const text = read((value) => typeof value === "string", "a string")
export const number = read((value): value is number => Number.isFinite(value), "a number")
export const count = read(
  (value): value is number => Number.isInteger(value) && Number(value) >= 0,
  "a whole number of zero or more",
)
export const texts = read(isTexts, "an array of strings")
export const list = read((value): value is ReadonlyArray<unknown> => Array.isArray(value), "an array")
export const object = read(
  (value): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value),
  "an object",
)

/** A check of a pattern against a text, which is paid for by both their sizes. */
export const costOf = (pattern: Pattern, value: string): number => 1 + Math.floor((pattern.size * value.length) / 4)

/** Names or alternatives as a sentence lists them. */
export const sentence = (all: ReadonlyArray<string>): string =>
  all.length <= 5 ? all.join(", ") : `${all.slice(0, 5).join(", ")} and ${all.length - 5} more`
