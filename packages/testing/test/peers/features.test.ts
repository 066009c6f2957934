import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as types from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { it } from "../../src/effect.ts"
import { members } from "../../src/peers/features/feature.ts"
import type { LocalPeer } from "../../src/peers/launch.ts"
import {
  effectMcp,
  effectMcpHttp,
  sdkV1,
  sdkV1Http,
  sdkV1Tasks,
  sdkV2,
  sdkV2Http,
  type Started,
} from "../../src/peers/served.ts"
import { fileRecord, recordTo } from "../../src/recording.ts"
import { describe, expect } from "../../src/runner.ts"

/** The SDK's own client, which accepts everything, and what the server told it. */
const connect = (transport: Transport) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const capabilities = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} }
      const client = new Client({ name: "sdk", version: "1" }, { capabilities })
      client.setRequestHandler(types.ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///here" }] }))
      client.setRequestHandler(types.CreateMessageRequestSchema, ({ params }) => ({
        model: "none",
        role: "assistant" as const,
        content: { type: "text" as const, text: params.tools === undefined ? "hello" : "with tools" },
      }))
      client.setRequestHandler(types.ElicitRequestSchema, ({ params }) =>
        params.mode === "url" ? { action: "accept" } : { action: "accept", content: { name: "Ada" } },
      )
      const told: Array<{ readonly method: string; readonly params?: object | undefined }> = []
      const waiting = new Set<() => void>()
      client.fallbackNotificationHandler = async (notification) => {
        told.push(notification)
        for (const look of [...waiting]) look()
      }
      await client.connect(transport)
      /** Waits until the server told so many of a method. */
      const heard = (method: string, count: number) =>
        Effect.callback<ReadonlyArray<object>>((resume) => {
          const look = () => {
            const some = told.filter((one) => one.method === method)
            if (some.length < count) return
            waiting.delete(look)
            resume(Effect.succeed(some.map(({ params }) => params ?? {})))
          }
          waiting.add(look)
          look()
        })
      const call = (name: string, args = {}) =>
        Effect.promise(() =>
          client.request({ method: "tools/call", params: { name, arguments: args } }, types.ResultSchema),
        )
      const gives = (name: string, args = {}) =>
        Effect.map(call(name, args), ({ structuredContent }) => members(structuredContent))
      return { client, told, heard, call, gives }
    }),
    ({ client }) => Effect.promise(() => client.close()),
  )

type Connected = Effect.Effect<Effect.Success<ReturnType<typeof connect>>, unknown, Scope.Scope>

const local = ({ command: [command, ...args], environment = {} }: LocalPeer): Connected =>
  connect(new StdioClientTransport({ command, args, env: { ...getDefaultEnvironment(), ...environment } }))

const remote = (peer: Started): Connected =>
  Effect.flatMap(peer, ({ url }) => connect(new StreamableHTTPClientTransport(new URL(url))))

const suite = (name: string, connected: () => Connected) =>
  describe(`the features of ${name}`, () => {
    it.live("samples and elicits", () =>
      Effect.gen(function* () {
        const { gives } = yield* connected()
        const params = { tools: [{ name: "t", inputSchema: { type: "object" } }], toolChoice: { mode: "auto" } }
        expect(yield* gives("sample")).toMatchObject({ result: { content: { text: "hello" } } })
        expect(yield* gives("sample", { params })).toMatchObject({ result: { content: { text: "with tools" } } })
        expect(yield* gives("elicit")).toEqual({ result: { action: "accept", content: { name: "Ada" } } })
        const requestedSchema = { type: "object", properties: { name: { type: "number" } } }
        expect(yield* gives("elicit", { params: { requestedSchema } })).toMatchObject({ result: { code: -32602 } })
      }),
    )

    it.live("asks for visits, and says when they end", () =>
      Effect.gen(function* () {
        const { client, gives, heard } = yield* connected()
        expect(yield* gives("elicitUrl", { elicitationId: "one" })).toEqual({ result: { action: "accept" } })
        yield* gives("finish", { elicitationId: "one" })
        yield* gives("elicitUrl", { elicitationId: "two", after: 1 })
        expect(yield* heard("notifications/elicitation/complete", 2)).toEqual([
          { elicitationId: "one" },
          { elicitationId: "two" },
        ])
        const refused = yield* Effect.promise(() =>
          client.callTool({ name: "needsUrl", arguments: { id: "three" } }).catch((error: unknown) => error),
        )
        expect(refused).toMatchObject({ code: -32042, elicitations: [{ mode: "url", elicitationId: "three" }] })
        yield* gives("finish", { elicitationId: "three" })
        expect(yield* gives("needsUrl", { id: "three" })).toEqual({ id: "three" })
      }),
    )

    it.live("tells of resources that are subscribed to", () =>
      Effect.gen(function* () {
        const { client, gives, heard } = yield* connected()
        const uri = "test://text"
        expect(yield* gives("touch", { uri })).toEqual({ told: false })
        yield* Effect.promise(() => client.subscribeResource({ uri }))
        expect(yield* gives("subscriptions")).toEqual({ subscriptions: [uri] })
        expect(yield* gives("touch", { uri })).toEqual({ told: true })
        expect(yield* heard("notifications/resources/updated", 1)).toEqual([{ uri }])
        yield* Effect.promise(() => client.unsubscribeResource({ uri }))
        expect(yield* gives("subscriptions")).toEqual({ subscriptions: [] })
      }),
    )

    it.live("logs what the level lets pass", () =>
      Effect.gen(function* () {
        const { client, gives, heard } = yield* connected()
        expect(yield* gives("level")).toEqual({ level: null })
        yield* Effect.promise(() => client.setLoggingLevel("alert"))
        expect(yield* gives("level")).toEqual({ level: "alert" })
        yield* gives("chatter", { count: 2, level: "every", logger: "peer" })
        const said = (yield* heard("notifications/message", 4)).map((params) => members(params).level)
        expect(said).toEqual(["alert", "emergency", "alert", "emergency"])
      }),
    )

    it.live("completes in the context of what is known", () =>
      Effect.gen(function* () {
        const { client } = yield* connected()
        const complete = (argument: { readonly name: string; readonly value: string }, args: Record<string, string>) =>
          Effect.promise(() =>
            client.complete({ ref: { type: "ref/prompt", name: "trip" }, argument, context: { arguments: args } }),
          )
        const city = { name: "city", value: "L" }
        expect((yield* complete(city, { country: "France" })).completion.values).toEqual(["Lille", "Lyon"])
        expect((yield* complete(city, { country: "Germany" })).completion.values).toEqual([])
        expect((yield* complete({ name: "country", value: "G" }, {})).completion.values).toEqual(["Germany"])
      }),
    )

    it.live("gives structured content as it is told to, and its `_meta`", () =>
      Effect.gen(function* () {
        const { client, call } = yield* connected()
        expect((yield* call("person", { structured: { age: "wrong" } })).structuredContent).toEqual({ age: "wrong" })
        expect((yield* call("person")).structuredContent).toBeUndefined()
        const _meta = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
        const result = yield* Effect.promise(() => client.callTool({ name: "meta", _meta }))
        expect(result).toMatchObject({ structuredContent: { meta: _meta }, _meta: { "example.com/answer": 42 } })
      }),
    )
  })

suite("sdkV1", () => local(sdkV1()))
suite("sdkV2", () => local(sdkV2()))
suite("sdkV1Http", () => remote(sdkV1Http()))
suite("sdkV2Http", () => remote(sdkV2Http()))

for (const [name, peer] of Object.entries({ sdkV1, sdkV2, sdkV1Tasks })) {
  it.live(`${name} says nothing that the specification does not allow`, () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const { client, gives } = yield* local(recordTo(record, peer()))
      yield* Effect.promise(async () => {
        // The SDK's own `listTools` fails on the first output schema that it cannot resolve.
        await client.request({ method: "tools/list" }, types.ListToolsResultSchema)
        await client.listPrompts()
        await client.listResources()
        await client.listResourceTemplates()
        await client.getPrompt({ name: "trip", arguments: { country: "France", city: "Lyon" } })
      })
      for (const tool of ["sample", "elicit", "chatter", "meta", "recorded"]) yield* gives(tool)
      yield* gives("elicitUrl", { elicitationId: "one" })
      yield* gives("finish", { elicitationId: "one" })
      expect(record.wire().receivedProblems).toEqual([])
    }),
  )
}

for (const [name, connected] of Object.entries({
  stdio: () => local(effectMcp()),
  HTTP: () => remote(effectMcpHttp()),
})) {
  it.live(`Effect's McpServer samples, elicits and asks for roots over ${name}`, () =>
    Effect.gen(function* () {
      const { gives } = yield* connected()
      expect(yield* gives("elicit", { message: "Who?" })).toEqual({ name: "Ada" })
      const visit = { url: "https://example.com", elicitationId: "one" }
      expect(yield* gives("elicitUrl", visit)).toEqual({ action: "accept" })
      expect(yield* gives("sample", { text: "hi" })).toMatchObject({ model: "none", content: { text: "hello" } })
      expect(yield* gives("roots")).toEqual({ uris: ["file:///here"] })
    }),
  )
}
