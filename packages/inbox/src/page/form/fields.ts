/**
 * What a person can fill in, read from the JSON Schema of an object: the forms of elicitations (2025-11-25, Elicitation,
 * Requested Schema), and the arguments of tools. What is more than a scalar, a choice or a list of them is JSON.
 */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"

export type Json = unknown
export interface Option {
  readonly value: Json
  readonly title: string
}

export type Control =
  | {
      readonly kind: "text"
      readonly format?: "email" | "uri" | "date" | "date-time" | undefined
      readonly least?: number | undefined
      readonly most?: number | undefined
    }
  | {
      readonly kind: "number"
      readonly integer: boolean
      readonly least?: number | undefined
      readonly most?: number | undefined
      readonly above?: number | undefined
      readonly below?: number | undefined
    }
  /** `open`: it may be left open. */
  | { readonly kind: "flag"; readonly open: boolean }
  | { readonly kind: "choice"; readonly options: ReadonlyArray<Option>; readonly open: boolean }
  | {
      readonly kind: "choices"
      readonly options: ReadonlyArray<Option>
      readonly least?: number | undefined
      readonly most?: number | undefined
    }
  /** One to a line. */
  | {
      readonly kind: "list"
      readonly of: "text" | "number" | "integer"
      readonly least?: number | undefined
      readonly most?: number | undefined
    }
  | { readonly kind: "json" }

export interface Field {
  readonly name: string
  readonly title: string
  readonly description?: string | undefined
  readonly required: boolean
  readonly control: Control
  /** Its default: what it begins with. */
  readonly initial?: Json
  /** Left out, it is its default all the same: the client fills it in. */
  readonly filled: boolean
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
const array = (value: unknown): ReadonlyArray<unknown> | undefined => (Array.isArray(value) ? value : undefined)

/** How a value is called where it has no title. */
const named = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

const titled = (all: ReadonlyArray<unknown> | undefined): ReadonlyArray<Option> | undefined => {
  if (all === undefined || all.length === 0) return undefined
  const options = all.flatMap((each) =>
    isObject(each) && Object.hasOwn(each, "const")
      ? [{ value: each["const"], title: text(each["title"]) ?? named(each["const"]) }]
      : [],
  )
  return options.length === all.length ? options : undefined
}

/** The choices of a schema, if it has any: `enum`, with `enumNames`, or constants with titles. */
const optionsOf = (schema: JsonObject): ReadonlyArray<Option> | undefined => {
  const values = array(schema["enum"])
  if (values === undefined) return titled(array(schema["oneOf"])) ?? titled(array(schema["anyOf"]))
  const names = array(schema["enumNames"])
  return values.map((value, index) => ({ value, title: text(names?.[index]) ?? named(value) }))
}

const formats = ["email", "uri", "date", "date-time"] as const

/** Its one type: `["string", "null"]` of a member that may be left out is a string. */
const typeOf = (schema: JsonObject, required: boolean): string | undefined => {
  const { type } = schema
  if (!Array.isArray(type)) return text(type)
  const [only, ...others] = type.filter((each) => required || each !== "null")
  return others.length === 0 ? text(only) : undefined
}

const listOf = (schema: JsonObject): Control => {
  const { items } = schema
  if (!isObject(items)) return { kind: "json" }
  const bounds = { least: number(schema["minItems"]), most: number(schema["maxItems"]) }
  const options = optionsOf(items)
  if (options !== undefined) return { kind: "choices", options, ...bounds }
  const type = typeOf(items, true)
  if (type === "string") return { kind: "list", of: "text", ...bounds }
  if (type === "number" || type === "integer") return { kind: "list", of: type, ...bounds }
  return { kind: "json" }
}

const controlOf = (schema: JsonObject, required: boolean, filled: boolean): Control => {
  const options = optionsOf(schema)
  if (options !== undefined) return { kind: "choice", options, open: !required && !filled }
  if (schema["$ref"] !== undefined || schema["anyOf"] !== undefined || schema["oneOf"] !== undefined) {
    return { kind: "json" }
  }
  const type = typeOf(schema, required)
  if (type === "string") {
    const format = formats.find((each) => each === schema["format"])
    return { kind: "text", format, least: number(schema["minLength"]), most: number(schema["maxLength"]) }
  }
  if (type === "number" || type === "integer") {
    return {
      kind: "number",
      integer: type === "integer",
      least: number(schema["minimum"]),
      most: number(schema["maximum"]),
      above: number(schema["exclusiveMinimum"]),
      below: number(schema["exclusiveMaximum"]),
    }
  }
  if (type === "boolean") return { kind: "flag", open: !required && schema["default"] === undefined }
  return type === "array" ? listOf(schema) : { kind: "json" }
}

/**
 * The fields of an object's schema; undefined where it cannot be filled in by fields, but as JSON. `fills`: defaults stand for
 * what is left out, as in the forms of elicitations.
 */
export const fieldsOf = (schema: unknown, fills = false): ReadonlyArray<Field> | undefined => {
  if (!isObject(schema)) return undefined
  const properties = schema["properties"] ?? {}
  if (!isObject(properties) || schema["$ref"] !== undefined) return undefined
  const needed = array(schema["required"]) ?? []
  return Object.entries(properties).map(([name, member]) => {
    const own = isObject(member) ? member : {}
    const required = needed.includes(name)
    const filled = fills && own["default"] !== undefined
    return {
      name,
      title: text(own["title"]) ?? name,
      description: text(own["description"]),
      required,
      control: controlOf(own, required, filled),
      initial: own["default"],
      filled,
    }
  })
}

/** What stands in a control: text, the indexes of choices, yes or no. */
export type Raw = string | boolean | ReadonlyArray<number>

const pad = (value: number) => String(value).padStart(2, "0")

/** A time as a control of the person's own time zone has it. */
const localTime = (iso: string): string => {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return ""
  const date = `${String(at.getFullYear()).padStart(4, "0")}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${date}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** What a control begins with, or what shows this value. */
export const rawOf = ({ control }: Field, value: Json): Raw => {
  switch (control.kind) {
    case "text":
      return control.format === "date-time" ? localTime(text(value) ?? "") : (text(value) ?? "")
    case "number":
      return number(value) === undefined ? "" : String(value)
    case "flag":
      if (control.open) return value === undefined ? "" : String(value === true)
      return value === true
    case "choice": {
      const index = value === undefined ? -1 : control.options.findIndex((option) => same(option.value, value))
      return index === -1 ? [] : [index]
    }
    case "choices":
      return (array(value) ?? []).flatMap((each) => {
        const index = control.options.findIndex((option) => same(option.value, each))
        return index === -1 ? [] : [index]
      })
    case "list":
      return (array(value) ?? []).map(named).join("\n")
    case "json":
      return value === undefined ? "" : JSON.stringify(value, undefined, 2)
  }
}

/** Whether a control can show this value, and give it back. */
export const shows = ({ control }: Field, value: Json): boolean => {
  const all = array(value)
  switch (control.kind) {
    case "text":
      return typeof value === "string" && (control.format !== "date-time" || localTime(value) !== "")
    case "number":
      return typeof value === "number"
    case "flag":
      return typeof value === "boolean"
    case "choice":
      return control.options.some((option) => same(option.value, value))
    case "choices":
      return all?.every((each) => control.options.some((option) => same(option.value, each))) === true
    case "list":
      if (control.of !== "text") return all?.every((each) => typeof each === "number") === true
      return all?.every((each) => typeof each === "string" && each.trim() !== "" && !each.includes("\n")) === true
    case "json":
      return true
  }
}

/** What was filled in: a value, nothing, or what is wrong with it. */
export type Reading = { readonly value: Json } | { readonly nothing: true } | { readonly wrong: string }

const nothing: Reading = { nothing: true }
const wrong = (said: string): Reading => ({ wrong: said })

const amount = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`

const readText = (typed: string, control: Extract<Control, { kind: "text" }>): Reading => {
  const { format, least, most } = control
  if (format === "date-time") {
    const at = new Date(typed)
    return Number.isNaN(at.getTime()) ? wrong("Type a date and a time.") : { value: at.toISOString() }
  }
  if (format === "date" && !/^\d{4}-\d\d-\d\d$/.test(typed)) return wrong("Type a date, as in 2026-01-31.")
  if (format === "email" && !/^[^\s@]+@[^\s@]+$/.test(typed))
    return wrong("Type an e-mail address, as in ada@example.org.")
  if (format === "uri" && !URL.canParse(typed)) return wrong("Type a whole address, as in https://example.org/.")
  const length = [...typed].length
  if (least !== undefined && length < least)
    return wrong(`Type at least ${amount(least, "character")}; there ${length === 1 ? "is" : "are"} ${length}.`)
  if (most !== undefined && length > most)
    return wrong(`Type at most ${amount(most, "character")}; there are ${length}.`)
  return { value: typed }
}

const readNumber = (typed: string, control: Extract<Control, { kind: "number" }>): Reading => {
  const value = Number(typed.trim())
  const { above, below, integer, least, most } = control
  if (typed.trim() === "" || !Number.isFinite(value)) return wrong(integer ? "Type a whole number." : "Type a number.")
  if (integer && !Number.isInteger(value)) return wrong("Type a whole number.")
  if (least !== undefined && value < least) return wrong(`Type a number from ${least} on.`)
  if (most !== undefined && value > most) return wrong(`Type a number of at most ${most}.`)
  if (above !== undefined && value <= above) return wrong(`Type a number greater than ${above}.`)
  if (below !== undefined && value >= below) return wrong(`Type a number less than ${below}.`)
  return { value }
}

const counted = (
  length: number,
  { least, most }: { least?: number | undefined; most?: number | undefined },
  verb: string,
) => {
  if (least !== undefined && length < least) return `${verb} at least ${least}.`
  return most !== undefined && length > most ? `${verb} at most ${most}.` : undefined
}

const readList = (typed: string, control: Extract<Control, { kind: "list" }>): Reading => {
  const lines = typed.split("\n").filter((line) => line.trim() !== "")
  const problem = counted(lines.length, control, "Type, one to a line,")
  if (problem !== undefined) return wrong(problem)
  if (control.of === "text") return { value: lines }
  const numbers = lines.map((line) => Number(line.trim()))
  const stray = numbers.findIndex(
    (each) => !(control.of === "integer" ? Number.isInteger(each) : Number.isFinite(each)),
  )
  return stray === -1
    ? { value: numbers }
    : wrong(`Type a ${control.of === "integer" ? "whole " : ""}number on each line; line ${stray + 1} is none.`)
}

const readJson = (typed: string): Reading => {
  try {
    return { value: JSON.parse(typed) as Json }
  } catch (cause) {
    return wrong(`This is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

/**
 * What stands in a control, as a value. A field that may be left out and is empty is nothing; one that has a default,
 * which would be filled in for it, is empty text where it can be.
 */
export const read = (field: Field, raw: Raw): Reading => {
  const { control, filled, initial, required } = field
  if (control.kind === "flag") {
    if (typeof raw === "boolean") return { value: raw }
    return raw === "" ? (required ? wrong("Choose yes or no.") : nothing) : { value: raw === "true" }
  }
  if (control.kind === "choice") {
    const chosen = Array.isArray(raw) ? control.options[raw[0] ?? -1] : undefined
    if (chosen !== undefined) return { value: chosen.value }
    return required || filled ? wrong("Choose one.") : nothing
  }
  if (control.kind === "choices") {
    const chosen = Array.isArray(raw) ? [...raw].sort((one, other) => one - other) : []
    if (chosen.length === 0 && !required && !filled) return nothing
    const problem = counted(chosen.length, control, "Choose")
    return problem === undefined ? { value: chosen.map((index) => control.options[index]?.value) } : wrong(problem)
  }
  const typed = typeof raw === "string" ? raw : ""
  if (typed.trim() === "" && (typed === "" || control.kind !== "text")) {
    if (control.kind === "list" && (required || filled)) return readList("", control)
    if (filled && control.kind === "text" && control.format === undefined && !required) {
      return readText("", control)
    }
    if (required) return wrong("This is required.")
    return !filled ? nothing : wrong(`Left empty, it would be ${named(initial)}: type a value.`)
  }
  switch (control.kind) {
    case "text":
      return readText(typed, control)
    case "number":
      return readNumber(typed, control)
    case "list":
      return readList(typed, control)
    case "json":
      return readJson(typed)
  }
}

/** What each control begins with. */
export const initial = (fields: ReadonlyArray<Field>, values: JsonObject = {}): Map<string, Raw> =>
  new Map(
    fields.map((field) => {
      const given = Object.hasOwn(values, field.name) ? values[field.name] : field.initial
      return [field.name, rawOf(field, given)]
    }),
  )

export interface Filled {
  /** The values, whose keys are own properties whatever their names. */
  readonly values: Readonly<Record<string, Json>>
  /** By the names of the fields. */
  readonly problems: ReadonlyMap<string, string>
}

/** Everything that was filled in. */
export const readAll = (fields: ReadonlyArray<Field>, raws: ReadonlyMap<string, Raw>): Filled => {
  const entries: Array<readonly [string, Json]> = []
  const problems = new Map<string, string>()
  for (const field of fields) {
    const reading = read(field, raws.get(field.name) ?? "")
    if ("wrong" in reading) problems.set(field.name, reading.wrong)
    else if ("value" in reading) entries.push([field.name, reading.value])
  }
  return { values: Object.fromEntries(entries), problems }
}

/** What the client found wrong, by field: it names each in quotes, as in `"age": must be at least 18; "name": …`. */
export const problemsIn = (fields: ReadonlyArray<Field>, message: string): ReadonlyMap<string, string> => {
  const problems = new Map<string, string>()
  for (const { name } of fields) {
    const begin = message.indexOf(`${JSON.stringify(name)}: `)
    if (begin === -1) continue
    const rest = message.slice(begin + JSON.stringify(name).length + 2)
    const end = rest.search(/; (?="|the question stays open)/)
    problems.set(name, end === -1 ? rest : rest.slice(0, end))
  }
  return problems
}
