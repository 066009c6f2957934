import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Message } from "../../src/protocol/jsonrpc.ts"
import * as Method from "../../src/protocol/method.ts"
import type { SessionError } from "../../src/session/error.ts"
import * as Requests from "../../src/session/requests.ts"
import { Closed, fail } from "../../src/transport/error.ts"

/** What may happen to the requests of a session, in any order. `at` chooses one of those that were made. */
const steps = Arbitrary.array(
  Arbitrary.schema(
    Schema.Union([
      Schema.Struct({ do: Schema.Literal("ask"), timeout: Schema.Literals([10, 100]) }),
      Schema.Struct({ do: Schema.Literal("ask"), timeout: Schema.Literals([1_000, 10_000]) }),
      Schema.Struct({
        do: Schema.Literals(["answer", "refuse", "progress", "lose", "interrupt"]),
        at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
      }),
      Schema.Struct({ do: Schema.Literal("pass"), time: Schema.Literals([1, 9, 10, 50, 100, 500]) }),
      Schema.Struct({ do: Schema.Literals(["stop reading", "read", "room", "notify"]) }),
    ]),
  ),
  { minLength: 30, maxLength: 90 },
)

type Step = { readonly do: string; readonly timeout?: number; readonly at?: number; readonly time?: number }

/** A connection that has room for so many messages, and what it took. */
const makeConnection = (isOver: (id: number) => boolean = () => false) => {
  const taken: Array<Message> = []
  const late: Array<number> = []
  const state = { room: Number.POSITIVE_INFINITY }
  const connection = {
    send: (message: Message) => {
      if (state.room === 0) return false
      state.room -= 1
      taken.push(message)
      if ("method" in message && "id" in message && isOver(Number(message.id))) late.push(Number(message.id))
      return true
    },
    abandoned: () => true,
    negotiated: () => undefined,
  }
  return { connection, state, taken, late }
}

const play = (script: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const fibers: Array<Fiber.Fiber<unknown, SessionError>> = []
    const { connection, late, state, taken } = makeConnection((id) => fibers[id - 1]?.pollUnsafe() !== undefined)
    const requests = yield* Requests.make({
      server: "peer",
      timeout: 1_000,
      refused: () => undefined,
      lost: () => undefined,
      generation: () => 0,
      underWay: () => undefined,
      isOver: () => false,
      connection: () => connection,
    })
    const answered = new Set<number>()
    const interrupted = new Set<number>()
    for (const step of script) {
      const id = (step.at ?? 0) + 1
      const wasSent = taken.some((message) => "method" in message && "id" in message && message.id === id)
      switch (step.do) {
        case "ask": {
          const name = `call-${fibers.length + 1}`
          const ask = requests.request(Method.callTool, { name }, { timeout: step.timeout })
          fibers.push(yield* Effect.forkChild(ask, { startImmediately: true }))
          break
        }
        case "answer":
          if (!wasSent) break
          if (fibers[id - 1]?.pollUnsafe() === undefined) answered.add(id)
          requests.answered(id, { result: { content: [], structuredContent: { id } } })
          break
        case "refuse":
          if (wasSent) requests.answered(id, { error: { code: id, message: "no" } })
          break
        case "progress":
          requests.progressed({ progressToken: id, progress: 1 })
          break
        case "lose":
          if (wasSent) requests.lost(id, fail(new Closed()))
          break
        case "interrupt": {
          const fiber = fibers[id - 1]
          if (fiber === undefined || fiber.pollUnsafe() !== undefined) break
          interrupted.add(id)
          yield* Fiber.interrupt(fiber)
          break
        }
        case "pass":
          yield* TestClock.adjust(step.time ?? 0)
          break
        case "stop reading":
          state.room = 0
          break
        case "read":
          state.room = 3
          requests.drain()
          break
        case "room":
          // It takes messages again, and has not said so yet.
          state.room = 2
          break
        case "notify":
          requests.post({ jsonrpc: "2.0", method: "notifications/roots/list_changed" })
      }
    }
    state.room = Number.POSITIVE_INFINITY
    requests.drain()
    requests.end(fail(new Closed()))
    const exits = yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
    return { answered, exits, interrupted, late, left: requests.size(), taken }
  }).pipe(Effect.scoped)

/** What is wrong with how it went. */
const faults = ({ answered, exits, interrupted, late, left, taken }: Effect.Success<ReturnType<typeof play>>) => {
  const found: Array<string> = []
  const sent = taken.flatMap((message) => ("method" in message && "id" in message ? [Number(message.id)] : []))
  const cancelled = taken.flatMap((message) =>
    "method" in message && message.method === "notifications/cancelled"
      ? [Number(Object(message.params).requestId)]
      : [],
  )
  if (late.length > 0) found.push(`${late.join()} were sent when nobody waited any more`)
  if (left !== 0) found.push(`${left} requests are kept after the end`)
  if (sent.some((id, at) => at > 0 && id <= (sent[at - 1] ?? 0))) found.push(`sent out of order: ${sent.join()}`)
  if (new Set(cancelled).size !== cancelled.length) found.push(`cancelled twice: ${cancelled.join()}`)
  for (const id of cancelled) {
    if (!sent.includes(id)) found.push(`${id} was cancelled and never sent`)
    const exit = exits[id - 1]
    const reason = exit?._tag === "Failure" ? JSON.stringify(exit.cause) : "success"
    if (!interrupted.has(id) && !reason.includes("Timeout")) found.push(`${id} was cancelled, but ended by ${reason}`)
  }
  exits.forEach((exit, at) => {
    const id = at + 1
    if (exit._tag === "Success") {
      if (!answered.has(id)) found.push(`${id} succeeded unanswered`)
      if (Object(exit.value).structuredContent.id !== id) found.push(`${id} got another's answer`)
      return
    }
    if (answered.has(id)) found.push(`${id} was answered and failed`)
    const gaveUp = interrupted.has(id) || JSON.stringify(exit.cause).includes("Timeout")
    if (gaveUp && sent.includes(id) && !cancelled.includes(id)) found.push(`${id} was given up and not cancelled`)
  })
  return found
}

describe("requests", () => {
  it.effect(
    "end once, with their own answer, whatever happens in whatever order",
    () =>
      Effect.gen(function* () {
        const result = yield* Arbitrary.checkEffect(
          steps,
          (script) => Effect.map(play(script), (outcome) => faults(outcome).length === 0),
          { runs: 300, size: 100 },
        )
        expect(Arbitrary.formatCheckFailure(result)).toBe(undefined)
      }),
    60_000,
  )

  it.effect("that a server has no room for wait, bounded, and what needs no answer is dropped before they are", () =>
    Effect.gen(function* () {
      const { connection, state, taken } = makeConnection()
      const requests = yield* Requests.make({
        server: "peer",
        timeout: 1_000,
        refused: () => undefined,
        lost: () => undefined,
        generation: () => 0,
        underWay: () => undefined,
        isOver: () => false,
        connection: () => connection,
      })
      state.room = 0
      for (let at = 0; at < 100_000; at++) requests.post({ jsonrpc: "2.0", method: "notifications/roots/list_changed" })
      const call = yield* Effect.forkChild(requests.request(Method.ping, {}), { startImmediately: true })
      state.room = Number.POSITIVE_INFINITY
      requests.drain()
      expect(taken.length).toBe(1_001)
      requests.answered(1, { result: {} })
      yield* Fiber.join(call)
    }),
  )

  it.effect("that wait for room hold back no answer and no cancellation", () =>
    Effect.gen(function* () {
      const { connection, taken } = makeConnection()
      let room = 1
      const requests = yield* Requests.make({
        server: "peer",
        timeout: 1_000,
        refused: () => undefined,
        lost: () => undefined,
        generation: () => 0,
        underWay: () => undefined,
        isOver: () => false,
        connection: () => ({
          ...connection,
          send: (message) => {
            const isRequest = "method" in message && "id" in message
            if (isRequest && room === 0) return false
            if (isRequest) room -= 1
            return connection.send(message)
          },
        }),
      })
      const ask = Effect.forkChild(requests.request(Method.ping, {}), { startImmediately: true })
      const [first, second, third] = [yield* ask, yield* ask, yield* ask]
      requests.post({ jsonrpc: "2.0", id: "theirs", result: {} })
      yield* Fiber.interrupt(first)
      room = 1
      requests.drain()
      const said = taken.map((message) => ("id" in message ? message.id : message.method))
      expect(said).toEqual([1, "theirs", "notifications/cancelled", 2])
      yield* Fiber.interruptAll([second, third])
    }),
  )

  it.effect("stand still while a person thinks: that of the stream, or none where it has been answered, or all", () =>
    Effect.gen(function* () {
      const { connection } = makeConnection()
      const requests = yield* Requests.make({
        server: "peer",
        timeout: 1_000,
        refused: () => undefined,
        lost: () => undefined,
        generation: () => 0,
        underWay: () => undefined,
        isOver: () => false,
        connection: () => connection,
      })
      const call = Effect.forkChild(requests.request(Method.callTool, { name: "slow" }), { startImmediately: true })
      const [first, second, third] = [yield* call, yield* call, yield* call]
      const isOver = () => [first, second, third].map((fiber) => fiber.pollUnsafe() !== undefined)
      requests.answered(1, { result: { content: [] } })
      // A task that the first call made, which is over.
      requests.pause(1)
      requests.pause(2)
      yield* TestClock.adjust(1_000)
      expect(isOver()).toEqual([true, false, true])

      const fourth = yield* call
      const go = requests.pause(undefined)
      yield* TestClock.adjust(1_000_000)
      expect(fourth.pollUnsafe()).toBe(undefined)
      go()
      yield* TestClock.adjust(1_000)
      expect(fourth.pollUnsafe() !== undefined).toBe(true)
      expect(isOver()).toEqual([true, false, true])
    }),
  )
})
