/** Calls of tools under way, whoever makes them: seen, and cancelled by somebody else than their caller. */
import { CallCancelled, McpError } from "@opencode-ai/mcp/error"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { call as tell } from "@opencode-ai/mcp/notification/listener"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
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
  readonly cancelled: Deferred.Deferred<never, McpError>
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
          const { server, tool } = found.call
          const reason = new CallCancelled({ server, tool })
          Deferred.doneUnsafe(found.cancelled, Effect.fail(new McpError({ reason })))
          return true
        }),
    }

    const callTool: Mcp["Service"]["callTool"] = (server, tool, args, options) =>
      Effect.acquireUseRelease(
        Effect.map(CallId, (given) => {
          const id = given ?? randomUUID()
          const since = clock.currentTimeMillisUnsafe()
          // `null` is a name that a host may give.
          const request = options?.request === undefined ? id : options.request
          const call = { id, server, tool, arguments: args, since, request, step: undefined }
          const entry: Entry = { call, cancelled: Deferred.makeUnsafe() }
          entries.add(entry)
          changed()
          return entry
        }),
        (entry) => {
          const { request } = entry.call
          const onProgress: NonNullable<typeof options>["onProgress"] = (step) => {
            entry.call = { ...entry.call, step }
            changed()
            options?.onProgress?.(step)
          }
          const answer = mcp.callTool(server, tool, args, { ...options, request, onProgress })
          return Effect.raceFirst(answer, Deferred.await(entry.cancelled))
        },
        (entry) =>
          Effect.sync(() => {
            entries.delete(entry)
            changed()
          }),
      )

    return Context.make(Mcp, { ...mcp, callTool }).pipe(Context.add(Underway, underway))
  }),
)
