/**
 * The two tools that stand for many: `mcp_search` finds tools of servers, `mcp_call` calls one.
 *
 * Neither changes while a session lasts. A call by `mcp_call` is a call of the tool itself: for whoever is asked, for
 * plugins, for the bus and for the transcript; only in what the model is sent it stays what the model wrote.
 */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Schema from "@opencode-ai/mcp/schema/validator"
import type { ToolCallRepairFunction, ToolSet } from "ai"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as MCP from "../mcp/index.ts"
import type { Model } from "../provider/provider.ts"
import { dialectOf } from "../provider/schema/dialect.ts"
import type { Info } from "../tool/tool.ts"
import { overview } from "./budget.ts"
import type * as Call from "./call.ts"
import { BadArguments, DoNotFit, NoSuchTool, ToolError } from "./error.ts"
import type { ToolPart } from "./part.ts"
import * as Search from "./search.ts"
import type { Wanted } from "./step.ts"

export const searchTool = "mcp_search"
export const callTool = "mcp_call"

const usual = 5
const most = 20
/** The longest description and the longest schema that a search shows, in characters. */
const longestText = 2000
const longestSchema = 10_000

/** One index for all sessions of a client. */
const indexes = new WeakMap<MCP.Interface, Search.Index>()

const indexOf = (mcp: MCP.Interface): Search.Index => {
  const known = indexes.get(mcp) ?? Search.make()
  indexes.set(mcp, known)
  return known
}

/** What servers offer at this moment: all of it, and what of it the session may use. */
export interface Now {
  readonly all: Search.Tools
  readonly offered: ReadonlyArray<Call.Offered>
}

/** The search over the tools. `servers` is what the session was told of them first. */
export const search = (mcp: MCP.Interface, now: Effect.Effect<Now>, servers: string): Info => ({
  id: searchTool,
  description: `Finds tools of the connected MCP servers; there are too many to list them all. Describe what you want to do in a few words, with the name of the service where you know it. The answer has the best tools with their input schemas; call one of them with ${callTool}. Servers (tools): ${servers}.`,
  parameters: {
    type: "object",
    properties: {
      query: { type: "string", description: "What the tool should do, such as: create an issue on github" },
      limit: { type: "integer", minimum: 1, maximum: most, description: `How many tools at most. Default: ${usual}.` },
    },
    required: ["query"],
    additionalProperties: false,
  },
  execute: (args) =>
    Effect.gen(function* () {
      const query = isObject(args) ? args["query"] : undefined
      if (!isObject(args) || typeof query !== "string" || query.trim() === "") {
        const reason = new BadArguments({ expected: "a query: a text that says what the tool should do" })
        return yield* new ToolError({ tool: searchTool, reason })
      }
      const limit = typeof args["limit"] === "number" ? Math.floor(args["limit"]) : usual
      const { all, offered } = yield* now
      const byDefinition = new Map(offered.map((one) => [one.definition, one]))
      const offeredAs = (key: string) => {
        const definition = Object.hasOwn(all, key) ? all[key] : undefined
        return definition && byDefinition.get(definition)
      }
      const isOffered = (key: string) => offeredAs(key) !== undefined
      const keys = yield* indexOf(mcp).find(all, query, Math.min(most, Math.max(1, limit)), isOffered)
      const found = keys.flatMap((key) => offeredAs(key) ?? [])
      const current = overview(offered)
      const notes = [
        found.length === 0
          ? "No tool was found: say it in other words."
          : `Call one with ${callTool} {"tool": "…", "arguments": {…}}.`,
        ...(current === servers ? [] : [`Servers (tools) now: ${current || "none"}.`]),
      ]
      return {
        title: `${found.length} of ${offered.length} tools`,
        metadata: { query, found: found.map(({ key }) => key) },
        output: [...found.map(told), ...notes].join("\n"),
      }
    }),
})

/** A tool as the model reads of it. */
const told = (offered: Call.Offered): string => {
  const { definition, key } = offered
  const { annotations, description, inputSchema, title = annotations?.title } = definition.tool
  const schema = JSON.stringify(inputSchema)
  return JSON.stringify({
    tool: key,
    server: definition.server,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description: description.slice(0, longestText) }),
    inputSchema:
      schema.length <= longestSchema ? inputSchema : `too long to show; it begins with ${schema.slice(0, longestText)}`,
  })
}

/** What the model is told of `mcp_call`. Where objects have only what is listed, the arguments are a text. */
export const dispatcher = (model: Model): { readonly description: string; readonly schema: JsonObject } => ({
  description: `Calls a tool of an MCP server that ${searchTool} found, with arguments that fit its input schema.`,
  schema: dialectOf(model).maps ? callSchemas.object : callSchemas.text,
})

const callSchema = (args: object): JsonObject => ({
  type: "object",
  properties: {
    tool: { type: "string", description: `The name of the tool, as ${searchTool} gave it.` },
    arguments: args,
  },
  required: ["tool"],
  additionalProperties: false,
})

const callSchemas = {
  object: callSchema({ type: "object", description: "The arguments of the tool.", additionalProperties: true }),
  text: callSchema({ type: "string", description: "The arguments of the tool: a JSON object, as a text." }),
}

interface Called {
  readonly tool: string
  readonly args: unknown
}

/** What a call of `mcp_call` calls. Models write the arguments as a text, or leave them out where there are none. */
const calledBy = (input: unknown): Called | undefined => {
  if (!isObject(input) || typeof input["tool"] !== "string") return undefined
  const args: unknown = Object.hasOwn(input, "arguments") ? input["arguments"] : {}
  if (typeof args !== "string") return { tool: input["tool"], args }
  const parsed: unknown = Result.getOrElse(
    Result.try((): unknown => JSON.parse(args === "" ? "{}" : args)),
    () => args,
  )
  return { tool: input["tool"], args: parsed }
}

/** A call as it is shown: of the tool that is called, and `via` how the model called it. */
export const shown = ({
  input,
  tool,
}: Pick<Wanted, "tool" | "input">): { readonly tool: string; readonly input: unknown; readonly via?: string } => {
  const called = tool === callTool ? calledBy(input) : undefined
  return called === undefined ? { tool, input } : { tool: called.tool, input: called.args, via: callTool }
}

/** A call as this model writes it. */
export const written = (
  { state: { input }, tool, via }: ToolPart,
  model: Model,
): { readonly tool: string; readonly input: unknown } =>
  via === undefined
    ? { tool, input }
    : { tool: via, input: { tool, arguments: dialectOf(model).maps ? input : JSON.stringify(input) } }

/** A model that calls what it found as if it were a tool of its own, means `mcp_call`. */
export const repair: ToolCallRepairFunction<ToolSet> = ({ toolCall, tools }) => {
  const { input, toolName } = toolCall
  if (!Object.hasOwn(tools, callTool) || Object.hasOwn(tools, toolName)) return Promise.resolve(null)
  const args: unknown = Result.getOrElse(
    Result.try((): unknown => JSON.parse(input.trim() === "" ? "{}" : input)),
    () => input,
  )
  return Promise.resolve({
    ...toolCall,
    toolName: callTool,
    input: JSON.stringify({ tool: toolName, arguments: args }),
  })
}

/** The tool that is meant, and its arguments, which fit its schema. */
export const target = (
  offered: ReadonlyArray<Call.Offered>,
  input: unknown,
  restore: (schema: JsonObject, args: unknown) => unknown,
): Effect.Effect<{ readonly offered: Call.Offered; readonly args: unknown }, ToolError> =>
  Effect.gen(function* () {
    const called = calledBy(input)
    if (called === undefined) {
      const reason = new BadArguments({ expected: `{"tool": "…", "arguments": {…}}` })
      return yield* new ToolError({ tool: callTool, reason })
    }
    const { args, tool } = called
    const found = pick(offered, tool)
    if (found === undefined) {
      const near = nearest(
        tool,
        offered.map(({ key }) => key),
      )
      return yield* new ToolError({ tool, reason: new NoSuchTool({ near, search: searchTool }) })
    }
    const { inputSchema } = found.definition.tool
    const problems = yield* misfits(inputSchema, restore(inputSchema, args))
    if (problems.length === 0) return { offered: found, args }
    const reason = new DoNotFit({ problems, schema: JSON.stringify(inputSchema).slice(0, longestSchema) })
    return yield* new ToolError({ tool: found.key, reason })
  })

/** By its key, by its whole key, or by its own name where that is the only one. */
const pick = (offered: ReadonlyArray<Call.Offered>, name: string): Call.Offered | undefined => {
  const byKey = offered.find(({ key }) => key === name) ?? offered.find(({ aliases }) => aliases.includes(name))
  if (byKey !== undefined) return byKey
  const [named, ...others] = offered.filter(({ definition }) => definition.tool.name === name)
  return others.length === 0 ? named : undefined
}

const validators = new WeakMap<JsonObject, Option.Option<Schema.Validator>>()

/** What of the arguments does not fit. A schema that cannot be used decides nothing: the server does. */
const misfits = (schema: JsonObject, args: unknown): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const validator = validators.get(schema) ?? (yield* Effect.option(Schema.compile(schema)))
    validators.set(schema, validator)
    if (Option.isNone(validator)) return []
    return validator.value
      .validate(args)
      .filter(({ reason }) => reason === "Mismatch")
      .map(({ message, path }) => `at ${path === "" ? "the root" : path} ${message}`)
  })
