/** `call`: one tool, its arguments from words, standard input or the person, its progress as a bar. */
import { Mcp, type ToolEntry } from "@opencode-ai/mcp/mcp"
import * as Keys from "@opencode-ai/mcp/catalog/keys"
import { McpError, ToolHeld, ToolNotFound } from "@opencode-ai/mcp/error"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as Arguments from "../arguments.ts"
import * as Content from "../content.ts"
import { tellHeld } from "../difference.ts"
import { Exit } from "../failure.ts"
import * as Happening from "../happening.ts"
import { progress, spinner } from "../live.ts"
import { Output } from "../output.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import { readAll } from "../stdin.ts"

export interface CallOptions extends Options {
  readonly server: string
  readonly tool: string
  /** What was typed after the tool's name. */
  readonly words: ReadonlyArray<string>
  /** Whether it is called as a task, and how long that is to be kept, in milliseconds. */
  readonly task?: boolean | { readonly ttl: number } | undefined
}

/** What the events of this call carry. */
const request = "call"

export const call = (options: CallOptions) =>
  Effect.gen(function* () {
    // Read before a server is started: who pipes nonsense waits for nobody.
    const piped = options.words.length === 1 && options.words[0] === "-"
    const typed: Arguments.Typed = piped
      ? { source: "standard input", words: [yield* readAll] }
      : { source: "arguments", words: options.words }
    return yield* withServers(options, options.server, () =>
      Effect.gen(function* () {
        const output = yield* Output
        const mcp = yield* Mcp
        const tools = yield* spinner(output, `Connecting to ${options.server}`, offered(options.server))
        const tool = tools.length === 0 ? undefined : yield* find(tools, options)
        const args =
          tool === undefined ? yield* untyped(typed) : yield* complete(tool, yield* Arguments.parse(typed, tool.tool))
        const name = tool?.tool.name ?? options.tool
        const result = yield* progress(output, `Calling ${options.server} ${name}`, (report) =>
          Effect.gen(function* () {
            yield* Effect.acquireRelease(
              Effect.sync(() =>
                mcp.listen((event) => {
                  if (event.type !== "mcp.task.status" || event.data.request !== request) return
                  report(`${options.server} ${name}: task ${Happening.words(event).text}`)
                }),
              ),
              (stop) => Effect.sync(stop),
            )
            return yield* mcp.callTool(options.server, name, args, { onProgress: report, request, task: options.task })
          }).pipe(Effect.scoped),
        )
        if (output.json()) yield* output.printExactly(result)
        else {
          const text = yield* Content.result(result)
          if (text !== "") yield* output.write(text.endsWith("\n") ? text : `${text}\n`)
          if (result.isError === true) {
            yield* output.say(
              `${output.err.paint("red", "error:")} ${name} of ${options.server} answered with an error`,
            )
          }
        }
        return result.isError === true ? Exit.answered : Exit.done
      }),
    )
  })

/** The server's tools; none where it declares none, so that the call itself says what is missing. */
const offered = (server: string) => Effect.flatMap(Mcp, (mcp) => mcp.tools(server))

const untyped = (typed: Arguments.Typed) => Arguments.parse(typed, { name: "the tool", inputSchema: {} })

/** A tool by its own name, or by its key: whole, or with the suffix that it has beside other servers. */
const find = (tools: ReadonlyArray<ToolEntry>, { server, tool }: CallOptions) =>
  Effect.gen(function* () {
    const found =
      tools.find((each) => each.tool.name === tool) ??
      tools.find((each) => each.key === tool) ??
      tools.find((each) => suffixed(each) === tool)
    if (found !== undefined) return found
    const held = (yield* (yield* Mcp).held).find(
      (each) => each.server === server && [each.tool.name, Keys.fullKey(server, each.tool.name)].includes(tool),
    )
    if (held !== undefined) {
      yield* tellHeld(held)
      const changed = held.difference.map(({ path }) => path)
      return yield* new McpError({ reason: new ToolHeld({ server, tool: held.tool.name, changed }) })
    }
    const all = tools.map((each) => each.tool.name)
    return yield* new McpError({ reason: new ToolNotFound({ server, tool, nearest: nearest(tool, all), all }) })
  })

/** The key that a tool has where another server's collides with it. */
const suffixed = ({ server, tool }: ToolEntry) => {
  const name = { server, tool: tool.name }
  return Keys.assign([name, name])[0]
}

/** The arguments with what is required and lacking asked for, where somebody can answer. */
const complete = ({ tool }: ToolEntry, args: JsonObject) =>
  Effect.gen(function* () {
    const output = yield* Output
    const lacking = Arguments.missing(args, tool.inputSchema)
    if (lacking.length === 0) return args
    if (!output.interactive()) return yield* Arguments.missingArguments(lacking, args, tool)
    const { askArgument } = yield* Effect.promise(() => import("../ask-argument.ts"))
    const answers: Array<readonly [string, unknown]> = []
    for (const property of lacking) answers.push([property.name, yield* askArgument(property, tool.inputSchema)])
    return { ...args, ...Object.fromEntries(answers) }
  })
