/** A model that makes the same call again and again: the person is asked, as OpenCode asks, before it is made once more. */
import * as Effect from "effect/Effect"
import { isDeepStrictEqual } from "node:util"
import * as Permission from "../permission/index.ts"
import type { Message } from "./conversation.ts"
import type { ToolPart } from "./part.ts"

/** How often the same call is made in a row before it is asked about. */
const threshold = 3

/** Whether a part is the last of so many calls of one answer that are the same. */
export const isStuck = (messages: ReadonlyArray<Message>, parentID: string, partID: string): boolean => {
  const calls = messages
    .filter(({ info }) => info.role === "assistant" && info.parentID === parentID)
    .flatMap(({ parts }) => parts.filter((part): part is Extract<typeof part, ToolPart> => part.type === "tool"))
  const last = calls.findIndex(({ id }) => id === partID)
  const recent = calls.slice(Math.max(0, last + 1 - threshold), last + 1)
  const [one] = recent
  if (one === undefined || recent.length < threshold) return false
  return recent.every(({ state, tool }) => tool === one.tool && isDeepStrictEqual(state.input, one.state.input))
}

/** Asks whether a call may be made though it was made before. Without rules the person is asked. */
export const ask = (
  part: ToolPart & { readonly sessionID: string; readonly messageID: string },
  ruleset: Permission.Ruleset = [],
) =>
  Effect.flatMap(Permission.Service, (permission) =>
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
