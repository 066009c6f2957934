/**
 * What a server asks of the host's model (2025-11-25, Client Features, Sampling). Absent: not declared.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type {
  CreateMessageRequestParams,
  CreateMessageResult,
  CreateMessageResultWithTools,
} from "../protocol/model.ts"
import type { RequestRefused } from "./refused.ts"

/** A request for a message of the model, after it was checked. */
export interface SamplingRequest {
  /** The server that asks. */
  readonly server: string
  /** What the host calls the call that this belongs to, where that can be told. */
  readonly request?: unknown
  /**
   * As the server sent it, or as it was edited. `includeContext` is `none` where the context was not declared, and
   * `thisServer` at most: one server never sees another's context.
   */
  readonly params: CreateMessageRequestParams
}

/** What the model said. */
export type SamplingResult = CreateMessageResult | CreateMessageResultWithTools

/**
 * Answers `sampling/createMessage`. It is asked only after the request was found well-formed, within the server's budget,
 * and approved (`Approval`); it is interrupted when the server cancels the request, the call that it is for is
 * given up, or the session ends.
 *
 * @example
 * ```ts
 * const parrot = Layer.succeed(Sampling)({
 *   tools: false,
 *   context: false,
 *   createMessage: ({ params }) =>
 *     Effect.succeed({
 *       role: "assistant" as const,
 *       content: { type: "text" as const, text: `${params.messages.length} messages` },
 *       model: "parrot",
 *       stopReason: "endTurn",
 *     }),
 * })
 * ```
 */
export class Sampling extends Context.Service<
  Sampling,
  {
    /** Whether `tools` and `toolChoice` are understood: declares `sampling.tools`. */
    readonly tools: boolean
    /** Whether `includeContext` is understood: declares `sampling.context`. */
    readonly context: boolean
    readonly createMessage: (request: SamplingRequest) => Effect.Effect<SamplingResult, RequestRefused>
  }
>()("@opencode/mcp/Sampling") {}
