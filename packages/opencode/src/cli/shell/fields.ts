/** The fields of the shell's commands, as schemas: what is passed on is the value that came, never a copy of it. */
import { describe, type Problem, problemsOf } from "@opencode-ai/mcp/config/problem"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import type { ElicitationAnswer } from "@opencode-ai/mcp/capability/elicitation"
import type { SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import * as Level from "@opencode-ai/mcp/notification/level"
import type { CompleteRequestParams } from "@opencode-ai/mcp/protocol/model"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { badRequest, type CliFailure } from "../failure.ts"

/** A command, parsed and not yet looked at. */
export type Given = Readonly<Record<string, unknown>>

const named = <T>(expected: string, is: (value: unknown) => value is T) =>
  Schema.declare<T>(is, { identifier: expected, expected }).pipe(
    Schema.annotateKey({ messageMissingKey: `Expected ${expected}` }),
  )

// Names of servers, tools and prompts may be any string, the empty one too.
export const text = named("a string", (value): value is string => typeof value === "string")

export const object = named("an object", isObject)

/** The longest that a timer can wait is 2³¹ − 1 ms. */
export const milliseconds = named(
  "milliseconds, a number above 0",
  (value): value is number => typeof value === "number" && value > 0 && value < 2 ** 31,
)

const areStrings = (value: unknown): value is Readonly<Record<string, string>> =>
  isObject(value) && Object.values(value).every((each) => typeof each === "string")

export const strings = named("an object of strings", areStrings)

interface GivenRoot {
  readonly uri: string
  readonly name?: string
}

const isRoot = (value: unknown): value is GivenRoot =>
  isObject(value) &&
  typeof value["uri"] === "string" &&
  value["uri"].startsWith("file://") &&
  URL.canParse(value["uri"]) &&
  (value["name"] === undefined || typeof value["name"] === "string")

export const roots = named(
  'an array of { "uri": "file://…", "name"? }',
  (value): value is ReadonlyArray<GivenRoot> => Array.isArray(value) && value.every(isRoot),
)

/** `true`, or how long the task is to be kept. */
export const task = named(
  'true or { "ttl": milliseconds }',
  (value): value is boolean | { readonly ttl?: number } =>
    typeof value === "boolean" ||
    (isObject(value) && (value["ttl"] === undefined || (Number.isInteger(value["ttl"]) && Number(value["ttl"]) >= 0))),
)

export const level = named(`one of ${Level.levels.join(", ")}`, Level.isLevel)

/** What a completion is for. */
export const reference = named(
  '{ "type": "ref/prompt", "name" } or { "type": "ref/resource", "uri" }',
  (value): value is CompleteRequestParams["ref"] =>
    isObject(value) &&
    ((value["type"] === "ref/prompt" && typeof value["name"] === "string") ||
      (value["type"] === "ref/resource" && typeof value["uri"] === "string")),
)

export const argument = named(
  '{ "name", "value" }, two strings',
  (value): value is CompleteRequestParams["argument"] =>
    isObject(value) && typeof value["name"] === "string" && typeof value["value"] === "string",
)

export const context = named(
  '{ "arguments": an object of strings }',
  (value): value is NonNullable<CompleteRequestParams["context"]> =>
    isObject(value) &&
    Object.keys(value).every((name) => name === "arguments") &&
    (value["arguments"] === undefined || areStrings(value["arguments"])),
)

export const action = named(
  "accept, decline or cancel",
  (value): value is ElicitationAnswer["action"] => value === "accept" || value === "decline" || value === "cancel",
)

export const content = named(
  "an object of strings, numbers, booleans and arrays of strings",
  (value): value is NonNullable<ElicitationAnswer["content"]> =>
    isObject(value) &&
    Object.values(value).every(
      (each) =>
        ["string", "number", "boolean"].includes(typeof each) ||
        (Array.isArray(each) && each.every((one) => typeof one === "string")),
    ),
)

/** The model's answer: its blocks of content are looked at where it is sent. */
export const message = named(
  'a result of sampling: { "role", "content", "model", "stopReason"? }',
  (value): value is SamplingResult =>
    isObject(value) &&
    typeof value["model"] === "string" &&
    (value["role"] === "assistant" || value["role"] === "user") &&
    (isObject(value["content"]) || Array.isArray(value["content"])),
)

interface GivenError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export const error = named(
  'an error: { "code", "message", "data"? }',
  (value): value is GivenError =>
    isObject(value) && Number.isInteger(value["code"]) && typeof value["message"] === "string",
)

export const optional = Schema.optionalKey

/** A field that is missing under its own name may be there under one that is nearly that. */
const spelled = (given: Given, path: ReadonlyArray<string>, fields: ReadonlyArray<string>): string => {
  const [field] = path
  if (field === undefined || path.length > 1 || Object.hasOwn(given, field)) return ""
  const strangers = Object.keys(given).filter((key) => key !== "id" && key !== "op" && !fields.includes(key))
  const [meant] = nearest(field, strangers)
  return meant === undefined ? "" : ` (there is ${JSON.stringify(meant)})`
}

// Fields that hold no secret: what is wrong with them is seen best in what was given.
const open = new Set(["action", "argument", "context", "level", "ref", "roots", "task"])
const longest = 100

const found = ({ found, path }: Problem): string | undefined => {
  const [field] = path
  if (field === undefined || !open.has(field) || found === undefined) return undefined
  const text = JSON.stringify(found)
  return text.length <= longest ? text : undefined
}

/** A schema of fields: `Schema.Struct` of what is above. */
export type Shape<Input> = Schema.Decoder<Input> & { readonly fields: Schema.Struct.Fields }

/** Reads the fields of a command; what is wrong names its field. */
export const reader = <Input>(
  op: string,
  shape: Shape<Input>,
): ((given: Given) => Effect.Effect<Input, CliFailure>) => {
  const decode = Schema.decodeUnknownResult(shape, { errors: "all" })
  const known = Object.keys(shape.fields)
  return (given) =>
    Effect.suspend(() => {
      const decoded = decode(given)
      if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success)
      const problems = problemsOf(decoded.failure.issue, given)
      const texts = problems.map((problem) => {
        const shown = found(problem)
        const text =
          shown === undefined
            ? describe(problem)
            : `${problem.path.join(".")}: expected ${problem.expected}, found ${shown}`
        return `${text}${spelled(given, problem.path, known)}`
      })
      return Effect.fail(badRequest(`${op}: ${texts.join("; ")}`))
    })
}
