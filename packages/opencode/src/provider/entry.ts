/** The `provider` section of opencode.json, as far as it is used here. What else is in it is OpenCode's own. */
import * as Schema from "effect/Schema"

const Tokens = Schema.Int.check(Schema.isGreaterThan(0))
const Modality = Schema.Literals(["text", "image", "audio", "video", "pdf"])
const Text = Schema.String.check(Schema.isNonEmpty())

/** A model of a provider. */
export const ModelEntry = Schema.Struct({
  /** What the provider calls it. Default: the name that it is configured by. */
  id: Schema.optionalKey(Text),
  name: Schema.optionalKey(Schema.String),
  limit: Schema.optionalKey(Schema.Struct({ context: Schema.optionalKey(Tokens), output: Schema.optionalKey(Tokens) })),
  modalities: Schema.optionalKey(Schema.Struct({ input: Schema.optionalKey(Schema.Array(Modality)) })),
  /** For every request: what the package calls provider options. */
  options: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
})
export type ModelEntry = typeof ModelEntry.Type

/** A provider. */
export const ProviderEntry = Schema.Struct({
  /** A package of the AI SDK. Default `@ai-sdk/openai-compatible`. */
  npm: Schema.optionalKey(Text),
  name: Schema.optionalKey(Schema.String),
  /** Passed to the package as they are: `baseURL`, `apiKey`, `headers`. */
  options: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  models: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
})
export type ProviderEntry = typeof ProviderEntry.Type
