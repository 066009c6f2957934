/** Sampling of a plugin's own: a server's short questions are answered by a model on this machine (Ollama's API). */
import { Approval, RequestRefused, Sampling } from "@opencode-ai/mcp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Reply = Schema.Struct({ model: Schema.String, message: Schema.Struct({ content: Schema.String }) })

/** No more than a thousand tokens at a time, and whatever the model says may be sent. */
const short = Layer.succeed(Approval)({
  sampling: ({ params }) =>
    Effect.succeed(
      params.maxTokens <= 1_000
        ? { approved: true, value: params }
        : { approved: false, reason: "at most 1000 tokens at a time" },
    ),
  sampled: (_, result) => Effect.succeed({ approved: true, value: result }),
})

export const ollama = (model: string, url = "http://127.0.0.1:11434") =>
  Layer.succeed(Sampling)({
    tools: false,
    context: false,
    createMessage: ({ params: { maxTokens, messages, systemPrompt } }) =>
      Effect.gen(function* () {
        const told = messages.map(({ content, role }) => ({
          role,
          content: "text" in content ? content.text : "(no text)",
        }))
        const system = systemPrompt === undefined ? [] : [{ role: "system", content: systemPrompt }]
        const body = { model, stream: false, options: { num_predict: maxTokens }, messages: [...system, ...told] }
        const ask = (signal: AbortSignal) =>
          fetch(`${url}/api/chat`, { method: "POST", body: JSON.stringify(body), signal }).then((answer) =>
            answer.json(),
          )
        const { message, model: by } = yield* Schema.decodeUnknownEffect(Reply)(yield* Effect.tryPromise(ask))
        return { role: "assistant" as const, model: by, content: { type: "text" as const, text: message.content } }
      }).pipe(Effect.mapError(() => new RequestRefused({ code: -32603, message: "the local model did not answer" }))),
  }).pipe(Layer.provideMerge(short))
