/** What a command that asks all servers says of those that it could not ask. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { remedy } from "../failure.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"

/** A warning for each server that is neither connected nor switched off. */
export const describeFailures = Effect.gen(function* () {
  const output = yield* Output
  const mcp = yield* Mcp
  for (const { name, status } of yield* mcp.servers) {
    if (status.status === "connected" || status.status === "disabled") continue
    const why = "error" in status && status.error !== undefined ? `: ${status.error}` : ""
    const advice = status.status === "needs_auth" ? `; ${remedy(name)}` : ""
    yield* output.warn(`${Text.oneLine(name)} is left out, it is not connected (${status.status})${why}${advice}`)
  }
})
