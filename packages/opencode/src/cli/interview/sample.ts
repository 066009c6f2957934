/** A server asks for a message of the model, where there is none: the person sees the request, and may write it. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import type { SamplingRequest, SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import { userRejected } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { SamplingMessage, SamplingMessageContentBlock } from "@opencode-ai/mcp/protocol/model"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ask, interject } from "../ask.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import * as Said from "./said.ts"

const rejected = new RequestRefused({ code: userRejected, message: "the person rejected it" })

const bytes = (base64: string) => `${Math.floor((base64.length * 3) / 4)} bytes`

/** A block in words. */
export const block = (content: SamplingMessageContentBlock): string => {
  switch (content.type) {
    case "text":
      return content.text
    case "image":
    case "audio":
      return `[${content.type} ${content.mimeType}, ${bytes(content.data)}]`
    case "tool_use":
      return `[uses the tool ${content.name} with ${JSON.stringify(content.input)}]`
    case "tool_result":
      return `[the result of a tool: ${JSON.stringify(content.content)}]`
  }
}

/** What a message consists of. */
export const blocks = ({ content }: Pick<SamplingMessage, "content">): ReadonlyArray<SamplingMessageContentBlock> =>
  Array.isArray(content) ? content : [content]

/** Shows the whole request. */
export const show = ({ params, server }: SamplingRequest) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { err } = output
    yield* output.say(Said.heading(server, "asks your model for a message:", output))
    if (params.systemPrompt !== undefined) {
      yield* output.say(`  ${err.paint("dim", "system:")}`)
      yield* output.say(Said.lines(params.systemPrompt, output).join("\n"))
    }
    for (const message of params.messages) {
      yield* output.say(`  ${err.paint("dim", `${Text.oneLine(message.role)}:`)}`)
      for (const each of blocks(message)) yield* output.say(Said.lines(block(each), output).join("\n"))
    }
    const hints = (params.modelPreferences?.hints ?? []).flatMap(({ name }) => (name === undefined ? [] : [name]))
    const tools = (params.tools ?? []).map(({ name }) => name)
    const rows: ReadonlyArray<readonly [string, string]> = [
      ["at most", `${params.maxTokens} tokens`],
      ...(hints.length === 0 ? [] : [["models", Text.oneLine(hints.join(", "))] as const]),
      ...(tools.length === 0 ? [] : [["tools", Text.oneLine(tools.join(", "))] as const]),
    ]
    yield* output.say(`\n${Said.pairs(rows, output)}\n`)
  })

const answer = (request: SamplingRequest) =>
  Effect.gen(function* () {
    yield* show(request)
    const answers = yield* interject(
      Prompt.Select<boolean>({
        message: "There is no model here. What do you do?",
        choices: [
          { value: false, title: "Reject it" },
          { value: true, title: "Answer it yourself", description: "in the model's place" },
        ],
      }),
    )
    if (!answers) return yield* rejected
    const text = yield* ask(
      Prompt.String({
        message: "The answer",
        validate: (typed) => (typed.trim() === "" ? Effect.fail("expected some text") : Effect.succeed(typed)),
      }),
    )
    const result: SamplingResult = {
      role: "assistant",
      content: { type: "text", text },
      model: "human",
      stopReason: "endTurn",
    }
    return result
  })

/** The person's answer, once those before were given. Ctrl-C rejects it. */
export const sample = (request: SamplingRequest): Effect.Effect<SamplingResult, RequestRefused, Output> =>
  Effect.flatMap(Output, (output) =>
    output.floor.take(
      answer(request).pipe(
        Effect.catchTag("CliFailure", () =>
          Effect.andThen(output.say(`\n${output.err.paint("dim", "rejected")}`), Effect.fail(rejected)),
        ),
        Effect.onInterrupt(() =>
          output.heard()
            ? Effect.void
            : output.say("\n\nThe question is withdrawn, was answered elsewhere, or its time is over."),
        ),
      ),
    ),
  ).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)))
