import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Approval, Mcp, type RequestRefused } from "@opencode-ai/mcp"
import { given } from "@opencode-ai/mcp/capability/approval"
import type { CreateMessageRequestParams } from "@opencode-ai/mcp/protocol/model"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Model from "../../src/sampling/model.ts"
import { key, provider, type Reply, says } from "./provider.ts"

const png = "iVBORw0KGgo="
const hello = { role: "user" as const, content: { type: "text" as const, text: "Hello?" } }
const simple: CreateMessageRequestParams = { messages: [hello], maxTokens: 50 }
const weather = {
  name: "weather",
  description: "Looks out of the window",
  inputSchema: { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] },
}

const ask = (reply: Reply, params: CreateMessageRequestParams = simple) =>
  Effect.gen(function* () {
    const { asked, model } = yield* provider(reply)
    const exit = yield* Effect.result(
      Model.make([{ id: "scripted/tiny", model }]).createMessage({ server: "s", params }),
    )
    return { exit, body: Object(asked[0]?.body) }
  })

const answered = (reply: Reply, params?: CreateMessageRequestParams) =>
  Effect.gen(function* () {
    const { body, exit } = yield* ask(reply, params)
    return { body, result: yield* Effect.fromResult(exit) }
  })

const refused = (reply: Reply, params?: CreateMessageRequestParams): Effect.Effect<RequestRefused, unknown, never> =>
  Effect.scoped(Effect.flatMap(ask(reply, params), ({ exit }) => Effect.flip(Effect.fromResult(exit))))

describe("a model of the AI SDK", () => {
  it.live("is asked all that a server asks, and answers in the protocol's words", () =>
    Effect.gen(function* () {
      const { body, result } = yield* answered(says({ content: "Hi!" }), {
        ...simple,
        systemPrompt: "Be brief.",
        temperature: 0.25,
        stopSequences: ["END"],
        metadata: { user: "spied on" },
      })
      expect(result).toEqual({
        role: "assistant",
        content: { type: "text", text: "Hi!" },
        model: "tiny-2026-01-01",
        stopReason: "endTurn",
      })
      expect(body).toMatchObject({
        model: "tiny",
        max_tokens: 50,
        temperature: 0.25,
        stop: ["END"],
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Hello?" },
        ],
      })
      expect(JSON.stringify(body)).not.toContain("spied on")
    }),
  )
  it.live("is shown images and plays recordings", () =>
    Effect.gen(function* () {
      const { body } = yield* answered(says({ content: "A dot." }), {
        ...simple,
        messages: [
          hello,
          { role: "assistant", content: { type: "text", text: "Yes?" } },
          {
            role: "user",
            content: [
              { type: "text", text: "What is this?" },
              { type: "image", data: png, mimeType: "image/png" },
              { type: "audio", data: "UklGRg==", mimeType: "audio/wav" },
            ],
          },
        ],
      })
      expect(body.messages).toEqual([
        { role: "user", content: "Hello?" },
        { role: "assistant", content: "Yes?" },
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
            { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
          ],
        },
      ])
    }),
  )
  it.live("uses the tools of the server, several at once", () =>
    Effect.gen(function* () {
      const call = (id: string, city: string) => ({
        id,
        type: "function",
        function: { name: "weather", arguments: JSON.stringify({ city }) },
      })
      const { body, result } = yield* answered(
        says({ content: "Let me see.", tool_calls: [call("a", "Paris"), call("b", "London")] }, "tool_calls"),
        { ...simple, tools: [weather], toolChoice: { mode: "required" } },
      )
      expect(result).toMatchObject({
        content: [
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "a", name: "weather", input: { city: "Paris" } },
          { type: "tool_use", id: "b", name: "weather", input: { city: "London" } },
        ],
        stopReason: "toolUse",
      })
      expect(body.tools).toEqual([
        {
          type: "function",
          function: { name: "weather", description: weather.description, parameters: weather.inputSchema },
        },
      ])
      expect(body.tool_choice).toBe("required")
    }),
  )
  it.live("is given what the tools gave", () =>
    Effect.gen(function* () {
      const use = (id: string) => ({ type: "tool_use" as const, id, name: "weather", input: { city: id } })
      const { body } = yield* answered(says({ content: "Sunny, then." }), {
        ...simple,
        tools: [weather],
        toolChoice: { mode: "none" },
        messages: [
          hello,
          { role: "assistant", content: [use("a"), use("b"), use("c"), use("d")] },
          {
            role: "user",
            content: [
              { type: "tool_result", toolUseId: "a", content: [{ type: "text", text: "sunny" }] },
              { type: "tool_result", toolUseId: "b", isError: true, content: [{ type: "text", text: "no such city" }] },
              { type: "tool_result", toolUseId: "c", content: [], structuredContent: { degrees: 21 } },
              {
                type: "tool_result",
                toolUseId: "d",
                content: [
                  { type: "image", data: png, mimeType: "image/png" },
                  { type: "resource_link", uri: "test://d", name: "more" },
                ],
              },
            ],
          },
        ],
      })
      expect(body.tool_choice).toBe("none")
      expect(body.messages.slice(1)).toMatchObject([
        {
          role: "assistant",
          tool_calls: [
            { id: "a", function: { name: "weather", arguments: '{"city":"a"}' } },
            { id: "b" },
            { id: "c" },
            { id: "d" },
          ],
        },
        { role: "tool", tool_call_id: "a", content: "sunny" },
        { role: "tool", tool_call_id: "b", content: "no such city" },
        { role: "tool", tool_call_id: "c", content: '{"degrees":21}' },
        { role: "tool", tool_call_id: "d" },
      ])
    }),
  )
  it.live("may stop for other reasons", () =>
    Effect.gen(function* () {
      const reasons = { length: "maxTokens", stop: "endTurn", content_filter: "contentFilter", strange: "strange" }
      for (const [reason, expected] of Object.entries(reasons)) {
        const { result } = yield* answered(says({ content: "cut" }, reason))
        expect(result.stopReason).toBe(expected)
      }
    }),
  )
  it.live("that says nothing says an empty text", () =>
    Effect.gen(function* () {
      const { result } = yield* answered(says({ content: "" }))
      expect(result.content).toEqual({ type: "text", text: "" })
    }),
  )
})

describe("what goes wrong with a model", () => {
  const failures = [
    { name: "a wrong key", status: 401, says: "does not take the credentials of the host (HTTP 401)" },
    { name: "an unknown model", status: 404, says: "does not know it (HTTP 404)" },
    { name: "too many requests", status: 429, says: "limits how often it is asked; try again later (HTTP 429)" },
    { name: "a broken provider", status: 500, says: "its provider failed (HTTP 500)" },
    { name: "an answer that makes no sense", status: 200, says: "makes no sense" },
  ]
  it.live.each(failures)("is an error without a key: %s", ({ says: expected, status }) =>
    Effect.gen(function* () {
      const error = yield* refused({ status, body: { error: { message: `Incorrect API key provided: ${key}` } } })
      expect(error).toMatchObject({ _tag: "RequestRefused", code: -32603 })
      expect(error.message).toContain('The model "scripted/tiny" gave no answer: ')
      expect(error.message).toContain(expected)
      expect(JSON.stringify(error)).not.toContain("sk-")
    }),
  )
  it.live("is an error: a tool that is used without arguments that are an object", () =>
    Effect.gen(function* () {
      const call = { id: "a", type: "function", function: { name: "weather", arguments: "{ city: Paris" } }
      const error = yield* refused(says({ content: null, tool_calls: [call] }, "tool_calls"), {
        ...simple,
        tools: [weather],
      })
      expect(error.message).toContain('used the tool "weather" with arguments that are no JSON object')
    }),
  )
  it.live("is an error: a provider that cannot be loaded", () =>
    Effect.gen(function* () {
      const model = () => Promise.reject(new Error(key))
      const error = yield* Effect.flip(
        Model.make([{ id: "gone", model }]).createMessage({ server: "s", params: simple }),
      )
      expect(error).toMatchObject({ code: -32603 })
      expect(error.message).not.toContain("sk-")
    }),
  )
  it.live("ends with the server's cancellation: the request to the provider is aborted", () =>
    Effect.gen(function* () {
      const { aborted, arrived, model } = yield* provider({ body: undefined })
      const fiber = yield* Effect.forkChild(
        Model.make([{ id: "slow", model }]).createMessage({ server: "s", params: simple }),
      )
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(aborted)
    }),
  )
})

describe("the hints of a server", () => {
  const load = () => Promise.reject(new Error("never loaded"))
  const ids = ["openai/gpt-5", "anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5"]
  const [first = "", ...others] = ids
  const candidates: Model.Candidates = [{ id: first, model: load }, ...others.map((id) => ({ id, model: load }))]
  const chosen = (...hints: ReadonlyArray<{ name?: string }>) => Model.choose(candidates, { hints: [...hints] }).id
  it.effect("choose among the models, the first that fits", () =>
    Effect.sync(() => {
      expect(chosen({ name: "sonnet" })).toBe("anthropic/claude-sonnet-4-5")
      expect(chosen({ name: "gemini" }, { name: "Claude" })).toBe("anthropic/claude-haiku-4-5")
      expect(chosen({ name: "gpt" }, { name: "claude" })).toBe("openai/gpt-5")
    }),
  )
  it.effect("leave the default where none fits, or there is none", () =>
    Effect.sync(() => {
      expect(chosen({ name: "gemini" }, {}, { name: "" })).toBe("openai/gpt-5")
      expect(Model.choose(candidates, undefined).id).toBe("openai/gpt-5")
      expect(Model.choose(candidates, { speedPriority: 1 }).id).toBe("openai/gpt-5")
    }),
  )
})

describe("from a server process to the provider and back", () => {
  it.live("a message is sampled", () =>
    Effect.gen(function* () {
      const { asked, model } = yield* provider(says({ content: "Hi from the model!" }))
      let loads = 0
      const candidate = { id: "scripted/tiny", model: () => Promise.resolve((loads++, model)) }
      const handlers = Layer.merge(Model.layer([candidate]), Layer.succeed(Approval)(given))
      const called = Effect.gen(function* () {
        const mcp = yield* Mcp
        yield* mcp.add(config("peer", sdkV2()))
        yield* mcp.callTool("peer", "echo", { message: "x" })
        expect(loads).toBe(0)
        return yield* mcp.callTool("peer", "sample", {})
      })
      const { structuredContent } = yield* Effect.provide(called, Layer.provide(testMcp(), handlers))
      expect(structuredContent).toMatchObject({ result: { content: { type: "text", text: "Hi from the model!" } } })
      expect(asked[0]?.authorization).toBe(`Bearer ${key}`)
      expect(loads).toBe(1)
    }),
  )
})
