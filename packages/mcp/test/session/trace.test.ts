/** `_meta` both ways, and the trace context in it (SEP-414). */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { given } from "../../src/capability/approval.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { Capabilities, CapabilityLayer, type Elicitation, Method, type Sampling, TraceState } from "../../src/index.ts"
import { scripted, type Scripted } from "../support/scripted.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"
const traceparent = `00-${traceId}-${spanId}-01`

const metaOf = ({ wire }: Scripted, method: string) => wire.messages("sent", method).map(({ params }) => params?._meta)

describe("a request of the client carries", () => {
  it.effect("the state of its trace beside the span, and neither without a span", () =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const ping = peer.session.request(Method.ping, {})
      yield* Effect.provideService(ping, TraceState, "vendor=1")
      const span = yield* ping.pipe(
        Effect.andThen(Effect.currentSpan),
        Effect.withSpan("turn"),
        Effect.provideService(TraceState, "vendor=1,other=2"),
      )
      expect(metaOf(peer, "ping")).toEqual([
        undefined,
        { traceparent: `00-${span.traceId}-${span.spanId}-01`, tracestate: "vendor=1,other=2" },
      ])
    }),
  )

  const states = ["", "two\nlines", "héllo", "x".repeat(10_000)]
  it.effect.each(states)("no state that no header could hold: %s", (state) =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const ping = Effect.withSpan(peer.session.request(Method.ping, {}), "turn")
      yield* Effect.provideService(ping, TraceState, state)
      expect(Object.keys(members(metaOf(peer, "ping")[0]))).toEqual(["traceparent"])
    }),
  )

  it.effect("nothing of a span that is disabled or has no ids of the standard", () =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const ping = peer.session.request(Method.ping, {})
      yield* ping.pipe(Effect.withSpan("turn"), Effect.withTracerEnabled(false))
      yield* Effect.withParentSpan(ping, Tracer.externalSpan({ traceId: "one", spanId: "two" }))
      expect(metaOf(peer, "ping")).toEqual([undefined, undefined])
    }),
  )

  it.effect("what its caller says, who may name another trace", () =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const call = { name: "echo", arguments: {}, _meta: { traceparent, "example.com/a": { b: [1, null] } } }
      yield* peer.session
        .request(Method.callTool, call, { meta: { "example.com/c": "d" } })
        .pipe(Effect.withSpan("turn"), Effect.provideService(TraceState, "vendor=1"))
      expect(metaOf(peer, "tools/call")).toEqual([
        { traceparent, "example.com/a": { b: [1, null] }, "example.com/c": "d", progressToken: 2 },
      ])
    }),
  )
})

/** A client that tells of each request what it was handed and under which trace its handler ran, and pings meanwhile. */
const tracing = Effect.gen(function* () {
  const seen = yield* Queue.unbounded<{
    readonly params: unknown
    readonly span: unknown
    readonly state: string | undefined
  }>()
  const client = Layer.succeed(Capabilities)({
    declared: { roots: {} },
    handle: (_, params) =>
      Effect.gen(function* () {
        const parent = Option.getOrUndefined(yield* Effect.option(Effect.currentParentSpan))
        const span = parent && { trace: parent.traceId, span: parent.spanId, sampled: parent.sampled }
        Queue.offerUnsafe(seen, { params, span, state: yield* TraceState })
        return { roots: [], _meta: { "example.com/answer": 42 } }
      }),
    announcements: Stream.empty,
  })
  const peer = yield* scripted({ client })
  const asked = (_meta: unknown) =>
    Effect.suspend(() => {
      peer.send({ jsonrpc: "2.0", id: "ask", method: "roots/list", params: { _meta } })
      return Queue.take(seen)
    })
  return { peer, asked }
})

describe("a request of the server", () => {
  it.effect("is handled as a part of its trace, and all of `_meta` is handed on", () =>
    Effect.gen(function* () {
      const { asked, peer } = yield* tracing
      const meta = { traceparent, tracestate: "vendor=1", progressToken: "p", "example.com/a": { b: [1, null] } }
      expect(yield* asked(meta)).toEqual({
        params: { _meta: meta },
        span: { trace: traceId, span: spanId, sampled: true },
        state: "vendor=1",
      })
      const { result } = yield* peer.wire.first("sent", ({ id }) => id === "ask")
      expect(result).toEqual({ roots: [], _meta: { "example.com/answer": 42 } })
    }),
  )

  const valid = [
    { name: "not sampled", text: `00-${traceId}-${spanId}-00`, sampled: false },
    { name: "flags that nobody knows yet", text: `00-${traceId}-${spanId}-fe`, sampled: false },
    { name: "a later version with more", text: `cc-${traceId}-${spanId}-01-what-comes`, sampled: true },
  ]
  it.effect.each(valid)("has a parent: %s", ({ sampled, text }) =>
    Effect.gen(function* () {
      const { asked } = yield* tracing
      const { span } = yield* asked({ traceparent: text })
      expect(span).toEqual({ trace: traceId, span: spanId, sampled })
    }),
  )

  const invalid = [
    undefined,
    7,
    {},
    "",
    "00",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    ` ${traceparent}`,
    `${traceparent}\n`,
  ]
  it.effect.each(invalid.map((text) => ({ name: JSON.stringify(text) ?? "none", text })))(
    "whose trace is none has no parent and no state: %s",
    ({ text }) =>
      Effect.gen(function* () {
        const { asked } = yield* tracing
        const { span, state } = yield* asked({ traceparent: text, tracestate: "vendor=1" })
        expect([span, state]).toEqual([undefined, undefined])
      }),
  )

  it.effect("whose `_meta` is no object is answered all the same", () =>
    Effect.gen(function* () {
      const { asked } = yield* tracing
      for (const meta of [null, 7, "x", [], JSON.parse('{"__proto__":{"traceparent":1}}')]) {
        expect((yield* asked(meta)).span).toBe(undefined)
      }
    }),
  )

  it.effect("that elicits hands its `_meta` on, and takes that of the answer", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const elicit: Elicitation["Service"]["elicit"] = ({ _meta }) =>
        Effect.sync(() => {
          seen.push(_meta)
          return { action: "decline", _meta: { "example.com/answer": 42 } }
        })
      const client = CapabilityLayer.make({ elicitation: { modes: ["form"], elicit } })
      const { send, wire } = yield* scripted({ client })
      const _meta = { "example.com/a": { b: [1, null] } }
      const requestedSchema = { type: "object", properties: {} }
      const params = { mode: "form", message: "Who?", requestedSchema, _meta }
      send({ jsonrpc: "2.0", id: "ask", method: "elicitation/create", params })
      const { result } = yield* wire.first("sent", ({ id }) => id === "ask")
      expect(result).toEqual({ action: "decline", _meta: { "example.com/answer": 42 } })
      expect(seen).toEqual([_meta])
    }),
  )

  it.effect("as a task keeps its trace: what its handler asks belongs to it", () =>
    Effect.gen(function* () {
      let ping: Effect.Effect<unknown> = Effect.void
      const elicitation = {
        modes: ["form"] as const,
        elicit: () =>
          Effect.as(
            Effect.suspend(() => ping),
            { action: "decline" as const },
          ),
      }
      const peer = yield* scripted({ client: CapabilityLayer.make({ elicitation, tasks: defaults }) })
      ping = peer.session.request(Method.ping, {}).pipe(Effect.withSpan("form"), Effect.ignore)
      const requestedSchema = { type: "object", properties: {} }
      const params = {
        mode: "form",
        message: "Who?",
        requestedSchema,
        task: {},
        _meta: { traceparent, tracestate: "v=1" },
      }
      peer.send({ jsonrpc: "2.0", id: "ask", method: "elicitation/create", params })
      yield* peer.wire.first("sent", "notifications/tasks/status")
      const [meta] = metaOf(peer, "ping").map(members)
      expect(meta?.tracestate).toBe("v=1")
      expect(String(meta?.traceparent).slice(0, 36)).toBe(`00-${traceId}-`)
      expect(String(meta?.traceparent).includes(spanId)).toBe(false)
    }),
  )
})

const peers = [
  { name: "SDK v1", entry: sdkV1() },
  { name: "SDK v2", entry: sdkV2() },
]

describe("a real server", () => {
  it.live.each(peers)("sees the trace of a call, and what it adds to the result is kept: %s", ({ entry }) =>
    Effect.gen(function* () {
      const { session } = yield* connect(entry)
      const meta = { "example.com/a": { b: [1, null] } }
      const call = session.request(Method.callTool, { name: "meta", arguments: {} }, { meta })
      const [result, span] = yield* Effect.all([call, Effect.currentSpan]).pipe(
        Effect.withSpan("turn"),
        Effect.provideService(TraceState, "vendor=1"),
      )
      expect(members(result.structuredContent).meta).toMatchObject({
        ...meta,
        traceparent: `00-${span.traceId}-${span.spanId}-01`,
        tracestate: "vendor=1",
      })
      expect(result._meta).toEqual({ "example.com/answer": 42 })
    }),
  )

  it.live.each(peers)("has its sampling handled as a part of its trace: %s", ({ entry }) =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const sampling: Sampling["Service"] = {
        tools: false,
        context: false,
        createMessage: ({ params }) =>
          Effect.gen(function* () {
            const parent = yield* Effect.orDie(Effect.currentParentSpan)
            seen.push(params._meta, parent.traceId, parent.spanId, yield* TraceState)
            return { role: "assistant", content: { type: "text", text: "hello" }, model: "parrot" }
          }),
      }
      const { session } = yield* connect(entry, [], { sampling, approval: given })
      const _meta = { traceparent, tracestate: "vendor=1", "example.com/a": 1 }
      const messages = [{ role: "user", content: { type: "text", text: "Hi" } }]
      const params = { messages, maxTokens: 10, _meta }
      yield* session.request(Method.callTool, {
        name: "ask",
        arguments: { method: "sampling/createMessage", params },
      })
      expect(seen).toEqual([_meta, traceId, spanId, "vendor=1"])
    }),
  )
})
