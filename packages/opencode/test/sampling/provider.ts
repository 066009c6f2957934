/** A provider of models on loopback, as OpenAI's interface has it: answers as it is told, and keeps what it was asked. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export const key = "sk-very-secret-0123456789"

export interface Reply {
  readonly status?: number
  /** `undefined`: never answered. */
  readonly body: unknown
}

/** An answer of a model. */
export const says = (message: object, finish_reason = "stop"): Reply => ({
  body: {
    id: "chat-1",
    object: "chat.completion",
    created: 0,
    model: "tiny-2026-01-01",
    choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  },
})

export const provider = (reply: Reply) =>
  Effect.gen(function* () {
    const asked: Array<{ readonly authorization: string | undefined; readonly body: unknown }> = []
    const arrived = yield* Deferred.make<void>()
    const aborted = yield* Deferred.make<void>()
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      response.on("close", () => Deferred.doneUnsafe(aborted, Effect.void))
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
        asked.push({ authorization: request.headers.authorization, body })
        Deferred.doneUnsafe(arrived, Effect.void)
        if (reply.body === undefined) return
        response.writeHead(reply.status ?? 200, { "content-type": "application/json" })
        response.end(JSON.stringify(reply.body))
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    )
    const { port } = server.address() as AddressInfo // A listening TCP server has one.
    const openai = createOpenAICompatible({ name: "scripted", apiKey: key, baseURL: `http://127.0.0.1:${port}/v1` })
    return { asked, arrived, aborted, model: openai.chatModel("tiny") }
  })
