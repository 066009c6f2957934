/** X6: when nothing goes on in a session, so that its server may sleep. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import { SessionError } from "../../src/session/error.ts"
import { Method } from "../../src/index.ts"
import { start } from "../support/scripted.ts"
import { ask, form, peerOf } from "../support/tasks.ts"

const watched = { session: { watched: true, interactionTimeout: 30_000 } }
const nobody = (method: string) =>
  Effect.fail(new SessionError({ server: "a", method, reason: { _tag: "TooMany", message: "" } as never }))

/** A session whose person answers when told to. */
const asking = (script: Parameters<typeof peerOf>[2] = {}) =>
  Effect.gen(function* () {
    const answer = yield* Deferred.make<{ readonly action: "decline" | "accept" }>()
    const peer = yield* peerOf(() => Deferred.await(answer), {}, { ...watched, ...script })
    const say = (action: "decline" | "accept") => Deferred.succeed(answer, { action })
    return { ...peer, say }
  })

it.effect("is counted from the last answer, and not at all where nobody asked for it", () =>
  Effect.gen(function* () {
    const { session } = yield* asking()
    yield* TestClock.adjust(500)
    yield* session.request(Method.ping, {})
    yield* TestClock.adjust(300)
    expect(session.idle()).toBe(300)
    const other = yield* peerOf(() => Effect.never)
    expect([other.session.idle(), other.session.rest(nobody)]).toEqual([undefined, false])
  }),
)

it.effect("a question that waits for the person goes on, and no longer than its answer", () =>
  Effect.gen(function* () {
    const peer = yield* asking()
    const question = yield* start(ask(peer, "elicitation/create", form))
    yield* TestClock.adjust("1 hour")
    expect([peer.session.idle(), peer.session.rest(nobody)]).toEqual([undefined, false])
    yield* peer.say("decline")
    yield* Fiber.join(question)
    yield* TestClock.adjust(200)
    expect(peer.session.idle()).toBe(200)
  }),
)

it.effect(
  "a visit that the person agreed to goes on until the server says that it is over, or as long as one may last",
  () =>
    Effect.gen(function* () {
      for (const ends of [true, false]) {
        const peer = yield* asking()
        const visit = { mode: "url", message: "Go", url: "https://example.com/", elicitationId: "v" }
        const question = yield* start(ask(peer, "elicitation/create", visit))
        yield* peer.say("accept")
        yield* Fiber.join(question)
        yield* TestClock.adjust(29_000)
        expect(peer.session.idle()).toBe(undefined)
        const method = "notifications/elicitation/complete"
        if (ends) yield* peer.deliver({ jsonrpc: "2.0", method, params: { elicitationId: "v" } })
        else yield* TestClock.adjust(1_000)
        peer.session.idle()
        yield* TestClock.adjust(400)
        expect(peer.session.idle()).toBe(400)
      }
    }),
)

it.effect("a question that the server left with us as a task goes on until it is answered", () =>
  Effect.gen(function* () {
    const peer = yield* asking()
    yield* ask(peer, "elicitation/create", { ...form, task: { ttl: 600_000 } })
    yield* TestClock.adjust("5 minutes")
    expect(peer.session.idle()).toBe(undefined)
    yield* peer.say("accept")
    yield* TestClock.adjust(100)
    expect(peer.session.idle()).toBe(100)
  }),
)

const task = (status: string, ttl: number | null) => ({
  taskId: "t",
  status,
  ttl,
  createdAt: "2025-11-25T10:00:00Z",
  lastUpdatedAt: "2025-11-25T10:00:00Z",
})

/** Makes a task, and leaves it. */
const leaving = (ttl: number | null) =>
  Effect.gen(function* () {
    const peer = yield* asking({
      capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } },
      on: { "tools/call": () => ({ result: { task: task("working", ttl) } }) },
    })
    yield* peer.session.request(Method.callToolAsTask, { name: "echo", task: {} })
    yield* TestClock.adjust("10 minutes")
    return peer
  })

it.effect("a task of the server goes on until it is heard to have ended, whoever follows it", () =>
  Effect.gen(function* () {
    const { deliver, session } = yield* leaving(null)
    expect(session.idle()).toBe(undefined)
    yield* deliver({ jsonrpc: "2.0", method: "notifications/tasks/status", params: task("completed", null) })
    yield* TestClock.adjust(100)
    expect(session.idle()).toBe(100)
  }),
)

it.effect("and no longer than its ttl", () =>
  Effect.gen(function* () {
    const { session } = yield* leaving(900_000)
    expect(session.idle()).toBe(undefined)
    yield* TestClock.adjust("5 minutes")
    session.idle()
    yield* TestClock.adjust(100)
    expect(session.idle()).toBe(100)
  }),
)

it.effect("a request whose caller has gone goes on while its answer is waited for all the same", () =>
  Effect.gen(function* () {
    const { session } = yield* asking({
      capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } },
      on: { "tools/call": () => "silence" },
    })
    const call = yield* start(
      session.request(Method.callToolAsTask, { name: "echo", task: {} }, { onLate: () => undefined }),
    )
    yield* Fiber.interrupt(call)
    yield* TestClock.adjust("2 minutes")
    expect(session.idle()).toBe(undefined)
  }),
)
