import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { statefulRevisions } from "@opencode-ai/testing/matrix"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"
import { scripted } from "../support/scripted.ts"
import { answer, assistant, hello, result, sampler, simple, text, use, user, weather } from "./sampler.ts"

const image = { type: "image", data: "aGVsbG8=", mimeType: "image/png" }
const audio = { type: "audio", data: "aGVsbG8=", mimeType: "audio/wav" }
const tools = [weather]

interface Case {
  readonly name: string
  readonly params: unknown
  readonly says: string
}

const content = (block: unknown) => ({ ...simple, messages: [{ role: "user", content: block }] })

const malformed: ReadonlyArray<Case> = [
  { name: "no parameters", params: undefined, says: "messages must be an array" },
  { name: "messages that are no array", params: { ...simple, messages: hello }, says: "messages must be an array" },
  {
    name: "a message that is a text",
    params: { ...simple, messages: ["hello"] },
    says: "messages[0] must be an object",
  },
  {
    name: "a role of its own",
    params: { ...simple, messages: [{ ...hello, role: "system" }] },
    says: "messages[0].role",
  },
  { name: "no content", params: { ...simple, messages: [hello, { role: "user" }] }, says: "messages[1].content" },
  { name: "content of an unknown kind", params: content({ type: "video" }), says: "messages[0].content.type" },
  {
    name: "a kind named like a member of every object",
    params: content({ type: "constructor" }),
    says: "content.type",
  },
  { name: "a text without a text", params: content({ type: "text" }), says: "messages[0].content.text" },
  { name: "a bad block among good ones", params: content([image, { type: "text", text: 1 }]), says: "content[1].text" },
  {
    name: "an image that is no base64",
    params: content({ ...image, data: "<svg>" }),
    says: "content.data must be base64",
  },
  { name: "audio without its type", params: content({ ...audio, mimeType: undefined }), says: "content.mimeType" },
  { name: "no maxTokens", params: { messages: [hello] }, says: "maxTokens must be a whole number above 0" },
  { name: "maxTokens of 0", params: { ...simple, maxTokens: 0 }, says: "maxTokens" },
  { name: "a fraction of a token", params: { ...simple, maxTokens: 1.5 }, says: "maxTokens" },
  { name: "maxTokens as a text", params: { ...simple, maxTokens: "100" }, says: "maxTokens" },
  { name: "a system prompt that is no text", params: { ...simple, systemPrompt: {} }, says: "systemPrompt" },
  { name: "a temperature that is no number", params: { ...simple, temperature: "hot" }, says: "temperature" },
  {
    name: "stop sequences that are no texts",
    params: { ...simple, stopSequences: ["a", 1] },
    says: "stopSequences[1]",
  },
  { name: "metadata that is no object", params: { ...simple, metadata: [] }, says: "metadata" },
  { name: "a context of its own", params: { ...simple, includeContext: "everything" }, says: "includeContext" },
  { name: "preferences that are no object", params: { ...simple, modelPreferences: "fast" }, says: "modelPreferences" },
  {
    name: "a priority over 1",
    params: { ...simple, modelPreferences: { speedPriority: 2 } },
    says: "modelPreferences.speedPriority must be a number from 0 to 1",
  },
  {
    name: "a hint that is a text",
    params: { ...simple, modelPreferences: { hints: ["claude"] } },
    says: "modelPreferences.hints[0]",
  },
  { name: "tools that are no array", params: { ...simple, tools: {} }, says: "tools must be an array" },
  { name: "a tool without a name", params: { ...simple, tools: [{ ...weather, name: "" }] }, says: "tools[0].name" },
  { name: "a tool without a schema", params: { ...simple, tools: [{ name: "x" }] }, says: "tools[0].inputSchema" },
  {
    name: "a tool that takes no object",
    params: { ...simple, tools: [{ name: "x", inputSchema: { type: "string" } }] },
    says: "tools[0].inputSchema.type",
  },
  { name: "two tools of one name", params: { ...simple, tools: [weather, weather] }, says: "tools[1].name" },
  { name: "a choice of its own", params: { ...simple, tools, toolChoice: { mode: "any" } }, says: "toolChoice.mode" },
  {
    name: "a required tool, and none to use",
    params: { ...simple, tools: [], toolChoice: { mode: "required" } },
    says: "toolChoice must not be required",
  },
  {
    name: "more tools than a model takes",
    params: { ...simple, tools: Array.from({ length: 129 }, (_, at) => ({ ...weather, name: `t${at}` })) },
    says: "tools has 129 items, and at most 128 are taken",
  },
  {
    name: "tools that are too large",
    params: { ...simple, tools: [{ ...weather, description: "x".repeat(300_000) }] },
    says: "tools is too large",
  },
  {
    name: "more messages than one conversation has",
    params: { ...simple, messages: Array.from({ length: 1_001 }, () => hello) },
    says: "messages has 1001 items",
  },
  {
    name: "a tool use of the user",
    params: { ...simple, tools, messages: [user(use("a"))] },
    says: "messages[0].content[0].type",
  },
  {
    name: "a tool result of the assistant",
    params: { ...simple, tools, messages: [assistant(result("a"))] },
    says: "messages[0].content[0].type",
  },
  {
    name: "a tool use without an input",
    params: { ...simple, tools, messages: [assistant({ ...use("a"), input: undefined })] },
    says: "messages[0].content[0].input",
  },
  {
    name: "a tool result whose content is a text",
    params: { ...simple, tools, messages: [assistant(use("a")), user({ ...result("a"), content: "sunny" })] },
    says: "messages[1].content[0].content must be an array",
  },
  {
    name: "a tool use that nothing follows",
    params: { ...simple, tools, messages: [hello, assistant(use("a"))] },
    says: "Tool result missing in request: no message follows messages[1]",
  },
  {
    name: "a tool use without its result",
    params: {
      ...simple,
      tools,
      messages: [hello, assistant(use("a"), use("b")), user(result("a")), assistant(text("x"))],
    },
    says: 'Tool result missing in request: messages[2] must hold the result of the tool use "b" of messages[1]',
  },
  {
    name: "a result that comes a message too late",
    params: { ...simple, tools, messages: [assistant(use("a")), hello, user(result("a"))] },
    says: "Tool result missing in request: messages[1]",
  },
  {
    name: "results among other content",
    params: { ...simple, tools, messages: [hello, assistant(use("a")), user(text("here"), result("a"))] },
    says: "Tool results mixed with other content: messages[2]",
  },
  {
    name: "a result of nothing",
    params: { ...simple, tools, messages: [hello, user(result("a"))] },
    says: 'messages[1] has a tool result for "a"',
  },
  {
    name: "a result of another tool use",
    params: { ...simple, tools, messages: [assistant(use("a")), user(result("a"), result("constructor"))] },
    says: 'messages[1] has a tool result for "constructor"',
  },
  {
    name: "one result twice",
    params: { ...simple, tools, messages: [assistant(use("a")), user(result("a"), result("a"))] },
    says: 'messages[1] has a tool result for "a"',
  },
  {
    name: "one id for two tool uses",
    params: { ...simple, tools, messages: [assistant(use("a"), use("a")), user(result("a"))] },
    says: 'messages[0] has two tool uses with the id "a"',
  },
  {
    name: "a loop without end",
    params: {
      ...simple,
      tools,
      messages: Array.from({ length: 33 }, (_, at) => [assistant(use(`${at}`)), user(result(`${at}`))]).flat(),
    },
    says: "messages has 33 rounds of tool use, and at most 32 are taken",
  },
]

describe("a request of sampling is refused with -32602, and nobody is asked, for", () => {
  it.effect.each(malformed)("%s", ({ params, says }) =>
    Effect.gen(function* () {
      // Room for one request: what is refused takes none of it.
      const peer = yield* sampler({ policy: { requestsPerMinute: 1 } })
      const { error } = yield* peer.sample(params)
      expect(error?.code).toBe(-32602)
      expect(error?.message).toContain(says)
      expect(peer.asked).toEqual([])
      expect((yield* peer.sample(simple)).error).toBeUndefined()
    }),
  )
})

const wellFormed: ReadonlyArray<{ readonly name: string; readonly params: object }> = [
  { name: "the least there is", params: simple },
  { name: "an image", params: content(image) },
  { name: "audio", params: content(audio) },
  { name: "several blocks", params: content([text("see"), image, audio]) },
  {
    name: "everything",
    params: {
      messages: [hello, { role: "assistant", content: text("hi") }, hello],
      maxTokens: 1,
      modelPreferences: {
        hints: [{ name: "claude" }, {}],
        costPriority: 0,
        speedPriority: 1,
        intelligencePriority: 0.5,
      },
      systemPrompt: "You are brief.",
      temperature: 0.5,
      stopSequences: ["END"],
      includeContext: "none",
      metadata: { user: "x" },
      tools: [weather],
      toolChoice: { mode: "auto" },
      _meta: { "example/trace": 1 },
    },
  },
  {
    name: "a tool loop, its results in any order, as one block or several",
    params: {
      ...simple,
      tools,
      messages: [
        hello,
        assistant(text("let me see"), use("a"), use("b")),
        user(result("b"), result("a")),
        { role: "assistant", content: use("c") },
        { role: "user", content: { ...result("c"), isError: true, structuredContent: { ok: false } } },
      ],
    },
  },
  {
    name: "what a tool may give: links, resources, images",
    params: {
      ...simple,
      tools,
      messages: [
        assistant(use("a")),
        user({
          ...result("a"),
          content: [
            image,
            { type: "resource_link", uri: "test://a", name: "a" },
            { type: "resource", resource: { uri: "test://a", text: "a" } },
            { type: "resource", resource: { uri: "test://b", blob: "aGVsbG8=" } },
          ],
        }),
      ],
    },
  },
  { name: "no tools, offered as an empty array", params: { ...simple, tools: [], toolChoice: {} } },
  { name: "32 rounds of tool use", params: { ...simple, tools, messages: rounds(32) } },
  { name: "members nobody knows", params: { ...simple, thinking: { budget: 3 } } },
]

function rounds(count: number) {
  return Array.from({ length: count }, (_, at) => [assistant(use(`${at}`)), user(result(`${at}`))]).flat()
}

describe("a request of sampling reaches the model as it was sent, with", () => {
  it.effect.each(wellFormed)("%s", ({ params }) =>
    Effect.gen(function* () {
      const peer = yield* sampler()
      const { result: said } = yield* peer.sample(params)
      expect(said).toEqual(answer(text("hello")))
      expect(peer.asked).toEqual([{ server: "peer", params: JSON.parse(JSON.stringify(params)) }])
    }),
  )
})

describe("what was not declared", () => {
  const undeclared: ReadonlyArray<Case> = [
    { name: "tools", params: { ...simple, tools }, says: "tools needs the capability sampling.tools" },
    { name: "an empty array of tools", params: { ...simple, tools: [] }, says: "tools needs" },
    { name: "a toolChoice", params: { ...simple, toolChoice: { mode: "auto" } }, says: "toolChoice needs" },
    {
      name: "a tool loop",
      params: { ...simple, messages: [assistant(use("a")), user(result("a"))] },
      says: "messages[0].content has a tool_use",
    },
  ]
  it.effect.each(undeclared)("is refused with -32602: %s", ({ params, says }) =>
    Effect.gen(function* () {
      const peer = yield* sampler({ tools: false })
      expect(peer.wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({ sampling: {} })
      const { error } = yield* peer.sample(params)
      expect(error?.code).toBe(-32602)
      expect(error?.message).toContain(says)
      expect(peer.asked).toEqual([])
    }),
  )
  it.effect.each(statefulRevisions.slice(0, -1))("is refused in %s, which knows no tools", (protocolVersion) =>
    Effect.gen(function* () {
      const peer = yield* sampler({ script: { protocolVersion } })
      expect((yield* peer.sample({ ...simple, tools })).error?.code).toBe(-32602)
      expect((yield* peer.sample(simple)).result).toEqual(answer(text("hello")))
    }),
  )
  it.effect("is not included: a context", () =>
    Effect.gen(function* () {
      const peer = yield* sampler()
      yield* peer.sample({ ...simple, includeContext: "allServers" })
      expect(peer.asked[0]?.params.includeContext).toBe("none")
    }),
  )
  it.effect("of a context that is, is that of other servers", () =>
    Effect.gen(function* () {
      const peer = yield* sampler({ context: true })
      for (const includeContext of ["none", "thisServer", "allServers"])
        yield* peer.sample({ ...simple, includeContext })
      expect(peer.asked.map(({ params }) => params.includeContext)).toEqual(["none", "thisServer", "thisServer"])
    }),
  )
  it.effect("is answered with -32601 where there is no model", () =>
    Effect.gen(function* () {
      const { send, session, wire } = yield* scripted()
      send({ jsonrpc: "2.0", id: "s", method: "sampling/createMessage", params: simple })
      expect((yield* wire.first("sent", ({ id }) => id === "s")).error?.code).toBe(-32601)
      yield* session.request(Method.ping, {})
    }),
  )
})
