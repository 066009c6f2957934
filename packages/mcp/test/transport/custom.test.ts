/** Transports of a plugin author's: the example of the documentation, and what a custom one may do wrong. */
import { createServer } from "node:net"
import { createInterface } from "node:readline"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { tcp } from "@opencode-ai/examples/custom-transport"
import { it } from "@opencode-ai/testing/effect"
import { standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import { Recorder, recorded } from "@opencode-ai/testing/recorder"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, Method, Session, SessionLayer, TransportLayer } from "../../src/index.ts"
import type { Message } from "../../src/protocol/jsonrpc.ts"
import { call, opened } from "./opened.ts"

/** A server that speaks lines over TCP; closes with the Scope. */
const lineServer = Effect.gen(function* () {
  const sockets = new Set<{ readonly destroy: () => unknown }>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    createInterface({ input: socket }).on("line", (line) => {
      const message: { readonly id?: number } = JSON.parse(line)
      if (message.id !== undefined) socket.write(`${JSON.stringify(standardAnswer({}, message))}\n`)
    })
  })
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
  const hangUp = Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  const close = Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  yield* Effect.addFinalizer(() => Effect.andThen(hangUp, close))
  return { port, sockets, hangUp }
})

describe("a custom transport", () => {
  it.live("of twenty lines carries a session over a socket, and ends with it", () =>
    Effect.gen(function* () {
      const { hangUp, port } = yield* lineServer
      const layer = SessionLayer.make({ server: "lines" }).pipe(
        Layer.provideMerge(recorded(tcp(port))),
        Layer.provide(CapabilityLayer.none),
      )
      yield* Effect.gen(function* () {
        const session = yield* Session
        expect(session.transport).toBe("tcp")
        const { content } = yield* session.request(Method.callTool, { name: "echo", arguments: { a: "✓" } })
        expect(JSON.stringify(content)).toContain("✓")
        const { problems } = yield* Recorder
        expect(problems).toEqual([])
        yield* hangUp
        expect((yield* Effect.flip(session.ended)).reason._tag).toBe("CustomEnded")
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("closes what it opened with the Scope", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* lineServer
      yield* Effect.scoped(opened(tcp(port)))
      yield* Effect.repeat(Effect.yieldNow, { until: () => sockets.size === 0 })
    }),
  )

  it.live("that cannot be opened fails with its own error", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(lineServer)
      const error = yield* Effect.flip(Effect.scoped(opened(tcp(port))))
      expect(error.reason._tag).toBe("CustomEnded")
    }),
  )

  class Broken extends Data.TaggedError("Broken")<{ readonly detail: string }> {
    override get message() {
      return this.detail
    }
  }

  it.live("loses a message that it cannot send, and sends the next", () =>
    Effect.gen(function* () {
      const sent = yield* Deferred.make<Message>()
      const { connection, heard, until } = yield* opened(
        TransportLayer.custom({
          kind: "moody",
          open: Effect.succeed({
            send: (message) =>
              "id" in message && message.id === 1
                ? Effect.fail(new Broken({ detail: "not today" }))
                : Effect.asVoid(Deferred.succeed(sent, message)),
            messages: Stream.never,
          }),
        }),
      )
      connection.send(call(1))
      connection.send(call(2))
      yield* until(({ failed }) => failed.length > 0)
      expect(yield* Deferred.await(sent)).toMatchObject({ id: 2 })
      expect(heard.failed).toMatchObject([{ id: 1 }])
      expect(heard.failed[0]?.error.message).toBe("not today")
      expect(heard.ended).toEqual([])
    }),
  )

  it.live("refuses messages while too many wait, and says when there is room", () =>
    Effect.gen(function* () {
      const taken = yield* Queue.unbounded<Message>()
      const gate = yield* Queue.unbounded<void>()
      const { connection, until } = yield* opened(
        TransportLayer.custom({
          kind: "slow",
          open: Effect.succeed({
            send: (message) => Effect.andThen(Queue.take(gate), Effect.asVoid(Queue.offer(taken, message))),
            messages: Stream.never,
          }),
        }),
      )
      let accepted = 0
      while (accepted < 5_000 && connection.send(call(accepted))) accepted += 1
      expect(accepted).toBe(1_000)
      yield* Queue.offerAll(gate, Array.from({ length: 1_000 }))
      yield* until(({ writable }) => writable === 1)
      expect(connection.send(call(9_999))).toBe(true)
    }),
  )

  it.live("takes parsed messages and their text, and passes over what is neither", () =>
    Effect.gen(function* () {
      const { heard, until } = yield* opened(
        TransportLayer.custom({
          kind: "mixed",
          open: Effect.succeed({
            send: () => Effect.void,
            messages: Stream.make<ReadonlyArray<unknown>>({ a: 1 }, '{"b":2}', "no json", 3),
          }),
        }),
      )
      yield* until(({ ended }) => ended.length > 0)
      expect(heard.messages).toEqual([{ a: 1 }, { b: 2 }])
      expect(heard.warnings.length).toBe(2)
      expect(heard.ended[0]?.message).toContain("ended")
    }),
  )
})

describe("an in-memory transport", () => {
  const server = TransportLayer.inMemory((client) =>
    Effect.succeed((message) => {
      if ("id" in message && "method" in message)
        client.send(standardAnswer({}, { id: message.id, method: message.method, params: { ...message.params } }))
    }),
  )

  it.effect("carries a session with a server in this process", () =>
    Effect.gen(function* () {
      const layer = SessionLayer.make({ server: "here" }).pipe(
        Layer.provide(server),
        Layer.provide(CapabilityLayer.none),
      )
      yield* Effect.gen(function* () {
        const session = yield* Session
        expect(session.transport).toBe("in-memory")
        const args = { a: 1 }
        const { content } = yield* session.request(Method.callTool, { name: "echo", arguments: args })
        expect(JSON.stringify(content)).toContain("a")
      }).pipe(Effect.provide(layer))
    }),
  )

  it.effect("calls neither side while it is calling", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const { connection, until } = yield* opened(
        TransportLayer.inMemory((client) =>
          Effect.succeed(() => {
            order.push("taken")
            client.send({ jsonrpc: "2.0", id: 1, result: {} })
            order.push("answered")
          }),
        ),
      )
      connection.send(call(1))
      order.push("sent")
      yield* until(({ messages }) => messages.length === 1)
      expect(order).toEqual(["sent", "taken", "answered"])
    }),
  )

  it.effect("ends when its server says so, and nothing comes after it", () =>
    Effect.gen(function* () {
      const { connection, heard, until } = yield* opened(
        TransportLayer.inMemory((client) =>
          Effect.succeed(() => {
            client.end("enough")
            client.send({ jsonrpc: "2.0", id: 1, result: {} })
          }),
        ),
      )
      connection.send(call(1))
      yield* until(({ ended }) => ended.length > 0)
      yield* Effect.yieldNow
      expect(heard.ended.map(({ message }) => message)).toEqual(["enough"])
      expect(heard.messages).toEqual([])
    }),
  )

  it.effect("runs its server in the connection's Scope", () =>
    Effect.gen(function* () {
      const running = yield* Effect.scoped(
        Effect.gen(function* () {
          const started = yield* Queue.unbounded<Fiber.Fiber<never>>()
          yield* opened(
            TransportLayer.inMemory(() =>
              Effect.gen(function* () {
                yield* Queue.offer(started, yield* Effect.forkScoped(Effect.never))
                return () => undefined
              }),
            ),
          )
          return yield* Queue.take(started)
        }),
      )
      expect(running.pollUnsafe()).toBeDefined()
    }),
  )
})
