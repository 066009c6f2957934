/**
 * Sampling by the language models of the AI SDK, which OpenCode talks to all of its providers with.
 *
 * It speaks to a model by its provider interface alone (`LanguageModelV3`), of which only types are imported: what a
 * provider weighs is loaded when a server first samples. Who may sample, and how much, is decided before this is asked.
 */
import type { LanguageModelV3 } from "@ai-sdk/provider"
import { RequestRefused, Sampling } from "@opencode-ai/mcp"
import type { CreateMessageRequestParams } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { optionsOf, resultOf } from "./prompt.ts"

/** A model that servers may sample from. */
export interface Candidate {
  /** What the hints of a server are compared with: `anthropic/claude-sonnet-4-5`. */
  readonly id: string
  /** The model, or what loads it, each time that it is chosen. */
  readonly model: LanguageModelV3 | (() => PromiseLike<LanguageModelV3>)
}

/** The default, and what a server may prefer to it. */
export type Candidates = readonly [Candidate, ...ReadonlyArray<Candidate>]

/**
 * The model for a request: the first hint that is part of a candidate's id decides, whatever its case; otherwise the first
 * candidate is taken (Sampling, Model Preferences). The priorities are not weighed: nothing is known of the candidates.
 */
export const choose = <C extends Pick<Candidate, "id">>(
  candidates: readonly [C, ...ReadonlyArray<C>],
  preferences: CreateMessageRequestParams["modelPreferences"],
): C => {
  for (const { name = "" } of preferences?.hints ?? []) {
    const hint = name.toLowerCase()
    const found = hint === "" ? undefined : candidates.find(({ id }) => id.toLowerCase().includes(hint))
    if (found !== undefined) return found
  }
  return candidates[0]
}

const failed = (id: string, detail: string): RequestRefused =>
  new RequestRefused({ code: -32603, message: `The model ${JSON.stringify(id)} gave no answer: ${detail}` })

const told = new Map([
  [400, "it does not take this request"],
  [401, "it does not take the credentials of the host"],
  [403, "it does not take the credentials of the host"],
  [404, "its provider does not know it"],
  [413, "the request is too long for it"],
  [429, "its provider limits how often it is asked; try again later"],
])

/** Nothing of what the provider said: it may hold a key, and the server is not the person who it belongs to. */
const explain = (error: unknown): string => {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined
  if (typeof status !== "number" || status < 400)
    return "its provider could not be reached, or answered what makes no sense"
  return `${told.get(status) ?? "its provider failed"} (HTTP ${status})`
}

/** Asks the models of the AI SDK. Interrupting it aborts the request to the provider. */
export const make = (candidates: Candidates): Sampling["Service"] => ({
  tools: true,
  context: false,
  createMessage: ({ params }) =>
    Effect.gen(function* () {
      const { id, model } = choose(candidates, params.modelPreferences)
      const attempt = <A>(run: (signal: AbortSignal) => PromiseLike<A>) =>
        Effect.tryPromise({ try: run, catch: (error) => failed(id, explain(error)) })
      const loaded = typeof model === "function" ? yield* attempt(model) : model
      const generated = yield* attempt((abortSignal) => loaded.doGenerate({ ...optionsOf(params), abortSignal }))
      const result = resultOf(id, params, generated)
      return typeof result === "string" ? yield* failed(id, result) : result
    }),
})

/**
 * `Sampling` by these models.
 *
 * ```ts
 * const sampling = Model.layer([
 *   { id: "anthropic/claude-sonnet-4-5", model: () => load("anthropic", "claude-sonnet-4-5") },
 *   { id: "openai/gpt-5-mini", model: () => load("openai", "gpt-5-mini") },
 * ])
 * ```
 */
export const layer = (candidates: Candidates): Layer.Layer<Sampling> => Layer.succeed(Sampling)(make(candidates))
