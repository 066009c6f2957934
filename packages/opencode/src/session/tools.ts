/**
 * The tools of a step as the AI SDK has them: the host's own and those of every server, by the key that the model knows.
 *
 * They are resolved anew for each step, so a tool that comes or goes is there, or gone, in the next one.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Tool, ToolExecutionOptions } from "ai"
import * as Effect from "effect/Effect"
import * as MCP from "../mcp/index.ts"
import type { Ruleset } from "../permission/index.ts"
import type { Model } from "../provider/provider.ts"
import type { Result } from "../tool/tool.ts"

/** Where the tools are used. */
export interface Input {
  readonly sessionID: string
  /** The message that the calls belong to. */
  readonly messageID: string
  readonly model: Model
  /** The rules of the session, after those of the configuration. */
  readonly ruleset?: Ruleset
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
export type SessionTool = Tool<unknown, Result> & {
  readonly execute: (args: unknown, options: ToolExecutionOptions) => Promise<Result>
}

/** The tools of a step, in an order that does not change while they do not. Never fails: a server that is lost has none. */
export const resolve = (_input: Input): Effect.Effect<Readonly<Record<string, SessionTool>>, never, MCP.Service> =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { jsonSchema } = yield* Effect.promise(() => import("ai"))
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    const tools = yield* mcp.tools()
    return Object.fromEntries(
      Object.entries(tools).map(([key, { server, tool }]): readonly [string, SessionTool] => {
        const call = (args: unknown) =>
          Effect.map(mcp.callTool(server, tool.name, isObject(args) ? args : {}), ({ content }): Result => ({
            title: tool.title ?? tool.name,
            metadata: {},
            output: content.map((block) => (block.type === "text" ? block.text : `[${block.type}]`)).join("\n"),
          }))
        return [
          key,
          {
            type: "dynamic",
            ...(tool.description === undefined ? {} : { description: tool.description }),
            inputSchema: jsonSchema({ ...tool.inputSchema }),
            execute: (args, { abortSignal: signal }) => run(call(args), signal === undefined ? undefined : { signal }),
          },
        ]
      }),
    )
  })
