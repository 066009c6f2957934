import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"
import { connected, failure, scripted, server, start } from "../support/scripted.ts"

const call = { name: "slow" }
const silent = { on: { "tools/call": () => "silence" as const } }
const progress = (token: number, step: number) => ({
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken: token, progress: step, total: 100, message: `step ${step}` },
})

describe("silence", () => {
  it.effect("ends a call after its timeout, tells the server, and the next call works", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const fiber = yield* start(failure(peer.session.request(Method.callTool, call)))
      yield* TestClock.adjust(999)
      expect(peer.wire.messages("sent", "notifications/cancelled")).toEqual([])
      yield* TestClock.adjust(1)
      const { message, reason } = yield* Fiber.join(fiber)
      expect(reason).toMatchObject({ _tag: "Timeout", kind: "idle", after: 1_000 })
      expect(message).toContain("1000 ms")
      expect(peer.wire.messages("sent", "notifications/cancelled")).toMatchObject([{ params: { requestId: 2 } }])
      expect(yield* peer.session.request(Method.ping, {})).toEqual({})
    }),
  )

  it.effect("is five minutes where nothing is said", () =>
    Effect.gen(function* () {
      const peer = yield* scripted(silent)
      const fiber = yield* start(failure(peer.session.request(Method.callTool, call)))
      yield* TestClock.adjust("299 seconds")
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).reason).toMatchObject({ _tag: "Timeout", after: 300_000 })
    }),
  )

  it.effect("of one call ends that call alone: each has its own timeout", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 50_000 } })
      const begin = (timeout: number) => start(failure(peer.session.request(Method.callTool, call, { timeout })))
      const fibers = yield* Effect.forEach([3_000, 1_000, 20_000, 2_000], begin)
      const finished = () => fibers.map((fiber) => fiber.pollUnsafe() !== undefined)
      yield* TestClock.adjust(1_000)
      expect(finished()).toEqual([false, true, false, false])
      yield* TestClock.adjust(1_000)
      expect(finished()).toEqual([false, true, false, true])
      yield* TestClock.adjust(1_000)
      expect(finished()).toEqual([true, true, false, true])
      const late = yield* begin(500)
      yield* TestClock.adjust(500)
      expect(late.pollUnsafe() !== undefined).toBe(true)
      yield* TestClock.adjust(16_500)
      expect(finished()).toEqual([true, true, true, true])
    }),
  )

  it.effect("ends a thousand calls of one instant together, each cancelled once", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const all = Effect.forEach(
        Array.from({ length: 1_000 }),
        () => failure(peer.session.request(Method.callTool, call)),
        { concurrency: "unbounded" },
      )
      const fiber = yield* start(all)
      yield* peer.wire.first("sent", ({ id }) => id === 1_001)
      yield* TestClock.adjust(1_000)
      const errors = yield* Fiber.join(fiber)
      expect(new Set(errors.map(({ reason }) => reason._tag))).toEqual(new Set(["Timeout"]))
      const cancelled = peer.wire.messages("sent", "notifications/cancelled").map(({ params }) => params?.requestId)
      expect(cancelled).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 2))
    }),
  )

  it.effect("after a call that was answered costs nothing", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ session: { timeout: 1_000 } })
      yield* peer.session.request(Method.callTool, call)
      yield* TestClock.adjust("1 hour")
      expect(peer.wire.messages("sent", "notifications/cancelled")).toEqual([])
      yield* peer.session.request(Method.callTool, call)
    }),
  )

  it.effect("of a caller who asks again at once is met by a deadline of its own", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const fiber = yield* start(
        Effect.retry(peer.session.request(Method.callTool, call), { times: 3 }).pipe(Effect.exit),
      )
      for (const cancelled of [1, 2, 3, 4]) {
        yield* TestClock.adjust(1_000)
        expect(peer.wire.messages("sent", "notifications/cancelled").length).toBe(cancelled)
      }
      expect((yield* Fiber.join(fiber))._tag).toBe("Failure")
    }),
  )
})

describe("progress", () => {
  it.effect("keeps a call alive past its timeout, silence after it ends the call", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const seen: Array<unknown> = []
      const onProgress = (step: unknown) => seen.push(step)
      const fiber = yield* start(failure(peer.session.request(Method.callTool, call, { onProgress })))
      for (let step = 1; step <= 5; step++) {
        yield* TestClock.adjust(900)
        yield* peer.deliver(progress(2, step))
      }
      expect(fiber.pollUnsafe()).toBe(undefined)
      expect(seen.length).toBe(5)
      expect(seen[4]).toEqual({ progressToken: 2, progress: 5, total: 100, message: "step 5" })
      yield* TestClock.adjust(999)
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      expect((yield* Fiber.join(fiber)).reason).toMatchObject({ _tag: "Timeout", kind: "idle" })
      expect(peer.wire.messages("sent", "notifications/cancelled").length).toBe(1)
    }),
  )

  it.effect("however much there is of it does not carry a call past ten times its timeout", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const fiber = yield* start(failure(peer.session.request(Method.callTool, call)))
      for (let step = 1; step <= 19; step++) {
        yield* TestClock.adjust(500)
        yield* peer.deliver(progress(2, step))
      }
      yield* TestClock.adjust(499)
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      expect((yield* Fiber.join(fiber)).reason).toMatchObject({ _tag: "Timeout", kind: "total", after: 10_000 })
      expect(peer.wire.messages("sent", "notifications/cancelled").length).toBe(1)
    }),
  )

  it.effect("of one call is none of another's", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ ...silent, session: { timeout: 1_000 } })
      const [first, second] = yield* Effect.forEach([2, 3], () =>
        start(failure(peer.session.request(Method.callTool, call))),
      )
      yield* TestClock.adjust(600)
      yield* peer.deliver(progress(3, 1))
      yield* TestClock.adjust(400)
      expect([first?.pollUnsafe() === undefined, second?.pollUnsafe() === undefined]).toEqual([false, true])
    }),
  )

  it.effect("of a request that gave no token keeps it no longer alive", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ on: { ping: () => "silence" }, session: { timeout: 1_000 } })
      const fiber = yield* start(failure(peer.session.request(Method.ping, {})))
      yield* TestClock.adjust(600)
      yield* peer.deliver(progress(2, 1))
      yield* TestClock.adjust(400)
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("Timeout")
    }),
  )

  it.effect("after the end of its call reaches nobody", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({ session: { timeout: 1_000 } })
      let seen = 0
      yield* peer.session.request(Method.callTool, call, { onProgress: () => (seen += 1) })
      yield* peer.deliver(progress(2, 1))
      yield* peer.session.request(Method.ping, {})
      expect(seen).toBe(0)
    }),
  )
})

describe("the handshake", () => {
  it.effect("has the start-up timeout, and nothing is cancelled", () =>
    Effect.gen(function* () {
      const peer = yield* server({ on: { initialize: () => "silence" } })
      const fiber = yield* start(failure(connected(peer, { session: { startupTimeout: 2_000, timeout: 1 } })))
      yield* TestClock.adjust(1_999)
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("Timeout")
      expect(peer.wire.messages("sent").map(({ method }) => method)).toEqual(["initialize"])
    }),
  )

  it.effect("is not made longer by progress that nobody asked for", () =>
    Effect.gen(function* () {
      const peer = yield* server({ on: { initialize: () => "silence" } })
      const fiber = yield* start(failure(connected(peer, { session: { startupTimeout: 2_000 } })))
      yield* TestClock.adjust(1_500)
      yield* peer.deliver(progress(1, 1))
      yield* TestClock.adjust(500)
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("Timeout")
    }),
  )
})

describe("interrupting a call", () => {
  it.effect("tells the server which, with a reason, and the next call works", () =>
    Effect.gen(function* () {
      const peer = yield* scripted(silent)
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* peer.wire.first("sent", "tools/call")
      yield* Fiber.interrupt(fiber)
      const [cancelled] = peer.wire.messages("sent", "notifications/cancelled")
      expect(cancelled?.params?.requestId).toBe(2)
      expect(typeof cancelled?.params?.reason).toBe("string")
      expect(yield* peer.session.request(Method.ping, {})).toEqual({})
    }),
  )

  it.effect("that has been answered sends nothing", () =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* Fiber.join(fiber)
      yield* Fiber.interrupt(fiber)
      expect(peer.wire.messages("sent", "notifications/cancelled")).toEqual([])
    }),
  )

  it.effect("by Effect.timeout or a lost race is a cancellation like any other", () =>
    Effect.gen(function* () {
      const peer = yield* scripted(silent)
      const fiber = yield* start(Effect.timeoutOption(peer.session.request(Method.callTool, call), Duration.seconds(1)))
      yield* peer.wire.first("sent", "tools/call")
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber))._tag).toBe("None")
      expect(peer.wire.messages("sent", "notifications/cancelled").length).toBe(1)
    }),
  )
})

describe("the end of the connection", () => {
  it.effect("fails every call that waits, with the reason, and every later one at once", () =>
    Effect.gen(function* () {
      const peer = yield* scripted(silent)
      const fibers = yield* Effect.forEach([1, 2, 3], () => start(failure(peer.session.request(Method.callTool, call))))
      yield* peer.wire.first("sent", ({ id }) => id === 4)
      peer.end("the cable was cut")
      for (const fiber of fibers) {
        const { message, reason } = yield* Fiber.join(fiber)
        expect(reason._tag).toBe("Transport")
        expect(message).toContain("the cable was cut")
      }
      expect((yield* failure(peer.session.request(Method.callTool, call))).message).toContain("the cable was cut")
      expect((yield* Effect.flip(peer.session.ended)).message).toBe("the cable was cut")
      expect(peer.wire.messages("sent", "tools/call").length).toBe(3)
    }),
  )

  it.effect("by closing its Scope fails what waits too: no caller is forgotten", () =>
    Effect.gen(function* () {
      const peer = yield* server(silent)
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* connected(peer)
          const running = yield* Effect.forkDetach(failure(session.request(Method.callTool, call)), {
            startImmediately: true,
          })
          yield* peer.wire.first("sent", "tools/call")
          return running
        }),
      )
      expect((yield* Fiber.join(fiber)).reason).toMatchObject({ _tag: "Transport" })
    }),
  )
})
