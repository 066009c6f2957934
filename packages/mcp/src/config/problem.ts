/** What is wrong with an entry, in words: the path in it, what was expected, what was found. */
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { inner, Local, Remote } from "./entry.ts"
import { nearest } from "./nearest.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import { at, pathText } from "./shape.ts"

/** One thing that is wrong, or unknown, in an entry. */
export interface Problem {
  /** From the entry: `["timeout", "startup"]`. Empty for the entry itself. */
  readonly path: ReadonlyArray<string>
  readonly expected: string
  /** The value at `path`. It may be secret: print `describe`, which tells no string but short, harmless ones. */
  readonly found: unknown
}

/**
 * `mcp.files.timeout.startup: expected milliseconds, found "soon"`: after `prefix`, the path of the entry, comes the
 * problem's own, or `spelled`, the same path as the person spelled it.
 */
export const describe = (
  problem: Problem,
  prefix: ReadonlyArray<string> = [],
  spelled: ReadonlyArray<string> = problem.path,
): string => {
  const where = pathText([...prefix, ...spelled])
  return `${where === "" ? "" : `${where}: `}expected ${problem.expected}, found ${foundText(problem)}`
}

// Fields whose values are shown where they are wrong: everything else might be a secret.
const open = new Set([
  "type",
  "enabled",
  "timeout",
  "startup",
  "catalog",
  "execution",
  "protocol",
  "keepAlive",
  "sleep",
])
for (const key of ["shared", "trusted", "approve", "grant", "store", "callbackPort", "inheritEnvironment"])
  open.add(key)

const foundText = ({ found, path }: Problem): string => {
  if (found === undefined) return "nothing"
  if (found === null) return "null"
  if (typeof found === "number" || typeof found === "boolean") return String(found)
  if (Array.isArray(found)) return found.length === 0 ? "an empty array" : "an array"
  if (typeof found === "object") return "an object"
  if (found === "") return "an empty string"
  const shown = open.has(path.at(-1) ?? "") && typeof found === "string" && found.length <= 40
  return shown ? JSON.stringify(found) : "a string"
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The issues of a failed decoding, each once. */
export const problemsOf = (issue: SchemaIssue.Issue, entry: unknown): readonly [Problem, ...Array<Problem>] => {
  const seen = new Set<string>()
  const problems: Array<Problem> = []
  for (const { message, path } of format(issue).issues) {
    const keys = (path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
    const expected = message.replace(/^Expected /, "")
    const id = JSON.stringify([keys, expected])
    if (seen.has(id)) continue
    seen.add(id)
    problems.push({ path: keys, expected, found: at(entry, keys) })
  }
  const [first = { path: [], expected: "a server's entry", found: entry }, ...rest] = problems
  return [first, ...rest]
}

// Of OpenCode, and nothing that a client of the protocol needs.
const ignored = new Set(["codemode", "$schema"])

/** A warning for each field that no schema knows, with the field that was probably meant. */
export const unknownFields = (
  schema: { readonly fields: Schema.Struct.Fields },
  entry: Readonly<Record<string, unknown>>,
): ReadonlyArray<Problem> => {
  const known = Object.keys(schema.fields)
  const warnings: Array<Problem> = []
  for (const [key, value] of Object.entries(entry)) {
    if (!known.includes(key)) {
      if (!ignored.has(key)) warnings.push(unknown([key], value, known))
      continue
    }
    const fields = inner.get(key)
    if (fields === undefined || !isObject(value)) continue
    for (const [name, field] of Object.entries(value)) {
      if (!fields.includes(name)) warnings.push(unknown([key, name], field, fields))
    }
  }
  return warnings
}

const otherClients = new Map([
  ["env", "environment"],
  ["args", "command"],
])

const unknown = (path: ReadonlyArray<string>, found: unknown, known: ReadonlyArray<string>): Problem => {
  const key = path.at(-1) ?? ""
  const other = otherClients.get(key)
  const meant = other !== undefined && known.includes(other) ? [other] : nearest(key, known)
  if (meant.length > 0) return { path, expected: meant.join(" or "), found }
  if (path.length === 1 && Object.hasOwn(Remote.fields, key))
    return { path, expected: "only a remote server has it", found }
  if (path.length === 1 && Object.hasOwn(Local.fields, key))
    return { path, expected: "only a local server has it", found }
  return { path, expected: "no such field", found }
}

/** `timeuot: unknown field, ignored (timeout is known)`. */
export const describeUnknown = (warning: Problem, prefix: ReadonlyArray<string> = []): string => {
  const where = pathText([...prefix, ...warning.path])
  if (warning.expected === "no such field") return `${where}: unknown field, ignored`
  if (warning.expected.startsWith("only ")) return `${where}: ignored, ${warning.expected}`
  return `${where}: unknown field, ignored; did you mean ${warning.expected}?`
}
