/** The models of `provider` in opencode.json, by the AI SDK. */
import type { LanguageModelV3 } from "@ai-sdk/provider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** A model, ready to be asked. */
export interface Model {
  readonly providerID: string
  readonly modelID: string
  /** The package of the provider: `@ai-sdk/openai-compatible`. Decides which schemas it takes. */
  readonly npm: string
  /** In tokens. `context`: default 128,000. */
  readonly limit: { readonly context: number; readonly output?: number }
  /** What it takes besides text. */
  readonly input: { readonly image: boolean; readonly audio: boolean; readonly pdf: boolean }
  readonly language: LanguageModelV3
}

/** There is no such model, or its provider cannot be loaded; `message` names the place in the configuration. */
export class ProviderError extends Data.TaggedError("ProviderError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface Interface {
  /** `provider/model`; without it what `model` in opencode.json says. */
  readonly model: (id?: string) => Effect.Effect<Model, ProviderError>
  /** Every configured model, as `provider/model`. */
  readonly list: () => Effect.Effect<ReadonlyArray<string>>
}

/** The providers of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Provider") {}
