/**
 * The tools of a turn: the host's own and those of the connected servers, as the AI SDK calls them.
 *
 * A call goes through the hooks of plugins, the question of permission, the tool, and the hooks again; what comes of it
 * is made into output and files by `result.ts`. Aborting it interrupts all of that, and the server is told. Whether the
 * arguments fit the schema is the server's to say: they reach it as the model wrote them.
 */
import { suffixed } from "@opencode-ai/mcp/catalog/keys"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { JSONSchema7, Tool, ToolExecutionOptions } from "ai"
import * as Effect from "effect/Effect"
import * as Bus from "../bus/index.ts"
import * as McpEvent from "../mcp/event.ts"
import * as MCP from "../mcp/index.ts"
import { ApprovedBy } from "../audit/audit.ts"
import * as Permission from "../permission/index.ts"
import * as Plugin from "../plugin/index.ts"
import type { Model } from "../provider/provider.ts"
import { normalise } from "../provider/schema.ts"
import * as ToolRegistry from "../tool/registry.ts"
import type { Context, Info, Result } from "../tool/tool.ts"
import type { Budget } from "./budget.ts"
import * as Truncate from "../tool/truncate.ts"
import * as Call from "./call.ts"
import { BadArguments, ToolError } from "./error.ts"
import * as Many from "./many.ts"
import * as ResourceTools from "./resource-tools.ts"
import * as Content from "./result.ts"

/** Where the tools are used. */
export interface Input {
  readonly sessionID: string
  /** The message that the calls belong to. */
  readonly messageID: string
  readonly model: Model
  /** What definitions of servers' tools may take of the model's context. Without it, all of it. */
  readonly budget?: Budget
  /** The rules of the session, after those of the configuration. */
  readonly ruleset?: Permission.Ruleset
  /** Tells who watches how far a call is. */
  readonly progress: (
    callID: string,
    state: { readonly title?: string; readonly metadata?: Readonly<Record<string, unknown>> },
  ) => Effect.Effect<void>
}

/**
 * A tool whose `execute` gives a `Result`, and rejects with what the model is told: `PermissionError` where it may not be
 * called. Aborting its signal cancels the call; the promise settles once that is done.
 */
export type SessionTool = {
  readonly execute: (args: unknown, options: ToolExecutionOptions) => Promise<Result>
} & Tool<unknown, Result>

/** What calls need. */
export type Services =
  Bus.Service | MCP.Service | Permission.Service | Plugin.Service | Truncate.Service | ToolRegistry.Service

/** What a server says is its schema. */
const isSchema = (value: object): value is JSONSchema7 => isObject(value)

/** What a person was told of: the schemas of tools. */
const told = new WeakSet<JsonObject>()

/** Warns of a tool, once. */
const warn = (bus: Bus.Interface, { server, tool }: MCP.ToolDefinition, message: string) => {
  if (told.has(tool.inputSchema)) return
  told.add(tool.inputSchema)
  bus.publishUnsafe(McpEvent.Warning, { server, message })
}

/** The tools of servers, none under a name of the host's: one whose key would be gets a suffix, or is left out. */
const offered = (
  definitions: Readonly<Record<string, MCP.ToolDefinition>>,
  isReserved: (key: string) => boolean,
  bus: Bus.Interface,
): ReadonlyArray<Call.Offered> =>
  Object.entries(definitions).flatMap(([key, definition]): ReadonlyArray<Call.Offered> => {
    const { fullKey, server, tool } = definition
    const aliases = fullKey === key || isReserved(fullKey) ? [] : [fullKey]
    if (!isReserved(key)) return [{ key, aliases, definition }]
    const other = suffixed({ server, tool: tool.name })
    if (!isReserved(other) && !Object.hasOwn(definitions, other)) return [{ key: other, aliases, definition }]
    warn(bus, definition, `${key} is a name of the host's, and ${other} that of another tool: it is not offered`)
    return []
  })

/** Tells once what a provider cannot be told of a schema: the tool is offered all the same. */
const tellDropped =
  (bus: Bus.Interface, { providerID }: Model, { definition, key }: Call.Offered) =>
  (dropped: ReadonlyArray<string>) => {
    if (dropped.length === 0) return
    const places = dropped
      .slice(0, 5)
      .map((each) => JSON.stringify(each))
      .join(", ")
    const more = dropped.length > 5 ? ` and ${dropped.length - 5} more` : ""
    const what = `all of the input schema of the tool ${key}: without ${places}${more}`
    warn(bus, definition, `${providerID} cannot be told ${what}. The server still checks the arguments.`)
  }

/** The tools of a step, in an order that does not change while they do not. Never fails: a server that is lost has none. */
export const resolve = (input: Input): Effect.Effect<Readonly<Record<string, SessionTool>>, never, Services> =>
  Effect.gen(function* () {
    const services = yield* Effect.context<Services>()
    const bus = yield* Bus.Service
    const mcp = yield* MCP.Service
    const permissions = yield* Permission.Service
    const plugin = yield* Plugin.Service
    const registry = yield* ToolRegistry.Service
    const truncate = yield* Truncate.Service
    const { jsonSchema } = yield* Effect.promise(() => import("ai"))
    const { messageID, model, progress: watch, ruleset = [], sessionID } = input
    const run = Effect.runPromiseWith(services)
    const fork = Effect.runForkWith(services)

    const ask = (callID: string, question: Omit<Permission.AskInput, "sessionID" | "tool" | "ruleset">) =>
      permissions.ask({ ...question, sessionID, ruleset, tool: { messageID, callID } })

    const isOffered = (permission: string, aliases: ReadonlyArray<string> = []) =>
      !permissions.isHidden({ permission, aliases, ruleset })

    const after = <Output extends object>(tool: string, callID: string, args: unknown, output: Output) =>
      plugin.trigger("tool.execute.after", { tool, sessionID, callID, args }, output)

    const make = (
      key: string,
      about: {
        readonly description: string
        readonly title?: string
        readonly schema: JsonObject
        readonly lost?: (dropped: ReadonlyArray<string>) => void
      },
      execute: (args: unknown, callID: string) => Effect.Effect<Result, Error, Services>,
    ): SessionTool => {
      const { dropped, restore, schema } = normalise(model, about.schema)
      about.lost?.(dropped)
      return {
        type: "dynamic",
        description: about.description,
        ...(about.title === undefined ? {} : { title: about.title }),
        inputSchema: jsonSchema(isSchema(schema) ? schema : {}),
        execute: (args, { abortSignal: signal, toolCallId: callID }) => {
          const given = plugin.trigger("tool.execute.before", { tool: key, sessionID, callID }, { args: restore(args) })
          return run(
            Effect.flatMap(given, ({ args }) => execute(args, callID)),
            signal === undefined ? undefined : { signal },
          )
        },
        toModelOutput: ({ output }) => Content.toModelOutput(model, output),
      }
    }

    const own = ({ description, execute, id, parameters: schema }: Info) =>
      make(id, { description, schema }, (args, callID) => {
        const context: Context = {
          sessionID,
          messageID,
          callID,
          metadata: (value) => watch(callID, value),
          ask: (question) => ask(callID, question),
        }
        return Effect.map(
          Effect.flatMap(execute(args, context), (result) => after(id, callID, args, result)),
          (result) => Content.fitting(result, model),
        )
      })

    const foreign = (offered: Call.Offered) => {
      const { definition, key } = offered
      const title = Call.titleOf(definition)
      const { description = title, inputSchema: schema } = definition.tool
      return make(key, { description, title, schema, lost: tellDropped(bus, model, offered) }, (args, callID) =>
        Effect.gen(function* () {
          if (!isObject(args)) {
            return yield* new ToolError({ tool: key, reason: new BadArguments({ expected: "a JSON object" }) })
          }
          yield* watch(callID, { title })
          const approver = yield* ask(callID, Call.question(offered, args))
          const made = Call.make(offered, args, {
            request: callID,
            onProgress: ({ message, progress, total }) => {
              fork(watch(callID, { title, metadata: { progress, total, message } }))
            },
          })
          const result = yield* Effect.provideService(made, ApprovedBy, approver)
          // Hooks see results, not failures, as OpenCode's do.
          const given = result.isError === true ? result : yield* after(key, callID, args, result)
          const reader = { model, reads: isOffered("read") }
          return yield* Call.read(offered, given, reader, (shown) => watch(callID, { title, metadata: { shown } }))
        }),
      )
    }

    const isDenied = (pattern: string) =>
      permissions.evaluate({ permission: "read", pattern, ruleset })?.action === "deny"
    const hasResources = (yield* ResourceTools.servers(mcp)).length > 0
    const resourceTools = hasResources ? ResourceTools.make({ mcp, truncate, model, isDenied }) : []
    const builtIns = [...(yield* registry.all()), ...resourceTools]
    const dispatch = (now: Effect.Effect<Many.Now>): SessionTool => ({
      type: "dynamic",
      description: caller.description,
      inputSchema: jsonSchema(isSchema(callSchema) ? callSchema : {}),
      execute: (args, options) => {
        const { abortSignal: signal } = options
        const found = Effect.flatMap(now, ({ offered }) =>
          Many.target(offered, args, (schema, given) => normalise(model, schema).restore(given)),
        )
        return run(found, signal === undefined ? undefined : { signal }).then((called) =>
          foreign(called.offered).execute(called.args, options),
        )
      },
      toModelOutput: ({ output }) => Content.toModelOutput(model, output),
    })
    const caller = Many.dispatcher(model)
    const callSchema: object = normalise(model, caller.schema).schema

    const taken = new Set([...builtIns.map(({ id }) => id), ...ToolRegistry.reserved])
    const now = Effect.map(mcp.tools(), (all) => ({
      all,
      offered: offered(all, (key) => taken.has(key), bus).filter(({ aliases, key }) => isOffered(key, aliases)),
    }))
    const first = yield* now
    const servers = input.budget?.exceeded(model, first.offered)
    return Object.fromEntries([
      ...builtIns
        .filter(({ id, permission = id }) => isOffered(permission))
        .map((info): readonly [string, SessionTool] => [info.id, own(info)]),
      ...(servers === undefined
        ? first.offered.map((each): readonly [string, SessionTool] => [each.key, foreign(each)])
        : [[Many.searchTool, own(Many.search(mcp, now, servers))] as const, [Many.callTool, dispatch(now)] as const]),
    ])
  })
