import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { config, connect, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { everything, everythingHttp } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV1Http, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Approval, Mcp, Method, Sampling } from "../../src/index.ts"
import { given } from "../../src/capability/approval.ts"
import type { SamplingRequest } from "../../src/capability/sampling.ts"
import { answer, approving, assistant, hello, result, simple, text, use, user, weather } from "./sampler.ts"

const always = { sampling: { approve: "always" } }

const parrot = (said = answer(text("hello"))) => {
  const asked: Array<SamplingRequest> = []
  const sampling: Sampling["Service"] = {
    tools: true,
    context: false,
    createMessage: (request) => Effect.sync(() => (asked.push(request), said)),
  }
  return { asked, sampling }
}

const sample = (params?: object) => ({ name: "sample", arguments: params === undefined ? {} : { params } })

const image = { type: "image", data: "aGVsbG8=", mimeType: "image/png" }

const suite = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { asked, sampling } = parrot()
      const { session, wire } = yield* connect({ ...(yield* target.entry), ...always }, [], { sampling })
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toMatchObject({
        sampling: target.revision === "2025-11-25" ? { tools: {} } : {},
      })
      const params = {
        messages: [hello, { role: "user", content: image }],
        systemPrompt: "Be brief.",
        modelPreferences: { hints: [{ name: "parrot" }], speedPriority: 1 },
        stopSequences: ["END"],
        temperature: 0.5,
      }
      const { structuredContent } = yield* session.request(Method.callTool, sample(params), { request: "call 7" })
      expect(structuredContent).toEqual({ result: answer(text("hello")) })
      expect(asked).toMatchObject([{ server: "peer", request: "call 7", params: { ...params, maxTokens: 100 } }])
    }),
  )

describe("a server of the official SDK gets a message of the model", () => targets.forEach(suite))

describe("a server of the official SDK lets the model use its tools", () => {
  const peers = [
    { name: "v1, stdio", entry: Effect.succeed(sdkV1()) },
    { name: "v1, Streamable HTTP", entry: sdkV1Http() },
    { name: "v2, stdio", entry: Effect.succeed(sdkV2()) },
    { name: "v2, Streamable HTTP", entry: sdkV2Http() },
  ]
  it.live.each(peers)("%s", ({ entry }) =>
    Effect.gen(function* () {
      const used = answer([text("let me see"), use("a"), use("b")], "toolUse")
      const { asked, sampling } = parrot(used)
      const { session } = yield* connect({ ...(yield* entry), ...always }, [], { sampling })
      const params = { tools: [weather], toolChoice: { mode: "auto" } }
      const first = yield* session.request(Method.callTool, sample(params))
      expect(first.structuredContent).toEqual({ result: used })
      const messages = [hello, assistant(use("a"), use("b")), user(result("a"), result("b"))]
      yield* session.request(Method.callTool, sample({ ...params, messages }))
      expect(asked[1]?.params.messages).toEqual(JSON.parse(JSON.stringify(messages)))
      const mixed = [hello, assistant(use("a")), user(text("here"), result("a"))]
      const ask = {
        name: "ask",
        arguments: { method: "sampling/createMessage", params: { ...simple, ...params, messages: mixed } },
      }
      const refused = yield* Effect.exit(session.request(Method.callTool, ask))
      expect(JSON.stringify(refused)).toContain("Tool results mixed with other content: messages[2]")
      expect(asked).toHaveLength(2)
    }),
  )
})

describe("server-everything", () => {
  const peers = [
    { name: "stdio", entry: Effect.succeed(everything) },
    { name: "Streamable HTTP", entry: everythingHttp },
  ]
  it.live.each(peers)("samples over %s", ({ entry }) =>
    Effect.gen(function* () {
      const { asked, sampling } = parrot(answer(text("said the parrot")))
      const { session } = yield* connect({ ...(yield* entry), ...always }, [], { sampling })
      const call = { name: "trigger-sampling-request", arguments: { prompt: "Polly?", maxTokens: 20 } }
      const { content } = yield* session.request(Method.callTool, call)
      expect(JSON.stringify(content)).toContain("said the parrot")
      expect(asked[0]?.params).toMatchObject({ maxTokens: 20, systemPrompt: "You are a helpful test server." })
    }),
  )
})

describe("a server is told", () => {
  it.live("that the person said no, and goes on", () =>
    Effect.gen(function* () {
      const { asked, sampling } = parrot()
      const approval = approving({ sampling: () => Effect.succeed({ approved: false, reason: "not now" }) })
      const { session } = yield* connect(sdkV2(), [], { sampling, approval })
      const { structuredContent } = yield* session.request(Method.callTool, sample())
      expect(structuredContent).toMatchObject({ result: { code: -1 } })
      expect(JSON.stringify(structuredContent)).toContain("User rejected sampling request: not now")
      expect(asked).toEqual([])
      expect((yield* session.request(Method.callTool, { name: "echo", arguments: { message: "x" } })).isError).not.toBe(
        true,
      )
    }),
  )
  it.live("nothing, once it cancelled what its interrupted call had asked for: the model is stopped", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const sampling: Sampling["Service"] = {
        tools: false,
        context: false,
        createMessage: () =>
          Effect.andThen(Deferred.succeed(asked, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
          ),
      }
      const request = { jsonrpc: "2.0", id: "s", method: "sampling/createMessage", params: simple }
      const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "s" } }
      const peer = rawStdio({
        on: {
          "tools/call": [{ do: "send", message: request }],
          "notifications/cancelled": [{ do: "send", message: cancelled }],
        },
      })
      const { session, wire } = yield* connect({ ...peer, ...always }, [], { sampling })
      const call = session.request(Method.callTool, { name: "echo", arguments: {} })
      yield* Effect.race(call, Deferred.await(asked))
      yield* Deferred.await(stopped)
      expect(wire.messages("sent").filter((message) => message.method === undefined)).toEqual([])
      yield* session.request(Method.ping, {})
    }),
  )
})

describe("the entry of a server", () => {
  const { asked, sampling } = parrot()
  const handlers = Layer.mergeAll(Layer.succeed(Sampling)(sampling), Layer.succeed(Approval)(given))
  const service = testEffect(Layer.provide(testMcp(), handlers))
  service.live("limits what it asks, through a new connection too", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("greedy", { ...sdkV2(), sampling: { requestsPerMinute: 2 } }))
      yield* mcp.add(config("never", { ...sdkV2(), sampling: { approve: "never" } }))
      const ask = (server: string) => Effect.map(mcp.callTool(server, "sample", {}), (called) => JSON.stringify(called))
      expect(yield* ask("greedy")).toContain("hello")
      expect(yield* ask("greedy")).toContain("hello")
      yield* mcp.disconnect("greedy")
      yield* mcp.connect("greedy")
      expect(yield* ask("greedy")).toContain("it may ask 2 times a minute, and has")
      expect((yield* Recordings).wires("greedy")).toHaveLength(2)
      expect(yield* ask("never")).toContain("User rejected sampling request")
      expect(asked.map(({ server }) => server)).toEqual(["greedy", "greedy"])
    }),
  )
})

describe("a server that misbehaves", () => {
  it.live("asks for the impossible, many times at once, and harms nobody", () =>
    Effect.gen(function* () {
      const { asked, sampling } = parrot()
      const ask = (id: string, params?: unknown) => ({
        do: "send" as const,
        message: { jsonrpc: "2.0", id, method: "sampling/createMessage", params },
      })
      const flood = Array.from({ length: 200 }, (_, at) => ask(`f${at}`, simple))
      const peer = rawStdio({
        on: {
          "tools/call": [
            ask("none"),
            ask("array", [1]),
            ask("proto", JSON.parse('{"__proto__":{"messages":[],"maxTokens":1}}')),
            ask("constructor", { ...simple, tools: [{ name: "constructor", inputSchema: { type: "object" } }] }),
            ...flood,
            { do: "result", result: { content: [] } },
          ],
        },
      })
      const limited = { sampling: { approve: "always", requestsPerMinute: 5 } }
      const { session, wire } = yield* connect({ ...peer, ...limited }, [], { sampling })
      yield* session.request(Method.callTool, { name: "echo", arguments: {} })
      yield* wire.first("sent", ({ id }) => id === "f199")
      const codes = (prefix: string) =>
        wire.messages("sent").flatMap(({ error, id }) => (String(id).startsWith(prefix) ? [error?.code] : []))
      for (const id of ["none", "array", "proto"]) expect(codes(id)).toEqual([-32602])
      expect(codes("constructor")).toEqual([undefined])
      expect(codes("f").filter((code) => code === undefined)).toHaveLength(4)
      expect(asked).toHaveLength(5)
      yield* session.request(Method.ping, {})
    }),
  )
})
