import type { ElicitationAnswer, ElicitationRequest } from "@opencode-ai/mcp/capability/elicitation"
import * as Effect from "effect/Effect"
export const elicit = (_: ElicitationRequest): Effect.Effect<ElicitationAnswer> => Effect.succeed({ action: "cancel" })
