/** A Streamable HTTP server that is a function, so that nothing but TestClock takes time. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import { AuthLayer, Http, TransportLayer } from "../../src/index.ts"

/** A request as it arrived. */
export interface Seen {
  readonly http: string
  /** The method of the JSON-RPC message; empty where there is none. */
  readonly method: string
  readonly id: unknown
  readonly headers: Headers
  /** How many with the same methods came before. */
  readonly nth: number
  /** In milliseconds of TestClock. */
  readonly at: number
}

/** `respond` gives a response, an error that the network makes of it, or `undefined` for what is right. */
export const answering = (respond: (seen: Seen) => Response | Error | undefined) =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const clock = yield* TestClock.testClockWith(Effect.succeed)
    const http = Http.layerFetch((_, { body, headers, method: http }) => {
      const rpc: { readonly id?: string | number; readonly method?: string; readonly params?: {} } =
        body === null ? {} : JSON.parse(body)
      const method = rpc.method ?? ""
      const nth = seen.filter((one) => one.http === http && one.method === method).length
      const one = { http, method, id: rpc.id, headers, nth, at: clock.currentTimeMillisUnsafe() }
      seen.push(one)
      const response = respond(one)
      if (response instanceof Error) return Promise.reject(response)
      if (response !== undefined) return Promise.resolve(response)
      if (http !== "POST") return Promise.resolve(new Response(null, { status: 405 }))
      if (rpc.id === undefined || rpc.method === undefined) return Promise.resolve(new Response(null, { status: 202 }))
      return Promise.resolve(Response.json(standardAnswer({}, rpc)))
    })
    const transport = TransportLayer.remote({ url: "http://server.test/mcp" }).pipe(
      Layer.provide(AuthLayer.none),
      Layer.provide(http),
    )
    /** Lets every promise that can be settled be settled. */
    const settle = Effect.promise(() => new Promise<void>((done) => setImmediate(done)))
    return {
      transport,
      seen,
      of: (method: string) => seen.filter((one) => one.method === method || one.http === method),
      /** Moves time in steps small enough for what happens in between. */
      pass: (seconds: number) =>
        Effect.forEach(
          Array.from({ length: seconds * 20 }),
          () => Effect.andThen(settle, Effect.andThen(TestClock.adjust(50), settle)),
          { discard: true },
        ),
      settle: Effect.andThen(settle, settle),
    }
  })
