/** Which of the servers that ask for authorization a person can sign in to: others bring credentials by their entry. */
import { Mcp, type ServerState } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"

export const authorizable = (states: ReadonlyArray<ServerState>) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const asking = states.filter(({ status }) => status.status === "needs_auth")
    const names = yield* Effect.forEach(asking, ({ name }) =>
      Effect.match(mcp.authorization(name), { onFailure: () => [], onSuccess: () => [name] }),
    )
    return new Set(names.flat())
  })
