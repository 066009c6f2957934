/** The calls of one answer: made all at once, each to its end. */
import type { ModelMessage } from "ai"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Effect from "effect/Effect"
import { PermissionError, type Service as Permissions } from "../permission/index.ts"
import type { Result } from "../tool/tool.ts"
import type { Stuck } from "./loop.ts"
import type { Wanted } from "./step.ts"
import type { SessionTool } from "./tools.ts"

/** How a call ended. `rejected`: the person said no, and nothing else. */
export type Outcome =
  | { readonly type: "completed"; readonly result: Result }
  | { readonly type: "error"; readonly error: string; readonly rejected: boolean }

const failed = (error: string, rejected = false): Outcome => ({ type: "error", error, rejected })

const explain = (error: unknown, mask: (text: string) => string): Outcome => {
  const rejected =
    error instanceof PermissionError && error.reason._tag === "Rejected" && error.reason.feedback === undefined
  return failed(mask(error instanceof Error ? error.message : String(error)), rejected)
}

/**
 * Makes a call, where `allowed` lets it. It never fails: what goes wrong is for the model to read, secrets hidden by `mask`.
 * Interrupting it cancels the call, and waits until that is done.
 */
export const run = (
  { callID: toolCallId, input, invalid, tool: key }: Wanted,
  tools: Readonly<Record<string, SessionTool>>,
  messages: ReadonlyArray<ModelMessage>,
  allowed: Effect.Effect<void, Stuck, Permissions>,
  mask: (text: string) => string,
): Effect.Effect<Outcome, never, Permissions> => {
  const tool = Object.hasOwn(tools, key) ? tools[key] : undefined
  const refused = Effect.catch(Effect.as(allowed, undefined), ({ isLast, reason }) => {
    const outcome = explain(reason, mask)
    return Effect.succeed(isLast && outcome.type === "error" ? { ...outcome, rejected: true } : outcome)
  })
  return Effect.flatMap(refused, (outcome) => {
    if (outcome !== undefined) return Effect.succeed(outcome)
    if (tool === undefined) {
      const near = nearest(key, Object.keys(tools))
      return Effect.succeed(
        failed(`There is no tool ${key}.${near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : ""}`),
      )
    }
    if (invalid !== undefined) return Effect.succeed(failed(invalid))
    return Effect.callback<Outcome>((resume, abortSignal) => {
      const ended = Promise.resolve()
        .then(() => tool.execute(input, { toolCallId, messages: [...messages], abortSignal }))
        .then(
          (result): Outcome => ({ type: "completed", result }),
          (error: unknown) => explain(error, mask),
        )
      void ended.then((outcome) => resume(Effect.succeed(outcome)))
      return Effect.promise(() => ended)
    })
  })
}
