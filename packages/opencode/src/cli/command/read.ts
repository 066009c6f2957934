/** `read`: the contents of a resource, by its URI, or by a template and values for its variables. */
import * as Template from "@opencode-ai/mcp/catalog/template"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Options } from "../configuration.ts"
import * as Content from "../content.ts"
import { badRequest, Exit } from "../failure.ts"
import { progress } from "../live.ts"
import { Output } from "../output.ts"
import * as Pairs from "../pairs.ts"
import { withServers } from "../session.ts"

export interface ReadOptions extends Options {
  readonly server: string
  /** A URI, or a template. */
  readonly uri: string
  /** Values for the template's variables. */
  readonly words: ReadonlyArray<string>
}

export const read = (options: ReadOptions) =>
  Effect.gen(function* () {
    // Before a server is started: who mistypes waits for nobody.
    const uri = yield* expand(options)
    return yield* withServers(options, options.server, () =>
      Effect.gen(function* () {
        const output = yield* Output
        const mcp = yield* Mcp
        const { server } = options
        const result = yield* progress(output, `Reading ${uri} of ${server}`, (report) =>
          mcp.readResource(server, uri, { onProgress: report }),
        )
        if (output.json()) yield* output.printExactly(result)
        else {
          const texts = yield* Effect.forEach(result.contents, Content.contents)
          for (const text of texts) yield* output.write(text.endsWith("\n") ? text : `${text}\n`)
        }
        return Exit.done
      }),
    )
  })

const expand = ({ uri, words }: ReadOptions) =>
  Effect.gen(function* () {
    if (words.length === 0 && !uri.includes("{")) return uri
    const template = Template.parse(uri)
    if (Result.isFailure(template)) return yield* badRequest(template.failure.message)
    const { variables } = template.success
    if (variables.length === 0) return yield* badRequest(`${JSON.stringify(uri)} is no template: it takes no values`)
    const given = yield* Pairs.read(
      words,
      JSON.stringify(uri),
      variables.map(({ name }) => name),
    )
    const values = new Map<string, Template.Value>()
    for (const { list, name } of variables) {
      const texts = given.flatMap(([each, value]) => (each === name ? [value] : []))
      const [only] = texts
      if (texts.length > 1 && !list) return yield* badRequest(`${JSON.stringify(name)} is given more than once`)
      if (only !== undefined) values.set(name, list ? texts : only)
    }
    const output = yield* Output
    for (const { name, required } of variables) {
      if (!required || values.has(name) || !output.interactive()) continue
      const { askArgument } = yield* Effect.promise(() => import("../ask-argument.ts"))
      const property = { name, schema: { type: "string" }, required: true }
      values.set(name, String(yield* askArgument(property, {})))
    }
    const expanded = template.success.expand(Object.fromEntries(values))
    return Result.isSuccess(expanded) ? expanded.success : yield* badRequest(expanded.failure.message)
  })
