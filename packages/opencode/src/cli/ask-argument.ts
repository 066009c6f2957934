/** Asks for one argument of a tool or a prompt, in the way that its schema suggests. */
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { coerce } from "./arguments.ts"
import { ask } from "./ask.ts"
import * as Schema from "./schema.ts"
import * as Text from "./text.ts"

/** The answer, typed. What does not fit is asked for again. */
export const askArgument = ({ name, schema }: Schema.Property, root: unknown) => {
  const types = Schema.types(schema, root)
  const about = schema["description"]
  const message = Text.cut(
    typeof about === "string" && about !== "" ? `${Text.oneLine(name)} (${Text.oneLine(about)})` : Text.oneLine(name),
    200,
  )
  const values = schema["enum"]
  if (Array.isArray(values) && values.length > 0) {
    const choices = values.map((value: unknown) => ({ title: Text.oneLine(String(value)), value }))
    return ask<unknown>(Prompt.Select<unknown>({ message, choices }))
  }
  if (types.size === 1 && types.has("boolean")) return ask<unknown>(Prompt.Confirm({ message }))
  const read = (text: string) => coerce([text], schema, root)
  const text = Prompt.String({
    message,
    validate: (typed) => {
      const value = read(typed)
      return Result.isSuccess(value) ? Effect.succeed(typed) : Effect.fail(Text.oneLine(value.failure))
    },
  })
  return Effect.map(ask(text), (typed) => Result.getOrElse(read(typed), (): unknown => typed))
}
