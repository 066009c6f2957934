/**
 * What servers say, as the page gets it: the secrets of the configuration hidden, and what moves, hides or turns text
 * around made visible. What is data (the values of a schema, ids, the bytes of an image) stays what it is.
 */
import { isSecret } from "@opencode-ai/mcp/capability/secret"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { visible, visibleLines } from "@opencode-ai/mcp/protocol/visible"

type Mask = (text: string) => string

/** Objects are read no deeper: what is below is left out. */
const deepest = 200

/** A text of a server's. */
export const said = (mask: Mask, text: string): string => visibleLines(mask(text))

/** Whether the strings of this object's `data` or `blob` are bytes. */
const bytes = new Set(["data", "blob"])

const isBytes = (name: string, owner: JsonObject): boolean =>
  bytes.has(name) && (owner.type === "image" || owner.type === "audio" || typeof owner.mimeType === "string")

const mapped = (value: unknown, change: (text: string) => string, depth: number): unknown => {
  if (typeof value === "string") return change(value)
  if (typeof value !== "object" || value === null) return value
  if (depth > deepest) return "…"
  if (Array.isArray(value)) return value.map((each: unknown) => mapped(each, change, depth + 1))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isBytes(name, value) ? member : mapped(member, change, depth + 1),
    ]),
  )
}

/** Every text in a value. It has the type that it had: only texts in it differ. */
// Strings stay strings, and all else stays what it is.
export const saidIn = <A>(mask: Mask, value: A): A => mapped(value, (text) => said(mask, text), 0) as A

/** Members of a schema that say something; all others mean something. */
const spoken = new Set(["title", "description", "$comment", "enumNames"])

/** The members of these are named by the server: none of them is a keyword. */
const named = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])

const values = new Set(["enum", "const", "default", "examples", "required", "pattern"])

const schemaAt = (mask: Mask, value: unknown, isNames: boolean, depth: number): unknown => {
  if (depth > deepest) return value
  if (Array.isArray(value)) return value.map((each: unknown) => schemaAt(mask, each, false, depth + 1))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (isNames) return [name, schemaAt(mask, member, false, depth + 1)]
      if (spoken.has(name)) return [name, saidIn(mask, member)]
      if (values.has(name)) return [name, member]
      return [name, schemaAt(mask, member, named.has(name), depth + 1)]
    }),
  )
}

/** A schema: titles and descriptions are texts, and names and values are what they are. */
// As above.
export const schema = <A extends object>(mask: Mask, value: A): A => schemaAt(mask, value, false, 0) as A

const each = (value: unknown, visit: (text: string) => void, depth: number): void => {
  if (typeof value === "string") return visit(value)
  if (typeof value !== "object" || value === null || depth > deepest) return
  for (const member of Object.values(value)) each(member, visit, depth + 1)
}

/**
 * What the person made of a value that `saidIn` showed them: texts that they left alone are the server's again, as it said
 * them.
 */
export const restored = (mask: Mask, original: unknown, edited: JsonObject): JsonObject => {
  const was = new Map<string, string>()
  each(
    original,
    (text) => {
      const shown = said(mask, text)
      if (shown !== text) was.set(shown, text)
    },
    0,
  )
  if (was.size === 0) return edited
  const value = mapped(edited, (text) => was.get(text) ?? text, 0)
  return isObject(value) ? value : edited
}

const lineLimit = 200
const partLimit = 16 * 1024
const membersLimit = 20

const brief = (mask: Mask, value: unknown, depth: number): string => {
  // A text that is cut before it is masked may end in the beginning of a secret.
  if (typeof value === "string")
    return value.length > partLimit ? `[${value.length} characters]` : mask(JSON.stringify(value))
  if (Array.isArray(value)) {
    if (depth > 2) return "[…]"
    const more = value.length > membersLimit ? ", …" : ""
    return `[${value
      .slice(0, membersLimit)
      .map((member) => brief(mask, member, depth + 1))
      .join(", ")}${more}]`
  }
  if (!isObject(value)) return JSON.stringify(value) ?? "null"
  return depth > 2 ? "{…}" : `{${members(mask, value, depth)}}`
}

const members = (mask: Mask, value: JsonObject, depth: number): string => {
  const names = Object.keys(value)
  const shown = names
    .slice(0, membersLimit)
    .map((name) => `${name.slice(0, lineLimit)}: ${isSecret(name) ? "***" : brief(mask, value[name], depth + 1)}`)
  return names.length > shown.length ? `${shown.join(", ")}, …` : shown.join(", ")
}

/** Arguments of a call on one line of at most 200 characters. */
export const summary = (mask: Mask, args: JsonObject | undefined): string => {
  const line = visible(members(mask, args ?? {}, 0).replace(/\s+/g, " "))
  return line.length > lineLimit ? `${line.slice(0, lineLimit - 1)}…` : line
}
