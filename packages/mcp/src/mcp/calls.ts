/** The way of a call: from a server and a tool by name to a request of its session. */
import * as Effect from "effect/Effect"
import { nearest } from "../config/nearest.ts"
import type { Live } from "../connection.ts"
import { McpError, ToolHeld, ToolNotFound } from "../error.ts"
import type { Event } from "../events.ts"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { CallToolResult, Tool } from "../protocol/model.ts"
import type { SessionError } from "../session/error.ts"
import type { RequestOptions } from "../session/requests.ts"
import { within } from "../session/within.ts"
import { checkOutput, hasPromise } from "./output.ts"
import type { TaskError } from "../tasks/error.ts"
import type { Registered, Registry } from "./registry.ts"
import { asTask, callAsTask } from "./tasks.ts"
import type { Tools } from "./tools.ts"

/** How a call is made. `request` is what the `mcp.progress` events of this call carry. */
export interface CallOptions extends RequestOptions {
  /**
   * Calls the tool as a task (2025-11-25, Tasks): `true`, or how long the server is asked to keep it, in milliseconds.
   * Fails with `TaskUnsupported` or `NotDeclared`, and nothing is sent, where the tool or the server does not offer that.
   * `timeout` bounds each request of the task then, and the ttl the task.
   */
  readonly task?: boolean | { readonly ttl?: number | undefined } | undefined
}

/** A failure of the service, of the session that the call went through, or of the task that it became. */
export type CallError = McpError | SessionError | TaskError

/** Calls a tool by its own name or by a key. */
export type CallTool = (
  server: string,
  tool: string,
  args?: JsonObject,
  options?: CallOptions,
) => Effect.Effect<CallToolResult, CallError>

/** The options of a request whose progress is told. */
export type WithProgress = (server: string, options: CallOptions | undefined) => CallOptions | undefined

export const withProgress =
  (publish: (event: Event) => void): WithProgress =>
  (server, callOptions) => {
    if (callOptions?.request === undefined) return callOptions
    const { onProgress, request } = callOptions
    return {
      ...callOptions,
      onProgress: (step) => {
        const { message, progress, total } = step
        const data = {
          server,
          request,
          progress,
          ...(total === undefined ? {} : { total }),
          ...(message === undefined ? {} : { message }),
        }
        publish({ type: "mcp.progress", data })
        onProgress?.(step)
      },
    }
  }

/** Whether a tool does the same done twice, by the word of a server that is trusted to say so. */
const isRepeatable = ({ connection }: Registered, { annotations }: Tool): boolean =>
  connection?.config.trusted === true && (annotations?.idempotentHint === true || annotations?.readOnlyHint === true)

/** The calls of tools through a registry. */
export const make = (options: {
  readonly registry: Registry
  readonly tools: Tools
  readonly progress: WithProgress
}): CallTool => {
  const { progress, registry, tools } = options

  const call = (
    registered: Registered,
    live: Live,
    tool: Tool,
    args: JsonObject | undefined,
    callOptions: CallOptions | undefined,
  ): Effect.Effect<CallToolResult, CallError> => {
    const { session } = live
    const { name: server } = registered
    const { execution, name } = tool
    const params = args === undefined ? { name } : { name, arguments: args }
    const told = progress(server, callOptions)
    const options = isRepeatable(registered, tool) ? { ...told, repeatable: true } : told
    const result =
      execution?.taskSupport === undefined && callOptions?.task === undefined
        ? session.request(Method.callTool, params, options)
        : Effect.flatMap(
            asTask(session, server, tool, callOptions?.task),
            (task): Effect.Effect<CallToolResult, CallError> =>
              task === undefined
                ? session.request(Method.callTool, params, options)
                : callAsTask(registry, registered, live, params, task, options),
          )
    if (!hasPromise(tool)) return result
    const warn = (message: string) => session.notifications.publish("warning", { message })
    return Effect.flatMap(result, (result) => checkOutput(server, tool, result, warn))
  }

  /** The way of a call to a server that is not ready, or to a tool that is not known. */
  const callSlowly: CallTool = (server, name, args, callOptions) =>
    Effect.gen(function* () {
      const registered = yield* registry.lookup(server)
      const listed = Effect.flatMap(registry.ready(registered), (live) =>
        Effect.map(live.catalog.tools.all, (all) => ({ live, all })),
      )
      const { all, live } = yield* within(listed, server, Method.callTool.method, callOptions?.timeout)
      // A key means something once it is assigned, and nobody may have asked for the tools yet.
      tools.all()
      const tool = tools.resolve(registered, name)
      if (tool !== undefined) return yield* call(registered, live, tool, args, callOptions)
      // A server without the capability answers for itself: nothing is sent, and the error says what is missing.
      if (!live.session.declares(Method.callTool)) {
        return yield* live.session.request(Method.callTool, { name }, callOptions)
      }
      const held = tools.heldBy(registered, name)
      if (held !== undefined) {
        const changed = held.difference.map(({ path }) => path)
        return yield* new McpError({ reason: new ToolHeld({ server, tool: held.tool.name, changed }) })
      }
      const names = tools.offer(registered)?.tools.map((tool) => tool.name) ?? all.map((tool) => tool.name)
      const reason = new ToolNotFound({ server, tool: name, nearest: nearest(name, names), all: names })
      return yield* new McpError({ reason })
    })

  return (server, name, args, callOptions) =>
    Effect.suspend(() => {
      const registered = registry.get(server)
      const live = registered?.connection?.live()
      const tool = registered && tools.resolve(registered, name)
      return registered !== undefined && live !== undefined && tool !== undefined
        ? call(registered, live, tool, args, callOptions)
        : callSlowly(server, name, args, callOptions)
    })
}
