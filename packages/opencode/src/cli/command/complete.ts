/** `complete`: what an argument of a prompt, or a variable of a template, may be. */
import * as Template from "@opencode-ai/mcp/catalog/template"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { Mcp } from "@opencode-ai/mcp/mcp"
import type { CompleteRequestParams } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Options } from "../configuration.ts"
import { badRequest, Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import * as Pairs from "../pairs.ts"
import { argumentsOf } from "../schema.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"

export interface CompleteOptions extends Options {
  readonly server: string
  /** The prompt's name, or the template. */
  readonly of: string
  readonly argument: string
  readonly value: string
  /** What the other arguments are already. */
  readonly words: ReadonlyArray<string>
}

export const complete = (options: CompleteOptions) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const { argument, of, server, value, words } = options
      const { names, ref } = yield* spinner(output, `Connecting to ${server}`, subject(options))
      const what = JSON.stringify(Text.oneLine(of))
      if (names !== undefined) yield* Pairs.read([`${argument}=`], what, names)
      const given = yield* Pairs.read(words, what, names)
      const context = given.length === 0 ? {} : { context: { arguments: Object.fromEntries(given) } }
      const found = yield* spinner(
        output,
        `Asking ${server}`,
        mcp.complete(server, { ref, argument: { name: argument, value }, ...context }),
      )
      if (output.json()) yield* output.printJson(found)
      else if (found.values.length === 0) yield* output.say("There is nothing to complete it with.")
      else {
        yield* output.print(found.values.map(Text.oneLine).join("\n"))
        const rest = found.total === undefined ? 0 : found.total - found.values.length
        if (rest > 0) yield* output.say(output.err.paint("dim", `… and ${rest} more`))
        else if (found.hasMore === true) yield* output.say(output.err.paint("dim", "… and more"))
      }
      return Exit.done
    }),
  )

/** What is completed, and what its arguments are called where that is known. */
const subject = ({ of, server }: CompleteOptions) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const [prompts, templates] = yield* Effect.all([mcp.prompts(server), mcp.templates(server)])
    const prompt = prompts.find(({ item }) => item.name === of)?.item
    if (prompt !== undefined) {
      const ref: CompleteRequestParams["ref"] = { type: "ref/prompt", name: of }
      return { ref, names: argumentsOf(prompt).map(({ name }) => name) }
    }
    const all = [...prompts.map(({ item }) => item.name), ...templates.map(({ item }) => item.uriTemplate)]
    const ref: CompleteRequestParams["ref"] = { type: "ref/resource", uri: of }
    // What a server does not list it may know all the same.
    if (of.includes("{") || of.includes("://") || all.length === 0) {
      const template = Result.getOrUndefined(Template.parse(of))
      const known = template === undefined || template.variables.length === 0 ? undefined : template.variables
      return { ref, names: known?.map(({ name }) => name) }
    }
    const near = nearest(of, all)
    const quoted = (near.length > 0 ? near : all.slice(0, 10)).map((each) => JSON.stringify(each))
    const offer = near.length > 0 ? `did you mean ${quoted.join(" or ")}?` : `there is ${quoted.join(", ")}`
    return yield* badRequest(`${Text.oneLine(server)} offers no prompt or template ${JSON.stringify(of)}; ${offer}`)
  })
