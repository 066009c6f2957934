/** One call of a server's tool: what a person is asked, the call, and what is made of its result. */
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as MCP from "../mcp/index.ts"
import type { AskInput } from "../permission/index.ts"
import type { Model } from "../provider/provider.ts"
import type { Result, Shown } from "../tool/tool.ts"
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

/** Who gets what comes of it. */
export interface Reader {
  readonly model: Model
  /** Whether `read_mcp_resource` may be called. */
  readonly reads: boolean
}

const partsOf = ({ definition: { server } }: Offered, result: CallToolResult, { model, reads }: Reader) =>
  Effect.gen(function* () {
    const clients = yield* (yield* MCP.Service).clients()
    const client = Object.hasOwn(clients, server) ? clients[server] : undefined
    const readable = reads && client?.getServerCapabilities()?.resources !== undefined
    const bare = result.isError === true ? "an error carries no files" : undefined
    return yield* Content.ofTool(result, { server, model, readable, bare })
  })

/** What a session keeps of a result. An error of the tool's fails with its words, once `tell` knows what is the person's. */
export const read = (
  offered: Offered,
  result: CallToolResult,
  reader: Reader,
  tell: (shown: Shown) => Effect.Effect<void>,
): Effect.Effect<Result, ToolError, MCP.Service | Truncate.Service> =>
  Effect.gen(function* () {
    const { definition, key } = offered
    const { server, tool } = definition
    const parts = yield* partsOf(offered, result, reader)
    if (result.isError === true) {
      const shown = yield* Content.shownOf(parts)
      if (shown !== undefined) yield* tell(shown)
      const text = yield* Content.failure(parts, `the tool ${tool.name}`)
      return yield* new ToolError({ tool: key, reason: new Failed({ text }) })
    }
    const { _meta: meta } = result
    const metadata = { server, tool: tool.name, ...(meta === undefined ? {} : { _meta: meta }) }
    return yield* Content.finish(parts, titleOf(definition), metadata)
  })
