/**
 * One question to the model, by the AI SDK: what it says is told as it comes, and what it wants to call is given at the end.
 *
 * Nothing is called here. A call is made once the answer is whole: so an answer that breaks off can be asked for again,
 * and nothing was done for it.
 */
import type { ModelMessage, TextStreamPart, ToolSet } from "ai"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Model } from "../provider/provider.ts"
import { cached } from "./cache.ts"
import { ProviderFailed } from "./failure.ts"
import { repair } from "./many.ts"
import type { Assistant } from "./message.ts"

export interface Question {
  readonly model: Model
  readonly system: string
  readonly messages: ReadonlyArray<ModelMessage>
  readonly tools: ToolSet
  /** Hides secrets in what the provider says. */
  readonly mask: (text: string) => string
}

/** A call that the model wants. */
export interface Wanted {
  readonly callID: string
  readonly tool: string
  readonly input: unknown
  /** Why it cannot be made: there is no such tool, or its arguments are no JSON. */
  readonly invalid?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** What comes of it while it comes. */
export type Said =
  | { readonly type: "begin"; readonly kind: "text" | "reasoning"; readonly id: string }
  | { readonly type: "delta"; readonly kind: "text" | "reasoning"; readonly id: string; readonly text: string }
  | {
      readonly type: "end"
      readonly kind: "text" | "reasoning"
      readonly id: string
      readonly metadata?: Readonly<Record<string, unknown>>
    }
  | { readonly type: "call"; readonly call: Wanted }

/** How it ended. */
export interface Ended {
  readonly finish: string
  readonly tokens: NonNullable<Assistant["tokens"]>
}

class Broke extends Data.TaggedError("Broke")<{ readonly error: unknown }> {}

const brokenOff = new Error("the answer broke off")

/** The AI SDK warns on the console, which is the user's screen. */
const quiet = Effect.sync(() => {
  globalThis.AI_SDK_LOG_WARNINGS = false
})

const metadataOf = (metadata: object | undefined) => (metadata === undefined ? {} : { metadata: { ...metadata } })

const saidOf = (part: TextStreamPart<ToolSet>, names: () => ReadonlyArray<string>): Said | undefined => {
  switch (part.type) {
    case "text-start":
      return { type: "begin", kind: "text", id: part.id }
    case "reasoning-start":
      return { type: "begin", kind: "reasoning", id: part.id }
    case "text-delta":
      return { type: "delta", kind: "text", id: part.id, text: part.text }
    case "reasoning-delta":
      return { type: "delta", kind: "reasoning", id: part.id, text: part.text }
    case "text-end":
      return { type: "end", kind: "text", id: part.id, ...metadataOf(part.providerMetadata) }
    case "reasoning-end":
      return { type: "end", kind: "reasoning", id: part.id, ...metadataOf(part.providerMetadata) }
    case "tool-call": {
      const { input, providerMetadata, toolCallId: callID, toolName: tool } = part
      const invalid = part.invalid === true ? { invalid: reasonOf(part.error, tool, names()) } : {}
      return { type: "call", call: { callID, tool, input, ...invalid, ...metadataOf(providerMetadata) } }
    }
    default:
      return undefined
  }
}

/** In words for the model, which has the list of its tools already. */
const reasonOf = (error: unknown, tool: string, names: ReadonlyArray<string>): string => {
  if (!names.includes(tool)) return `There is no tool ${tool}.`
  const why = messageOf(error instanceof Error && error.cause instanceof Error ? error.cause : error)
  return `The arguments of ${tool} are no valid JSON, and nothing was done: ${why}`
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What broke is told once: not again by the end of the iteration. */
const onceOnly = <A>(iterable: AsyncIterable<A>): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => {
    const iterator = iterable[Symbol.asyncIterator]()
    const done = { done: true, value: undefined } as const
    return {
      next: () => iterator.next(),
      return: () =>
        iterator.return?.().then(
          () => done,
          () => done,
        ) ?? Promise.resolve(done),
    }
  },
})

const once = ({ messages, model, system, tools }: Question, on: (said: Said) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* quiet
    const { streamText } = yield* Effect.promise(() => import("ai"))
    const abortSignal = yield* Effect.abortSignal
    const names = Object.keys(tools)
    const { fullStream } = streamText({
      model: model.language,
      ...cached(model, system, messages),
      ...(names.length === 0 ? {} : { tools }),
      ...(model.limit.output === undefined ? {} : { maxOutputTokens: model.limit.output }),
      ...(model.options === undefined ? {} : { providerOptions: model.options }),
      ...(model.headers === undefined ? {} : { headers: model.headers }),
      experimental_repairToolCall: repair,
      maxRetries: 0,
      abortSignal,
      onError: () => undefined,
    })
    let ended: Ended | undefined
    let spoke = false
    yield* Stream.runForEach(
      Stream.fromAsyncIterable(onceOnly(fullStream), (error) => new Broke({ error })),
      (part): Effect.Effect<void, Broke> => {
        if (part.type === "error") return Effect.fail(new Broke({ error: part.error }))
        if (part.type === "finish-step") {
          // Some providers give no reason. Where they said nothing either, the stream was cut off.
          if (part.finishReason === "other" && part.rawFinishReason === undefined && !spoke) {
            return Effect.fail(new Broke({ error: brokenOff }))
          }
          const { inputTokenDetails: read, inputTokens = 0, outputTokenDetails, outputTokens = 0 } = part.usage
          ended = {
            finish: part.finishReason,
            tokens: {
              input: inputTokens,
              output: outputTokens,
              reasoning: outputTokenDetails.reasoningTokens ?? 0,
              cache: { read: read.cacheReadTokens ?? 0, write: read.cacheWriteTokens ?? 0 },
            },
          }
        }
        const said = saidOf(part, () => names)
        spoke ||= said?.type === "delta" || said?.type === "call"
        return said === undefined ? Effect.void : on(said)
      },
    )
    return ended === undefined ? yield* new Broke({ error: brokenOff }) : ended
  }).pipe(Effect.scoped)

/** `retry-after-ms`, and `retry-after` in seconds or as a date, as milliseconds from now. */
const retryAfter = (headers: Readonly<Record<string, string>> | undefined, now: number): number | undefined => {
  const ms = Number(headers?.["retry-after-ms"] ?? Number.NaN)
  const text = headers?.["retry-after"] ?? ""
  const seconds = text.trim() === "" ? Number.NaN : Number(text)
  const date = Date.parse(text) - now
  const found = [ms, seconds * 1_000, date].find((each) => Number.isFinite(each))
  return found === undefined ? undefined : Math.max(0, found)
}

const explain = (question: Question, error: unknown) =>
  Effect.gen(function* () {
    const { APICallError } = yield* Effect.promise(() => import("ai"))
    const { mask, model } = question
    const id = `${model.providerID}/${model.modelID}`
    const text = mask(messageOf(error))
    if (!APICallError.isInstance(error)) {
      // What broke in the middle is not known by a type: a socket that closed, a body that ended.
      const isRetryable = error === brokenOff || error instanceof TypeError || isSocketError(error)
      return new ProviderFailed({ model: id, text, isRetryable, cause: error })
    }
    const { isRetryable, responseHeaders, statusCode = 0 } = error
    // It began to answer, and then the connection broke.
    if (statusCode < 400) {
      const broken = mask(messageOf(error.cause ?? error))
      return new ProviderFailed({ model: id, text: broken, isRetryable, cause: error })
    }
    const after = retryAfter(responseHeaders, yield* Clock.currentTimeMillis)
    return new ProviderFailed({
      model: id,
      text,
      isRetryable,
      cause: error,
      status: statusCode,
      ...(after === undefined ? {} : { retryAfter: after }),
    })
  })

const isSocketError = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  /^(?:E[A-Z]+|UND_ERR_\w+|ConnectionClosed)$/.test(error.code)

/** How often the model is asked again, and how long the wait between is at most, in milliseconds. */
const retries = 5
const longest = 30_000
/** A provider that wants more patience than this is not waited for, in milliseconds. */
const patience = 120_000

/**
 * Asks, and asks again where the provider could not: after 2 s, 4 s, 8 s … or when it says. `again` is told before each
 * wait. Interrupting it aborts the request.
 */
export const ask = (
  question: Question,
  on: (said: Said) => Effect.Effect<void>,
  again: (failure: ProviderFailed, attempt: number, delay: number) => Effect.Effect<void>,
): Effect.Effect<Ended, ProviderFailed> => {
  const helps = ({ isRetryable, retryAfter = 0 }: ProviderFailed) => isRetryable && retryAfter <= patience
  const policy = Schedule.exponential("2 seconds").pipe(
    Schedule.setInputType<ProviderFailed>(),
    Schedule.modifyDelay(({ attempt, duration, input }) => {
      const delay = input.retryAfter ?? Math.min(Duration.toMillis(duration), longest)
      // A delay is made of the last failure too, after which nobody is asked.
      return helps(input) && attempt <= retries ? Effect.as(again(input, attempt, delay), delay) : Effect.succeed(delay)
    }),
  )
  return once(question, on).pipe(
    Effect.catch(({ error }) => Effect.flatMap(explain(question, error), Effect.fail)),
    Effect.retry({ schedule: policy, times: retries, while: helps }),
  )
}
