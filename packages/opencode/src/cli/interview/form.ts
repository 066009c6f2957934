/** A form of a server, on a terminal: shown, filled in, looked at once more, and only then sent. */
import { checkAnswer } from "@opencode-ai/mcp/capability/elicit"
import type { ElicitationAnswer, FormElicitation } from "@opencode-ai/mcp/capability/elicitation"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { ask, interject } from "../ask.ts"
import { Output } from "../output.ts"
import * as Schema from "../schema.ts"
import * as Text from "../text.ts"
import * as Field from "./field.ts"
import * as Said from "./said.ts"

type Content = NonNullable<ElicitationAnswer["content"]>

const fieldsOf = ({ requestedSchema }: FormElicitation): ReadonlyArray<Schema.Property> =>
  Schema.properties(requestedSchema)

/** Holds one value against its field alone. */
const checking =
  (request: FormElicitation, { name, required }: Schema.Property): Field.Check =>
  (value) => {
    const properties = Object.fromEntries(
      Object.entries(request.requestedSchema.properties).filter(([each]) => each === name),
    )
    const requestedSchema = { type: "object", properties, required: required ? [name] : [] } as const
    const content = contentOf(new Map([[name, value]]))
    return Effect.mapError(checkAnswer({ ...request, requestedSchema }, { action: "accept", content }), (wrong) =>
      wrong.replace(/^.*?: "[^]*?": /, ""),
    )
  }

const contentOf = (values: ReadonlyMap<string, Field.Value>): Content =>
  Object.fromEntries(
    [...values].flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "object" ? [...value] : value] as const],
    ),
  )

type Choice = "answer" | "accept" | "change" | "decline" | "cancel"

const titles: Readonly<Record<Choice, string>> = {
  answer: "Answer",
  accept: "Send this",
  change: "Change it",
  decline: "Decline",
  cancel: "Cancel",
}

const descriptions: Readonly<Record<Choice, string>> = {
  answer: "fill in the fields; nothing is sent before you have looked at it",
  accept: "",
  change: "",
  decline: "say no",
  cancel: "answer neither yes nor no; Ctrl-C does this anywhere",
}

const choose = (message: string, choices: ReadonlyArray<Choice>, put = ask) =>
  put(
    Prompt.Select<Choice>({
      message,
      choices: choices.map((value) => ({ value, title: titles[value], description: descriptions[value] })),
    }),
  )

const show = (request: FormElicitation, fields: ReadonlyArray<Schema.Property>) =>
  Effect.gen(function* () {
    const output = yield* Output
    yield* output.say(Said.heading(request.server, "asks you:", output))
    yield* output.say(`${Said.lines(request.message, output).join("\n")}\n`)
    if (fields.length > 0) {
      yield* output.say(
        `${Said.pairs(
          fields.map((field) => [Field.title(field), Field.about(field)]),
          output,
        )}\n`,
      )
    }
  })

const fill = (
  request: FormElicitation,
  fields: ReadonlyArray<Schema.Property>,
  before: ReadonlyMap<string, Field.Value> | undefined,
) =>
  Effect.gen(function* () {
    const values = new Map<string, Field.Value>()
    for (const field of fields) {
      const now = before === undefined ? initial(field) : before.get(field.name)
      values.set(field.name, yield* Field.askField(field, now, checking(request, field)))
    }
    return values
  })

const initial = ({ schema }: Schema.Property): Field.Value => {
  const value = schema["default"]
  if (Array.isArray(value)) return value.filter((each) => typeof each === "string")
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined
}

/** Shows what would be sent. Whether it may be. */
const review = (request: FormElicitation, fields: ReadonlyArray<Schema.Property>, content: Content) =>
  Effect.gen(function* () {
    const output = yield* Output
    const checked = yield* Effect.result(checkAnswer(request, { action: "accept", content }))
    const sent: Readonly<Record<string, unknown>> = Result.isSuccess(checked)
      ? (checked.success.content ?? {})
      : content
    const rows = fields.map((field) => [Field.title(field), Field.shown(field, Schema.own(sent, field.name))] as const)
    yield* output.say(`\n${output.err.paint("bold", Text.oneLine(request.server))} would get:`)
    yield* output.say(`${Said.pairs(rows, output)}\n`)
    if (Result.isFailure(checked)) yield* output.say(output.err.paint("red", Text.harmless(checked.failure)))
    return Result.isSuccess(checked)
  })

/** The person's answer. */
export const form = (request: FormElicitation) =>
  Effect.gen(function* () {
    const fields = fieldsOf(request)
    yield* show(request, fields)
    let choice = yield* choose(
      fields.length === 0 ? "Your answer" : "What do you do?",
      [fields.length === 0 ? "accept" : "answer", "decline", "cancel"],
      interject,
    )
    let values: ReadonlyMap<string, Field.Value> | undefined
    while (choice === "answer" || choice === "change") {
      values = yield* fill(request, fields, values)
      const fits = yield* review(request, fields, contentOf(values))
      choice = yield* choose(
        "Send it?",
        fits ? ["accept", "change", "decline", "cancel"] : ["change", "decline", "cancel"],
      )
    }
    const answer: ElicitationAnswer =
      choice === "accept" ? { action: choice, content: contentOf(values ?? new Map()) } : { action: choice }
    return answer
  })
