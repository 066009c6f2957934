/** This client, through its public exports: the service with every server in it, as a host has it. */
import { Config, Mcp } from "@opencode-ai/mcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { check, type Connection, loadPromises, type Offer, type Subject } from "../subject.ts"

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

let added = 0
const add = (entry: unknown): Effect.Effect<string> =>
  Effect.gen(function* () {
    const name = `raw${added++}`
    const { config } = Config.decode(name, entry)
    if (config === undefined) return yield* Effect.die(new Error("not a server's entry"))
    const status = yield* mcp.add(config)
    return status.status === "connected" ? name : yield* Effect.die(new Error(JSON.stringify(status)))
  })

const all = (entries: ReadonlyArray<unknown>): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(Effect.forEach(entries, add, { concurrency: "unbounded" }))

export const subject: Subject & Offer = {
  stdio: async (servers) => {
    const entries = servers.map(({ command, args }) => ({ type: "local", command: [command, ...args] }))
    return (await all(entries)).map(connectionTo)
  },
  http: async (url) => {
    const [server] = await all([{ type: "remote", url }])
    return connectionTo(server ?? "")
  },
  offer: async (urls) => {
    await all(urls.map((url) => ({ type: "remote", url })))
    return {
      tools: () => Effect.runPromise(Effect.map(mcp.tools(), (tools) => tools.length)),
      close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
    }
  },
}
