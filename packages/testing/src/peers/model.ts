/**
 * A provider of models on loopback, as OpenAI's chat completions have it: it streams what its script says, and keeps every
 * request whole. Nothing here waits for time: an answer is held by an Effect of the test's.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"

/** A message as the provider gets it: what a test compares. */
export interface ChatMessage {
  readonly role: string
  readonly content?: unknown
  readonly reasoning_content?: string
  readonly tool_calls?: ReadonlyArray<{
    readonly id: string
    readonly function: { readonly name: string; readonly arguments: string }
  }>
  readonly tool_call_id?: string
}

/** A request, whole. */
export interface ModelRequest {
  /** How many came before it. */
  readonly index: number
  readonly headers: IncomingHttpHeaders
  readonly body: {
    readonly model: string
    readonly messages: ReadonlyArray<ChatMessage>
    readonly tools?: ReadonlyArray<{ readonly type: string; readonly function: { readonly name: string } }>
    readonly stream?: boolean
    readonly [field: string]: unknown
  }
  /** Done once the client has gone away before the answer was over. */
  readonly aborted: Effect.Effect<void>
}

/** A call that the model makes; `args` that are a text are sent as they are, right or wrong. */
export interface ScriptedCall {
  readonly tool: string
  readonly args?: unknown
  /** Default `call_<request>_<call>`, from 1. */
  readonly id?: string
}

/** What the model answers. */
export type ModelAnswer =
  | {
      readonly reasoning?: string
      /** Several are sent as so many chunks. */
      readonly text?: string | ReadonlyArray<string>
      /** All in one answer: parallel calls. */
      readonly calls?: ReadonlyArray<ScriptedCall>
      /** Default: `tool_calls` where there are any, else `stop`. */
      readonly finish?: string
      /** Waited for before the first byte. */
      readonly before?: Effect.Effect<unknown>
      /** Waited for after what is said, before the answer ends. */
      readonly until?: Effect.Effect<unknown>
      /** The connection is destroyed in place of an end. */
      readonly drop?: boolean
    }
  /** An error. */
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }

/** A step of the script, which may look at the request. */
export type ModelStep = ModelAnswer | ((request: ModelRequest) => ModelAnswer)

export interface ModelPeer {
  /** The base URL: what comes before `/chat/completions`. */
  readonly url: string
  readonly requests: ReadonlyArray<ModelRequest>
  /** The request of this index, past or to come. */
  readonly request: (index: number) => Effect.Effect<ModelRequest>
  /** The sections of opencode.json that make this the model: `model` is `scripted/tiny`, its key `sk-scripted-0123456789`. */
  readonly config: (model?: object) => {
    readonly model: string
    readonly provider: Readonly<Record<string, { readonly options: object; readonly models: object }>>
  }
}

/** The key of `config`. */
export const modelKey = "sk-scripted-0123456789"

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const head = { id: "chat", created: 0, model: "tiny" }

type Spoken = Exclude<ModelAnswer, { readonly status: number }>

const callsOf = ({ calls = [] }: Spoken, index: number) =>
  calls.map(({ args = {}, id, tool }, nth) => ({
    index: nth,
    id: id ?? `call_${index + 1}_${nth + 1}`,
    type: "function",
    function: { name: tool, arguments: typeof args === "string" ? args : JSON.stringify(args) },
  }))

const textsOf = ({ text = [] }: Spoken) => (typeof text === "string" ? [text] : text)
const finishOf = ({ calls = [], finish }: Spoken) => finish ?? (calls.length > 0 ? "tool_calls" : "stop")

/** The deltas of an answer: each call's name comes first, its arguments in two pieces. */
const deltas = (answer: Spoken, index: number): ReadonlyArray<object> => [
  { role: "assistant", content: "" },
  ...(answer.reasoning === undefined ? [] : [{ reasoning_content: answer.reasoning }]),
  ...textsOf(answer).map((content) => ({ content })),
  ...callsOf(answer, index).flatMap(({ function: { arguments: text, name }, ...call }) => {
    const half = Math.ceil(text.length / 2)
    return [
      { tool_calls: [{ ...call, function: { name, arguments: "" } }] },
      { tool_calls: [{ index: call.index, function: { arguments: text.slice(0, half) } }] },
      { tool_calls: [{ index: call.index, function: { arguments: text.slice(half) } }] },
    ]
  }),
]

const speak = (response: ServerResponse, answer: Spoken, { body, index }: ModelRequest) =>
  Effect.gen(function* () {
    yield* answer.before ?? Effect.void
    const send = (value: unknown) =>
      response.write(`data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`)
    const chunk = (delta: object, finish_reason: string | null = null) =>
      send({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })
    if (body.stream === true) {
      response.writeHead(200, { "content-type": "text/event-stream" })
      for (const delta of deltas(answer, index)) chunk(delta)
    }
    yield* answer.until ?? Effect.void
    if (answer.drop === true) return response.destroy()
    if (body.stream === true) {
      chunk({}, finishOf(answer))
      send({ ...head, object: "chat.completion.chunk", choices: [], usage })
      send("[DONE]")
      return response.end()
    }
    const calls = callsOf(answer, index)
    const message = {
      role: "assistant",
      content: textsOf(answer).join(""),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    }
    response.writeHead(200, { "content-type": "application/json" })
    const choices = [{ index: 0, message, finish_reason: finishOf(answer) }]
    return response.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }))
  })

/** Answers the first request by the first step of the script, and so on; one that the script has no answer to by a 501. */
export const modelPeer = (script: ReadonlyArray<ModelStep>): Effect.Effect<ModelPeer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const requests: Array<ModelRequest> = []
    const arrivals = new Map<number, Deferred.Deferred<ModelRequest>>()
    const arrival = (index: number) => {
      const known = arrivals.get(index) ?? Deferred.makeUnsafe<ModelRequest>()
      arrivals.set(index, known)
      return known
    }
    const answer = (response: ServerResponse, request: ModelRequest) => {
      const step = script[request.index]
      const found = typeof step === "function" ? step(request) : step
      if (found === undefined || "status" in found) {
        const { body = { error: { message: "the script is over" } }, headers = {}, status = 501 } = found ?? {}
        response.writeHead(status, { "content-type": "application/json", ...headers })
        response.end(JSON.stringify(body))
      } else run(speak(response, found, request))
    }
    const server = createServer((incoming, response) => {
      const chunks: Array<Buffer> = []
      const gone = Deferred.makeUnsafe<void>()
      response.on("close", () => {
        if (!response.writableFinished) Deferred.doneUnsafe(gone, Effect.void)
      })
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        const index = requests.length
        const body: ModelRequest["body"] = JSON.parse(Buffer.concat(chunks).toString())
        const request = { index, headers: incoming.headers, body, aborted: Deferred.await(gone) }
        requests.push(request)
        Deferred.doneUnsafe(arrival(index), Effect.succeed(request))
        answer(response, request)
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
    const address = server.address()
    const port = typeof address === "object" ? address?.port : undefined
    const url = `http://127.0.0.1:${port}/v1`
    return {
      url,
      requests,
      request: (index) => Deferred.await(arrival(index)),
      config: (model = {}) => ({
        model: "scripted/tiny",
        provider: {
          scripted: {
            npm: "@ai-sdk/openai-compatible",
            options: { baseURL: url, apiKey: modelKey },
            models: { tiny: { limit: { context: 200_000, output: 8_192 }, ...model } },
          },
        },
      }),
    }
  })
