/** When a command that goes on until Ctrl-C ends by itself. */
import { McpError, NotConnected } from "@opencode-ai/mcp/error"
import { Mcp, type ServerState } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { badRequest } from "../failure.ts"
import { describeFailures } from "./unreachable.ts"

/** Waits until this holds of the servers, which is looked at again with each change of a status. */
const until = (is: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const changed = yield* Latch.make()
    yield* Effect.acquireRelease(
      Effect.sync(() => mcp.listen(({ type }) => void (type === "mcp.status.changed" && changed.openUnsafe()))),
      (stop) => Effect.sync(stop),
    )
    while (!(yield* is)) {
      yield* changed.await
      changed.closeUnsafe()
    }
  }).pipe(Effect.scoped)

/** Fails once there is no server that anything could come from. `what` is what was to be done with it. */
export const nobodyLeft = (what: string) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    yield* mcp.settled
    const mayTell = ({ status: { status } }: ServerState) => status === "connected" || status === "pending"
    yield* until(Effect.map(mcp.servers, (states) => !states.some(mayTell)))
    const states = yield* mcp.servers
    const [first] = [...states.filter(({ status }) => status.status !== "disabled"), ...states]
    if (first === undefined) return yield* badRequest(`no server is configured: there is nothing to ${what}`)
    if (states.length > 1) yield* describeFailures
    return yield* new McpError({ reason: new NotConnected({ server: first.name, status: first.status }) })
  })
