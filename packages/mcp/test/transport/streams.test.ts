/** How often streams are opened, and where they are resumed: N4, and hazards 4 and 5. Time is TestClock's. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Http, Method, TransportLayer } from "../../src/index.ts"
import { call, handshake, initialize, initialized, opened } from "./opened.ts"

interface Seen {
  readonly method: string
  readonly lastEventId: string | undefined
  readonly session: string | undefined
  readonly body: string
  /** Milliseconds of TestClock. */
  readonly at: number
}

const sse = (...events: ReadonlyArray<string>) =>
  new Response(events.join(""), { headers: { "content-type": "text/event-stream" } })
const json = (id: unknown, result: object = {}) => Response.json({ jsonrpc: "2.0", id, result })
const event = (fields: object) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}\n`)
    .join("") + "\n"
const answer = (id: number) => ({ jsonrpc: "2.0", id, result: { content: [] } })

/** A server that is a function, so that nothing but TestClock takes time. `undefined` is the right answer. */
const fake = (respond: (seen: Seen, before: ReadonlyArray<Seen>) => Response | Promise<Response> | undefined) =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const clock = yield* TestClock.testClockWith(Effect.succeed)
    const http = Http.layerFetch((_, { body: text, headers, method }) => {
      const body = text ?? ""
      const one = {
        method,
        body,
        lastEventId: headers.get("last-event-id") ?? undefined,
        session: headers.get("mcp-session-id") ?? undefined,
        at: clock.currentTimeMillisUnsafe(),
      }
      const before = [...seen]
      seen.push(one)
      const response = respond(one, before)
      if (response !== undefined) return Promise.resolve(response)
      const { id }: { readonly id?: unknown } = body === "" ? {} : JSON.parse(body)
      if (method !== "POST") return Promise.resolve(new Response(null, { status: 405 }))
      return Promise.resolve(id === undefined ? new Response(null, { status: 202 }) : json(id))
    })
    const client = yield* opened(
      TransportLayer.streamableHttp({ url: "http://server.test/mcp" }).pipe(
        Layer.provide(AuthLayer.none),
        Layer.provide(http),
      ),
    )
    yield* handshake(client)
    /** Moves time in steps small enough for what happens in between. */
    const pass = (seconds: number) =>
      Effect.forEach(
        Array.from({ length: seconds * 20 }),
        () => Effect.andThen(settle, Effect.andThen(TestClock.adjust(50), settle)),
        { discard: true },
      )
    return { ...client, pass, gets: () => seen.filter(({ method }) => method === "GET") }
  })

/** Lets every promise that can be settled be settled. */
const settle = Effect.promise(() => new Promise<void>((done) => setImmediate(done)))

const times = (seen: ReadonlyArray<Seen>) => seen.map(({ at }) => Math.round(at / 50) * 50)

describe("the stream for what answers nothing", () => {
  it.effect("is asked for once where the server has none", () =>
    Effect.gen(function* () {
      const { gets, heard, pass } = yield* fake(() => undefined)
      yield* pass(20)
      expect(gets().length).toBe(1)
      expect(heard.warnings).toEqual([])
    }),
  )

  for (const [name, stream] of [
    ["", sse],
    [" and asks to come back at once", () => sse(event({ id: "p", retry: 0, data: "" }))],
  ] as const) {
    it.effect(`is opened at most four times in five seconds when the server closes it${name}, then ever fewer`, () =>
      Effect.gen(function* () {
        const { gets, pass } = yield* fake(({ method }) => (method === "GET" ? stream() : undefined))
        yield* pass(5)
        expect(gets().length).toBeLessThanOrEqual(4)
        yield* pass(100)
        const between = times(gets()).map((at, index, all) => at - (all[index - 1] ?? 0))
        expect(between.slice(1)).toEqual(between.slice(1).toSorted((a, b) => a - b))
        expect(gets().length).toBeLessThan(8)
      }),
    )
  }

  it.effect("is opened again after the server's retry, from the last event on", () =>
    Effect.gen(function* () {
      const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" }
      const { gets, heard, pass } = yield* fake(({ method }, before) => {
        if (method !== "GET") return undefined
        const nth = before.filter((one) => one.method === "GET").length
        return sse(event({ id: `e${nth}`, retry: 3_000, data: changed }))
      })
      yield* pass(7)
      expect(times(gets())).toEqual([0, 3_000, 6_000])
      expect(gets().map(({ lastEventId }) => lastEventId)).toEqual([undefined, "e0", "e1"])
      expect(heard.messages.slice(1)).toEqual([changed, changed, changed])
    }),
  )

  it.effect("is given up, with a warning, where the server refuses it for good, and kept where it is busy", () =>
    Effect.gen(function* () {
      const refusing = yield* fake(({ method }) => (method === "GET" ? new Response("no", { status: 400 }) : undefined))
      yield* refusing.pass(20)
      expect(refusing.gets().length).toBe(1)
      expect(refusing.heard.warnings.join()).toContain("HTTP 400: no")
      // 409: it has not noticed yet that the stream before is gone.
      for (const status of [503, 409]) {
        const busy = yield* fake(({ method }) => (method === "GET" ? new Response("", { status }) : undefined))
        yield* busy.pass(20)
        expect(busy.gets().length).toBeGreaterThan(2)
        expect(busy.heard.warnings).toEqual([])
      }
    }),
  )

  it.effect("is opened for the next session too, where that begins slowly, soon after the one before", () =>
    Effect.gen(function* () {
      const slow = yield* Deferred.make<void>()
      let sessions = 0
      const { connection, gets, heard, pass } = yield* fake(({ body, method }) => {
        if (method === "GET")
          return new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } })
        if (!body.includes(`"initialize"`)) return undefined
        sessions += 1
        const headers = { "mcp-session-id": `s${sessions}` }
        const answer = Response.json({ jsonrpc: "2.0", id: sessions, result: {} }, { headers })
        return sessions === 1 ? answer : Effect.runPromise(Effect.as(Deferred.await(slow), answer))
      })
      yield* pass(1)
      connection.send({ ...initialize, id: 2 })
      // Longer than the server has for taking the notification of the first one.
      yield* pass(2)
      yield* Deferred.succeed(slow, undefined)
      yield* pass(1)
      expect(heard.messages.length).toBe(2)
      connection.send({ ...initialized })
      yield* pass(1)
      expect(gets().map(({ session }) => session)).toEqual(["s1", "s2"])
    }),
  )
})

describe("the stream of an answer", () => {
  const isCall = ({ body }: Seen) => body.includes("tools/call")

  it.effect("that ends after an event with an id is resumed by GET, after retry, until the answer is there", () =>
    Effect.gen(function* () {
      let resumed = 0
      const { connection, gets, heard, pass, until } = yield* fake((seen) => {
        if (isCall(seen)) return sse(event({ id: "7-0", retry: 500, data: "" }))
        if (seen.lastEventId === undefined) return undefined
        resumed += 1
        return resumed < 3 ? sse(event({ id: `7-${resumed}`, data: "" })) : sse(event({ id: "7-9", data: answer(7) }))
      })
      connection.send(call(7))
      yield* pass(2)
      yield* until(({ messages }) => messages.length === 2)
      expect(heard.messages[1]).toEqual(answer(7))
      const resumptions = gets().filter(({ lastEventId }) => lastEventId !== undefined)
      expect(resumptions.map(({ lastEventId }) => lastEventId)).toEqual(["7-0", "7-1", "7-2"])
      expect(times(resumptions)).toEqual([500, 1_000, 1_500])
      yield* pass(5)
      expect(resumed).toBe(3)
    }),
  )

  it.effect("that cannot be resumed fails its request within five seconds", () =>
    Effect.gen(function* () {
      for (const [respond, tag] of [
        [() => new Response(null, { status: 405 }), "StreamEnded"],
        [() => new Response(null, { status: 404 }), "HttpStatus"],
        [() => new Response(null, { status: 502 }), "StreamEnded"],
      ] as const) {
        const { connection, heard, pass } = yield* fake((seen) =>
          isCall(seen) ? sse(event({ id: "a", data: "" })) : seen.lastEventId === undefined ? undefined : respond(),
        )
        connection.send(call(7))
        yield* pass(5)
        expect(heard.failed.map(({ error, id }) => [id, error.reason._tag])).toEqual([[7, tag]])
      }
    }),
  )

  it.effect("without an event id is not resumed: its request fails at once", () =>
    Effect.gen(function* () {
      const { connection, gets, heard, until } = yield* fake((seen) => (isCall(seen) ? sse() : undefined))
      connection.send(call(7))
      yield* until(({ failed }) => failed.length > 0)
      expect(heard.failed[0]?.error.reason._tag).toBe("StreamEnded")
      expect(gets().filter(({ lastEventId }) => lastEventId !== undefined)).toEqual([])
    }),
  )

  it.effect("is not resumed once the answer came on another stream", () =>
    Effect.gen(function* () {
      const { connection, gets, heard, pass } = yield* fake((seen, before) => {
        if (isCall(seen)) return sse(event({ id: "a", retry: 500, data: "" }))
        if (seen.method !== "GET") return undefined
        const listening = before.filter(({ lastEventId, method }) => method === "GET" && lastEventId === undefined)
        if (seen.lastEventId !== undefined) return sse()
        return listening.length === 0 ? sse() : sse(event({ data: answer(7) }))
      })
      connection.send(call(7))
      yield* pass(5)
      expect(heard.messages.slice(1, 2)).toEqual([answer(7)])
      const resumptions = () => gets().filter(({ lastEventId }) => lastEventId !== undefined).length
      const before = resumptions()
      yield* pass(10)
      expect(resumptions()).toBe(before)
      expect(heard.failed).toEqual([])
    }),
  )

  it.effect("is not resumed for a caller who has gone", () =>
    Effect.gen(function* () {
      const { connection, gets, pass } = yield* fake((seen) =>
        isCall(seen) ? sse(event({ id: "a", data: "" })) : seen.lastEventId === undefined ? undefined : sse(),
      )
      connection.send(call(7))
      yield* settle
      connection.abandoned(7)
      yield* pass(10)
      expect(gets().length).toBe(1)
    }),
  )

  it.effect("that brings nothing time after time is asked for ever less often", () =>
    Effect.gen(function* () {
      const { connection, gets, pass } = yield* fake((seen) =>
        isCall(seen) || seen.lastEventId !== undefined ? sse(event({ id: "a", retry: 10, data: "" })) : undefined,
      )
      connection.send(call(7))
      yield* pass(60)
      expect(gets().length).toBeLessThan(20)
    }),
  )

  it.live("is resumed over a real socket too, when the connection breaks in mid-event", () =>
    Effect.gen(function* () {
      const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 2, progress: 1 } }
      const heard = yield* Deferred.make<void>()
      const server = yield* rawHttp({
        on: {
          "tools/call": () => ({
            sse: [
              { id: "é✓", retry: 20, data: progress },
              { raw: 'data: {"jsonrpc"' },
              { until: Deferred.await(heard) },
              { drop: true },
            ],
          }),
        },
        get: ({ headers }) =>
          headers["last-event-id"] === undefined
            ? undefined
            : { sse: [{ id: "two", data: { jsonrpc: "2.0", id: 2, result: { content: [] } } }] },
      })
      const { session } = yield* connect({ type: "remote", url: server.url })
      yield* session.request(
        Method.callTool,
        { name: "echo", arguments: {} },
        { onProgress: () => Deferred.doneUnsafe(heard, Exit.void) },
      )
      expect(server.of("tools/call").length).toBe(1)
      expect(server.of("GET").map(({ headers }) => headers["last-event-id"])).toContain(
        Buffer.from("é✓").toString("latin1"),
      )
    }),
  )
})
