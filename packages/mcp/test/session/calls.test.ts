import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect, type Connected } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { statefulRevisions, type Target, targets } from "@opencode-ai/testing/matrix"
import { effectMcp } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { WireMessage } from "@opencode-ai/testing/recorder"
import type { Session } from "../../src/index.ts"
import { Method } from "../../src/index.ts"
import { failure, scripted, start } from "../support/scripted.ts"

const caller =
  (session: Session["Service"]) =>
  (name: string, args: { readonly [name: string]: unknown } = {}, options = {}) =>
    session.request(Method.callTool, { name, arguments: args }, options)

/** What the server says it received. */
const recorded = (session: Session["Service"]): Effect.Effect<ReadonlyArray<WireMessage>, unknown> =>
  Effect.map(caller(session)("recorded"), ({ structuredContent }) => Object(structuredContent).received)

const tools = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { session } = yield* connect(yield* target.entry)
      const call = caller(session)
      const { tools } = yield* session.request(Method.listTools, {})
      expect(tools.map(({ name }) => name)).toContain("echo")
      expect(tools.find(({ name }) => name === "add")).toMatchObject({
        title: "Add",
        annotations: { readOnlyHint: true, idempotentHint: true },
        outputSchema: { type: "object" },
      })

      expect(yield* call("echo", { message: 'ü 漢 🙂\n\u0000"\\' })).toMatchObject({
        content: [{ type: "text", text: 'ü 漢 🙂\n\u0000"\\' }],
      })
      // Structured content comes beside the content.
      expect(yield* call("add", { a: 2, b: 3 })).toMatchObject({
        content: [{ type: "text", text: `{"sum":5}` }],
        structuredContent: { sum: 5 },
      })
      expect(yield* call("fail")).toMatchObject({ isError: true, content: [{ type: "text", text: "it failed" }] })
      expect((yield* failure(call("refuse"))).reason).toMatchObject({
        _tag: "Protocol",
        code: -32602,
        data: { why: "asked for" },
      })
      expect((yield* failure(call("no such tool"))).reason._tag).toBe("Protocol")
      const { content } = yield* call("content")
      expect(content.map(({ type }) => type)).toEqual(["text", "image", "audio", "resource_link", "resource"])
      expect(content[0]).toMatchObject({ annotations: { audience: ["user"], priority: 0.5 } })
      expect(content[2]).toMatchObject({ mimeType: "audio/wav" })
      expect(content[3]).toMatchObject({ uri: "test://text", mimeType: "text/plain" })
      expect(content[4]).toMatchObject({ resource: { uri: "test://text", text: "embedded" } })
    }),
  )

describe("tools", () => targets.forEach(tools))

const progress = ({ session, wire }: Connected) =>
  Effect.gen(function* () {
    const seen: Array<unknown> = []
    yield* caller(session)("progress", { steps: 4 }, { onProgress: (step: unknown) => seen.push(step) })
    const sent = wire.messages("sent", "tools/call")[0]
    expect(sent?.params?._meta).toEqual({ progressToken: sent?.id })
    expect(seen).toEqual(
      [1, 2, 3, 4].map((step) => ({ progressToken: sent?.id, progress: step, total: 4, message: `step ${step}` })),
    )
  })

const cancellation = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect(yield* target.entry)
      const fiber = yield* start(caller(session)("hang"))
      // The tool says so when it runs.
      yield* wire.first("received", "notifications/progress")
      yield* Fiber.interrupt(fiber)
      const hung = wire.messages("sent", "tools/call")[0]?.id
      yield* wire.first("sent", "notifications/cancelled")
      // The next call works, and the server took notice.
      const received = yield* Effect.repeat(recorded(session), {
        until: (all) => all.some(({ method }) => method === "notifications/cancelled"),
      })
      const cancelled = received.filter(({ method }) => method === "notifications/cancelled")
      expect(cancelled.map(({ params }) => params?.requestId)).toEqual([hung])
      expect(received.some(({ method }) => method === "tools/call")).toBe(true)
    }),
  )

describe("interrupting a call cancels it at the server", () => targets.forEach(cancellation))

const ping = ({ session }: Connected) =>
  Effect.gen(function* () {
    yield* session.request(Method.ping, {})
    const { structuredContent } = yield* caller(session)("ask", { method: "ping" })
    expect(structuredContent).toEqual({ result: {} })
  })

const resources = ({ session }: Connected) =>
  Effect.gen(function* () {
    const { resources } = yield* session.request(Method.listResources, {})
    expect(resources.map(({ uri }) => uri)).toEqual(["test://text", "test://blob"])
    const { resourceTemplates } = yield* session.request(Method.listResourceTemplates, {})
    expect(resourceTemplates[0]).toMatchObject({ uriTemplate: "test://item/{id}" })
    const uri = "test://item/7"
    const { contents } = yield* session.request(Method.readResource, { uri })
    expect(contents).toEqual([{ uri, mimeType: "text/plain", text: `the content of ${uri}` }])
    const { reason } = yield* failure(session.request(Method.readResource, { uri: "test://none" }))
    expect(reason).toMatchObject({ _tag: "Protocol", data: { uri: "test://none" } })
  })

const prompts = ({ session }: Connected) =>
  Effect.gen(function* () {
    const { prompts } = yield* session.request(Method.listPrompts, {})
    expect(prompts.map(({ name }) => name)).toEqual(["greet", "plain", "trip"])
    const { messages } = yield* session.request(Method.getPrompt, { name: "greet", arguments: { name: "Ada" } })
    expect(messages).toEqual([{ role: "user", content: { type: "text", text: "Hello Ada" } }])
    expect((yield* failure(session.request(Method.getPrompt, { name: "greet" }))).message).toContain("name")
  })

const others = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const connected = yield* connect(yield* target.entry)
      yield* progress(connected)
      yield* ping(connected)
      yield* resources(connected)
      yield* prompts(connected)
    }),
  )

describe("progress, ping both ways, resources and prompts", () => targets.forEach(others))

describe("Effect's server", () => {
  it.live.each(statefulRevisions)("is used and cancelled like any other: %s", (revision) =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect({ ...effectMcp(revision), protocol: revision })
      const call = caller(session)
      expect(JSON.stringify(yield* call("echo", { message: "hi" }))).toContain("hi")
      const seen: Array<unknown> = []
      yield* call("progress", { steps: 2 }, { onProgress: ({ progress }: { progress: number }) => seen.push(progress) })
      expect(seen).toEqual([1, 2])
      const fiber = yield* start(call("hang"))
      yield* wire.first("sent", ({ params }) => params?.name === "hang")
      yield* call("echo", { message: "it runs now" })
      yield* Fiber.interrupt(fiber)
      const count = Effect.map(call("interrupted"), (result) => JSON.stringify(result).includes("1"))
      yield* Effect.repeat(count, { until: (one) => one })
    }),
  )
})

describe("what a server adds to a result", () => {
  const result = {
    content: [
      { type: "text", text: "a", _meta: { "x/y": 1 } },
      { type: "hologram", depth: 3 },
    ],
    structuredContent: { content: [] },
    _meta: { "example.com/trace": [1] },
    later: { member: true },
  }
  it.effect("is kept: unknown members, unknown blocks and _meta, at any depth", () =>
    Effect.gen(function* () {
      const { session } = yield* scripted({ on: { "tools/call": () => ({ result }) } })
      expect(yield* session.request(Method.callTool, { name: "echo" })).toEqual(JSON.parse(JSON.stringify(result)))
    }),
  )
  it.effect("is enough where it has structured content alone", () =>
    Effect.gen(function* () {
      const { session } = yield* scripted({ on: { "tools/call": () => ({ result: { structuredContent: [1] } }) } })
      expect(yield* session.request(Method.callTool, { name: "echo" })).toEqual(JSON.parse(`{"structuredContent":[1]}`))
    }),
  )
})

describe("_meta of a request", () => {
  it.effect("holds what the caller adds, and the progress token over it", () =>
    Effect.gen(function* () {
      const { session, wire } = yield* scripted()
      const meta = { "example.com/a": 1, progressToken: "mine" }
      yield* session.request(Method.callTool, { name: "echo", _meta: { "example.com/b": 2 } }, { meta })
      expect(wire.messages("sent", "tools/call")[0]?.params?._meta).toEqual({
        "example.com/a": 1,
        "example.com/b": 2,
        progressToken: 2,
      })
    }),
  )
  it.effect("names the span that the call is part of, and nothing where there is none", () =>
    Effect.gen(function* () {
      const { session, wire } = yield* scripted()
      yield* session.request(Method.ping, {})
      const span = yield* session
        .request(Method.ping, {})
        .pipe(Effect.andThen(Effect.currentSpan), Effect.withSpan("turn"))
      const [bare, traced] = wire.messages("sent", "ping")
      expect(bare?.params).toEqual({})
      expect(traced?.params?._meta).toEqual({ traceparent: `00-${span.traceId}-${span.spanId}-01` })
    }),
  )
  it.effect("and arguments may have names that every object has", () =>
    Effect.gen(function* () {
      const { session, wire } = yield* scripted()
      const args = JSON.parse(`{"__proto__":{"polluted":true},"constructor":1,"toString":null}`)
      const { content } = yield* session.request(
        Method.callTool,
        { name: "__proto__", arguments: args },
        { meta: args },
      )
      expect(content).toEqual([{ type: "text", text: JSON.stringify(args) }])
      expect(wire.messages("sent", "tools/call")[0]?.params?.name).toBe("__proto__")
      expect(Object("").polluted).toBe(undefined)
    }),
  )
})
