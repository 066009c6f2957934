/** This client, through its public exports: the service with every server in it, as a host has it. */
import type { LocalServer, RemoteServer, ServerConfig } from "@opencode-ai/mcp/config"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { check, type Command, type Connection, loadPromises, type Offer, type Subject } from "../subject.ts"

const scope = Effect.runSync(Scope.make("parallel"))
const mcp = Context.get(
  await Effect.runPromise(Layer.buildWithScope(Mcp.layer({ directory: process.cwd() }), scope)),
  Mcp,
)

const connectionTo = (server: string): Connection => {
  const call = (value: number) => mcp.callTool(server, "echo", { value })
  const promises = loadPromises((value, signal) =>
    Effect.runPromise(call(value), signal === undefined ? undefined : { signal }),
  )
  const fibres: Connection["load"] = ({ calls, inflight }) => {
    let left = calls
    const caller = Effect.gen(function* () {
      while (left > 0) check(yield* call(left--))
    })
    return Effect.runPromise(
      Effect.forEach(Array.from({ length: inflight }), () => caller, { concurrency: "unbounded", discard: true }),
    )
  }
  const listAnew = Effect.gen(function* () {
    const connection = yield* mcp.connection(server)
    yield* connection.live()?.catalog.tools.refresh ?? Effect.die(new Error("not connected"))
    return yield* mcp.tools(server)
  })
  return {
    load: (options) => (options.way === "fibres" ? fibres(options) : promises(options)),
    listTools: () => Effect.runPromise(listAnew),
    close: () => Effect.runPromise(mcp.remove(server)),
  }
}

/** What an entry without options decodes to: reading configuration is the host's part, and not measured here. */
const common = (name: string) => ({
  name,
  enabled: true,
  timeout: { startup: 30_000, catalog: 30_000, execution: 300_000 },
  roots: "auto" as const,
  trusted: false,
  tools: { allow: ["*"], deny: [] },
  sampling: { approve: "ask" as const, requestsPerMinute: 10, tokensPerHour: 100_000 },
  limits: { message: 64 << 20, event: 64 << 20, body: 64 << 20, stderr: 1 << 20 },
})

const local = (name: string, { args, command }: Command): LocalServer => ({
  type: "local",
  ...common(name),
  protocol: "legacy",
  command: [command, ...args],
  environment: new Map(),
  inheritEnvironment: true,
  shared: false,
})

const remote = (name: string, url: string): RemoteServer => ({
  type: "remote",
  ...common(name),
  protocol: "auto",
  url: new URL(url),
  headers: new Map(),
  oauth: false,
})

let added = 0
const add = (entry: (name: string) => ServerConfig): Effect.Effect<string> =>
  Effect.gen(function* () {
    const name = `raw${added++}`
    const status = yield* mcp.add(entry(name))
    return status.status === "connected" ? name : yield* Effect.die(new Error(JSON.stringify(status)))
  })

const all = (entries: ReadonlyArray<(name: string) => ServerConfig>): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(Effect.forEach(entries, add, { concurrency: "unbounded" }))

export const subject: Subject & Offer = {
  stdio: async (servers) => {
    const names = await all(servers.map((server) => (name) => local(name, server)))
    return names.map(connectionTo)
  },
  http: async (url) => {
    const [server] = await all([(name) => remote(name, url)])
    return connectionTo(server ?? "")
  },
  offer: async (urls) => {
    await all(urls.map((url) => (name) => remote(name, url)))
    return {
      tools: () => Effect.runPromise(Effect.map(mcp.tools(), (tools) => tools.length)),
      close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
    }
  },
  keeping: async (cache) => {
    // No other row loads what this one needs.
    const [store, NodeServices, ConfigProvider] = await Promise.all([
      import("@opencode-ai/opencode/catalog/store"),
      import("@effect/platform-node/NodeServices"),
      import("effect/ConfigProvider"),
    ])
    const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_CACHE_HOME: cache } }))
    const layer = Mcp.layer({ directory: process.cwd() }).pipe(
      Layer.provide(Layer.provide(store.layer, Layer.merge(NodeServices.layer, environment))),
    )
    const own = Effect.runSync(Scope.make("parallel"))
    let kept: Mcp["Service"] | undefined
    const count = (list: (mcp: Mcp["Service"]) => Effect.Effect<ReadonlyArray<unknown>, unknown>) =>
      kept === undefined ? Promise.resolve(0) : Effect.runPromise(Effect.map(list(kept), (tools) => tools.length))
    return {
      offered: async (servers) => {
        kept = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, own)), Mcp)
        for (const [at, server] of servers.entries()) Effect.runFork(kept.add(local(`raw${at}`, server)))
        return count((mcp) => mcp.offered.tools)
      },
      settled: () => count((mcp) => Effect.andThen(mcp.settled, mcp.tools())),
      close: () => Effect.runPromise(Scope.close(own, Exit.void)),
    }
  },
}
