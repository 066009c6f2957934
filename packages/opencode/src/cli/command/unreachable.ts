/** What a command that asks all servers says of those that it could not ask. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { withRemedy } from "../failure.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import { authorizable } from "./authorizable.ts"
import { nothing } from "./nothing.ts"

/** A warning for each server that is neither connected nor switched off. */
export const describeFailures = Effect.gen(function* () {
  const output = yield* Output
  const mcp = yield* Mcp
  const states = yield* mcp.servers
  const signsIn = yield* authorizable(states)
  for (const { name, status } of states) {
    if (status.status === "connected" || status.status === "disabled") continue
    const why = "error" in status && status.error !== undefined ? `: ${status.error}` : ""
    const said = `${Text.oneLine(name)} is left out, it is not connected (${status.status})${why}`
    yield* output.warn(signsIn.has(name) ? withRemedy(said, name) : said)
  }
})

/** Says that there is none of this, or that there is no server that could have it. */
export const none = (plural: string) =>
  Effect.gen(function* () {
    const output = yield* Output
    const servers = yield* (yield* Mcp).servers
    yield* output.say(servers.length === 0 ? nothing(output) : `There are no ${plural}.`)
  })
