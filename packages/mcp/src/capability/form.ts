/**
 * The schema of a form, read: a flat object of strings, numbers, booleans and choices (2025-11-25, Elicitation,
 * Requested Schema). What a member that is not known here says is left to the JSON Schema validator.
 */
import * as Effect from "effect/Effect"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import { compile } from "../schema/validator.ts"
import type { FormElicitation } from "./elicitation.ts"
import { isSecret } from "./secret.ts"
import * as Shape from "./shape.ts"
import { arrayOf, type Check, members, oneOf, text, unexpected } from "./shape.ts"

export type RequestedSchema = FormElicitation["requestedSchema"]
export type Field = RequestedSchema["properties"][string]

/** The fields of a form, the choices of a field: nobody fills in more. */
const fieldLimit = 200
const choiceLimit = 2_000
const nameLimit = 200

const formats = ["email", "uri", "date", "date-time"]

const size: Check = (value, at) =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : unexpected(at, "a whole number from 0 on", value)

/** The values of a list of choices. */
const valueOf = (choice: unknown): unknown => (isObject(choice) ? choice.const : choice)

const choices = (one: Check): Check => {
  const all = arrayOf(one, choiceLimit)
  return (value, at) => {
    const problem = all(value, at)
    if (problem !== undefined || !Array.isArray(value)) return problem
    if (value.length === 0) return `${at} must have at least one choice`
    return new Set(value.map(valueOf)).size === value.length ? undefined : `${at} must not have a choice twice`
  }
}

const values = choices(text)
const titled = choices(members({ const: text, title: text }))

/** Two bounds between which there is nothing. */
const ordered = (value: unknown, at: string, least: string, most: string): string | undefined =>
  isObject(value) && Number(value[least]) > Number(value[most])
    ? `${at}.${least} must not be greater than ${at}.${most}: nothing could be answered`
    : undefined

const described = { title: text, description: text }

const stringMembers = members(
  {},
  {
    ...described,
    default: text,
    minLength: size,
    maxLength: size,
    pattern: text,
    format: oneOf(...formats),
    enum: values,
    enumNames: arrayOf(text),
    oneOf: titled,
  },
)

const string: Check = (value, at) => {
  const problem = stringMembers(value, at) ?? ordered(value, at, "minLength", "maxLength")
  if (problem !== undefined || !isObject(value)) return problem
  if (!Array.isArray(value.enumNames)) return undefined
  return Array.isArray(value.enum) && value.enumNames.length === value.enum.length
    ? undefined
    : `${at}.enumNames must have one name for each value of ${at}.enum`
}

const numberMembers = members({}, { ...described, default: Shape.number, minimum: Shape.number, maximum: Shape.number })
const number: Check = (value, at) => numberMembers(value, at) ?? ordered(value, at, "minimum", "maximum")

const boolean = members({}, { ...described, default: Shape.flag })

const itemMembers = members({}, { type: oneOf("string"), enum: values, anyOf: titled })
const items: Check = (value, at) => {
  const problem = itemMembers(value, at)
  if (problem !== undefined || !isObject(value) || value.enum !== undefined || value.anyOf !== undefined) return problem
  return `${at} must have an enum of strings, or an anyOf of titled constants: a form has no other lists`
}
const listMembers = members({ items }, { ...described, default: arrayOf(text), minItems: size, maxItems: size })
const list: Check = (value, at) => listMembers(value, at) ?? ordered(value, at, "minItems", "maxItems")

const kinds = new Map<unknown, Check>([
  ["string", string],
  ["number", number],
  ["integer", number],
  ["boolean", boolean],
  ["array", list],
])

/** Whether anything may be typed into it. */
const isFree = ({ enum: listed, oneOf: titles, type }: JsonObject): boolean =>
  type !== "boolean" && type !== "array" && listed === undefined && titles === undefined

const field = (name: string, value: unknown, at: string): string | undefined => {
  if (name.length > nameLimit) return `${at} has a name of more than ${nameLimit} characters`
  if (!isObject(value)) return unexpected(at, "the schema of a field", value)
  const title = typeof value.title === "string" ? value.title : ""
  if (isFree(value) && (value.format === "password" || isSecret(name) || isSecret(title))) {
    return `${at} asks for a secret, which a form must not do: use an elicitation of mode "url" for it`
  }
  const check = kinds.get(value.type)
  if (check !== undefined) return check(value, at)
  const wanted = [...kinds.keys()].map((kind) => JSON.stringify(kind)).join(", ")
  return `${unexpected(`${at}.type`, `one of ${wanted}`, value.type)}: the fields of a form are not nested`
}

const object = members({ type: oneOf("object"), properties: Shape.object }, { required: arrayOf(text) })

/** What is wrong with the schema of a form, if anything is. */
const problemOf = (value: unknown, at: string): string | undefined => {
  const problem = object(value, at)
  if (problem !== undefined || !isObject(value) || !isObject(value.properties)) return problem
  const { properties } = value
  const names = Object.keys(properties)
  if (names.length > fieldLimit)
    return `${at}.properties has ${names.length} fields, and at most ${fieldLimit} are taken`
  for (const name of names) {
    const wrong = field(name, properties[name], `${at}.properties.${name}`)
    if (wrong !== undefined) return wrong
  }
  const required: ReadonlyArray<unknown> = Array.isArray(value.required) ? value.required : []
  const stray = required.find((name) => typeof name === "string" && !Object.hasOwn(properties, name))
  return stray === undefined
    ? undefined
    : `${at}.required has ${JSON.stringify(stray)}, which is none of the properties`
}

const isRequested = (value: unknown): value is RequestedSchema => problemOf(value, "") === undefined

/** Validates against one of these schemas. The dialect that it names changes nothing about what is in it. */
export const validator = ({ $schema: _, ...schema }: JsonObject) => compile(schema, { formats: true })

/** The schema of a form, as it was sent. Fails with what is wrong with it, which begins with `at`. */
export const readForm = (value: unknown, at: string): Effect.Effect<RequestedSchema, string> => {
  if (!isRequested(value)) return Effect.fail(problemOf(value, at) ?? unexpected(at, "the schema of a form", value))
  return Effect.mapBoth(validator(value), {
    onFailure: ({ reason }) => `${at} cannot be used: ${reason.message}`,
    onSuccess: () => value,
  })
}

/** A field as a schema whose errors name its choices. */
export const schemaOf = (value: Field): JsonObject => {
  const { items: of, oneOf: titles, ...rest }: JsonObject = { ...value }
  return {
    ...rest,
    ...(Array.isArray(titles) ? { enum: titles.map(valueOf) } : {}),
    ...(isObject(of) ? { items: Array.isArray(of.anyOf) ? { enum: of.anyOf.map(valueOf) } : of } : {}),
  }
}
