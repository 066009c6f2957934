import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { everything, everythingHttp } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { effectMcp, sdkV1, sdkV1Http, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { ElicitationAnswer, ElicitationRequest } from "../../src/capability/elicitation.ts"
import { type Elicitation, Method } from "../../src/index.ts"
import { accept, form, visit } from "./asker.ts"

/** A person who says the same to everything. */
const person = (answer: ElicitationAnswer = accept({ name: "Ada" })) => {
  const asked: Array<ElicitationRequest> = []
  const elicitation: Elicitation["Service"] = {
    modes: ["form", "url"],
    elicit: (request) => Effect.sync(() => (asked.push(request), answer)),
  }
  return { asked, elicitation }
}

const tool = (name: string, args: object = {}) => ({ name, arguments: { ...args } })
const ask = (params: object) => tool("ask", { method: "elicitation/create", params })

const suite = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { asked, elicitation } = person()
      const { session, wire } = yield* connect(yield* target.entry, [], { elicitation })
      const declared = {
        "2024-11-05": {},
        "2025-03-26": {},
        "2025-06-18": { elicitation: {} },
        "2025-11-25": { elicitation: { form: {}, url: {} } },
      }[target.revision]
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toMatchObject(declared)
      if (!("elicitation" in declared)) {
        expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).not.toHaveProperty("elicitation")
        return
      }
      const { structuredContent } = yield* session.request(Method.callTool, tool("elicit"), { request: "call 7" })
      expect(structuredContent).toEqual({ result: accept({ name: "Ada" }) })
      expect(asked).toMatchObject([{ server: "peer", request: "call 7", mode: "form", message: "What is your name?" }])
    }),
  )

describe("a server of the official SDK asks the person", () => targets.forEach(suite))

const peers = [
  { name: "v1, stdio", entry: Effect.succeed(sdkV1()) },
  { name: "v1, Streamable HTTP", entry: sdkV1Http() },
  { name: "v2, stdio", entry: Effect.succeed(sdkV2()) },
  { name: "v2, Streamable HTTP", entry: sdkV2Http() },
]

/** A field of every kind that the protocol has. */
const every = {
  text: { type: "string", title: "A text", minLength: 1, maxLength: 20 },
  email: { type: "string", format: "email" },
  uri: { type: "string", format: "uri" },
  date: { type: "string", format: "date" },
  dateTime: { type: "string", format: "date-time" },
  number: { type: "number", minimum: 0, maximum: 1 },
  integer: { type: "integer", minimum: 1 },
  boolean: { type: "boolean" },
  single: { type: "string", enum: ["a", "b"] },
  titled: { type: "string", oneOf: [{ const: "a", title: "A" }] },
  old: { type: "string", enum: ["a"], enumNames: ["A"] },
  several: { type: "array", items: { type: "string", enum: ["a", "b"] }, minItems: 1, maxItems: 2 },
  titledSeveral: { type: "array", items: { anyOf: [{ const: "a", title: "A" }] } },
  left: { type: "string", default: "by default" },
}
const filled = {
  text: "words",
  email: "ada@example.com",
  uri: "https://example.com/",
  date: "2026-11-21",
  dateTime: "2026-11-21T09:30:00Z",
  number: 0.5,
  integer: 3,
  boolean: false,
  single: "b",
  titled: "a",
  old: "a",
  several: ["a", "b"],
  titledSeveral: ["a"],
}

describe("servers of the official SDK", () => {
  it.live.each(peers)("understand every kind of field: %s", ({ entry }) =>
    Effect.gen(function* () {
      const { elicitation } = person(accept(filled))
      const { session } = yield* connect(yield* entry, [], { elicitation })
      const params = form(every, Object.keys(every))
      const { structuredContent } = yield* session.request(Method.callTool, tool("elicit", { params }))
      expect(structuredContent).toEqual({ result: accept({ ...filled, left: "by default" }) })
    }),
  )
  it.live.each(peers)("are told no, in both ways, and why a question is refused: %s", ({ entry }) =>
    Effect.gen(function* () {
      const peer = yield* entry
      for (const action of ["decline", "cancel"] as const) {
        const { elicitation } = person({ action })
        const { session } = yield* connect(peer, [], { elicitation })
        const { structuredContent } = yield* session.request(Method.callTool, tool("elicit"))
        expect(structuredContent).toEqual({ result: { action } })
      }
      const { asked, elicitation } = person()
      const { session } = yield* connect(peer, [], { elicitation })
      const params = form({ password: { type: "string" } })
      const { structuredContent } = yield* session.request(Method.callTool, tool("elicit", { params }))
      expect(structuredContent).toMatchObject({ result: { code: -32602 } })
      expect(JSON.stringify(structuredContent)).toContain("requestedSchema.properties.password asks for a secret")
      expect(asked).toEqual([])
    }),
  )
  it.live.each(peers)("send the person to a page, and say when that is over: %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, elicitation } = person({ action: "accept" })
      const { notifications, session, wire } = yield* connect(yield* entry, [], { elicitation })
      const ended: Array<string> = []
      notifications.listen("elicitation/complete", ({ elicitationId }) => ended.push(elicitationId))
      const args = { elicitationId: `visit ${process.pid}`, url: "https://example.com/in", message: "Sign in" }
      const { structuredContent } = yield* session.request(Method.callTool, tool("elicitUrl", args))
      expect(structuredContent).toEqual({ result: { action: "accept" } })
      expect(asked).toMatchObject([{ mode: "url", host: "example.com", ...args }])
      const { elicitationId } = args
      yield* session.request(Method.callTool, tool("finish", { elicitationId }))
      yield* session.request(Method.callTool, tool("finish", { elicitationId: "another" }))
      yield* wire.first("received", ({ params }) => params?.elicitationId === "another")
      expect(ended).toEqual([elicitationId])
    }),
  )
  it.live.each(peers)("refuse a call until a page was visited, and answer its repetition: %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, elicitation } = person({ action: "accept" })
      const { session, wire } = yield* connect(yield* entry, [], { elicitation })
      const id = "sign in first"
      const calling = yield* Effect.forkScoped(session.request(Method.callTool, tool("needsUrl", { id, after: 20 })))
      expect((yield* Fiber.join(calling)).structuredContent).toEqual({ id })
      expect(asked).toMatchObject([{ mode: "url", elicitationId: id, url: "https://example.com/sign-in" }])
      expect(wire.messages("sent", "tools/call")).toHaveLength(2)
    }),
  )
  it.live.each(peers)("cannot ask what was not declared: %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, elicitation } = person()
      const { session } = yield* connect(yield* entry, [], { elicitation: { ...elicitation, modes: ["form"] } })
      const params = ask({ ...visit("1") })
      const { structuredContent } = yield* session.request(Method.callTool, params)
      expect(JSON.stringify(structuredContent)).toMatch(/-32602|does not support|url/)
      expect(asked).toEqual([])
    }),
  )
})

describe("server-everything", () => {
  const published = [
    { name: "stdio", entry: Effect.succeed(everything) },
    { name: "Streamable HTTP", entry: everythingHttp },
  ]
  it.live.each(published)("has its form filled in over %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, elicitation } = person(accept({ name: "Ada", email: "ada@example.com" }))
      const { session, wire } = yield* connect(yield* entry, [], { elicitation })
      const { content } = yield* session.request(Method.callTool, tool("trigger-elicitation-request"))
      expect(JSON.stringify(content)).toContain("Ada")
      expect(asked).toHaveLength(1)
      const sent = wire.messages("sent").find(({ result }) => JSON.stringify(result ?? {}).includes('"action"'))
      expect(sent?.result).toMatchObject({
        action: "accept",
        content: { name: "Ada", firstLine: "It was a dark and stormy night.", integer: 42, number: 3.14 },
      })
    }),
  )
  it.live.each(published)("sends to a page over %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, elicitation } = person({ action: "accept" })
      const { session } = yield* connect(yield* entry, [], { elicitation })
      const args = { url: "https://example.com/in", elicitationId: "visit" }
      yield* session.request(Method.callTool, tool("trigger-url-elicitation", args))
      expect(asked).toMatchObject([{ mode: "url", host: "example.com", ...args }])
    }),
  )
  it.live("refuses a call until a page was visited", () =>
    Effect.gen(function* () {
      const declining = person({ action: "decline" })
      const { session, wire } = yield* connect(everything, [], { elicitation: declining.elicitation })
      const args = { url: "https://example.com/in", errorPath: true }
      const { reason } = yield* Effect.flip(session.request(Method.callTool, tool("trigger-url-elicitation", args)))
      expect(reason).toMatchObject({ _tag: "ElicitationDeclined", code: -32042, action: "decline" })
      expect(wire.messages("sent", "tools/call")).toHaveLength(1)
    }),
  )
})

describe("Effect's server", () => {
  it.live("has its form filled in", () =>
    Effect.gen(function* () {
      const { asked, elicitation } = person(accept({ name: "Ada" }))
      const { session } = yield* connect(effectMcp(), [], { elicitation })
      const { content } = yield* session.request(Method.callTool, tool("elicit", { message: "Who?" }))
      expect(JSON.stringify(content)).toContain("Ada")
      expect(asked).toMatchObject([{ mode: "form", message: "Who?" }])
    }),
  )
})

describe("a server that misbehaves", () => {
  it.live("floods with questions: some are asked, the others refused, and the session lives on", () =>
    Effect.gen(function* () {
      const count = 500
      const flood = Array.from({ length: count }, (_, id) => ({
        do: "send" as const,
        message: { jsonrpc: "2.0", id: `e${id}`, method: "elicitation/create", params: form({}) },
      }))
      const { asked, elicitation } = person({ action: "decline" })
      const peer = rawStdio({ on: { "tools/call": [...flood, { do: "result", result: { content: [] } }] } })
      const { session, wire } = yield* connect(peer, [], { elicitation })
      yield* session.request(Method.callTool, tool("echo"))
      yield* wire.first("sent", ({ id }) => id === `e${count - 1}`)
      yield* session.request(Method.ping, {})
      expect(asked.length).toBeLessThanOrEqual(60)
      expect(wire.messages("sent").filter(({ id }) => String(id).startsWith("e"))).toHaveLength(count)
    }),
  )
})
