/** Names that every object of JavaScript has are names like any other, wherever a server or a host may choose one (ATTACKS 20). */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { failure } from "../support/scripted.ts"
import { answering, unchecked } from "../support/unchecked.ts"
import { observe, service } from "../support/service.ts"

const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
/** An object that has them all as its own, each with its name for a value. */
const own = (value: (name: string) => unknown = (name) => name): { readonly [name: string]: never } =>
  JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(value(name))}`).join()}}`)
const text = (value: unknown) => JSON.stringify(value)

/** What a test would have done to every object there is, had it gone wrong. */
const unharmed = () => {
  expect(Object.keys(Object.prototype)).toEqual([])
  expect(Object("").polluted).toBe(undefined)
  expect(Object.prototype.toString.call({})).toBe("[object Object]")
}

describe("names of every object", () => {
  it.effect("are those of prompts and of their arguments: needed where they are not given, sent where they are", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const argument = (name: string) => ({ name, required: true })
      const prompts = names.map((name) => ({ name, arguments: names.map(argument) }))
      yield* add("a", {
        capabilities: { prompts: {} },
        on: { "prompts/list": () => ({ result: { prompts } }), "prompts/get": () => ({ result: { messages: [] } }) },
      })
      expect((yield* mcp.prompts("a")).map(({ item }) => item.name)).toEqual(names)
      for (const name of names) {
        const error = yield* failure(mcp.getPrompt("a", name, {}))
        expect(error.reason).toMatchObject({ _tag: "ArgumentsMissing", missing: names.map(argument) })
        yield* mcp.getPrompt("a", name, own())
      }
      const sent = wire("a").messages("sent", "prompts/get")
      expect(sent.map(({ params }) => text(params?.arguments))).toEqual(names.map(() => text(own())))
      unharmed()
    }),
  )

  it.effect("are members of an output schema and of structured content, each validated, and handed on", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      let structuredContent: object = own()
      const result = () => ({ content: [], structuredContent, _meta: own() })
      const outputSchema = {
        type: "object",
        properties: own(() => ({ type: "string" })),
        required: names,
        additionalProperties: false,
      }
      const inputSchema = { type: "object" }
      yield* add("a", {
        tools: [{ name: "t", inputSchema, outputSchema, annotations: own(), _meta: own() }],
        on: { "tools/call": () => ({ result: result() }) },
      })
      const given = yield* mcp.callTool("a", "t", own(), { meta: own() })
      expect(text(given)).toBe(text(result()))
      for (const [wrong, path] of [
        [own((name) => (name === "__proto__" ? { polluted: true } : name)), "/__proto__"],
        [own((name) => (name === "constructor" ? 1 : name)), "/constructor"],
        [{}, "__proto__"],
      ] as const) {
        structuredContent = wrong
        const error = yield* failure(mcp.callTool("a", "t"))
        expect(error.reason._tag).toBe("InvalidResponse")
        expect(error.message).toContain(path)
      }
      const [entry] = yield* mcp.tools("a")
      expect(text(entry?.tool)).toContain(text(own()))
      unharmed()
    }),
  )

  it.live("are URIs of resources: listed, read, subscribed to, and told of", () =>
    Effect.gen(function* () {
      const { mcp, peer } = yield* unchecked({
        capabilities: { resources: { subscribe: true } },
        on: {
          "resources/list": answering({ resources: names.map((uri) => ({ uri, name: uri })) }),
          "resources/templates/list": answering({ resourceTemplates: [] }),
          "resources/read": answering({ contents: [{ uri: "__proto__", text: "read" }] }),
          "resources/subscribe": ({ rpc }) => {
            const params = { uri: Object(rpc.params).uri }
            const updated = { jsonrpc: "2.0", method: "notifications/resources/updated", params }
            return { sse: [{ data: updated }, { data: { jsonrpc: "2.0", id: rpc.id, result: {} } }] }
          },
        },
      })
      const events = yield* observe(mcp)
      const listed = yield* mcp.resources()
      expect(listed.map(({ item, server }) => [server, item.uri])).toEqual(names.map((uri) => ["__proto__", uri]))
      for (const uri of names) {
        expect(text(yield* mcp.readResource("__proto__", uri))).toContain('"read"')
        yield* mcp.subscribe("__proto__", uri)
      }
      expect(events.of("mcp.resource.updated")).toEqual(names.map((uri) => ({ server: "__proto__", uri })))
      expect(peer.of("resources/read").map(({ rpc }) => Object(rpc.params).uri)).toEqual(names)
      unharmed()
    }),
  )

  it.effect("declare nothing in what a server says that it can do, and name nobody else", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const capabilities = JSON.parse('{"__proto__": {"tools": {}, "prompts": {}}, "constructor": {"resources": {}}}')
      const serverInfo = JSON.parse('{"name": "raw", "version": "1", "__proto__": {"polluted": true}}')
      const result = { protocolVersion: "2025-11-25", capabilities, serverInfo }
      yield* add("a", { on: { initialize: () => ({ result }) } })
      expect((yield* failure(mcp.callTool("a", "echo"))).reason._tag).toBe("NotDeclared")
      expect(yield* mcp.prompts("a")).toEqual([])
      expect((yield* failure(mcp.readResource("a", "a:b"))).reason._tag).toBe("NotDeclared")
      unharmed()
    }),
  )

  it.effect("are members of what a server logs and reports", () =>
    Effect.gen(function* () {
      const { add, client, mcp } = yield* service
      const events = yield* observe(mcp)
      yield* add("a")
      const send = (method: string, params: unknown) =>
        client("a").send(JSON.parse(text({ jsonrpc: "2.0", method, params })))
      for (const name of names) {
        send("notifications/message", { level: "info", logger: name, data: own() })
        send("notifications/message", { level: name, data: own() })
        send("notifications/progress", { progressToken: name, progress: 1 })
        send("notifications/cancelled", { requestId: name })
        send(`notifications/${name}`, own())
        send(name, own())
      }
      yield* mcp.ping("a")
      expect(events.of("mcp.log").map(text)).toEqual(
        names.map((logger) => text({ server: "a", level: "info", data: own(), logger })),
      )
      expect(yield* mcp.callTool("a", "echo", own())).toEqual({ content: [{ type: "text", text: text(own()) }] })
      unharmed()
    }),
  )
})
