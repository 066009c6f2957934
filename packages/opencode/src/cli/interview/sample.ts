import type { SamplingRequest, SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import * as Effect from "effect/Effect"
export const sample = (_: SamplingRequest): Effect.Effect<SamplingResult, RequestRefused> =>
  Effect.fail(new RequestRefused({ code: -1, message: "no" }))
