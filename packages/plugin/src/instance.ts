/**
 * This client for one instance of OpenCode: the servers that it takes over, and the gateway by which OpenCode reaches
 * them. All of it lives in one Scope, and closing that leaves no process and no port behind.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Bus from "@opencode-ai/opencode/bus/index"
import { Config, type Snapshot } from "@opencode-ai/opencode/config/config"
import { seen } from "@opencode-ai/opencode/inbox/seen"
import * as McpEvent from "@opencode-ai/opencode/mcp/event"
import * as MCP from "@opencode-ai/opencode/mcp/index"
import * as Instance from "@opencode-ai/opencode/mcp/instance"
import * as Truncate from "@opencode-ai/opencode/tool/truncate"
import * as Place from "@opencode-ai/opencode/trust/page"
import { Trust } from "@opencode-ai/opencode/trust/trust"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as Answers from "./answers.ts"
import type * as Beginning from "./beginning.ts"
import { type Callers, isCaller } from "./callers.ts"
import type { Kind } from "./gateway/model.ts"
import * as Gateway from "./gateway/http.ts"
import { type Client, startedBy } from "./host.ts"
import * as Page from "./page.ts"
import type { Samples } from "./sampling.ts"
import * as SignedIn from "./signed-in.ts"
import * as Tell from "./tell.ts"

/** The options of the plugin in opencode.json, beside its name. */
export interface Options {
  /** The servers that are taken over. Default: all of them. */
  readonly servers?: ReadonlyArray<string> | undefined
  /** Whether a browser is opened at the page when a server asks. Default: true. */
  readonly open?: boolean | undefined
  /** The port of the page; another, where that is taken. Default: any that is free. */
  readonly port?: number | undefined
}

/** A server that was taken over, as OpenCode's configuration has to name it. */
export interface Taken {
  readonly name: string
  readonly enabled: boolean
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** How long a person is waited for, in milliseconds. */
const interactionTimeout = 300_000

/** The configuration as the files have it, of the servers that are wanted. */
const configLayer = (directory: string, { servers: wanted }: Options) => {
  const chosen = (snapshot: Snapshot): Snapshot => ({
    ...snapshot,
    servers: snapshot.servers.filter(({ name }) => wanted?.includes(name) ?? true),
  })
  return Layer.effect(Config)(Effect.map(Config, ({ get, reload }) => ({ get: Effect.map(get, chosen), reload }))).pipe(
    Layer.provide(Config.layer({ directory })),
  )
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  [McpEvent.ToolsChanged.type, "tools"],
  [McpEvent.PromptsChanged.type, "prompts"],
  [McpEvent.ResourcesChanged.type, "resources"],
])

const serverOf = (properties: unknown): string | undefined => {
  const named = typeof properties === "object" && properties !== null && "server" in properties
  return named && typeof properties.server === "string" ? properties.server : undefined
}

/** How many local servers are being started at the same time. */
const atOnce = 4

/** Between two looks at whether a server is still busy, in milliseconds. */
const glance = 250

/** What runs for an instance. */
export interface Started {
  readonly taken: ReadonlyArray<Taken>
  readonly page: Page.Page
}

/** The client, where each call says whose it is. */
const calledBy = (mcp: Mcp["Service"], { of }: Callers): Mcp["Service"] => ({
  ...mcp,
  callTool: (server, tool, args, options) =>
    Effect.flatMap(mcp.offered.tools, (known) => {
      const found = known.find((entry) => entry.server === server && entry.tool.name === tool)
      const request = found === undefined ? undefined : of(found.key, args ?? {})
      return mcp.callTool(server, tool, args, { ...options, ...(request === undefined ? {} : { request }) })
    }),
})

/** A line of standard error, where `opencode run` has no screen of its own. */
const print = (line: string): void => {
  const isInteractive = process.argv.includes("-i") || process.argv.includes("--interactive")
  if (startedBy(process.argv) === "run" && !isInteractive) process.stderr.write(`${line}\n`)
}

export const start = (options: {
  readonly directory: string
  readonly options: Options
  readonly client: Client
  readonly beginning: Beginning.Beginning
  readonly callers: Callers
  readonly samples: Samples
}): Effect.Effect<Started, unknown, Scope.Scope> => {
  const told = Tell.make(options.client)
  const platform = Layer.merge(NodeFileSystem.layer, NodePath.layer)
  // Not on OpenCode's screen.
  const logger = Logger.layer([
    Logger.make(({ logLevel, message }) =>
      told.log(logLevel === "Error" || logLevel === "Fatal" ? "error" : "debug", String(message)),
    ),
  ])
  const services = MCP.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        seen(Instance.client({ answers: Answers.layer(options.samples.sampling), interactionTimeout })),
        Bus.layer,
        Truncate.layer,
      ),
    ),
    Layer.provideMerge(Layer.mergeAll(configLayer(options.directory, options.options), Trust.layer())),
    Layer.provide(platform),
    Layer.provideMerge(logger),
    Layer.provide(Layer.succeed(Instance.Pace)({ atOnce, later: options.beginning.over })),
    Layer.provide(Layer.succeed(Place.Page)(Page.name)),
  )
  return Effect.gen(function* () {
    const context = yield* Layer.build(services)
    const mcp = calledBy(Context.get(context, Mcp), options.callers)
    const service = Context.get(context, MCP.Service)
    const { servers, warnings } = yield* Context.get(context, Config).get
    for (const warning of warnings) told.log("warn", warning)
    const names = servers.map(({ name }) => name)
    const { greeted } = options.beginning
    const secret = randomBytes(32).toString("base64url")
    const gateway = yield* Effect.provideContext(
      Gateway.listen({ names, secret, mcp, service, told, greeted }),
      context,
    )
    yield* Effect.provideContext(attend(gateway, told, options.client), context)
    yield* Effect.provideContext(SignedIn.watch, context)
    const page = yield* Effect.provideContext(
      Page.make({
        told,
        print,
        interactionTimeout,
        open: options.options.open ?? true,
        port: options.options.port,
        mask: service.mask,
        model: ({ request }) => {
          const model = isCaller(request) ? options.callers.model(request.sessionID) : undefined
          return model === undefined ? undefined : `${model.providerID}/${model.modelID}`
        },
      }),
      context,
    )
    const taken = servers.map(({ config, name }) => ({
      name,
      enabled: config?.enabled ?? true,
      url: gateway.url(name),
      headers: gateway.headers,
    }))
    return { taken, page }
  })
}

/** Tells OpenCode what happens, from the first event on. */
export const attend = (
  gateway: Pick<Gateway.Gateway, "changed" | "due" | "isBusy" | "renewing">,
  told: Tell.Told,
  client: Pick<Client, "mcp">,
): Effect.Effect<void, never, Bus.Service | Scope.Scope> =>
  Effect.gen(function* () {
    const bus = yield* Bus.Service
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const scope = yield* Effect.scope
    const waiting = new Set<string>()
    /** Those of which something was told while OpenCode was asked: it may know only what was before. */
    const again = new Set<string>()
    /** A handshake ends the session before it, and so its calls: it waits for them. */
    const renewOnce = (server: string) =>
      Effect.gen(function* () {
        while (gateway.isBusy(server)) yield* Effect.sleep(glance)
        again.delete(server)
        const due = yield* gateway.due(server)
        if (due === undefined) return
        told.log("info", `${server}: OpenCode is to ${due}`, { server })
        gateway.renewing.add(server)
        yield* Effect.tryPromise(() => client.mcp[due]({ path: { name: server } })).pipe(
          Effect.ignore,
          Effect.ensuring(Effect.sync(() => gateway.renewing.delete(server))),
        )
      })
    const renew = (server: string) =>
      Effect.gen(function* () {
        do yield* renewOnce(server)
        while (again.has(server))
      }).pipe(Effect.ensuring(Effect.sync(() => waiting.delete(server))))
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        bus.listen((event) => {
          Tell.event(told, event)
          const server = serverOf(event.properties)
          if (server === undefined) return
          const kind = kinds.get(event.type)
          if (kind !== undefined) gateway.changed(server, kind)
          // Of a session that followed another one nothing else is told.
          const isTold = event.type === McpEvent.StatusChanged.type || event.type === McpEvent.Logged.type
          if (!isTold && kind === undefined) return
          if (waiting.has(server)) return void again.add(server)
          waiting.add(server)
          run(Effect.forkIn(renew(server), scope))
        }),
      ),
      (stop) => Effect.sync(stop),
    )
  })
