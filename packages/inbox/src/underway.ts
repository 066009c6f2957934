/** Calls of tools under way, whoever makes them: seen, and cancelled by somebody else than their caller. */
import { CallCancelled, McpError } from "@opencode-ai/mcp/error"
import { type CallError, Mcp } from "@opencode-ai/mcp/mcp"
import { call as tell } from "@opencode-ai/mcp/notification/listener"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"

/** How far a call is, by its server's last word. */
export interface Step {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** A call that has no answer yet. Its arguments are as they were given: secrets in them are not hidden. */
export interface Call {
  readonly id: string
  readonly server: string
  readonly tool: string
  readonly arguments: JsonObject | undefined
  /** Milliseconds since 1970. */
  readonly since: number
  /** What questions of the server name that belong to it (`CallOptions.request`). */
  readonly request: unknown
  readonly step: Step | undefined
}

/** The id of a call that is made with it. Default: one that nobody else has. */
export const CallId: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "@opencode/inbox/CallId",
  { defaultValue: () => undefined },
)

export class Underway extends Context.Service<
  Underway,
  {
    /** Oldest first. */
    readonly calls: () => ReadonlyArray<Call>
    /** Calls `listener` for each change, synchronously; returns what ends that. */
    readonly listen: (listener: () => void) => () => void
    /** Ends a call: the server is told, and its caller sees it fail with `CallCancelled`. Whether there was one. */
    readonly cancel: (id: string) => Effect.Effect<boolean>
  }
>()("@opencode/inbox/Underway") {}

interface Entry {
  call: Call
  cancel: () => void
}

/** The client, whose calls are seen. One that its caller gave no `request` has its id there. */
export const layer: Layer.Layer<Mcp | Underway, never, Mcp> = Layer.effectContext(
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const clock = yield* Clock.Clock
    const entries = new Set<Entry>()
    const listeners = new Set<() => void>()
    const changed = () => listeners.forEach((listener) => tell(listener, undefined))

    const underway: Underway["Service"] = {
      calls: () => Array.from(entries, ({ call }) => call),
      listen: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      cancel: (id) =>
        Effect.sync(() => {
          const found = [...entries].find(({ call }) => call.id === id)
          if (found === undefined) return false
          found.cancel()
          return true
        }),
    }

    // One fiber beside the caller's, which is what can be ended without it.
    const callTool: Mcp["Service"]["callTool"] = (server, tool, args, options) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.callback<CallToolResult, CallError>((resume) => {
          const id = Context.get(context, CallId) ?? randomUUID()
          const request = options?.request ?? id
          const since = clock.currentTimeMillisUnsafe()
          const call: Call = { id, server, tool, arguments: args, since, request, step: undefined }
          let isCancelled = false
          const entry: Entry = { call, cancel: () => undefined }
          const onProgress: NonNullable<typeof options>["onProgress"] = (step) => {
            entry.call = { ...entry.call, step }
            changed()
            options?.onProgress?.(step)
          }
          entries.add(entry)
          changed()
          const fiber = Effect.runForkWith(context)(
            mcp.callTool(server, tool, args, { ...options, request, onProgress }),
          )
          entry.cancel = () => {
            isCancelled = true
            fiber.interruptUnsafe()
          }
          fiber.addObserver((exit) => {
            entries.delete(entry)
            changed()
            const isOver = isCancelled && Exit.hasInterrupts(exit)
            resume(isOver ? Effect.fail(new McpError({ reason: new CallCancelled({ server, tool }) })) : exit)
          })
          return Fiber.interrupt(fiber)
        }),
      )

    return Context.make(Mcp, { ...mcp, callTool }).pipe(Context.add(Underway, underway))
  }),
)
