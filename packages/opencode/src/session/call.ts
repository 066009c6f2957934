/** One call of a server's tool: what a person is asked, the call, and what is made of its result. */
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as MCP from "../mcp/index.ts"
import type { AskInput } from "../permission/index.ts"
import type { Model } from "../provider/provider.ts"
import type { Result } from "../tool/tool.ts"
import type * as Truncate from "../tool/truncate.ts"
import { Failed, ToolError, Unavailable } from "./error.ts"
import * as Content from "./result.ts"

/** A tool of a server under the key that the model knows it by. */
export interface Offered {
  readonly key: string
  /** Further names of it that rules may match. */
  readonly aliases: ReadonlyArray<string>
  readonly definition: MCP.ToolDefinition
}

/** What a person calls the tool. */
export const titleOf = ({ tool }: MCP.ToolDefinition): string => tool.title ?? tool.annotations?.title ?? tool.name

/**
 * What a person is asked. Annotations are a server's word: that it only reads is believed of a trusted server, that it
 * destroys is believed of any (2025-11-25, Tools, Annotations). Neither overrules a rule.
 */
export const question = (
  { aliases, definition, key }: Offered,
  args: JsonObject,
): Omit<AskInput, "sessionID" | "tool" | "ruleset"> => {
  const { server, tool, trusted } = definition
  const { annotations, description } = tool
  const isReading = trusted && annotations?.readOnlyHint === true
  return {
    permission: key,
    aliases,
    patterns: ["*"],
    always: ["*"],
    relaxed: isReading,
    careful: annotations?.destructiveHint === true && !isReading,
    metadata: {
      server,
      tool: tool.name,
      title: titleOf(definition),
      ...(description === undefined ? {} : { description }),
      arguments: args,
      ...(annotations === undefined ? {} : { annotations, trusted }),
    },
  }
}

/** How far it is, as the server tells. */
export interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** Calls it. Interrupting this tells the server (2025-11-25, Cancellation). */
export const make = (
  { definition, key }: Offered,
  args: JsonObject,
  options: { readonly request: string; readonly onProgress: (progress: Progress) => void },
): Effect.Effect<CallToolResult, ToolError, MCP.Service> =>
  Effect.flatMap(MCP.Service, ({ callTool }) =>
    Effect.mapError(
      callTool(definition.server, definition.tool.name, args, options),
      (error) => new ToolError({ tool: key, reason: new Unavailable({ error }) }),
    ),
  )

const wayOf = ({ definition: { server } }: Offered, model: Model) =>
  Effect.gen(function* () {
    const clients = yield* (yield* MCP.Service).clients()
    return { server, model, readable: clients[server]?.getServerCapabilities()?.resources !== undefined }
  })

/** The failure of a result that is an error; `undefined` where it is none. */
export const failed = (
  offered: Offered,
  result: CallToolResult,
  model: Model,
): Effect.Effect<ToolError | undefined, never, MCP.Service | Truncate.Service> =>
  Effect.gen(function* () {
    if (result.isError !== true) return undefined
    const parts = yield* Content.ofTool(result, yield* wayOf(offered, model))
    const text = yield* Content.failure(parts, `the tool ${offered.definition.tool.name}`)
    return new ToolError({ tool: offered.key, reason: new Failed({ text }) })
  })

/** What a session keeps of a result. */
export const read = (
  offered: Offered,
  result: CallToolResult,
  model: Model,
): Effect.Effect<Result, never, MCP.Service | Truncate.Service> =>
  Effect.gen(function* () {
    const { definition } = offered
    const parts = yield* Content.ofTool(result, yield* wayOf(offered, model))
    const { server, tool } = definition
    const { _meta: meta } = result
    return yield* Content.finish(parts, titleOf(definition), {
      server,
      tool: tool.name,
      ...(meta === undefined ? {} : { _meta: meta }),
    })
  })
