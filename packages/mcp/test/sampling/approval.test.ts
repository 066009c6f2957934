import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Approval, CapabilityLayer, Sampling } from "../../src/index.ts"
import { given } from "../../src/capability/approval.ts"
import { makeBudget } from "../../src/capability/budget.ts"
import { mistakes } from "../support/mistakes.ts"
import { scripted } from "../support/scripted.ts"
import { answer, approving, assistant, sampler, simple, text, use, weather } from "./sampler.ts"

const rejection = (reason: string) => ({ code: -1, message: `User rejected sampling request: ${reason}` })

describe("the person", () => {
  it.effect("sees the request as the model will, and the answer as the server will", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const approval: Approval = {
        sampling: (request) => Effect.sync(() => (seen.push(request), { approved: true, value: request.params })),
        sampled: (_, result) => Effect.sync(() => (seen.push(result), { approved: true, value: result })),
      }
      const peer = yield* sampler({ policy: { approve: "ask" }, approval })
      expect((yield* peer.sample({ ...simple, includeContext: "allServers" })).result).toEqual(answer(text("hello")))
      expect(seen).toEqual([{ server: "peer", params: { ...simple, includeContext: "none" } }, answer(text("hello"))])
    }),
  )
  it.effect("may edit both", () =>
    Effect.gen(function* () {
      const approval: Approval = {
        sampling: ({ params }) => Effect.succeed({ approved: true, value: { ...params, systemPrompt: "Be kind." } }),
        sampled: () => Effect.succeed({ approved: true, value: answer(text("kinder")) }),
      }
      const peer = yield* sampler({ policy: { approve: "ask" }, approval })
      expect((yield* peer.sample(simple)).result).toEqual(answer(text("kinder")))
      expect(peer.asked[0]?.params.systemPrompt).toBe("Be kind.")
    }),
  )
  it.effect("may reject the request, and the model is not asked", () =>
    Effect.gen(function* () {
      const approval = approving({
        sampling: () => Effect.succeed({ approved: false, reason: "not this" }),
      })
      const peer = yield* sampler({ policy: { approve: "ask" }, approval })
      expect((yield* peer.sample(simple)).error).toEqual(rejection("not this"))
      expect(peer.asked).toEqual([])
    }),
  )
  it.effect("may reject without a word", () =>
    Effect.gen(function* () {
      const approval = approving({ sampling: () => Effect.succeed({ approved: false }) })
      const peer = yield* sampler({ policy: { approve: "ask" }, approval })
      expect((yield* peer.sample(simple)).error).toEqual({ code: -1, message: "User rejected sampling request" })
    }),
  )
  it.effect("may keep the answer from the server", () =>
    Effect.gen(function* () {
      const approval = approving({ sampled: () => Effect.succeed({ approved: false, reason: "private" }) })
      const peer = yield* sampler({ policy: { approve: "ask" }, approval })
      expect((yield* peer.sample(simple)).error).toEqual(rejection("private"))
      expect(peer.asked).toHaveLength(1)
    }),
  )
  it.effect("is held to the protocol with what is edited", () =>
    Effect.gen(function* () {
      const unfitRequest = approving({
        sampling: ({ params }) => Effect.succeed({ approved: true, value: { ...params, maxTokens: 0 } }),
      })
      const told = yield* mistakes
      const first = yield* sampler({ policy: { approve: "ask" }, approval: unfitRequest })
      const { error } = yield* first.sample(simple)
      expect(error).toEqual({ code: -32603, message: "the client has no request that makes sense" })
      expect((yield* told).join()).toContain("maxTokens must be a whole number above 0")
      expect(first.asked).toEqual([])
      const unfitAnswer = approving({
        sampled: () => Effect.succeed({ approved: true, value: answer([use("a")]) }),
      })
      const second = yield* sampler({ policy: { approve: "ask" }, approval: unfitAnswer })
      expect((yield* second.sample(simple)).error?.code).toBe(-32603)
    }),
  )
  it.effect("who never answers holds up nobody else", () =>
    Effect.gen(function* () {
      const approval = approving({ sampling: () => Effect.never })
      const waits = yield* sampler({ policy: { approve: "ask" }, approval })
      const id = waits.send(simple)
      const other = yield* sampler()
      expect((yield* other.sample(simple)).result).toBeDefined()
      yield* waits.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } })
      expect(waits.wire.messages("sent").some((message) => message.id === id)).toBe(false)
    }),
  )
  it.effect("whose question breaks is an error of this one request", () =>
    Effect.gen(function* () {
      const approval = approving({ sampling: () => Effect.die(new Error("no screen")) })
      const peer = yield* sampler({ policy: { approve: "ask", requestsPerMinute: 2 }, approval })
      expect((yield* peer.sample(simple)).error?.code).toBe(-32603)
      expect(peer.asked).toEqual([])
    }),
  )
  it.effect("is asked before the tools of a model are used, and sees which", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let seen: unknown
      const approval = approving({
        sampled: (_, result) =>
          Effect.as(
            Effect.tap(Deferred.await(gate), () => Effect.sync(() => (seen = result.content))),
            { approved: true, value: result },
          ),
      })
      const said = answer([use("a")], "toolUse")
      const peer = yield* sampler({
        policy: { approve: "ask" },
        approval,
        createMessage: () => Effect.succeed(said),
      })
      const id = peer.send({ ...simple, messages: [assistant(text("x"))], tools: [weather] })
      expect(peer.wire.messages("sent").some((message) => message.id === id)).toBe(false)
      yield* Deferred.succeed(gate, undefined)
      expect((yield* peer.answerTo(id)).result).toEqual(said)
      expect(seen).toEqual([use("a")])
    }),
  )
})

describe("without a person", () => {
  const model = Layer.succeed(Sampling)({
    tools: false,
    context: false,
    createMessage: () => Effect.succeed(answer(text("hello"))),
  })
  it.effect("everything is refused, where nobody chose otherwise", () =>
    Effect.gen(function* () {
      const { send, wire } = yield* scripted({ client: Layer.provide(CapabilityLayer.layer, model) })
      send({ jsonrpc: "2.0", id: "s", method: "sampling/createMessage", params: simple })
      expect((yield* wire.first("sent", ({ id }) => id === "s")).error).toEqual(
        rejection("nobody is there to approve it"),
      )
    }),
  )
  it.effect("an approval of the context decides", () =>
    Effect.gen(function* () {
      const approval = Layer.succeed(Approval)(given)
      const { send, wire } = yield* scripted({
        client: Layer.provide(CapabilityLayer.layer, Layer.merge(model, approval)),
      })
      send({ jsonrpc: "2.0", id: "s", method: "sampling/createMessage", params: simple })
      expect((yield* wire.first("sent", ({ id }) => id === "s")).result).toEqual(answer(text("hello")))
    }),
  )
  it.effect("the policy of a server decides: always, or never", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const approval: Approval = {
        sampling: () => Effect.sync(() => (asked.push("sampling"), { approved: false })),
        sampled: () => Effect.sync(() => (asked.push("sampled"), { approved: false })),
      }
      const always = yield* sampler({ policy: { approve: "always" }, approval })
      expect((yield* always.sample(simple)).result).toBeDefined()
      const never = yield* sampler({ policy: { approve: "never" }, approval })
      const { error } = yield* never.sample(simple)
      expect(error).toEqual(rejection('sampling.approve is "never" in the server\'s entry'))
      expect(never.asked).toEqual([])
      expect(asked).toEqual([])
      // A request that makes no sense is told so all the same.
      expect((yield* never.sample({})).error?.code).toBe(-32602)
      expect(makeBudget().policy.approve).toBe("ask")
    }),
  )
})
