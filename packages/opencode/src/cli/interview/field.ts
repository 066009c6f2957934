/** One field of a form: what it is called, what may stand in it, and how it is asked for. */
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { coerce } from "../arguments.ts"
import { ask } from "../ask.ts"
import { Output } from "../output.ts"
import type { Property, Schema } from "../schema.ts"
import { own } from "../schema.ts"
import * as Text from "../text.ts"
import { several } from "./several.ts"

/** A value of a form; `undefined` where the field is left out. */
export type Value = string | number | boolean | ReadonlyArray<string> | undefined

/** One of the values that a field may have, and what it is called. */
interface Choice {
  readonly value: string
  readonly title: string
}

const texts = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : []

/** The choices that a schema lists: `enum` with or without names, or titled constants. */
const choicesOf = (schema: unknown): ReadonlyArray<Choice> => {
  const values = texts(own(schema, "enum"))
  const names = texts(own(schema, "enumNames"))
  if (values.length > 0) return values.map((value, index) => ({ value, title: names[index] ?? value }))
  const titled = own(schema, "oneOf") ?? own(schema, "anyOf")
  return (Array.isArray(titled) ? titled : []).flatMap((each: unknown) => {
    const value = own(each, "const")
    const title = own(each, "title")
    return typeof value === "string" ? [{ value, title: typeof title === "string" ? title : value }] : []
  })
}

const text = (schema: Schema, key: string): string | undefined => {
  const value = own(schema, key)
  return typeof value === "string" && value.trim() !== "" ? Text.oneLine(value) : undefined
}

/** What a person calls it. */
export const title = ({ name, schema }: Property): string => text(schema, "title") ?? Text.oneLine(name)

const words: ReadonlyMap<unknown, string> = new Map([
  ["email", "an email address"],
  ["uri", "a URI"],
  ["date", "a date, such as 2026-11-21"],
  ["date-time", "a date and a time, such as 2026-11-21T09:30:00Z"],
  ["integer", "a whole number"],
  ["number", "a number"],
  ["boolean", "yes or no"],
  ["array", "any of several"],
])

const bounds = (schema: Schema): ReadonlyArray<string> => {
  const [least, most] = [own(schema, "minimum"), own(schema, "maximum")]
  const [shortest, longest] = [own(schema, "minLength"), own(schema, "maxLength")]
  const [fewest, greatest] = [own(schema, "minItems"), own(schema, "maxItems")]
  return [
    ...(typeof least === "number" ? [`at least ${least}`] : []),
    ...(typeof most === "number" ? [`at most ${most}`] : []),
    ...(typeof shortest === "number" ? [`${shortest} characters or more`] : []),
    ...(typeof longest === "number" ? [`up to ${longest} characters`] : []),
    ...(typeof fewest === "number" && fewest > 0 ? [`${fewest} or more`] : []),
    ...(typeof greatest === "number" ? [`up to ${greatest}`] : []),
  ]
}

/** What may stand in it. */
const kind = (schema: Schema): string => {
  const single = own(schema, "type") !== "array" && choicesOf(schema).length > 0
  const name = words.get(own(schema, "format")) ?? words.get(own(schema, "type"))
  return [single ? "one of several" : (name ?? "a text"), ...(single ? [] : bounds(schema))].join(", ")
}

/** What may stand in it and what it is for, as far as its name does not say it. */
export const about = ({ required, schema }: Property): string =>
  [`${kind(schema)}${required ? "" : ", optional"}`, text(schema, "description")].filter(Boolean).join(" – ")

/** What is left out where it is left out. */
const leftOut = "(leave it out)"

/** A value as the person reads it. */
export const shown = ({ schema }: Property, value: unknown): string => {
  const known = [...choicesOf(schema), ...choicesOf(own(schema, "items"))]
  const name = (each: unknown) => {
    const found = known.find((choice) => choice.value === each)?.title
    return Text.oneLine(found === undefined || found === each ? String(each) : `${found} (${String(each)})`)
  }
  if (value === undefined) return "(left out)"
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.map(name).join(", ")
  return value === "" ? "(empty)" : name(value)
}

/** Whether a value fits; a failure says what is wrong. */
export type Check = (value: Value) => Effect.Effect<unknown, string>

const pick = <A>(message: string, choices: ReadonlyArray<Prompt.SelectChoice<A>>, selected: number) =>
  ask(
    Prompt.Select<A>({
      message,
      choices: choices.map((choice, index) => ({ ...choice, selected: index === selected })),
    }),
  )

/** What is left out is the default, where there is one. */
const hasDefault = (schema: Schema) => own(schema, "default") !== undefined

const askChoice = ({ required, schema }: Property, message: string, now: Value) => {
  const listed = choicesOf(schema).map(({ title, value }) => ({ title: Text.oneLine(title), value }))
  const choices: ReadonlyArray<Prompt.SelectChoice<Value>> =
    required || hasDefault(schema) ? listed : [...listed, { title: leftOut, value: undefined }]
  return pick<Value>(
    message,
    choices,
    Math.max(
      0,
      choices.findIndex(({ value }) => value === now),
    ),
  )
}

const askYesOrNo = ({ required, schema }: Property, message: string, now: Value) => {
  if (required || hasDefault(schema)) return ask(Prompt.Confirm({ message, initial: now === true }))
  const choices: ReadonlyArray<Prompt.SelectChoice<Value>> = [
    { title: "yes", value: true },
    { title: "no", value: false },
    { title: leftOut, value: undefined },
  ]
  return pick<Value>(
    message,
    choices,
    choices.findIndex(({ value }) => value === now),
  )
}

const askSeveral = ({ required, schema }: Property, message: string, now: Value, check: Check) => {
  const before = Array.isArray(now) ? now : []
  const choices = choicesOf(own(schema, "items")).map(({ title, value }) => ({
    title: Text.oneLine(title),
    value,
    selected: before.includes(value),
  }))
  const chosen = (values: ReadonlyArray<string>): Value => (values.length === 0 && !required ? undefined : values)
  const prompt = (output: Output["Service"]) =>
    several(
      {
        message: `${message} – space chooses, Enter goes on`,
        choices,
        check: (values) => (chosen(values) === undefined ? Effect.void : check(values)),
      },
      output.err,
    )
  return Effect.map(
    Effect.flatMap(Output, (output) => ask(prompt(output))),
    chosen,
  )
}

type Failed = Effect.Error<ReturnType<typeof ask>>
type Needed = Effect.Services<ReturnType<typeof ask>>

const askText = ({ required, schema }: Property, message: string, now: Value, check: Check) => {
  const type = own(schema, "type")
  const isText = type !== "number" && type !== "integer"
  // What stands there is shown as it can be shown, and left as it is until it is changed.
  const stands = now === undefined ? undefined : Text.oneLine(String(now))
  const read = (typed: string): Result.Result<Value, string> => {
    if (typed === stands && typed !== "") return Result.succeed(now)
    if (typed === "" && !required) return Result.succeed(undefined)
    // An empty text would fit, and says nothing that a person who leaves a field empty means.
    if (typed === "") return Result.fail(`expected ${kind(schema)}: it is required`)
    return isText ? Result.succeed(typed) : Result.map(coerce([typed], { type }, {}), Number)
  }
  const prompt = Prompt.String({
    message,
    ...(stands === undefined ? {} : { default: stands }),
    validate: (typed) =>
      Effect.gen(function* () {
        const value = read(typed)
        if (Result.isFailure(value)) return yield* Effect.fail(value.failure)
        if (value.success !== undefined) yield* Effect.mapError(check(value.success), Text.oneLine)
        return typed
      }),
  })
  return Effect.map(ask(prompt), (typed) => Result.getOrElse(read(typed), (): Value => typed))
}

/** Asks for a field; what stands there now, or by default, is there already. */
export const askField = (field: Property, now: Value, check: Check): Effect.Effect<Value, Failed, Needed> => {
  const message = Text.cut(`${title(field)} (${kind(field.schema)}${field.required ? "" : ", optional"})`, 200)
  const type = own(field.schema, "type")
  if (type === "boolean") return askYesOrNo(field, message, now)
  if (type === "array") return askSeveral(field, message, now, check)
  return choicesOf(field.schema).length > 0 ? askChoice(field, message, now) : askText(field, message, now, check)
}
