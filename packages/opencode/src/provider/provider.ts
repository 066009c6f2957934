/**
 * The models of `provider` in opencode.json, by the AI SDK. Each is loaded when it is first asked for; `load.ts` does.
 */
import type { JSONObject, LanguageModelV3 } from "@ai-sdk/provider"
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
  /** Sent with every request, as the AI SDK has provider options. */
  readonly options?: Readonly<Record<string, JSONObject>>
  readonly headers?: Readonly<Record<string, string>>
}

/** There is no such model, or its provider cannot be loaded; `message` names the place in the configuration. */
export class ProviderError extends Data.TaggedError("ProviderError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface Interface {
  /** `provider/model`; without it what `model` in opencode.json says. */
  readonly model: (id?: string) => Effect.Effect<Model, ProviderError>
  /** The one that `model` gives without an id, as `provider/model`: nothing of it is loaded, or known to be right. */
  readonly chosen: () => Effect.Effect<string, ProviderError>
  /** Every configured model, as `provider/model`. */
  readonly list: () => Effect.Effect<ReadonlyArray<string>>
  /** Hides the keys of providers in a text. */
  readonly mask: (text: string) => string
}

/** The providers of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Provider") {}
