/** Servers that are started with care, beside something else that is being started. */
import { CatalogStore } from "@opencode-ai/mcp/catalog/kept"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { Recordings } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as McpEvent from "../../src/mcp/event.ts"
import * as MCP from "../../src/mcp/index.ts"
import * as Instance from "../../src/mcp/instance.ts"
import { first, serving } from "./serving.ts"

const connected = (server: string) =>
  first(McpEvent.StatusChanged, (change) => change.server === server && change.status === "connected")

it.live(
  "those that are known are offered and wait for their time, or for a call; those that are not are connected",
  () =>
    Effect.gen(function* () {
      const kept = new Map<string, unknown>()
      const store: CatalogStore = {
        load: (key) => Effect.sync(() => kept.get(key)),
        save: (key, catalog) => Effect.sync(() => kept.set(key, JSON.parse(JSON.stringify(catalog)))),
        remove: (key) => Effect.sync(() => kept.delete(key)),
      }
      const later = Deferred.makeUnsafe<void>()
      const run = (servers: object, paced: boolean) => {
        const pace = paced ? { atOnce: 1, later: Deferred.await(later) } : undefined
        return serving(servers).pipe(
          Layer.provide(Layer.merge(Layer.succeed(CatalogStore)(store), Layer.succeed(Instance.Pace)(pace))),
        )
      }
      // What is run where is what is known.
      const peer = { ...sdkV1(), cwd: process.cwd() }
      const before = Effect.flatMap(MCP.Service, (mcp) => Effect.andThen(mcp.status(), mcp.settled()))
      yield* Effect.provide(before, run({ one: peer, two: peer, off: peer }, false))
      expect(kept.size).toBe(3)

      yield* Effect.gen(function* () {
        const mcp = yield* MCP.Service
        const client = yield* Mcp
        const statuses = Effect.map(client.servers, (servers) => servers.map(({ status }) => status.status))
        const { wires } = yield* Recordings
        yield* connected("new")
        yield* mcp.settled()
        expect(yield* statuses).toEqual(["pending", "pending", "connected", "pending"])
        const keys = Object.keys(yield* mcp.tools())
        for (const server of ["one", "two", "new", "off"]) expect(keys).toContain(`${server}_echo`)
        const call = mcp.callTool("two", "echo", { message: "awake" })
        expect(yield* call).toMatchObject({ content: [{ text: "awake" }] })
        expect(yield* statuses).toEqual(["pending", "connected", "connected", "pending"])
        yield* mcp.disconnect("off")
        yield* Deferred.succeed(later, undefined)
        yield* connected("one")
        expect(yield* statuses).toEqual(["connected", "connected", "connected", "disabled"])
        expect(["one", "two", "new", "off"].map((name) => wires(name).length)).toEqual([1, 1, 1, 0])
      }).pipe(Effect.provide(run({ one: peer, two: peer, new: peer, off: peer }, true)))
    }),
)

it.live("one that does not answer keeps no other waiting for long", () =>
  Effect.provide(
    connected("near"),
    serving({ silent: rawStdio({ on: { initialize: [] } }), near: sdkV1() }).pipe(
      Layer.provide(Layer.succeed(Instance.Pace)({ atOnce: 1, later: Effect.never })),
    ),
  ),
)
