import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { config } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Assembly, Mcp, TransportLayer } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"

/** How long a server takes to go, in milliseconds. */
const slowness = 3_000

/** A service whose one server takes its time to go. */
const slow = () => {
  const seen = { running: 0, most: 0, end: () => {} }
  const transport = TransportLayer.inMemory((client) =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          seen.running += 1
          seen.most = Math.max(seen.most, seen.running)
          seen.end = client.end
        }),
        () =>
          Effect.andThen(
            Effect.sleep(slowness),
            Effect.sync(() => (seen.running -= 1)),
          ),
      )
      return (message) => {
        if (!("id" in message) || !("method" in message)) return
        const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "slow", version: "1" } }
        client.send({ jsonrpc: "2.0", id: message.id, result })
      }
    }),
  )
  const assembly = Layer.effect(Assembly)(
    Effect.map(Assembly, ({ auth, capabilities, session }) => ({
      auth,
      capabilities,
      session,
      transport: () => transport,
    })),
  )
  return { seen, layer: Mcp.layer({ directory: "/" }).pipe(Layer.provide(assembly)) }
}

const entry = config("peer", { type: "local", command: ["slow"] })

describe("a server that is brought back", () => {
  const { layer, seen } = slow()
  it.effect(
    "after it ended by itself, does not run beside what is left of the first; disconnecting waits for that",
    () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        expect((yield* mcp.add(entry)).status).toBe("connected")
        seen.end()
        yield* Effect.yieldNow
        expect((yield* mcp.servers)[0]?.status).toMatchObject({ status: "pending", attempt: 1 })
        const again = yield* start(mcp.connect("peer"))
        expect(seen.most).toBe(1)
        yield* TestClock.adjust(slowness)
        expect(yield* Fiber.join(again)).toEqual({ status: "connected" })
        seen.end()
        yield* Effect.yieldNow
        const disconnected = yield* start(mcp.disconnect("peer"))
        expect(disconnected.pollUnsafe()).toBe(undefined)
        yield* TestClock.adjust(slowness)
        expect(yield* Fiber.join(disconnected)).toEqual({ status: "disabled" })
        expect(seen.running).toBe(0)
      }).pipe(Effect.provide(layer)),
  )
})

describe("the end of the service", () => {
  it.effect.each([0, 1, 2, 3, 10])("resumes who waits for a server, %s turns after it began to connect", (turns) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const silent = TransportLayer.inMemory(() => Effect.succeed(() => undefined))
      const assembly = Layer.effect(Assembly)(
        Effect.map(Assembly, ({ auth, capabilities, session }) => ({
          auth,
          capabilities,
          session,
          transport: () => silent,
        })),
      )
      const mcp = Context.get(
        yield* Layer.buildWithScope(Mcp.layer({ directory: "/" }).pipe(Layer.provide(assembly)), scope),
        Mcp,
      )
      const failures: Array<string> = []
      mcp.listen((event) => {
        if (event.type === "mcp.status.changed" && event.data.error !== undefined) failures.push(event.data.error)
      })
      const added = yield* start(mcp.add(entry))
      const listed = yield* start(failure(mcp.tools("peer")))
      for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(added)).toEqual({ status: "disabled" })
      expect((yield* Fiber.join(listed)).message).toContain("not connected")
      expect(failures).toEqual([])
    }),
  )
})
