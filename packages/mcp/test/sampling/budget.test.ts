import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, RequestRefused } from "../../src/index.ts"
import { makeBudget } from "../../src/capability/budget.ts"
import type { SamplingResult } from "../../src/capability/sampling.ts"
import { scripted } from "../support/scripted.ts"
import { answer, approving, hello, sampler, simple, text, user } from "./sampler.ts"

/** A request of so many tokens, a hundred of them to read. */
const of = (tokens: number) => ({ messages: [user(text("x".repeat(400)))], maxTokens: tokens - 100 })

const ok = (message: { readonly error?: unknown }) => expect(message.error).toBeUndefined()

describe("requests a minute", () => {
  it.effect("are counted in a window that slides", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ policy: { requestsPerMinute: 2 } })
      ok(yield* peer.sample(simple))
      yield* TestClock.adjust("40 seconds")
      ok(yield* peer.sample(simple))
      const { error } = yield* peer.sample(simple)
      expect(error).toEqual({
        code: -1,
        message:
          'The sampling budget of "peer" does not allow this request: it may ask 2 times a minute, and has. ' +
          "Try again in 20 seconds; the person can raise sampling.requestsPerMinute in the server's entry",
        data: { limit: "requestsPerMinute", allowed: 2, left: 0, needed: 1, retryAfter: 20_000 },
      })
      yield* TestClock.adjust("20 seconds")
      ok(yield* peer.sample(simple))
      expect((yield* peer.sample(simple)).error?.code).toBe(-1)
      expect(peer.asked).toHaveLength(3)
    }),
  )
  it.effect("are counted where the person said no too: nobody is to be worn down", () =>
    Effect.gen(function* () {
      let questions = 0
      const approval = approving({ sampling: () => Effect.sync(() => (questions++, { approved: false })) })
      const peer = yield* sampler({ policy: { approve: "ask", requestsPerMinute: 2 }, approval })
      for (const _ of [1, 2, 3, 4]) expect((yield* peer.sample(simple)).error?.code).toBe(-1)
      expect(questions).toBe(2)
    }),
  )
  it.effect("may be none at all", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ policy: { requestsPerMinute: 0 } })
      expect((yield* peer.sample(simple)).error?.message).toContain("Waiting does not help")
    }),
  )
})

describe("tokens an hour", () => {
  it.effect("are reserved before anybody is asked, and what is not used is given back", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<SamplingResult>()
      const peer = yield* sampler({ policy: { tokensPerHour: 1_000 }, createMessage: () => Deferred.await(done) })
      const first = peer.send(of(700))
      const { error } = yield* peer.sample(of(400))
      expect(error).toEqual({
        code: -1,
        message:
          'The sampling budget of "peer" does not allow this request: it may use 1,000 tokens an hour, 300 are left, ' +
          "and this needs about 400 (100 to read, and maxTokens 300). Try again in 60 minutes; the person can raise " +
          "sampling.tokensPerHour in the server's entry",
        data: { limit: "tokensPerHour", allowed: 1_000, left: 300, needed: 400, retryAfter: 3_600_000 },
      })
      yield* Deferred.succeed(done, answer(text("y".repeat(400))))
      ok(yield* peer.answerTo(first))
      // 200 are used: 100 read, 100 written.
      ok(yield* peer.sample(of(800)))
    }),
  )
  it.effect("come back when an hour is over", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({
        policy: { tokensPerHour: 1_000 },
        createMessage: () => Effect.succeed(answer(text("y".repeat(3_200)))),
      })
      ok(yield* peer.sample(of(900)))
      yield* TestClock.adjust("59 minutes")
      expect((yield* peer.sample(of(200))).error?.message).toContain("Try again in 60 seconds")
      yield* TestClock.adjust("1 minute")
      ok(yield* peer.sample(of(200)))
    }),
  )
  it.effect("that are more than the whole hour has are not waited for", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ policy: { tokensPerHour: 1_000 } })
      const { error } = yield* peer.sample(of(1_001))
      expect(error?.message).toContain("Waiting does not help")
      expect(error?.data).toEqual({ limit: "tokensPerHour", allowed: 1_000, left: 1_000, needed: 1_001 })
      // A request that is refused takes no place in the minute.
      ok(yield* peer.sample(of(1_000)))
    }),
  )
  const returned: ReadonlyArray<{ readonly name: string; readonly make: () => Parameters<typeof sampler>[0] }> = [
    {
      name: "the person rejects it",
      make: () => ({
        policy: { approve: "ask" },
        approval: approving({ sampling: () => Effect.succeed({ approved: false }) }),
      }),
    },
    {
      name: "the handler fails",
      make: () => ({ createMessage: () => Effect.fail(new RequestRefused({ code: -32603, message: "busy" })) }),
    },
    { name: "the handler breaks", make: () => ({ createMessage: () => Effect.die("broken") }) },
  ]
  it.effect.each(returned)("are given back where %s", ({ make }) =>
    Effect.gen(function* () {
      const options = make() ?? {}
      const peer = yield* sampler({ ...options, policy: { ...options.policy, tokensPerHour: 1_000 } })
      const first = (yield* peer.sample(of(1_000))).error
      expect(first).toBeDefined()
      expect((yield* peer.sample(of(1_000))).error).toEqual(first)
    }),
  )
  it.effect("are given back where the server cancels before the model was asked, and not after", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const approval = approving({
        sampling: ({ params }) => Effect.as(Deferred.await(gate), { approved: true, value: params }),
      })
      const peer = yield* sampler({
        policy: { approve: "ask", tokensPerHour: 1_000 },
        approval,
        createMessage: () => Effect.never,
      })
      const cancel = (requestId: string) =>
        peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
      yield* cancel(peer.send(of(1_000)))
      yield* Deferred.succeed(gate, undefined)
      const second = peer.send(of(1_000))
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/nothing" })
      expect(peer.asked).toHaveLength(1)
      yield* cancel(second)
      expect((yield* peer.sample(of(200))).error?.data).toMatchObject({ limit: "tokensPerHour", left: 0 })
    }),
  )
  it.effect("are used where the answer is rejected: the model has worked", () =>
    Effect.gen(function* () {
      const approval = approving({ sampled: () => Effect.succeed({ approved: false }) })
      const peer = yield* sampler({
        policy: { approve: "ask", tokensPerHour: 1_000 },
        approval,
        createMessage: () => Effect.succeed(answer(text("y".repeat(2_000)))),
      })
      expect((yield* peer.sample(of(1_000))).error?.code).toBe(-1)
      expect((yield* peer.sample(of(1_000))).error?.data).toMatchObject({ left: 400 })
    }),
  )
  it.effect("bound what the person's edit may cost", () =>
    Effect.gen(function* () {
      const approval = approving({
        sampling: ({ params }) => Effect.succeed({ approved: true, value: { ...params, maxTokens: 5_000 } }),
      })
      const peer = yield* sampler({ policy: { approve: "ask", tokensPerHour: 1_000 }, approval })
      expect((yield* peer.sample(of(500))).error?.data).toMatchObject({ limit: "tokensPerHour", needed: 5_100 })
      expect(peer.asked).toEqual([])
    }),
  )
  it.effect("count whatever the model reads", () =>
    Effect.gen(function* () {
      const image = { type: "image", data: "aGVsbG8=", mimeType: "image/png" }
      const needed = (params: object) =>
        Effect.gen(function* () {
          const peer = yield* sampler({ policy: { tokensPerHour: 0 } })
          return Object((yield* peer.sample({ ...simple, maxTokens: 1, ...params })).error?.data).needed
        })
      const least = yield* needed({})
      expect(yield* needed({ systemPrompt: "x".repeat(4_000) })).toBe(least + 1_000)
      expect(yield* needed({ messages: [hello, user(image), user(image)] })).toBe(least + 3_000)
      const tool = { name: "x", description: "x".repeat(4_000), inputSchema: { type: "object" } }
      expect((yield* needed({ tools: [tool] })) - least).toBeGreaterThan(1_000)
    }),
  )
})

describe("the budget of a server", () => {
  it.effect("outlives its sessions, and is no other server's", () =>
    Effect.gen(function* () {
      const budget = makeBudget({ approve: "always", requestsPerMinute: 1, tokensPerHour: 10_000 })
      const session = (own = budget) =>
        Effect.gen(function* () {
          const client = CapabilityLayer.make({
            sampling: { tools: false, context: false, createMessage: () => Effect.succeed(answer(text("hello"))) },
            budget: own,
          })
          const { send, wire } = yield* scripted({ client })
          send({ jsonrpc: "2.0", id: "s", method: "sampling/createMessage", params: simple })
          return yield* wire.first("sent", ({ id }) => id === "s")
        })
      ok(yield* session())
      expect((yield* session()).error?.code).toBe(-1)
      ok(yield* session(makeBudget(budget.policy)))
    }),
  )
  it.effect("is ten requests a minute and 100,000 tokens an hour, where nothing else is said", () =>
    Effect.sync(() => {
      expect(makeBudget().policy).toEqual({ approve: "ask", requestsPerMinute: 10, tokensPerHour: 100_000 })
    }),
  )
})
