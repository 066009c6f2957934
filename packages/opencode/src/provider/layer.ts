/** The providers of the configuration. An entry that is wrong is an error of its own models alone. */
import type { JSONObject } from "@ai-sdk/provider"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { describe, problemsOf } from "@opencode-ai/mcp/config/problem"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Sections } from "../config/sections.ts"
import { ModelEntry, ProviderEntry } from "./entry.ts"
import { load } from "./load.ts"
import { type Interface, type Model, ProviderError, Service } from "./provider.ts"

/** What to put into opencode.json where nothing is there. */
export const suggestion = `{
  "model": "local/qwen3",
  "provider": {
    "local": {
      "npm": "@ai-sdk/openai-compatible",
      "options": { "baseURL": "http://localhost:11434/v1", "apiKey": "{env:LOCAL_API_KEY}" },
      "models": { "qwen3": { "limit": { "context": 32768, "output": 8192 } } }
    }
  }
}`

const defaultContext = 128_000

const optionsKeys = new Map([
  ["@ai-sdk/amazon-bedrock", "bedrock"],
  ["@ai-sdk/azure", "openai"],
  ["@ai-sdk/google-vertex", "google"],
  ["@ai-sdk/google-vertex/anthropic", "anthropic"],
])

/** Under which name a package looks for the options of a model: its own, where it is one of the AI SDK's. */
const optionsKey = (npm: string, providerID: string): string => {
  if (npm === "@ai-sdk/openai-compatible") return providerID
  return optionsKeys.get(npm) ?? /^@ai-sdk\/([a-z]+)$/.exec(npm)?.[1] ?? providerID
}

const offer = (word: string, all: ReadonlyArray<string>): string => {
  const near = nearest(word, all)
  if (near.length > 0) return `; did you mean ${near.join(" or ")}?`
  const some = all.slice(0, 10).join(", ")
  return all.length === 0 ? "" : `; there is ${some}${all.length > 10 ? ` and ${all.length - 10} more` : ""}`
}

const make = ({ get, mask }: Sections["Service"]): Interface => {
  const section = get("provider")
  const providers = isObject(section.value) ? section.value : {}
  const failure = (message: string, cause?: unknown) =>
    Effect.fail(new ProviderError({ message: mask(message), ...(cause === undefined ? {} : { cause }) }))
  const modelsOf = (provider: unknown): Readonly<Record<string, unknown>> => {
    const models = isObject(provider) ? provider["models"] : undefined
    return isObject(models) ? models : {}
  }
  const all = Object.entries(providers).flatMap(([id, provider]) =>
    Object.keys(modelsOf(provider)).map((model) => `${id}/${model}`),
  )
  /** Decodes what stands at a path of the section. */
  const decode = <S extends Schema.ConstraintDecoder<unknown>>(
    schema: S,
    value: unknown,
    path: ReadonlyArray<string>,
  ): Effect.Effect<S["Type"], ProviderError> => {
    const result = Schema.decodeUnknownResult(schema)(value, { errors: "all" })
    if (Result.isSuccess(result)) return Effect.succeed(result.success)
    const said = problemsOf(result.failure.issue, value).map(
      (problem) => `${section.where([...path, ...problem.path])}: ${describe({ ...problem, path: [] })}`,
    )
    return failure(said.join("; "))
  }
  /** `or`: what can be done in place of an entry. */
  const chosen = (or: string) =>
    Effect.suspend(() => {
      const { value, where } = get("model")
      if (typeof value === "string" && value !== "") return Effect.succeed([value, where()] as const)
      if (value !== undefined) return failure(`${where()}: expected "provider/model"`)
      const [only, ...others] = all
      if (only !== undefined && others.length === 0) return Effect.succeed([only, section.where()] as const)
      return only === undefined
        ? failure(`no model is configured. Put a provider into opencode.json:\n${suggestion}`)
        : failure(`no model is chosen: put "model": ${JSON.stringify(only)} into opencode.json${or}${offer("", all)}`)
    })
  const make = Effect.fnUntraced(function* (id: string, where: string) {
    const slash = id.indexOf("/")
    if (slash < 1)
      return yield* failure(`${where}: expected "provider/model", found ${JSON.stringify(id)}${offer(id, all)}`)
    const [providerID, modelID] = [id.slice(0, slash), id.slice(slash + 1)]
    const names = Object.keys(providers)
    if (names.length === 0) {
      return yield* failure(
        `${where}: there is no provider ${JSON.stringify(providerID)}. Put it into opencode.json:\n${suggestion}`,
      )
    }
    if (!Object.hasOwn(providers, providerID)) {
      return yield* failure(`${where}: there is no provider ${JSON.stringify(providerID)}${offer(providerID, names)}`)
    }
    const unresolved = section.errors.find(({ path }) => path[0] === providerID)
    if (unresolved !== undefined) return yield* failure(unresolved.message)
    const provider = yield* decode(ProviderEntry, providers[providerID], [providerID])
    const models = provider.models ?? {}
    if (!Object.hasOwn(models, modelID)) {
      const place = section.where([providerID, "models"])
      return yield* failure(
        `${place}: there is no model ${JSON.stringify(modelID)}${offer(modelID, Object.keys(models))}`,
      )
    }
    const entry = yield* decode(ModelEntry, models[modelID], [providerID, "models", modelID])
    const npm = provider.npm ?? "@ai-sdk/openai-compatible"
    const language = yield* load({
      npm,
      providerID,
      modelID: entry.id ?? modelID,
      options: provider.options ?? {},
      where: section.where([providerID, "npm"]),
    }).pipe(Effect.catch(({ cause, message }) => failure(message, cause)))
    const { context = defaultContext, output } = entry.limit ?? {}
    const takes = new Set(entry.modalities?.input)
    const options: JSONObject | undefined = entry.options && JSON.parse(JSON.stringify(entry.options))
    return {
      providerID,
      modelID,
      npm,
      limit: { context, ...(output === undefined ? {} : { output }) },
      input: { image: takes.has("image"), audio: takes.has("audio"), pdf: takes.has("pdf") },
      language,
      ...(options === undefined ? {} : { options: { [optionsKey(npm, providerID)]: options } }),
      ...(entry.headers === undefined ? {} : { headers: entry.headers }),
    } satisfies Model
  })
  const made = new Map<string, Model>()
  return {
    mask,
    chosen: () => Effect.map(chosen(""), ([id]) => id),
    list: () => Effect.succeed(all),
    model: (id) =>
      Effect.gen(function* () {
        const [wanted, where] = id === undefined ? yield* chosen(", or give --model") : [id, "--model"]
        const known = made.get(wanted)
        if (known !== undefined) return known
        const model = yield* make(wanted, where)
        made.set(wanted, model)
        return model
      }),
  }
}

/** The providers of these sections. */
export const layer: Layer.Layer<Service, never, Sections> = Layer.effect(Service)(Effect.map(Sections, make))
