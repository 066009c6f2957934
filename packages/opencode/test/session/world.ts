/** What the tools of a session stand on, for one test: real servers, recorded, and a person who answers as told. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Permission from "../../src/permission/index.ts"
import * as Plugin from "../../src/plugin/index.ts"
import type { Model } from "../../src/provider/provider.ts"
import { resolve, type Input } from "../../src/session/tools.ts"
import * as ToolRegistry from "../../src/tool/registry.ts"
import * as Truncate from "../../src/tool/truncate.ts"
import { platform } from "../config/world.ts"
import { serving } from "../mcp/serving.ts"

/** A model that is never asked. */
export const model = (takes: Partial<Model["input"]> = {}, npm = "@ai-sdk/openai-compatible"): Model => ({
  providerID: "scripted",
  modelID: "tiny",
  npm,
  limit: { context: 128_000 },
  input: { image: true, audio: true, pdf: true, ...takes },
  language: createOpenAICompatible({ name: "scripted", baseURL: "http://127.0.0.1:9" }).chatModel("tiny"),
})

export interface Options {
  /** The section `permission`. */
  readonly permission?: unknown
  readonly answerable?: boolean
  readonly plugins?: ReadonlyArray<Plugin.Hooks>
}

/** A worktree with one file, and all that calls need. */
export const world = (servers: object, { answerable = true, permission, plugins = [] }: Options = {}) =>
  Layer.unwrap(
    Effect.map(temporaryDirectory, (root) => {
      const directory = join(root, "tree")
      mkdirSync(directory)
      writeFileSync(join(directory, "hello.txt"), "hello from the worktree\n")
      const { rules } = Permission.fromConfig(permission, "opencode.json")
      const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_DATA_HOME: join(root, "data") } }))
      return ToolRegistry.layer({ directory }).pipe(
        Layer.provideMerge(Layer.provide(Truncate.layer, environment)),
        Layer.provide(platform),
        Layer.provideMerge(Permission.layer({ rules, answerable: () => answerable })),
        Layer.provideMerge(Plugin.layer(plugins)),
        Layer.provideMerge(serving(servers)),
      )
    }),
  )

/** The tools, once every server has listed what it offers. */
export const tools = (input: Partial<Input> = {}) =>
  Effect.gen(function* () {
    yield* (yield* Mcp).settled
    return yield* resolve({
      sessionID: "ses_1",
      messageID: "msg_1",
      model: model(),
      progress: () => Effect.void,
      ...input,
    })
  })

/** What a call was rejected with. */
class CallFailed extends Data.TaggedError("CallFailed")<{ readonly message: string; readonly cause: unknown }> {}

/** A signal, and what aborts it: the AI SDK's side. */
export const aborting = () => {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

/** Calls a tool as the AI SDK does. */
export const call = (
  key: string,
  args: unknown,
  options: { readonly callID?: string; readonly signal?: AbortSignal; readonly input?: Partial<Input> } = {},
) =>
  Effect.gen(function* () {
    const { callID: toolCallId = "call_1", input, signal } = options
    const all = yield* tools(input)
    const tool = all[key]
    if (tool === undefined) return yield* Effect.die(`there is no tool ${key} among ${Object.keys(all).join(", ")}`)
    return yield* Effect.tryPromise({
      try: () =>
        tool.execute(args, { toolCallId, messages: [], ...(signal === undefined ? {} : { abortSignal: signal }) }),
      catch: (cause) => new CallFailed({ message: cause instanceof Error ? cause.message : String(cause), cause }),
    })
  })

/** Why a call fails. */
export const failure = (...args: Parameters<typeof call>) => Effect.flip(call(...args))
