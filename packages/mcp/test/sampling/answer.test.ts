import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method, Questions, RequestRefused } from "../../src/index.ts"
import type { SamplingResult } from "../../src/capability/sampling.ts"
import { readResult } from "../../src/capability/messages.ts"
import { mistakes } from "../support/mistakes.ts"
import { start } from "../support/scripted.ts"
import { answer, assistant, result, sampler, simple, text, use, user, weather } from "./sampler.ts"

const withTools = { ...simple, tools: [weather] }

/** What a handler may say that is no answer. */
const wrong: ReadonlyArray<{
  readonly name: string
  readonly value: unknown
  readonly says: string
  readonly params?: object
}> = [
  { name: "a text", value: "hello", says: "the result must be an object" },
  { name: "an answer of the user", value: { ...answer(text("x")), role: "user" }, says: "role must be" },
  { name: "no model", value: { ...answer(text("x")), model: undefined }, says: "model must be a string" },
  { name: "no content", value: { ...answer(text("x")), content: undefined }, says: "content must be an object" },
  { name: "an empty array", value: { ...answer(text("x")), content: [] }, says: "content must have a block" },
  { name: "a stop reason that is no text", value: { ...answer(text("x")), stopReason: 1 }, says: "stopReason" },
  { name: "a tool result", value: { ...answer(text("x")), content: result("a") }, says: "content.type" },
  { name: "an image that is none", value: { ...answer(text("x")), content: { type: "image" } }, says: "content.data" },
  {
    name: "annotations of its own",
    value: answer(Object.assign(text("x"), { annotations: { priority: 3 } })),
    says: "annotations.priority",
  },
  { name: "several blocks where no tools were offered", value: answer([text("a"), text("b")]), says: "one block" },
  { name: "a tool, where none was offered", value: answer([use("a")], "toolUse"), says: "offers none" },
  {
    name: "another tool than was offered",
    value: answer([use("a", "toString")]),
    says: '"toString", which is no tool',
    params: withTools,
  },
  {
    name: "a tool, where the choice is none",
    value: answer([use("a")]),
    says: "toolChoice",
    params: { ...withTools, toolChoice: { mode: "none" } },
  },
  {
    name: "one id twice",
    value: answer([use("a"), use("a")]),
    says: 'two tool uses with the id "a"',
    params: withTools,
  },
  {
    name: "toolUse without a tool",
    value: answer([text("a")], "toolUse"),
    says: "stopReason is toolUse",
    params: withTools,
  },
]

// What a handler returns is not always what its type says.
const asResult = (value: unknown) => value as SamplingResult

describe("what a handler answers never leaves as", () => {
  it.effect.each(wrong)("%s", ({ params = simple, says, value }) =>
    Effect.gen(function* () {
      const told = yield* mistakes
      const peer = yield* sampler({ createMessage: () => Effect.succeed(asResult(value)) })
      const { error } = yield* peer.sample(params)
      expect(error).toEqual({ code: -32603, message: "the client has no answer that fits the request" })
      expect((yield* told).join()).toContain(says)
      yield* peer.session.request(Method.ping, {})
    }),
  )
})

describe("what a handler answers is sent", () => {
  it.effect("with audio, where the revision has it", () =>
    Effect.gen(function* () {
      const said = answer({ type: "audio", data: "UklGRg==", mimeType: "audio/wav" })
      const told = yield* mistakes
      for (const protocolVersion of ["2024-11-05", "2025-03-26"] as const) {
        const peer = yield* sampler({ createMessage: () => Effect.succeed(said), script: { protocolVersion } })
        const { error, result: sent } = yield* peer.sample(simple)
        if (protocolVersion === "2025-03-26") expect(sent).toEqual({ ...said })
        else expect(error?.code).toBe(-32603)
      }
      expect((yield* told).join()).toContain("audio, which the revision of the session has not")
    }),
  )
  it.effect("with tools, one or several", () =>
    Effect.gen(function* () {
      const answers = [answer(use("a"), "toolUse"), answer([text("both"), use("a"), use("b")], "toolUse")]
      for (const said of answers) {
        const peer = yield* sampler({ createMessage: () => Effect.succeed(said) })
        expect((yield* peer.sample(withTools)).result).toEqual({ ...said })
      }
    }),
  )
  it.effect("as one block, where no tools were offered, as older revisions and the SDK want it", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ createMessage: () => Effect.succeed(answer([text("alone")])) })
      expect((yield* peer.sample(simple)).result).toEqual(answer(text("alone")))
    }),
  )
  it.effect("without what the protocol does not have", () =>
    Effect.gen(function* () {
      const said = {
        ...answer(Object.assign(text("x"), { secret: 1 })),
        usage: { cost: 3 },
        _meta: { "example/id": "1" },
      }
      const peer = yield* sampler({ createMessage: () => Effect.succeed(said) })
      expect((yield* peer.sample(simple)).result).toEqual({ ...answer(text("x")), _meta: { "example/id": "1" } })
    }),
  )
  it.effect("after a tool loop", () =>
    Effect.gen(function* () {
      const peer = yield* sampler()
      const params = { ...withTools, messages: [assistant(use("a")), user(result("a"))], toolChoice: { mode: "none" } }
      expect((yield* peer.sample(params)).result).toEqual(answer(text("hello")))
    }),
  )
  it.effect("even where its members are named like those of every object", () =>
    Effect.sync(() => {
      const tool = { ...weather, name: "__proto__" }
      const value = JSON.parse(
        '{"role":"assistant","model":"m","content":{"type":"tool_use","id":"a","name":"__proto__","input":{"__proto__":{"x":1}}}}',
      )
      const read = readResult(
        { messages: [], maxTokens: 1, tools: [{ ...tool, inputSchema: { type: "object" } }] },
        value,
      )
      expect(JSON.stringify(read)).toContain('"input":{"__proto__":{"x":1}}')
      expect("x" in {}).toBe(false)
    }),
  )
})

describe("a handler that", () => {
  it.effect("refuses is the error that it says", () =>
    Effect.gen(function* () {
      const refused = new RequestRefused({ code: -1, message: "no", data: { why: "busy" } })
      const peer = yield* sampler({ createMessage: () => Effect.fail(refused) })
      expect((yield* peer.sample(simple)).error).toEqual({ code: -1, message: "no", data: { why: "busy" } })
    }),
  )
  it.effect("dies is an error without its inner parts", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ createMessage: () => Effect.die(new Error("sk-secret")) })
      const { error } = yield* peer.sample(simple)
      expect(error?.code).toBe(-32603)
      expect(JSON.stringify(error)).not.toContain("secret")
      yield* peer.session.request(Method.ping, {})
    }),
  )
  it.effect("interrupts itself is an error too", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ createMessage: () => Effect.interrupt })
      expect((yield* peer.sample(simple)).error?.code).toBe(-32603)
    }),
  )
  it.effect("the server no longer waits for is interrupted, and owes no answer", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const never = Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted += 1)))
      const peer = yield* sampler({ createMessage: () => never })
      const id = peer.send(simple)
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } })
      expect(interrupted).toBe(1)
      yield* peer.session.request(Method.ping, {})
      expect(peer.wire.messages("sent").some((message) => message.id === id)).toBe(false)
    }),
  )
})

describe("the clock of a call stands still", () => {
  it.effect("while the model thinks", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<SamplingResult>()
      const peer = yield* sampler({
        createMessage: () => Deferred.await(done),
        script: { session: { timeout: 1_000 }, on: { "tools/call": () => "silence" } },
      })
      const call = yield* start(Effect.exit(peer.session.request(Method.callTool, { name: "echo", arguments: {} })))
      yield* peer.wire.first("sent", "tools/call")
      const id = peer.send(simple)
      yield* TestClock.adjust("10 minutes")
      expect(call.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(done, answer(text("at last")))
      yield* peer.answerTo(id)
      yield* TestClock.adjust("1001 millis")
      expect(call.pollUnsafe()?._tag).toBe("Success")
      expect(JSON.stringify(call.pollUnsafe())).toContain("Timeout")
    }),
  )
})

describe("a question that waits", () => {
  const asking = (timeout?: number) =>
    Effect.gen(function* () {
      const questions = yield* Effect.provide(Questions, Questions.layer(timeout === undefined ? {} : { timeout }))
      const peer = yield* sampler({ createMessage: questions.createMessage })
      const ids: Array<string> = []
      questions.listen(({ id }) => ids.push(id))
      const sent = peer.send(simple)
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/nothing" })
      const [id = "none"] = ids
      return { questions, peer, sent, id }
    })
  it.effect("is answered once", () =>
    Effect.gen(function* () {
      const { id, peer, questions, sent } = yield* asking()
      expect(questions.open().map(({ kind }) => kind)).toEqual(["sampling"])
      yield* questions.sampled(id, answer(text("from outside")))
      expect((yield* peer.answerTo(sent)).result).toEqual(answer(text("from outside")))
      const again = yield* Effect.flip(questions.sampled(id, answer(text("again"))))
      expect(again.reason._tag).toBe("NotOpen")
    }),
  )
  it.effect("stays open where the answer does not fit", () =>
    Effect.gen(function* () {
      const { id, peer, questions, sent } = yield* asking()
      const unfit = yield* Effect.flip(questions.sampled(id, { role: "assistant", content: text("x") }))
      expect(unfit.message).toBe("model must be a string, not undefined; the question stays open")
      yield* questions.sampled(id, answer(text("x")))
      expect((yield* peer.answerTo(sent)).result).toEqual(answer(text("x")))
    }),
  )
  it.effect("may be answered with an error", () =>
    Effect.gen(function* () {
      const { id, peer, questions, sent } = yield* asking()
      yield* questions.sampled(id, new RequestRefused({ code: -1, message: "User rejected sampling request" }))
      expect((yield* peer.answerTo(sent)).error).toEqual({ code: -1, message: "User rejected sampling request" })
    }),
  )
  it.effect("is a rejection when nobody answers in time", () =>
    Effect.gen(function* () {
      const { peer, questions, sent } = yield* asking(1_000)
      yield* TestClock.adjust("1 second")
      expect((yield* peer.answerTo(sent)).error?.code).toBe(-1)
      expect(questions.open()).toEqual([])
    }),
  )
  it.effect("is withdrawn when the server cancels it", () =>
    Effect.gen(function* () {
      const { id, peer, questions, sent } = yield* asking()
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: sent } })
      expect(questions.open()).toEqual([])
      expect((yield* Effect.flip(questions.sampled(id, answer(text("late"))))).reason._tag).toBe("NotOpen")
    }),
  )
})
