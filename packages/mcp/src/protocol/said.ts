/**
 * What a server says of itself and of what it offers, bounded: it goes into prompts and on screens. A text that is cut says
 * so at its end, within the bound, so that nobody takes it for the whole of what the server said.
 */
import { iconLimit, isDrawable } from "./icon.ts"
import { isObject, type JsonObject } from "./jsonrpc.ts"

/** What is kept of instructions, of a description and of a title, those within a schema too, in characters. */
export const instructionsLimit = 32_768
export const descriptionLimit = 16_384
export const titleLimit = 1_024

/** Whether a text is longer than is kept of it. */
export const isCut = (text: unknown, limit: number): text is string => typeof text === "string" && text.length > limit

/** The first characters of a text, and that there were more; never half a character. */
export const cut = (text: string, limit: number): string => {
  if (text.length <= limit) return text
  const mark = ` … [cut by the client: ${limit} of ${text.length} characters]`
  const end = limit - mark.length
  const isHalf = (text.charCodeAt(end - 1) & 0xfc00) === 0xd800
  return text.slice(0, isHalf ? end - 1 : end) + mark
}

const limitOf = (name: string): number =>
  name === "description" ? descriptionLimit : name === "title" ? titleLimit : Number.POSITIVE_INFINITY

/** What may hold further schemas: the members of JSON Schema that do, each one, several by name, or a list. */
interface Holder {
  readonly title?: unknown
  readonly description?: unknown
  readonly properties?: unknown
  readonly patternProperties?: unknown
  readonly additionalProperties?: unknown
  readonly dependentSchemas?: unknown
  readonly items?: unknown
  readonly prefixItems?: unknown
  readonly contains?: unknown
  readonly anyOf?: unknown
  readonly oneOf?: unknown
  readonly allOf?: unknown
  readonly not?: unknown
  readonly if?: unknown
  readonly then?: unknown
  readonly else?: unknown
  readonly $defs?: unknown
  readonly definitions?: unknown
}

/** Nested deeper than this, or longer than the shortest limit: looked at more closely. */
const quickDepth = 32
const isLong = (value: unknown): boolean => typeof value === "string" && value.length > titleLimit

const someMayBeLong = (schemas: unknown, depth: number): boolean => {
  if (schemas === undefined) return false
  const each: JsonObject = Object(schemas)
  for (const name in each) if (mayBeLong(each[name], depth)) return true
  return false
}

/**
 * Whether a text of a schema may be too long. A catalogue has hundreds of thousands of them, most of two members: asking
 * for the members that matter takes a sixth of the time of going through those that there are.
 */
const mayBeLong = (value: unknown, depth: number): boolean => {
  if (typeof value !== "object" || value === null) return false
  const schema: Holder = value
  if (isLong(schema.description) || isLong(schema.title)) return true
  const { additionalProperties, allOf, anyOf, contains, definitions, dependentSchemas, items } = schema
  const { $defs, if: when, not, oneOf, patternProperties, prefixItems, properties } = schema
  const isLeaf =
    (properties ?? items ?? anyOf ?? oneOf ?? allOf ?? $defs ?? definitions ?? additionalProperties) === undefined &&
    (patternProperties ?? dependentSchemas ?? prefixItems ?? contains ?? not ?? when ?? schema.then ?? schema.else) ===
      undefined
  if (isLeaf) return false
  const below = depth - 1
  return (
    below === 0 ||
    someMayBeLong(properties, below) ||
    someMayBeLong(patternProperties, below) ||
    someMayBeLong(dependentSchemas, below) ||
    someMayBeLong($defs, below) ||
    someMayBeLong(definitions, below) ||
    someMayBeLong(anyOf, below) ||
    someMayBeLong(oneOf, below) ||
    someMayBeLong(allOf, below) ||
    someMayBeLong(prefixItems, below) ||
    (Array.isArray(items) ? someMayBeLong(items, below) : mayBeLong(items, below)) ||
    mayBeLong(additionalProperties, below) ||
    mayBeLong(contains, below) ||
    mayBeLong(not, below) ||
    mayBeLong(when, below) ||
    mayBeLong(schema.then, below) ||
    mayBeLong(schema.else, below)
  )
}

/** Which of an item's texts is too long. Not recursive: what a server nests has no bound. */
const longest = (item: JsonObject): string | undefined => {
  const waiting: Array<JsonObject> = [item]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, value] of Object.entries(next)) {
      if (typeof value === "string" && value.length > limitOf(name)) return `a ${name} of ${value.length} characters`
      if (typeof value === "object" && value !== null) waiting.push(Object(value))
    }
  }
  return undefined
}

/** A copy whose texts are cut. */
const shortened = <Item extends JsonObject>(item: Item): Item => {
  const whole: Item = { ...item }
  const waiting: Array<object> = [whole]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, value] of Object.entries(next)) {
      const isDeep = typeof value === "object" && value !== null
      const kept: unknown = isDeep
        ? Array.isArray(value)
          ? [...value]
          : { ...value }
        : typeof value === "string"
          ? cut(value, limitOf(name))
          : value
      if (kept === value) continue
      // A member named __proto__ is one like any other.
      Object.defineProperty(next, name, { value: kept, enumerable: true, configurable: true, writable: true })
      if (isDeep) waiting.push(Object(kept))
    }
  }
  return whole
}

/** An item as it is kept, and what was not, in words. */
export interface Bounded<Item> {
  readonly item: Item
  readonly lost: ReadonlyArray<string>
}

const nothing: ReadonlyArray<string> = []

/** The icons that are kept of what a server sent as such. */
const drawable = (icons: unknown): ReadonlyArray<unknown> =>
  Array.isArray(icons) ? icons.filter(isDrawable).slice(0, iconLimit) : []

/** Keeps of an item what is within the bounds; the very item where all of it is. */
export const bounded = <Item extends JsonObject>(item: Item): Bounded<Item> => {
  const { annotations, arguments: args, icons, inputSchema, outputSchema } = item
  const needsLook =
    args !== undefined ||
    isLong(item.title) ||
    isLong(item.description) ||
    (isObject(annotations) && isLong(annotations.title)) ||
    mayBeLong(inputSchema, quickDepth) ||
    mayBeLong(outputSchema, quickDepth)
  if (!needsLook && icons === undefined) return { item, lost: nothing }
  const kept = icons === undefined ? undefined : drawable(icons)
  const isDrawn = kept === undefined || (Array.isArray(icons) && kept.length === icons.length)
  const long = needsLook ? longest(item) : undefined
  const pictured = isDrawn ? item : { ...item, icons: kept }
  return {
    item: long === undefined ? pictured : shortened(pictured),
    lost: [
      ...(long === undefined ? [] : [`${long} was cut`]),
      ...(isDrawn ? [] : ["icons that are not to be drawn were left out"]),
    ],
  }
}

/** What a server says of its use, cut. */
export const instructions = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? cut(value, instructionsLimit) : undefined

/** What a server says of itself, cut. */
export const identity = (value: unknown): JsonObject => (isObject(value) ? bounded(value).item : {})
