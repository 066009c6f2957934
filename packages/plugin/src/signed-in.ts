/** A sign-in that another program has kept (`opencode mcp auth`) is noticed by the servers that wait for one. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Bus from "@opencode-ai/opencode/bus/index"
import * as Credentials from "@opencode-ai/opencode/mcp/credentials"
import * as McpEvent from "@opencode-ai/opencode/mcp/event"
import * as MCP from "@opencode-ai/opencode/mcp/index"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import { readFileSync } from "node:fs"

/** Between two looks at the file, while there is somebody who waits. */
const glance = "1 second"

/** What is kept of a server; `undefined` also where the file cannot be read, which another may be writing. */
const keptOf = (server: string): Effect.Effect<string | undefined> =>
  Effect.try({
    try: () => {
      const all: unknown = JSON.parse(readFileSync(Credentials.path(), "utf8"))
      const entry = isObject(all) ? all[server] : undefined
      return isObject(entry) ? JSON.stringify(entry["tokens"]) : undefined
    },
    catch: () => undefined,
  }).pipe(Effect.orElseSucceed(() => undefined))

/** Connects, as long as the Scope, whoever waits for a sign-in once another is kept. */
export const watch = Effect.gen(function* () {
  const bus = yield* Bus.Service
  const mcp = yield* Mcp
  const service = yield* MCP.Service
  const run = yield* FiberMap.runtime(yield* FiberMap.make<string>())()
  const waits = (server: string) =>
    Effect.map(mcp.servers, (all) => all.some(({ name, status }) => name === server && status.status === "needs_auth"))
  const wait = (server: string) =>
    Effect.gen(function* () {
      let before = yield* keptOf(server)
      while (yield* waits(server)) {
        yield* Effect.sleep(glance)
        const now = yield* keptOf(server)
        if (now === undefined || now === before) continue
        before = now
        yield* Effect.ignore(service.connect(server))
      }
    })
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      bus.listen(({ properties, type }) => {
        if (type !== McpEvent.StatusChanged.type || !isObject(properties)) return
        const { server, status } = properties
        if (typeof server === "string" && status === "needs_auth") run(server, wait(server), { onlyIfMissing: true })
      }),
    ),
    (stop) => Effect.sync(stop),
  )
})
