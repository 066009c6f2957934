/** From a request on the wire to a question for the model, within what the server may ask and the person approves. */
import * as Effect from "effect/Effect"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import type { Approval } from "./approval.ts"
import type { Origin } from "./origin.ts"
import { RequestRefused } from "./refused.ts"
import type { Sampling, SamplingRequest, SamplingResult } from "./sampling.ts"

/** What one server may ask of the model. */
export interface SamplingPolicy {
  /** Whether the person is asked, or the answer is always yes, or always no. */
  readonly approve: "ask" | "always" | "never"
  readonly requestsPerMinute: number
  /** Input and output together, estimated. */
  readonly tokensPerHour: number
}

export const defaultPolicy: SamplingPolicy = { approve: "ask", requestsPerMinute: 10, tokensPerHour: 100_000 }

/** The answer as it may be sent. Fails with what the protocol does not allow in it. */
export const checkResult = (_request: SamplingRequest, result: SamplingResult): Effect.Effect<SamplingResult, string> =>
  Effect.succeed(result)

/** What one server has asked lately, held against its policy. It outlives the server's sessions. */
export interface Budget {
  readonly policy: SamplingPolicy
}

/** An unspent budget. */
export const makeBudget = (policy: SamplingPolicy = defaultPolicy): Budget => ({ policy })

/** The answer to `sampling/createMessage` of one server. */
export const answerSampling = (_options: {
  readonly sampling: Sampling["Service"]
  readonly approval: Approval
  readonly budget: Budget
}): Effect.Effect<(params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>> =>
  Effect.succeed(() => Effect.fail(new RequestRefused({ code: -32603, message: "not yet" })))
