/**
 * A schema as a document: how large it is, which resources its `$id`s make of it, and where a reference leads.
 *
 * Everything here is one pass with a stack of its own, so a schema of any shape is read in time linear in its size.
 */
import * as Result from "effect/Result"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import { Invalid, type SchemaReason, TooLarge, UnknownDialect } from "./error.ts"

/** A dialect by the number of its draft or its year, so that later is greater. */
export type Dialect = 6 | 7 | 2019 | 2020

const dialects: ReadonlyMap<string, Dialect> = new Map([
  ["json-schema.org/draft-06/schema", 6],
  ["json-schema.org/draft-07/schema", 7],
  ["json-schema.org/schema", 2020],
  ["json-schema.org/draft/2019-09/schema", 2019],
  ["json-schema.org/draft/2020-12/schema", 2020],
])

const dialectOf = (uri: string): Dialect | undefined => dialects.get(uri.replace(/^https?:\/\//, "").replace(/#$/, ""))

/** A schema in its document. `path` is its JSON pointer there. */
export interface Place {
  readonly schema: JsonObject | boolean
  readonly resource: Resource
  readonly path: string
}

/** What one `$id` names: references are resolved against it, and anchors are unique in it. */
export interface Resource {
  readonly uri: string
  readonly dialect: Dialect
  readonly root: JsonObject | boolean
  readonly path: string
  readonly anchors: Map<string, Place>
  /** Those of `$dynamicAnchor`; under "" the root, where it has `$recursiveAnchor`. */
  readonly dynamic: Map<string, Place>
}

export interface Document {
  readonly root: Place
  readonly resources: ReadonlyMap<string, Resource>
  /** The resource of a schema that stands where a keyword has one. */
  readonly homes: ReadonlyMap<object, Resource>
}

const mostText = 1024 * 1024
const mostValues = 200_000
const deepest = 500

/** The base of what has no `$id`; nothing can be fetched from there. */
const nowhere = "json-schema:///"

const single = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
])
const listed = new Set(["allOf", "anyOf", "items", "oneOf", "prefixItems"])
const named = new Set(["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"])

/** A token of a JSON pointer. */
export const token = (key: string | number): string => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`

/** Whether it is larger than a schema may be, and whether it has patterns. */
export const measure = (schema: unknown): TooLarge | { readonly patterns: boolean } => {
  const stack: Array<{ readonly value: unknown; readonly depth: number }> = [{ value: schema, depth: 0 }]
  let text = 0
  let values = 0
  let patterns = false
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { depth, value } = next
    values++
    text += typeof value === "string" ? value.length + 2 : 2
    if (depth > deepest) return new TooLarge({ detail: `is nested more than ${deepest} levels deep` })
    if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        if (!Array.isArray(value)) text += key.length + 3
        if (key === "pattern" || key === "patternProperties") patterns = true
        stack.push({ value: member, depth: depth + 1 })
      }
    }
    if (values + stack.length > mostValues) return new TooLarge({ detail: `holds more than ${mostValues} values` })
    if (text > mostText) return new TooLarge({ detail: `is larger than ${mostText / 1024 / 1024} MiB` })
  }
  return { patterns }
}

export const isSchema = (value: unknown): value is JsonObject | boolean => typeof value === "boolean" || isObject(value)

/** The subschemas of a schema, where its keywords have them. */
const below = ({ path, schema, resource }: Place): ReadonlyArray<Place> => {
  if (typeof schema === "boolean") return []
  const found: Array<Place> = []
  const add = (value: unknown, at: string) => {
    if (isSchema(value)) found.push({ schema: value, resource, path: at })
  }
  for (const [keyword, value] of Object.entries(schema)) {
    const at = `${path}${token(keyword)}`
    if (single.has(keyword) && isSchema(value)) add(value, at)
    else if (listed.has(keyword) && Array.isArray(value)) value.forEach((one, index) => add(one, `${at}/${index}`))
    else if (named.has(keyword) && isObject(value)) {
      for (const [name, one] of Object.entries(value)) add(one, `${at}${token(name)}`)
    }
  }
  return found
}

/** An absolute URI and its fragment. */
export const locate = (
  reference: string,
  base: string,
): { readonly uri: string; readonly fragment: string } | undefined => {
  if (reference.startsWith("#")) return { uri: base, fragment: reference.slice(1) }
  if (!URL.canParse(reference, base)) return undefined
  const [uri = "", fragment = ""] = new URL(reference, base).href.split("#", 2)
  return { uri, fragment }
}

/** The resource that begins at this place, where one does. */
const resourceAt = ({ path, resource, schema }: Place): Resource | UnknownDialect | undefined => {
  if (typeof schema === "boolean" || typeof schema.$id !== "string") return undefined
  // Before 2019-09 a reference hides whatever stands beside it.
  if (resource.dialect < 2019 && typeof schema.$ref === "string") return undefined
  if (schema.$id.startsWith("#")) return undefined
  const found = locate(schema.$id, resource.uri)
  if (found === undefined) return undefined
  const dialect = typeof schema.$schema === "string" ? dialectOf(schema.$schema) : resource.dialect
  if (dialect === undefined) return new UnknownDialect({ dialect: String(schema.$schema) })
  return { uri: found.uri, dialect, root: schema, path, anchors: new Map(), dynamic: new Map() }
}

const readAnchors = (place: Place) => {
  const { resource, schema } = place
  if (typeof schema === "boolean") return
  const { $anchor, $dynamicAnchor, $id, $recursiveAnchor } = schema
  const { anchors, dialect, dynamic } = resource
  const add = (name: unknown, to: Map<string, Place>) => {
    if (typeof name === "string" && !to.has(name)) to.set(name, place)
  }
  if (dialect < 2019) {
    if (typeof $id === "string" && typeof schema.$ref !== "string") add(/^[^#]*#(.+)$/.exec($id)?.[1], anchors)
    return
  }
  add($anchor, anchors)
  if (dialect === 2019 && $recursiveAnchor === true && schema === resource.root) add("", dynamic)
  if (dialect === 2020) {
    add($dynamicAnchor, anchors)
    add($dynamicAnchor, dynamic)
  }
}

/** Reads a schema that was measured. */
export const read = (schema: unknown): Document | SchemaReason => {
  if (!isSchema(schema)) return new Invalid({ path: "", detail: "it is neither an object nor a boolean" })
  const named = typeof schema === "boolean" ? undefined : schema.$schema
  const dialect = named === undefined ? 2020 : typeof named === "string" ? dialectOf(named) : undefined
  if (dialect === undefined) return new UnknownDialect({ dialect: String(named) })

  const outer: Resource = { uri: nowhere, dialect, root: schema, path: "", anchors: new Map(), dynamic: new Map() }
  const resources = new Map<string, Resource>([[nowhere, outer]])
  const homes = new Map<object, Resource>()
  const stack: Array<Place> = [{ schema, resource: outer, path: "" }]
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (typeof place.schema === "boolean" || homes.has(place.schema)) continue
    const begun = resourceAt(place)
    if (begun instanceof UnknownDialect) return begun
    const resource = begun ?? place.resource
    if (begun !== undefined && !resources.has(begun.uri)) resources.set(begun.uri, begun)
    homes.set(place.schema, resource)
    const here = { ...place, resource }
    readAnchors(here)
    stack.push(...below(here))
  }
  const home = typeof schema === "boolean" ? outer : (homes.get(schema) ?? outer)
  return { root: { schema, resource: home, path: "" }, resources, homes }
}

/** Where a JSON pointer leads from the root of a resource. */
const follow = (document: Document, from: Resource, pointer: string): Place | undefined => {
  let value: unknown = from.root
  let { path } = from
  let resource = from
  for (const raw of pointer.slice(1).split("/")) {
    const key = raw.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
    path += `/${raw}`
    if (typeof value === "object" && value !== null) resource = document.homes.get(value) ?? resource
  }
  return isSchema(value) ? { schema: value, resource, path } : undefined
}

/** The schema that a reference leads to, if it is in the document. */
export const resolve = (document: Document, from: Resource, reference: string): Place | undefined => {
  const found = locate(reference, from.uri)
  const resource = found === undefined ? undefined : found.uri === from.uri ? from : document.resources.get(found.uri)
  if (found === undefined || resource === undefined) return undefined
  const fragment = Result.getOrUndefined(Result.try(() => decodeURIComponent(found.fragment)))
  if (fragment === undefined) return undefined
  if (fragment === "") return { schema: resource.root, resource, path: resource.path }
  return fragment.startsWith("/") ? follow(document, resource, fragment) : resource.anchors.get(fragment)
}
