/** Calls of tools under way, whoever makes them: seen, and cancelled by somebody else than their caller. */
import type { Mcp } from "@opencode-ai/mcp/mcp"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { CallView } from "./model.ts"

export class Underway extends Context.Service<
  Underway,
  {
    /** Oldest first. The summaries of arguments are as they were given: to be masked. */
    readonly calls: () => ReadonlyArray<CallView>
    /** Calls `listener` for each change, synchronously; returns what ends that. */
    readonly listen: (listener: () => void) => () => void
    /** Interrupts a call, which its caller sees fail as cancelled; whether there was one. */
    readonly cancel: (id: string) => Effect.Effect<boolean>
  }
>()("@opencode/inbox/Underway") {}

/** The client, whose calls are seen. */
export declare const layer: Layer.Layer<Mcp | Underway, never, Mcp>
