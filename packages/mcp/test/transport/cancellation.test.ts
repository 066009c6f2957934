/** A request that is given up, wherever it is on its way: what the server learns of it, and what it does not. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Auth, Http, Method, TransportLayer } from "../../src/index.ts"
import type { Message } from "../../src/protocol/jsonrpc.ts"
import { recorded, sessionOver } from "../support/session.ts"
import { call, handshake, opened } from "./opened.ts"

const kinds = { "Streamable HTTP": TransportLayer.streamableHttp, "HTTP+SSE": TransportLayer.sse } as const

const cancel = (requestId: number): Message => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
})

interface Sent {
  readonly id: unknown
  readonly method: string
  readonly signal: AbortSignal
  readonly respond: (response: Response) => void
}

/**
 * A network in memory: the handshake is answered, every other POST when the test says so. Credentials come at once until
 * `lock`, then with `unlock`; a challenge is answered with new ones as soon as `unlock` was said.
 */
const network = (transport: (typeof kinds)[keyof typeof kinds]) =>
  Effect.gen(function* () {
    const sent: Array<Sent> = []
    let tell = (_: string) => {}
    let locked = false
    const unlocked = yield* Deferred.make<void>()
    const auth = Layer.succeed(Auth)({
      current: () => (locked ? undefined : {}),
      headers: Effect.as(Deferred.await(unlocked), {}),
      challenged: () => Effect.as(Deferred.await(unlocked), true),
    })
    const stream = () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          tell = (text) => controller.enqueue(new TextEncoder().encode(text))
          tell("event: endpoint\ndata: /messages\n\n")
        },
      })
      return new Response(body, { headers: { "content-type": "text/event-stream" } })
    }
    const http = Http.layerFetch((_, { body, method, signal }) => {
      if (method !== "POST") {
        return Promise.resolve(transport === TransportLayer.sse ? stream() : new Response(null, { status: 405 }))
      }
      const message: { readonly id?: unknown; readonly method: string } = JSON.parse(body ?? "")
      if (message.method === "initialize") {
        const answer = { jsonrpc: "2.0", id: message.id, result: {} }
        if (transport === TransportLayer.streamableHttp) return Promise.resolve(Response.json(answer))
        tell(`data: ${JSON.stringify(answer)}\n\n`)
        return Promise.resolve(new Response(null, { status: 202 }))
      }
      return new Promise((respond) => sent.push({ id: message.id, method: message.method, signal, respond }))
    })
    const client = yield* opened(
      transport({ url: "http://server.test/mcp" }).pipe(Layer.provide(auth), Layer.provide(http)),
    )
    yield* handshake(client)
    const of = (id: number) => sent.filter((one) => one.id === id)
    return {
      ...client,
      sent,
      of,
      /** The server has taken `notifications/initialized`. */
      ready: Effect.andThen(
        Effect.sync(() => sent.shift()?.respond(new Response(null, { status: 202 }))),
        turns,
      ),
      lock: () => {
        locked = true
      },
      unlock: Effect.andThen(Deferred.succeed(unlocked, undefined), turns),
    }
  })

/** Lets everything happen that waits for nothing but its turn. */
const turns = Effect.gen(function* () {
  for (let turn = 0; turn < 20; turn++) yield* Effect.promise(() => new Promise((done) => setImmediate(done)))
})

const accepted = () => new Response(null, { status: 202 })

for (const [name, transport] of Object.entries(kinds)) {
  describe(`a request that is given up over ${name}`, () => {
    it.live("is taken back where it waits for the handshake to be over", () =>
      Effect.gen(function* () {
        const { connection, of, ready } = yield* network(transport)
        connection.send(call(7))
        connection.send(call(8))
        expect(connection.abandoned(7)).toBe(false)
        yield* ready
        expect([of(7).length, of(8).length]).toEqual([0, 1])
      }),
    )

    it.live("is taken back where it waits for credentials", () =>
      Effect.gen(function* () {
        const { connection, heard, lock, of, ready, unlock } = yield* network(transport)
        yield* ready
        lock()
        connection.send(call(7))
        connection.send(call(8))
        yield* turns
        expect(connection.abandoned(7)).toBe(false)
        yield* unlock
        expect([of(7).length, of(8).length]).toEqual([0, 1])
        expect(heard.failed).toEqual([])
      }),
    )

    it.live("is taken back where the server refused it and new credentials are on their way", () =>
      Effect.gen(function* () {
        const { connection, of, ready, unlock } = yield* network(transport)
        yield* ready
        connection.send(call(7))
        of(7)[0]?.respond(new Response("", { status: 401 }))
        yield* turns
        expect(connection.abandoned(7)).toBe(false)
        yield* unlock
        expect(of(7).length).toBe(1)
      }),
    )

    it.live("is not asked for once more where the server refuses it afterwards", () =>
      Effect.gen(function* () {
        const { connection, heard, of, ready, unlock } = yield* network(transport)
        yield* ready
        connection.send(call(7))
        expect(connection.abandoned(7)).toBe(true)
        yield* unlock
        of(7)[0]?.respond(new Response("", { status: 401 }))
        yield* turns
        expect(of(7).length).toBe(1)
        expect(heard.failed).toEqual([])
      }),
    )

    it.live("goes on to the server until that has taken the cancellation", () =>
      Effect.gen(function* () {
        const { connection, heard, of, ready, sent } = yield* network(transport)
        yield* ready
        connection.send(call(7))
        connection.send(call(8))
        expect(connection.abandoned(7)).toBe(true)
        connection.send(cancel(7))
        yield* turns
        expect(sent.map(({ id, method }) => id ?? method)).toEqual([7, 8, "notifications/cancelled"])
        expect(of(7)[0]?.signal.aborted).toBe(false)
        sent.at(-1)?.respond(accepted())
        yield* turns
        expect([of(7)[0]?.signal.aborted, of(8)[0]?.signal.aborted]).toEqual([true, false])
        expect(heard.failed).toEqual([])
      }),
    )

    it.live("is closed all the same where the server takes no cancellation", () =>
      Effect.gen(function* () {
        const { connection, of, ready } = yield* network(transport)
        yield* ready
        connection.send(call(7))
        expect(connection.abandoned(7)).toBe(true)
        connection.send(cancel(7))
        const { signal } = of(7)[0] ?? { signal: AbortSignal.abort() }
        expect(signal.aborted).toBe(false)
        yield* Effect.callback<void>((resume) => {
          signal.addEventListener("abort", () => resume(Effect.void), { once: true })
        })
      }),
    )

    it.live("was never sent where the connection had not begun", () =>
      Effect.gen(function* () {
        const { connection } = yield* network(transport)
        expect(connection.abandoned(99)).toBe(transport === TransportLayer.sse)
      }),
    )
  })
}

describe("a call that is interrupted", () => {
  it.live("at once, while others are answered, is never cancelled without having been asked for", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp()
      const { session } = yield* connect({ type: "remote", url: server.url })
      for (let round = 0; round < 20; round++) {
        const calls = yield* Effect.forEach(["a", "b", "c"], (name) =>
          Effect.forkChild(session.request(Method.callTool, { name: "echo", arguments: { name } }), {
            startImmediately: true,
          }),
        )
        yield* Effect.forEach(calls.slice(1), (fiber) => Fiber.interrupt(fiber))
        yield* Effect.forEach(calls.slice(0, 1), (fiber) => Fiber.join(fiber))
      }
      const cancelled = server.of("notifications/cancelled")
      // The last ones are still on their way.
      yield* session.request(Method.ping, {})
      const asked = new Set<unknown>(server.of("tools/call").map(({ rpc }) => rpc.id))
      for (const { rpc } of cancelled) expect(asked.has(rpc.params?.["requestId"])).toBe(true)
      expect(cancelled.length).toBeGreaterThan(0)
    }),
  )

  it.live("while its credentials are got is not told to the server", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp()
      const asked = yield* Deferred.make<void>()
      const auth = yield* Deferred.make<void>()
      let locked = false
      const layer = TransportLayer.streamableHttp({ url: server.url }).pipe(
        Layer.provide(
          Layer.succeed(Auth)({
            current: () => (locked ? undefined : {}),
            headers: Effect.andThen(Deferred.succeed(asked, undefined), Effect.as(Deferred.await(auth), {})),
            challenged: () => Effect.succeed(false),
          }),
        ),
      )
      const { session } = yield* sessionOver((yield* recorded(layer)).transport)
      yield* session.request(Method.ping, {})
      locked = true
      const fiber = yield* Effect.forkChild(session.request(Method.callTool, { name: "echo", arguments: {} }))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(auth, undefined)
      yield* session.request(Method.ping, {})
      expect(server.of("tools/call")).toEqual([])
      expect(server.of("notifications/cancelled")).toEqual([])
    }),
  )
})
