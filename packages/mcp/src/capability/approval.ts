/**
 * Who is asked before something is done in the person's name. The default says no to everything: nothing is approved
 * where nobody can answer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CreateMessageRequestParams } from "../protocol/model.ts"
import type { SamplingRequest, SamplingResult } from "./sampling.ts"

/** What the person said: yes, to this, which may have been edited; or no. */
export type Verdict<A> =
  { readonly approved: true; readonly value: A } | { readonly approved: false; readonly reason?: string | undefined }

/** The questions of approval. */
export interface Approval {
  /** May the model be asked this for the server? `value` is what it will be asked. */
  readonly sampling: (request: SamplingRequest) => Effect.Effect<Verdict<CreateMessageRequestParams>>
  /** May the server have this answer of the model? `value` is what it will get. */
  readonly sampled: (request: SamplingRequest, result: SamplingResult) => Effect.Effect<Verdict<SamplingResult>>
}

const nobody = Effect.succeed({ approved: false, reason: "nobody is there to approve it" } as const)

/**
 * The approval in force.
 *
 * @example
 * ```ts
 * const lenient = Layer.succeed(Approval)({
 *   sampling: ({ params }) => Effect.succeed({ approved: params.maxTokens <= 1_000, value: params }),
 *   sampled: (_, result) => Effect.succeed({ approved: true, value: result }),
 * })
 * ```
 */
export const Approval: Context.Reference<Approval> = Context.Reference<Approval>("@opencode/mcp/Approval", {
  defaultValue: () => ({ sampling: () => nobody, sampled: () => nobody }),
})

/** Approves everything: for a handler that asks the person itself. */
export const given: Approval = {
  sampling: ({ params }) => Effect.succeed({ approved: true, value: params }),
  sampled: (_, result) => Effect.succeed({ approved: true, value: result }),
}
