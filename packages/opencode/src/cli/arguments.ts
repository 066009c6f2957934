/**
 * The arguments of a call, from what was typed: one JSON value, standard input, or `key=value` pairs that the tool's
 * input schema gives their types.
 */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { badRequest, type CliFailure } from "./failure.ts"
import { parseJson } from "./json.ts"
import * as Schema from "./schema.ts"
import * as Text from "./text.ts"

/** What was typed after the tool's name. */
export interface Typed {
  /** Where a value was taken from: for messages. */
  readonly source: "arguments" | "standard input"
  readonly words: ReadonlyArray<string>
}

const beginsAsJson = (text: string) => /^\s*[[{"]/.test(text)
const isJson = (text: string) => beginsAsJson(text) || !text.includes("=")

/** The arguments, typed by the input schema. Nothing typed is no argument. */
export const parse = (
  typed: Typed,
  tool: { readonly name: string; readonly inputSchema: unknown },
): Effect.Effect<JsonObject, CliFailure> => {
  const [first] = typed.words
  if (first === undefined) return Effect.succeed({})
  if (typed.source === "standard input" || (typed.words.length === 1 && isJson(first))) {
    const parsed = parseJson(first, typed.source)
    const isWord = typed.source === "arguments" && !beginsAsJson(first)
    return Effect.flatMap(isWord ? Effect.mapError(parsed, () => neither(first, tool)) : parsed, (value) =>
      Schema.isObject(value)
        ? Effect.succeed(value as JsonObject)
        : Effect.fail(badRequest(`the arguments of a tool are a JSON object, such as {"name": "value"}`)),
    )
  }
  return Effect.suspend(() => pairs(typed.words, tool))
}

const neither = (word: string, tool: { readonly name: string; readonly inputSchema: unknown }): CliFailure =>
  badRequest(`${JSON.stringify(word)} is neither key=value nor a JSON object; ${usage(tool)}`)

const pairs = (
  words: ReadonlyArray<string>,
  tool: { readonly name: string; readonly inputSchema: unknown },
): Effect.Effect<JsonObject, CliFailure> => {
  const root = tool.inputSchema
  const known = Schema.properties(root)
  const open = Schema.isOpen(root)
  const given = new Map<string, Array<string>>()
  for (const word of words) {
    const at = word.indexOf("=")
    if (at < 1) return Effect.fail(badRequest(`${JSON.stringify(word)} is not key=value; ${usage(tool)}`))
    const name = word.slice(0, at)
    if (!open && !known.some((each) => each.name === name)) return Effect.fail(unknownArgument(name, known, tool))
    given.set(name, [...(given.get(name) ?? []), word.slice(at + 1)])
  }
  const values: Array<readonly [string, unknown]> = []
  for (const [name, texts] of given) {
    const schema = known.find((each) => each.name === name)?.schema ?? {}
    const value = coerce(texts, schema, root)
    if (Result.isFailure(value)) return Effect.fail(badRequest(`argument ${JSON.stringify(name)}: ${value.failure}`))
    values.push([name, value.success])
  }
  return Effect.succeed(Object.fromEntries(values))
}

/** `it takes (message: string)`. */
const usage = (tool: { readonly name: string; readonly inputSchema: unknown }) =>
  `${Text.oneLine(tool.name)} takes ${Text.oneLine(Schema.signature(tool.inputSchema))}`

/** An argument that the tool does not take. */
const unknownArgument = (
  name: string,
  known: ReadonlyArray<{ readonly name: string }>,
  tool: { readonly name: string; readonly inputSchema: unknown },
): CliFailure => {
  const near = nearest(
    name,
    known.map((each) => each.name),
  ).map((each) => JSON.stringify(each))
  const meant = near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`
  return badRequest(
    `${Text.oneLine(tool.name)} takes no argument ${JSON.stringify(name)}${meant === "" ? `; ${usage(tool)}` : meant}`,
  )
}

/** The value that a schema makes of what was typed; a failure says what was expected. */
export const coerce = (
  texts: ReadonlyArray<string>,
  schema: Schema.Schema,
  root: unknown,
): Result.Result<unknown, string> => {
  const types = Schema.types(schema, root)
  const [text = ""] = texts
  if (texts.length > 1 && !types.has("array")) return Result.fail("it is given more than once, and takes one value")
  if (types.has("array") && (texts.length > 1 || !text.trimStart().startsWith("["))) {
    const items = Schema.resolve(schema["items"], root)
    return Result.all(texts.map((each) => coerce([each], items, root)))
  }
  const value = one(text, types)
  return Result.flatMap(value, (found) => listed(found, schema))
}

const one = (text: string, types: ReadonlySet<string>): Result.Result<unknown, string> => {
  const kinds = [...types]
  const wrong = (expected: string) => Result.fail(`expected ${expected}, found ${JSON.stringify(text)}`)
  if (types.size === 0) return Result.succeed(Result.getOrElse(json(text), () => text))
  if (types.has("null") && text === "null") return Result.succeed(null)
  if (types.has("boolean")) {
    if (/^(?:true|yes|1)$/i.test(text)) return Result.succeed(true)
    if (/^(?:false|no|0)$/i.test(text)) return Result.succeed(false)
  }
  const number = text.trim() === "" ? Number.NaN : Number(text)
  if ((types.has("number") || types.has("integer")) && Number.isFinite(number)) {
    if (types.has("number") || Number.isInteger(number)) return Result.succeed(number)
  }
  if ((types.has("object") || types.has("array")) && /^\s*[[{]/.test(text)) {
    const parsed = json(text)
    if (Result.isSuccess(parsed)) return parsed
    if (!types.has("string")) return wrong(`JSON (${parsed.failure})`)
  }
  if (types.has("string")) return Result.succeed(text)
  const words: Readonly<Record<string, string>> = {
    boolean: "true or false",
    number: "a number",
    integer: "a whole number",
    object: "a JSON object",
    array: "a JSON array",
    null: "null",
  }
  return wrong(kinds.map((kind) => words[kind] ?? kind).join(" or "))
}

const json = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: (error) => String(error).replace(/^\w*Error: /, "") })

const listed = (value: unknown, schema: Schema.Schema): Result.Result<unknown, string> => {
  const values = schema["enum"]
  if (!Array.isArray(values) || values.includes(value)) return Result.succeed(value)
  const found = typeof value === "string" ? values.find((each) => String(each) === value) : undefined
  if (found !== undefined) return Result.succeed(found)
  const near = nearest(String(value), values.map(String))
  const all = values.map((each) => JSON.stringify(each)).join(", ")
  const meant = near[0] === undefined ? "" : `; did you mean ${JSON.stringify(near[0])}?`
  return Result.fail(`expected one of ${all}, found ${JSON.stringify(value)}${meant}`)
}

/** The required arguments that are not there. */
export const missing = (args: JsonObject, inputSchema: unknown): ReadonlyArray<Schema.Property> =>
  Schema.properties(inputSchema).filter(({ name, required }) => required && !Object.hasOwn(args, name))

/** The error of a call that lacks required arguments; it offers what was given under another name. */
export const missingArguments = (
  lacking: ReadonlyArray<Schema.Property>,
  args: JsonObject,
  tool: { readonly name: string; readonly inputSchema: unknown },
): CliFailure => {
  const names = Schema.properties(tool.inputSchema).map(({ name }) => name)
  const strange = Object.keys(args).filter((name) => !names.includes(name))
  const meant = strange.flatMap((name) =>
    nearest(name, names)
      .slice(0, 1)
      .map((near) => `; ${JSON.stringify(name)} is unknown, did you mean ${JSON.stringify(near)}?`),
  )
  const list = lacking.map(({ name }) => JSON.stringify(name)).join(", ")
  return badRequest(
    `required argument${lacking.length === 1 ? "" : "s"} ${list} missing${meant.join("")}; ${usage(tool)}`,
  )
}
