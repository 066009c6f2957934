import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { ElicitationAnswer, ElicitationMode } from "../../src/capability/elicitation.ts"
import { Method, type Elicitation, type SessionError } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"
import { asker, visit } from "./asker.ts"

const accepted: Elicitation["Service"]["elicit"] = () => Effect.succeed({ action: "accept" })

const required = (...elicitations: ReadonlyArray<unknown>) => ({
  error: { code: -32042, message: "Sign in first", data: { elicitations, more: true } },
})

/** A server that answers the first requests as it is told, and the others as it should. */
const refusing = (
  answers: ReadonlyArray<object>,
  options: {
    readonly elicit?: Elicitation["Service"]["elicit"]
    readonly modes?: ReadonlyArray<ElicitationMode>
    readonly protocolVersion?: string
    readonly result?: object
  } = {},
) => {
  const left = [...answers]
  const handler = () => left.shift() ?? { result: options.result ?? { content: [{ type: "text", text: "done" }] } }
  return asker({
    elicit: options.elicit ?? accepted,
    ...(options.modes === undefined ? {} : { modes: options.modes }),
    script: {
      on: { "tools/call": handler, "resources/read": handler, "prompts/get": handler },
      capabilities: { tools: {}, resources: {}, prompts: {} },
      session: { interactionTimeout: 300_000 },
      ...(options.protocolVersion === undefined ? {} : { protocolVersion: options.protocolVersion }),
    },
  })
}

type Peer = Effect.Success<ReturnType<typeof asker>>

const call = ({ session }: Peer, request?: unknown) =>
  session.request(Method.callTool, { name: "echo", arguments: { a: 1 } }, { request, timeout: 1_000 })

const sent = ({ wire }: Peer) => wire.messages("sent", "tools/call").map(({ params }) => params?.arguments)

const protocol = ({ reason }: SessionError) => (reason._tag === "Protocol" ? reason : undefined)

describe("a call that needs visits first (-32042)", () => {
  it.effect("is repeated once, when all were agreed to and have ended", () =>
    Effect.gen(function* () {
      const peer = yield* refusing([required(visit("a"), visit("b", "https://example.com/b"))])
      const ended: Array<string> = []
      peer.notifications.listen("elicitation/complete", ({ elicitationId }) => ended.push(elicitationId))
      const calling = yield* start(call(peer, "call 7"))
      yield* peer.reached(2)
      expect(peer.asked).toMatchObject([
        { server: "peer", request: "call 7", mode: "url", elicitationId: "a", url: "https://example.com/sign-in" },
        { server: "peer", request: "call 7", mode: "url", elicitationId: "b", url: "https://example.com/b" },
      ])
      yield* peer.complete("b")
      yield* TestClock.adjust("1 minute")
      expect(sent(peer)).toHaveLength(1)
      yield* peer.complete("a")
      expect((yield* Fiber.join(calling)).content).toEqual([{ type: "text", text: "done" }])
      expect(sent(peer)).toEqual([{ a: 1 }, { a: 1 }])
      expect(ended).toEqual(["b", "a"])
    }),
  )
  it.effect("asks for all at once, and ends with the first that is declined; the others are withdrawn", () =>
    Effect.gen(function* () {
      const no = yield* Deferred.make<ElicitationAnswer>()
      const withdrawn: Array<string> = []
      const peer = yield* refusing([required(visit("a"), visit("b"), visit("c"))], {
        elicit: (request) => {
          const id = request.mode === "url" ? request.elicitationId : ""
          if (id === "b") return Deferred.await(no)
          return Effect.onInterrupt(Effect.never, () => Effect.sync(() => withdrawn.push(id)))
        },
      })
      const calling = yield* start(failure(call(peer)))
      yield* peer.reached(3)
      yield* Deferred.succeed(no, { action: "decline" })
      const { message, reason } = yield* Fiber.join(calling)
      expect(reason).toMatchObject({
        _tag: "ElicitationDeclined",
        code: -32042,
        action: "decline",
        data: { more: true, elicitations: [visit("a"), visit("b"), visit("c")] },
      })
      expect(message).toContain("the server asks for a visit to https://example.com/sign-in first")
      expect(withdrawn.toSorted()).toEqual(["a", "c"])
      expect(sent(peer)).toHaveLength(1)
    }),
  )
  it.effect("is not repeated when a visit was dismissed", () =>
    Effect.gen(function* () {
      const peer = yield* refusing([required(visit("a"))], { elicit: () => Effect.succeed({ action: "cancel" }) })
      expect((yield* failure(call(peer))).reason).toMatchObject({ _tag: "ElicitationDeclined", action: "cancel" })
      expect(sent(peer)).toHaveLength(1)
    }),
  )
  it.effect("is repeated on the person's word where no completion comes in the interaction timeout", () =>
    Effect.gen(function* () {
      const peer = yield* refusing([required(visit("a"))])
      const calling = yield* start(call(peer))
      yield* peer.reached(1)
      yield* TestClock.adjust(299_999)
      expect(sent(peer)).toHaveLength(1)
      yield* TestClock.adjust(1)
      yield* Fiber.join(calling)
      expect(sent(peer)).toHaveLength(2)
      // It is late, and still the end of a visit that was asked for.
      const ended: Array<string> = []
      peer.notifications.listen("elicitation/complete", ({ elicitationId }) => ended.push(elicitationId))
      yield* peer.complete("a")
      yield* peer.complete("a")
      expect(ended).toEqual(["a"])
    }),
  )
  it.effect("is repeated at once where the visit ended before the person agreed", () =>
    Effect.gen(function* () {
      const yes = yield* Deferred.make<ElicitationAnswer>()
      const peer = yield* refusing([required(visit("a"))], { elicit: () => Deferred.await(yes) })
      const calling = yield* start(call(peer))
      yield* peer.reached(1)
      yield* peer.complete("a")
      expect(sent(peer)).toHaveLength(1)
      yield* Deferred.succeed(yes, { action: "accept" })
      yield* Fiber.join(calling)
      expect(sent(peer)).toHaveLength(2)
    }),
  )
  it.effect("hears an end that comes right behind the error", () =>
    Effect.gen(function* () {
      const peer = yield* asker({
        elicit: accepted,
        script: {
          on: {
            "tools/call": ({ id }, client) => {
              if (id !== 2) return undefined
              client.send({ jsonrpc: "2.0", id, ...required(visit("a")) })
              const params = { elicitationId: "a" }
              client.send({ jsonrpc: "2.0", method: "notifications/elicitation/complete", params })
              return "silence"
            },
          },
        },
      })
      yield* call(peer)
      expect(sent(peer)).toHaveLength(2)
    }),
  )
  it.effect("that needs them again after that fails with what the server says", () =>
    Effect.gen(function* () {
      const peer = yield* refusing([required(visit("a")), required(visit("b"))])
      const calling = yield* start(failure(call(peer)))
      yield* peer.reached(1)
      yield* peer.complete("a")
      const again = protocol(yield* Fiber.join(calling))
      expect(again).toMatchObject({ code: -32042, text: "Sign in first", data: { elicitations: [visit("b")] } })
      expect(peer.asked).toHaveLength(1)
    }),
  )
  it.effect("may read a resource or get a prompt as well", () =>
    Effect.gen(function* () {
      const resources = yield* refusing([required(visit("a"))], { result: { contents: [] } })
      const reading = yield* start(resources.session.request(Method.readResource, { uri: "test://a" }))
      yield* resources.reached(1)
      yield* resources.complete("a")
      expect(yield* Fiber.join(reading)).toEqual({ contents: [] })
      const prompts = yield* refusing([required(visit("a"))], { result: { messages: [] } })
      const getting = yield* start(prompts.session.request(Method.getPrompt, { name: "a" }))
      yield* prompts.reached(1)
      yield* prompts.complete("a")
      expect(yield* Fiber.join(getting)).toEqual({ messages: [] })
    }),
  )
  it.effect("ends with its caller: the question is withdrawn, and nothing is repeated", () =>
    Effect.gen(function* () {
      const withdrawn = yield* Deferred.make<void>()
      const peer = yield* refusing([required(visit("a"))], {
        elicit: () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(withdrawn, undefined)),
      })
      const calling = yield* start(call(peer))
      yield* peer.reached(1)
      yield* Fiber.interrupt(calling)
      yield* Deferred.await(withdrawn)
      const waits = yield* refusing([required(visit("a"))])
      const waiting = yield* start(call(waits))
      yield* waits.reached(1)
      yield* Fiber.interrupt(waiting)
      yield* waits.complete("a")
      yield* TestClock.adjust("1 hour")
      expect([...sent(peer), ...sent(waits)]).toHaveLength(2)
    }),
  )
  it.effect("ends with the session, whatever it waits for", () =>
    Effect.gen(function* () {
      for (const elicit of [accepted, () => Effect.never]) {
        const peer = yield* refusing([required(visit("a"))], { elicit })
        const calling = yield* start(failure(call(peer)))
        yield* peer.reached(1)
        peer.end()
        expect((yield* Fiber.join(calling)).reason._tag).toBe("Transport")
      }
    }),
  )
})

describe("nobody is asked about a -32042, which stays what it is,", () => {
  const told: ReadonlyArray<{ readonly name: string; readonly answer: object; readonly says: string }> = [
    {
      name: "where it has no data",
      answer: { error: { code: -32042, message: "Sign in first" } },
      says: "Sign in first: its data.elicitations is no list",
    },
    { name: "where it asks for nothing", answer: required(), says: "its data.elicitations is empty" },
    {
      name: "where it asks for a form",
      answer: required(visit("a"), { message: "Who?", requestedSchema: { type: "object", properties: {} } }),
      says: "its data.elicitations[1] is no elicitation of mode",
    },
    {
      name: "where a visit has no id",
      answer: required({ ...visit("a"), elicitationId: undefined }),
      says: "its data.elicitations[0] is no elicitation of mode",
    },
    {
      name: "where a URL is not allowed",
      answer: required(visit("a", "http://example.com/")),
      says: "the visit that it asks for was refused: url must be an https: URL",
    },
    {
      name: "where a URL is a program",
      answer: required(visit("a", "javascript:alert(1)")),
      says: "the visit that it asks for was refused: url must be an https: URL, not one of the scheme javascript:",
    },
  ]
  it.effect.each(told)("%s", ({ answer, says }) =>
    Effect.gen(function* () {
      const peer = yield* refusing([answer])
      const reason = protocol(yield* failure(call(peer)))
      expect(reason?.code).toBe(-32042)
      expect(reason?.text).toContain("Sign in first: ")
      expect(reason?.text).toContain(says)
      expect(peer.asked).toEqual([])
      expect(sent(peer)).toHaveLength(1)
    }),
  )
  it.effect("where visits were not declared", () =>
    Effect.gen(function* () {
      for (const options of [{ modes: ["form" as const] }, { protocolVersion: "2025-06-18" }]) {
        const peer = yield* refusing([required(visit("a"))], options)
        expect(protocol(yield* failure(call(peer)))).toMatchObject({ code: -32042, text: "Sign in first" })
        expect(peer.asked).toEqual([])
      }
    }),
  )
  it.effect("and a handler that fails is no answer", () =>
    Effect.gen(function* () {
      for (const elicit of [() => Effect.die(new Error("no")), () => Effect.interrupt]) {
        const peer = yield* refusing([required(visit("a"))], { elicit })
        expect(protocol(yield* failure(call(peer)))?.text).toContain("the visit that it asks for was refused")
        yield* peer.session.request(Method.ping, {})
      }
    }),
  )
})
