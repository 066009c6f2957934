/** `prompt`: the messages that a prompt becomes with its arguments. */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { Mcp } from "@opencode-ai/mcp/mcp"
import type { Prompt } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Arguments from "../arguments.ts"
import * as Content from "../content.ts"
import { badRequest, Exit } from "../failure.ts"
import { progress, spinner } from "../live.ts"
import { Output } from "../output.ts"
import { argumentsOf, own } from "../schema.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"

export interface PromptOptions extends Options {
  readonly server: string
  readonly name: string
  readonly words: ReadonlyArray<string>
}

export const prompt = (options: PromptOptions) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const { name, server, words } = options
      const prompts = yield* spinner(output, `Connecting to ${server}`, mcp.prompts(server))
      // A server that declares no prompts gets no further than its own error.
      const known =
        prompts.length === 0
          ? undefined
          : yield* find(
              prompts.map(({ item }) => item),
              options,
            )
      const args = yield* complete(asTool(known ?? { name }), words)
      const result = yield* progress(output, `Asking ${server} for ${name}`, (report) =>
        mcp.getPrompt(server, name, args, { onProgress: report }),
      )
      if (output.json()) yield* output.printExactly(result)
      else {
        const { paint } = output.out
        const { description, messages } = result
        if (typeof description === "string") yield* output.say(output.err.paint("dim", Text.harmless(description)))
        for (const message of messages) {
          const role = own(message, "role")
          yield* output.print(paint("bold", `${Text.spoken(role)}:`))
          yield* output.write(`${yield* Content.block(own(message, "content"))}\n`)
        }
      }
      return Exit.done
    }),
  )

const find = (prompts: ReadonlyArray<Prompt>, { name, server }: PromptOptions) => {
  const found = prompts.find((each) => each.name === name)
  if (found !== undefined) return Effect.succeed(found)
  const all = prompts.map((each) => each.name)
  const near = nearest(name, all).map((each) => JSON.stringify(each))
  const offer =
    near.length > 0
      ? `; did you mean ${near.join(" or ")}?`
      : `; there is ${all
          .slice(0, 10)
          .map((each) => JSON.stringify(each))
          .join(", ")}`
  return Effect.fail(badRequest(`${server} offers no prompt ${JSON.stringify(name)}${offer}`))
}

/** The arguments of a prompt, described as a tool's are: all of them are strings. */
const asTool = (prompt: Pick<Prompt, "arguments" | "name">) => {
  const takes = argumentsOf(prompt)
  return {
    name: prompt.name,
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(takes.map(({ name, schema }) => [name, schema])),
      required: takes.flatMap(({ name, required }) => (required ? [name] : [])),
      additionalProperties: false,
    },
  }
}

const complete = (tool: ReturnType<typeof asTool>, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const output = yield* Output
    const given = yield* Arguments.parse({ source: "arguments", words }, tool)
    const lacking = Arguments.missing(given, tool.inputSchema)
    if (lacking.length > 0 && !output.interactive()) return yield* Arguments.missingArguments(lacking, given, tool)
    const { askArgument } = yield* Effect.promise(() => import("../ask-argument.ts"))
    const answers: Array<readonly [string, unknown]> = Object.entries(given)
    for (const property of lacking) answers.push([property.name, yield* askArgument(property, tool.inputSchema)])
    const wrong = answers.find(([, value]) => typeof value !== "string")
    if (wrong !== undefined) {
      return yield* badRequest(`argument ${JSON.stringify(wrong[0])}: the arguments of a prompt are strings`)
    }
    return Object.fromEntries(answers.map(([name, value]) => [name, String(value)]))
  })
