/** A server asks for a message of the session's model: the person sees the request, and then the answer, before it leaves. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type { Verdict } from "@opencode-ai/mcp/capability/approval"
import type { SamplingRequest, SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import type { CreateMessageRequestParams } from "@opencode-ai/mcp/protocol/model"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import { ask, interject } from "../ask.ts"
import type { CliFailure } from "../failure.ts"
import { Output } from "../output.ts"
import * as Said from "./said.ts"
import { block, blocks, show } from "./sample.ts"

const rejected = { approved: false, reason: "the person rejected it" } as const

/** Has the terminal until the person has answered. Ctrl-C is no. */
const asking = <A>(
  question: Effect.Effect<Verdict<A>, CliFailure, FileSystem.FileSystem | Output | Path.Path>,
): Effect.Effect<Verdict<A>, never, Output> =>
  Effect.flatMap(Output, (output) =>
    output.floor.take(
      question.pipe(
        Effect.catchTag("CliFailure", () =>
          Effect.as(output.say(`\n${output.err.paint("dim", "rejected")}`), rejected),
        ),
        Effect.onInterrupt(() =>
          output.heard()
            ? Effect.void
            : output.say("\n\nThe question is withdrawn, was answered elsewhere, or its time is over."),
        ),
      ),
    ),
  ).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)))

/** May the model be asked this? */
export const sampling = (request: SamplingRequest) =>
  asking(
    Effect.gen(function* () {
      yield* show(request)
      const choice = yield* interject(
        Prompt.Select<"ask" | "edit" | "reject">({
          message: "Let your model answer?",
          choices: [
            { value: "reject", title: "Reject it" },
            { value: "ask", title: "Ask the model", description: "the server sees the answer once you have seen it" },
            { value: "edit", title: "Change the last message first" },
          ],
        }),
      )
      if (choice === "reject") return rejected
      if (choice === "ask") return { approved: true, value: request.params } as const
      const text = yield* ask(Prompt.String({ message: "The last message" }))
      const messages: CreateMessageRequestParams["messages"] = [
        ...request.params.messages.slice(0, -1),
        { role: "user", content: { type: "text", text } },
      ]
      return { approved: true, value: { ...request.params, messages } } as const
    }),
  )

/** May the server have this answer? */
export const sampled = (request: SamplingRequest, result: SamplingResult) =>
  asking(
    Effect.gen(function* () {
      const output = yield* Output
      yield* output.say(Said.heading(request.server, "would get this answer of your model:", output))
      for (const each of blocks(result)) yield* output.say(Said.lines(block(each), output).join("\n"))
      yield* output.say("")
      const given = yield* interject(Prompt.Confirm({ message: "Send it to the server?", initial: false }))
      return given ? ({ approved: true, value: result } as const) : rejected
    }),
  )
