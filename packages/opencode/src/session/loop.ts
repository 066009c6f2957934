/**
 * A model that makes the same call again and again: the person is asked, as OpenCode asks, before it is made once more. Where
 * that is refused the model is told; one that makes it again all the same has nothing else to say, and is asked no more.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { isDeepStrictEqual } from "node:util"
import * as Permission from "../permission/index.ts"
import type { Message } from "./conversation.ts"
import type { ToolPart } from "./part.ts"

/** How often the same call is made in a row before it is asked about. */
const threshold = 3

/** A call that may not be made once more. `isLast`: the model was told so before. */
export class Stuck extends Data.TaggedError("Stuck")<{
  readonly reason: Permission.PermissionError
  readonly isLast: boolean
}> {}

/** How many calls of one answer up to this part are the same, in a row. */
export const repeated = (messages: ReadonlyArray<Message>, parentID: string, partID: string): number => {
  const calls = messages
    .filter(({ info }) => info.role === "assistant" && info.parentID === parentID)
    .flatMap(({ parts }) => parts.filter((part): part is Extract<typeof part, ToolPart> => part.type === "tool"))
  const until = calls.slice(0, calls.findIndex(({ id }) => id === partID) + 1)
  const one = until.at(-1)
  if (one === undefined) return 0
  const isOther = ({ state, tool }: ToolPart) => tool !== one.tool || !isDeepStrictEqual(state.input, one.state.input)
  return until.length - 1 - until.findLastIndex(isOther)
}

/** Asks whether a call may be made though it was made before. Without rules the person is asked. */
export const check = (
  part: ToolPart & { readonly sessionID: string; readonly messageID: string },
  times: number,
  ruleset: Permission.Ruleset = [],
): Effect.Effect<void, Stuck, Permission.Service> => {
  if (times < threshold) return Effect.void
  const asked = Effect.flatMap(Permission.Service, (permission) =>
    permission.ask({
      sessionID: part.sessionID,
      permission: "doom_loop",
      patterns: [part.tool],
      always: [part.tool],
      metadata: { tool: part.tool, arguments: part.state.input },
      tool: { messageID: part.messageID, callID: part.callID },
      ruleset,
    }),
  )
  return Effect.asVoid(Effect.mapError(asked, (reason) => new Stuck({ reason, isLast: times > threshold })))
}
