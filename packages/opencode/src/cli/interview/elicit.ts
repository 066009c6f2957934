/** A server asks the person at the terminal. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type { ElicitationAnswer, ElicitationRequest } from "@opencode-ai/mcp/capability/elicitation"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Output } from "../output.ts"
import { form } from "./form.ts"
import { visit, wait } from "./visit.ts"

/** Waits for the end of a visit that the person agreed to, where a call waits for it. */
export const follow = (
  request: ElicitationRequest,
  answer: ElicitationAnswer,
  timeout: number,
): Effect.Effect<ElicitationAnswer, never, Output> => {
  if (request.mode !== "url" || request.visit === undefined || answer.action !== "accept") return Effect.succeed(answer)
  const { visit } = request
  return Effect.flatMap(Output, (output) => output.floor.take(wait(request, visit, timeout)))
}

const cancelled: ElicitationAnswer = { action: "cancel" }

/** The person's answer, once those before were given. Ctrl-C is `cancel`. */
export const elicit = (request: ElicitationRequest): Effect.Effect<ElicitationAnswer, never, Output> =>
  Effect.flatMap(Output, (output) =>
    output.floor.take(
      (request.mode === "form" ? form(request) : visit(request)).pipe(
        Effect.catchTag("CliFailure", () => Effect.as(output.say(output.err.paint("dim", "cancelled")), cancelled)),
        Effect.onInterrupt(() =>
          output.heard()
            ? Effect.void
            : output.say("\n\nThe question is withdrawn, was answered elsewhere, or its time is over."),
        ),
      ),
    ),
  ).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)))
