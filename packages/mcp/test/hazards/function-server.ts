/** A server over HTTP that is a function, under the whole client: nothing but TestClock takes time. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { config, testMcp } from "@opencode-ai/testing/client"
import { type Rpc, standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import { Assembly, Http, Mcp, TransportLayer } from "../../src/index.ts"

export interface Seen {
  readonly method: string
  readonly lastEventId: string | undefined
  readonly rpc: Rpc
  /** Milliseconds of TestClock. */
  readonly at: number
}

/** A stream of events that ends after them. */
export const stream = (...events: ReadonlyArray<string>) =>
  new Response(events.join(""), { headers: { "content-type": "text/event-stream" } })

/** Lets every promise that can be settled be settled. */
const settle = Effect.promise(() => new Promise<void>((done) => setImmediate(done)))

/** The service, connected to it as `a`. `undefined` is the right answer; `before` are the requests of the same kind before. */
export const functionServer = Effect.fnUntraced(function* (
  respond: (seen: Seen, before: number) => Response | undefined,
) {
  const clock = yield* TestClock.testClockWith(Effect.succeed)
  const seen: Array<Seen> = []
  const of = (method: string) => seen.filter((one) => one.method === method || one.rpc.method === method)
  const http = Http.layerFetch((_, { body, headers, method }) => {
    const rpc: Rpc = JSON.parse(typeof body === "string" ? body : "{}")
    const one = {
      method,
      rpc,
      lastEventId: headers.get("last-event-id") ?? undefined,
      at: clock.currentTimeMillisUnsafe(),
    }
    const before = of(rpc.method ?? method).length
    seen.push(one)
    const own = respond(one, before)
    if (own !== undefined) return Promise.resolve(own)
    if (method !== "POST") return Promise.resolve(new Response(null, { status: 405 }))
    if (rpc.id === undefined) return Promise.resolve(new Response(null, { status: 202 }))
    return Promise.resolve(Response.json(standardAnswer({}, rpc)))
  })
  const assembly = Layer.effect(Assembly)(
    Effect.map(Assembly, ({ auth, capabilities, session }) => ({
      auth,
      capabilities,
      session,
      transport: () => Layer.provide(TransportLayer.remote({ url: "http://server.test/mcp" }), http),
    })),
  )
  const context = yield* Layer.buildWithScope(Layer.provide(testMcp(), assembly), yield* Effect.scope)
  const mcp = Context.get(context, Mcp)
  yield* mcp.add(config("a", { type: "remote", url: "http://server.test/mcp" }))
  yield* mcp.settled
  /** Moves time in steps small enough for what happens in between. */
  const pass = (seconds: number) =>
    Effect.forEach(
      Array.from({ length: seconds * 20 }),
      () => Effect.andThen(settle, Effect.andThen(TestClock.adjust(50), settle)),
      { discard: true },
    )
  return { mcp, of, pass }
})
