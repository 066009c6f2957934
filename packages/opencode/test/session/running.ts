/** A session of one test: a model that answers by a script, real servers, and everything that the bus said. */
import { recordings } from "@opencode-ai/testing/client"
import { modelPeer, type ModelRequest, type ModelStep } from "@opencode-ai/testing/peers/model"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Bus from "../../src/bus/index.ts"
import { Config } from "../../src/config/config.ts"
import * as Instance from "../../src/session/instance.ts"
import { Trust } from "../../src/trust/trust.ts"
import { platform } from "../config/world.ts"

export interface Setting {
  /** The `mcp` section; a function of the directory where files can be. */
  readonly servers?: object | ((directory: string) => object)
  readonly permission?: unknown
  readonly experimental?: unknown
  /** What the model takes besides text. */
  readonly input?: ReadonlyArray<"image" | "audio" | "pdf">
  /** Beside the scripted one. */
  readonly providers?: object
  readonly script: ReadonlyArray<ModelStep>
  readonly options?: Partial<Instance.Options>
}

/** Everything around one session; to be provided with `layer`. */
export const world = Effect.fnUntraced(function* (setting: Setting) {
  const directory = realpathSync(yield* temporaryDirectory)
  const { experimental, input = [], options = {}, permission, providers, script, servers = {} } = setting
  const model = yield* modelPeer(script)
  const file = join(directory, "opencode.json")
  const own = model.config({ modalities: { input: ["text", ...input] } })
  const section = {
    ...own,
    provider: { ...own.provider, ...providers },
    mcp: typeof servers === "function" ? servers(directory) : servers,
    ...(permission === undefined ? {} : { permission }),
    ...(experimental === undefined ? {} : { experimental }),
  }
  writeFileSync(file, JSON.stringify(section))
  const environment = ConfigProvider.fromEnv({ env: { HOME: directory, XDG_DATA_HOME: join(directory, "data") } })
  const instance = Layer.unwrap(
    Effect.map(
      Effect.flatMap(Config, (config) => config.get),
      (snapshot) => Instance.layer({ snapshot, trusted: true, ...options }),
    ),
  )
  const layer = instance.pipe(
    Layer.provideMerge(recordings),
    Layer.provideMerge(Layer.mergeAll(Config.layer({ config: file, directory }), Trust.layer({ all: true }))),
    Layer.provide(platform),
    Layer.provide(ConfigProvider.layer(environment)),
  )
  return { directory, model, layer }
})

/** Keeps every event of the bus, from the first on. */
export const heard = Effect.gen(function* () {
  const bus = yield* Bus.Service
  const events: Array<Bus.Payload> = []
  const waiting = new Set<() => void>()
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      bus.listen((event) => {
        events.push(event)
        for (const look of [...waiting]) look()
      }),
    ),
    (stop) => Effect.sync(stop),
  )
  /** The first event of a kind that fits, past or to come. */
  const first = <D extends Bus.Definition>(
    definition: D,
    fits: (properties: D["properties"]["Type"]) => boolean = () => true,
  ): Effect.Effect<D["properties"]["Type"]> =>
    Effect.callback((resume) => {
      const look = () => {
        const found = events.find(({ properties, type }) => type === definition.type && fits(properties))
        if (found === undefined) return
        waiting.delete(look)
        resume(Effect.succeed(found.properties))
      }
      waiting.add(look)
      look()
      return Effect.sync(() => waiting.delete(look))
    })
  const of = <D extends Bus.Definition>({ type }: D): ReadonlyArray<D["properties"]["Type"]> =>
    events.filter((event) => event.type === type).map(({ properties }) => properties)
  return { events, first, of }
})

/** A request as a test reads it: its tools by name. */
export const told = ({ body: { tools = [], ...body } }: ModelRequest) => ({
  ...body,
  tools: tools.map((tool) => tool.function.name),
})

/** What every request has, beside its messages and tools. */
export const common = {
  model: "tiny",
  max_tokens: 8_192,
  stream: true,
  stream_options: { include_usage: true },
  tool_choice: "auto",
}

/** The calls of an answer as the next request has them. */
export const calls = (
  text: string | null,
  ...all: ReadonlyArray<readonly [id: string, tool: string, args: object]>
) => ({
  role: "assistant",
  content: text,
  tool_calls: all.map(([id, name, args]) => ({
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  })),
})

export const result = (tool_call_id: string, content: string) => ({ role: "tool", tool_call_id, content })
