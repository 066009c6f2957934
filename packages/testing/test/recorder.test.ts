import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { type Receiver, Transport } from "@opencode-ai/mcp/transport/transport"
import { it } from "../src/effect.ts"
import { recorded, Recorder, Wire } from "../src/recorder.ts"
import { describe, expect, test } from "../src/runner.ts"

/** Answers `initialize` at once, inside `send`, and takes everything else until it is told to refuse. */
const obliging = (version: string, refuse: () => boolean = () => false) =>
  Layer.succeed(Transport, {
    kind: "obliging",
    open: (receiver) =>
      Effect.succeed({
        pid: undefined,
        abandoned: () => true,
        negotiated: () => undefined,
        send: (message) => {
          if (refuse()) return false
          if ("method" in message && message.method === "initialize" && "id" in message) {
            const result = { protocolVersion: version, capabilities: {}, serverInfo: { name: "s", version: "1" } }
            receiver.message({ jsonrpc: "2.0", id: message.id, result })
          }
          return true
        },
      }),
  })

const nobody: Receiver = {
  message: () => undefined,
  failed: () => undefined,
  writable: () => undefined,
  ended: () => undefined,
  forgotten: () => undefined,
  stderr: () => undefined,
  warning: () => undefined,
}

const initialize = {
  jsonrpc: "2.0" as const,
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "opencode", version: "1" } },
}

const open = Effect.gen(function* () {
  return yield* (yield* Transport).open(nobody)
})

describe("recorded", () => {
  it.effect("keeps messages in their order, and follows the negotiated revision", () =>
    Effect.gen(function* () {
      const connection = yield* open
      const wire = yield* Recorder
      connection.send(initialize)
      connection.send({ jsonrpc: "2.0", method: "notifications/initialized", params: undefined })
      expect(wire.entries.map((entry) => entry.direction)).toEqual(["sent", "received", "sent"])
      expect(wire.entries[2]?.message).toEqual({ jsonrpc: "2.0", method: "notifications/initialized" })
      expect(wire.revision).toBe("2024-11-05")
      expect(wire.receivedProblems).toEqual([])
      yield* wire.check
    }).pipe(Effect.provide(recorded(obliging("2024-11-05")))),
  )

  it.effect("fails a test that sent an invalid message, when its scope closes", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.gen(function* () {
        const connection = yield* open
        connection.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: 3 } })
        return "the test itself is content"
      }).pipe(Effect.provide(recorded(obliging("2025-11-25"))), Effect.scoped, Effect.exit)
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("CallToolRequest/params/name: must be string")
    }),
  )

  it.effect("does not record what the transport refused", () =>
    Effect.gen(function* () {
      const connection = yield* open
      const wire = yield* Recorder
      expect(connection.send({ jsonrpc: "2.0", id: 1, method: "no/such/method" })).toBe(false)
      expect(wire.entries).toEqual([])
      yield* wire.check
    }).pipe(Effect.provide(recorded(obliging("2025-11-25", () => true)))),
  )
})

describe("Wire", () => {
  const begun = () => {
    const wire = new Wire()
    wire.sent(initialize)
    return wire
  }

  test("sees an id that is used twice", () => {
    const wire = begun()
    wire.sent({ jsonrpc: "2.0", id: 1, method: "ping" })
    wire.sent({ jsonrpc: "2.0", id: 1, method: "ping" })
    expect(wire.problems.join()).toContain("the id 1 was used before")
  })

  test("sees an answer that nobody asked for, and a second one", () => {
    const wire = begun()
    wire.received({ jsonrpc: "2.0", id: "s1", method: "ping" })
    wire.sent({ jsonrpc: "2.0", id: "s1", result: {} })
    expect(wire.problems).toEqual([])
    wire.sent({ jsonrpc: "2.0", id: "s1", result: {} })
    expect(wire.problems.join()).toContain('the id "s1" answers no request')
  })

  test("lets a cancellation overtake its request where each has a socket of its own, and waits for the request", () => {
    const wire = new Wire({ ordered: false })
    const cancel = (requestId: number) => ({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
    wire.sent(cancel(5))
    wire.sent(cancel(6))
    wire.sent({ jsonrpc: "2.0", id: 5, method: "ping" })
    expect(wire.problems.map((problem) => problem.replace(/\n.*/, ""))).toEqual([
      "cancels a request that was never sent",
    ])
    expect(wire.problems.join()).toContain('"requestId":6')
    wire.sent(cancel(0))
    wire.sent(initialize)
    expect(wire.problems.length).toBe(2)
  })

  test("sees a cancelled handshake and a cancellation of nothing", () => {
    const wire = begun()
    wire.sent({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 0 } })
    wire.sent({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } })
    expect(wire.problems.join()).toContain("cancels initialize")
    expect(wire.problems.join()).toContain("never sent")
  })

  it.effect("lets a test wait for a message instead of for time", () =>
    Effect.gen(function* () {
      const wire = begun()
      const fiber = yield* wire.first("sent", "notifications/initialized").pipe(Effect.forkChild)
      yield* Effect.yieldNow
      wire.sent({ jsonrpc: "2.0", method: "notifications/initialized" })
      expect((yield* Fiber.join(fiber)).method).toBe("notifications/initialized")
      expect((yield* wire.first("sent", "initialize")).id).toBe(0)
    }),
  )
})
