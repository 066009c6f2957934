/**
 * The specification's own JSON Schemas as judges of single messages. A message that the client sends is held to more
 * than the schema says: no members beside those of JSON-RPC, no parameters that the revision does not know, and an
 * answer must answer something. What the schema cannot see (order, capabilities) is not judged here.
 */
import { readFileSync } from "node:fs"
import { Ajv, type ValidateFunction } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"

/** Every revision whose schema is among the fixtures, oldest first. */
export const revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const

export type Revision = (typeof revisions)[number]

export const isRevision = (value: unknown): value is Revision => revisions.some((revision) => revision === value)

/** The method of the request that an id belongs to, `undefined` where there was none. */
export type MethodOf = (id: unknown) => string | undefined

interface Json {
  readonly [key: string]: unknown
}

type Side = "Client" | "Server"

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const object = (value: unknown): Json => (isObject(value) ? value : {})

const formats = {
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  uri: (text: string) => /^[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-[\]_a-z~]*$/.test(text),
  "uri-template": /^(?:[^{}\s]|\{[^{}\s]+\})*$/,
}

/** Answers whose definition is not named after the request's. */
const emptyResults = new Set(["ping", "resources/subscribe", "resources/unsubscribe", "logging/setLevel"])

const envelopes = {
  request: ["jsonrpc", "id", "method", "params"],
  notification: ["jsonrpc", "method", "params"],
  result: ["jsonrpc", "id", "result"],
  error: ["jsonrpc", "id", "error"],
}

/**
 * What the schemas have wrong: they are made from TypeScript, where a number is a number, and a fraction is among the
 * values of a form in the specification's own examples (SEP-1034).
 */
const correct = ({ ElicitResult }: Json) => {
  const { content } = object(object(ElicitResult).properties)
  const values = object(object(content).additionalProperties)
  for (const one of [values, ...(Array.isArray(values.anyOf) ? values.anyOf : [])]) {
    const { type } = object(one)
    if (Array.isArray(type) && type.includes("integer")) type.push("number")
  }
}

/** One revision's schema: definitions by name, and which of them belongs to a method. */
class Book {
  readonly definitions: Json
  private readonly ajv: Ajv
  private readonly key: string
  private readonly compiled = new Map<string, ValidateFunction>()

  constructor(revision: Revision) {
    const schema: Json = JSON.parse(
      readFileSync(new URL(`./fixtures/${revision}/schema.json`, import.meta.url), "utf8"),
    )
    correct(object(schema.$defs ?? schema.definitions))
    const options = { strict: false, allErrors: true, formats, logger: false } as const
    this.ajv = String(schema.$schema).includes("2020-12") ? new Ajv2020(options) : new Ajv(options)
    this.ajv.addSchema(schema, "mcp")
    this.key = "$defs" in schema ? "$defs" : "definitions"
    this.definitions = object(schema[this.key])
  }

  /** What is wrong with `value` as the definition `name`. */
  problems(name: string, value: unknown): ReadonlyArray<string> {
    const known = this.compiled.get(name)
    const validate = known ?? this.ajv.compile({ $ref: `mcp#/${this.key}/${name}` })
    if (known === undefined) this.compiled.set(name, validate)
    if (validate(value)) return []
    const lines = (validate.errors ?? []).map((error) => {
      const detail = error.keyword === "const" ? ` ${JSON.stringify(error.params.allowedValue)}` : ""
      return `${name}${error.instancePath}: ${error.message}${detail}`
    })
    return [...new Set(lines)].slice(0, 10)
  }

  /** The definition of a side's request or notification by its method. */
  member(side: Side, kind: "Request" | "Notification", method: string): string | undefined {
    const union = object(this.definitions[`${side}${kind}`])
    const names = Array.isArray(union.anyOf)
      ? union.anyOf.map((entry) => String(object(entry).$ref).split("/").at(-1) ?? "")
      : [`${side}${kind}`]
    return names.find((name) => {
      const properties = object(object(this.definitions[name]).properties)
      return object(properties.method).const === method
    })
  }

  /**
   * Members of a message's parameters, at any depth, that this revision does not know. Where a schema says
   * `additionalProperties` it takes any; `_meta` always does.
   */
  unknown(name: string, message: Json): ReadonlyArray<string> {
    const properties = object(object(this.definitions[name]).properties)
    return "params" in message ? this.strange(object(properties.params), message.params, "params") : []
  }

  private resolve(schema: Json): Json {
    return typeof schema.$ref === "string" ? object(this.definitions[schema.$ref.split("/").at(-1) ?? ""]) : schema
  }

  private strange(schema: Json, value: unknown, path: string): ReadonlyArray<string> {
    if (typeof schema.$ref === "string") return this.strange(this.resolve(schema), value, path)
    if (Array.isArray(schema.allOf)) {
      const parts = schema.allOf.map((part) => Object.entries(object(this.resolve(object(part)).properties)))
      return this.strange({ properties: Object.fromEntries(parts.flat()) }, value, path)
    }
    if (Array.isArray(schema.anyOf)) {
      const branches = schema.anyOf.map((branch) => this.strange(object(branch), value, path))
      return branches.reduce((least, found) => (found.length < least.length ? found : least), branches[0] ?? [])
    }
    if (Array.isArray(value)) {
      return value.flatMap((one, at) => this.strange(object(schema.items), one, `${path}/${at}`))
    }
    if (!isObject(value)) return []
    const known = object(schema.properties)
    const open = schema.additionalProperties !== undefined || (path !== "params" && schema.properties === undefined)
    return Object.entries(value).flatMap(([key, one]) => {
      if (key === "_meta") return []
      if (key in known) return this.strange(object(known[key]), one, `${path}/${key}`)
      return open ? [] : [`unknown member "${key}" of ${path} in this revision`]
    })
  }

  /** The definition of the answer to a request that `side` had sent. */
  result(side: Side, method: string, result: unknown): string {
    if (emptyResults.has(method)) return "EmptyResult"
    if ("task" in object(result) && "CreateTaskResult" in this.definitions && !method.startsWith("tasks/")) {
      return "CreateTaskResult"
    }
    if (object(result).resultType === "input_required" && "InputRequiredResult" in this.definitions) {
      return "InputRequiredResult"
    }
    const name = this.member(side, "Request", method)?.replace(/Request$/, "Result")
    return name !== undefined && name in this.definitions ? name : "Result"
  }
}

const books = new Map<Revision, Book>()

const bookOf = (revision: Revision): Book => {
  const known = books.get(revision)
  if (known !== undefined) return known
  const book = new Book(revision)
  books.set(revision, book)
  return book
}

const kindOf = (message: Json): keyof typeof envelopes | undefined => {
  if ("method" in message) return "id" in message ? "request" : "notification"
  if ("result" in message) return "result" in message && "error" in message ? undefined : "result"
  return "error" in message ? "error" : undefined
}

const callProblems = (book: Book, side: Side, kind: "request" | "notification", message: Json, strict: boolean) => {
  const method = String(message.method)
  const union = kind === "request" ? "Request" : "Notification"
  const name = book.member(side, union, method)
  if (name === undefined) {
    const other = book.member(side, kind === "request" ? "Notification" : "Request", method)
    if (other === undefined) return [`${method}: not a ${kind} of the ${side.toLowerCase()} in this revision`]
    return [kind === "request" ? `${method}: a notification with an id` : `${method}: a request without an id`]
  }
  const found = [...book.problems(name, message)]
  if (strict) found.push(...book.unknown(name, message))
  return found
}

const answerProblems = (book: Book, side: Side, message: Json, strict: boolean, methodOf: MethodOf | undefined) => {
  const asked = methodOf?.(message.id)
  if (methodOf !== undefined && asked === undefined && message.id !== undefined) {
    return [`the id ${JSON.stringify(message.id)} answers no request`]
  }
  if ("error" in message) {
    const extra = Object.keys(object(message.error)).filter((key) => !["code", "message", "data"].includes(key))
    return strict ? extra.map((key) => `error: unknown member "${key}"`) : []
  }
  const other = side === "Client" ? "Server" : "Client"
  const name = asked === undefined ? "Result" : book.result(other, asked, message.result)
  const found = [...book.problems(name, message.result)]
  if (strict && name === "EmptyResult") {
    const extra = Object.keys(object(message.result)).filter((key) => key !== "_meta")
    found.push(...extra.map((key) => `EmptyResult: unknown member "${key}"`))
  }
  return found
}

const validate = (
  side: Side,
  revision: Revision,
  message: unknown,
  methodOf: MethodOf | undefined,
): ReadonlyArray<string> => {
  const strict = side === "Client"
  const book = bookOf(revision)
  if (Array.isArray(message)) {
    if (revision !== "2025-03-26") return ["a batch, which this revision does not have"]
    if (message.length === 0) return ["an empty batch"]
    if (message.some((one) => object(one).method === "initialize")) return ["initialize inside a batch"]
    return message.flatMap((one) => validate(side, revision, one, methodOf))
  }
  if (!isObject(message)) return ["not a JSON object"]
  const kind = kindOf(message)
  if (kind === undefined) return ["neither a request, a notification nor an answer"]
  const envelope = {
    request: ["JSONRPCRequest"],
    notification: ["JSONRPCNotification"],
    result: ["JSONRPCResultResponse", "JSONRPCResponse"],
    error: ["JSONRPCErrorResponse", "JSONRPCError"],
  }[kind].find((name) => name in book.definitions)
  const found = envelope === undefined ? [] : [...book.problems(envelope, message)]
  if (strict) {
    const extra = Object.keys(message).filter((key) => !envelopes[kind].includes(key))
    found.push(...extra.map((key) => `${kind}: unknown member "${key}"`))
  }
  return kind === "request" || kind === "notification"
    ? [...found, ...callProblems(book, side, kind, message, strict)]
    : [...found, ...answerProblems(book, side, message, strict, methodOf)]
}

/**
 * What is wrong with a message that a client sends under `revision`; empty when nothing is. `methodOf` gives the method
 * of the server's request that an id belongs to: with it an answer is held to that method's result and must have been asked for, without
 * it to the common shape of results.
 */
export const validateSent = (revision: Revision, message: unknown, methodOf?: MethodOf): ReadonlyArray<string> =>
  validate("Client", revision, message, methodOf)

/** The same for a message that a server sends, with the client's requests in `methodOf`; unknown members are allowed. */
export const validateReceived = (revision: Revision, message: unknown, methodOf?: MethodOf): ReadonlyArray<string> =>
  validate("Server", revision, message, methodOf)
