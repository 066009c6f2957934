/** Providers of the AI SDK, from the package that the configuration names. */
import type { LanguageModelV3 } from "@ai-sdk/provider"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import { createRequire } from "node:module"
import { dirname, isAbsolute, join } from "node:path"
import { pathToFileURL } from "node:url"
import { ProviderError } from "./provider.ts"

export interface Wanted {
  readonly npm: string
  readonly providerID: string
  /** As the provider calls it. */
  readonly modelID: string
  readonly options: Readonly<Record<string, unknown>>
  /** Where `npm` stands: `<file>: provider.x.npm`. */
  readonly where: string
}

const bundled = "@ai-sdk/openai-compatible"
const packageName = /^(?:@[\w.~-]+\/)?[\w.~-]+(?:\/[\w.~-]+)*$/

/** The package's module: our own, or what is installed beside the configuration, or where the person works. */
const imported = ({ npm, where }: Wanted): Effect.Effect<object, ProviderError> =>
  Effect.gen(function* () {
    if (npm === bundled) return yield* Effect.promise(() => import("@ai-sdk/openai-compatible"))
    if (!packageName.test(npm) || npm.startsWith(".")) {
      return yield* new ProviderError({
        message: `${where}: expected the name of a package, found ${JSON.stringify(npm)}`,
      })
    }
    const file = where.slice(0, where.lastIndexOf(": "))
    const beside = isAbsolute(file) ? dirname(file) : process.cwd()
    const places = [beside, process.cwd()].map((folder) => pathToFileURL(join(folder, "opencode.json")).href)
    for (const place of [...places, import.meta.url]) {
      const found = yield* Effect.option(Effect.try({ try: () => createRequire(place).resolve(npm), catch: () => "" }))
      if (found._tag === "None") continue
      return yield* Effect.tryPromise({
        // What an installed package is made of is not known here.
        try: (): Promise<object> => import(pathToFileURL(found.value).href),
        catch: (cause) => new ProviderError({ message: `${where}: ${npm} cannot be loaded: ${said(cause)}`, cause }),
      })
    }
    return yield* new ProviderError({
      message: `${where}: the package ${npm} is not installed; run: npm install --prefix ${beside} ${npm}`,
    })
  })

const said = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isFunction = (value: unknown): value is (...args: ReadonlyArray<unknown>) => unknown =>
  typeof value === "function"

/** What every package of the AI SDK has: a function whose name begins so. */
const constructorOf = (module: object) =>
  Object.entries(module).find(
    (pair): pair is [string, (...args: ReadonlyArray<unknown>) => unknown] =>
      pair[0].startsWith("create") && isFunction(pair[1]),
  )?.[1]

const isModel = (value: unknown): value is LanguageModelV3 =>
  isObject(value) && value["specificationVersion"] === "v3" && isFunction(value["doStream"])

/** Loads a model. Nothing is asked of the provider yet. */
export const load = Effect.fnUntraced(function* (wanted: Wanted) {
  const { modelID, npm, options, providerID, where } = wanted
  const fail = (what: string, cause?: unknown) =>
    new ProviderError({ message: `${where}: ${what}`, ...(cause === undefined ? {} : { cause }) })
  const create = constructorOf(yield* imported(wanted))
  if (create === undefined) return yield* fail(`${npm} is no provider of the AI SDK: it has no function create…`)
  if (npm === bundled && typeof options["baseURL"] !== "string") {
    const place = where.replace(/npm$/, "options.baseURL")
    return yield* new ProviderError({
      message: `${place}: expected the URL of the provider, such as "https://api.example.com/v1"`,
    })
  }
  const model = yield* Effect.try({
    try: () => {
      const provider = create({ name: providerID, ...(npm === bundled ? { includeUsage: true } : {}), ...options })
      const of = isFunction(provider) || isObject(provider) ? Object(provider).languageModel : undefined
      return isFunction(of) ? of.call(provider, modelID) : isFunction(provider) ? provider(modelID) : undefined
    },
    catch: (cause) => fail(`${npm} gives no model ${JSON.stringify(modelID)}: ${said(cause)}`, cause),
  })
  if (!isModel(model)) return yield* fail(`${npm} is not of AI SDK 6: its models are not of version v3`)
  return model
})
