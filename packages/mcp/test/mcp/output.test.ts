import * as Effect from "effect/Effect"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { type HttpRequest, rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

const it = testEffect(testMcp())

/** A tool that promises an integer under `value`, or whatever else it is told to. */
const tool = (name: string, value: object = { type: "integer" }) => ({
  name,
  inputSchema: { type: "object" },
  outputSchema: { type: "object", properties: { value }, required: ["value"] },
})
const answer = (structuredContent?: unknown) => ({
  content: [{ type: "text", text: "said" }],
  ...(structuredContent === undefined ? {} : { structuredContent }),
})

/** What the service warns of, from now on. */
const warnings = Effect.gen(function* () {
  const mcp = yield* Mcp
  const found: Array<string> = []
  mcp.listen((event) => event.type === "mcp.warning" && found.push(event.data.message))
  return found
})

const peers = [
  { name: "SDK v1, stdio", entry: Effect.succeed(sdkV1()) },
  { name: "SDK v2, stdio", entry: Effect.succeed(sdkV2()) },
  { name: "SDK v2, HTTP", entry: sdkV2Http() },
]

describe("the structured content of a tool with an output schema", () => {
  it.live.each(peers)(
    "is held to that schema: %s",
    ({ entry }) =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        const warned = yield* warnings
        yield* mcp.add(config("a", yield* entry))
        const call = (name: string, structured?: unknown) =>
          mcp.callTool("a", name, structured === undefined ? {} : { structured })
        const good = { name: "Ada", age: 36 }
        expect((yield* call("person", good)).structuredContent).toEqual(good)

        const bad = yield* failure(call("person", { ...good, age: "36" }))
        expect(bad).toMatchObject({
          _tag: "SessionError",
          server: "a",
          method: "tools/call",
          reason: { _tag: "InvalidResponse" },
        })
        expect(bad.message).toContain(
          `the tool "person" answered with structuredContent that does not fit its outputSchema`,
        )
        expect(bad.message).toContain(`at "/age" expected number, got string`)
        expect((yield* failure(call("person", { ...good, extra: 1 }))).message).toContain(
          `the property "extra" is not allowed here`,
        )
        expect((yield* failure(call("person"))).message).toContain("without the structuredContent")

        expect((yield* call("refLocal", { name: "x" })).structuredContent).toEqual({ name: "x" })
        expect((yield* failure(call("refLocal", { name: 1 }))).message).toContain(`at "/name"`)
        expect((yield* call("draft7", { pair: ["x", 1] })).structuredContent).toEqual({ pair: ["x", 1] })
        expect((yield* failure(call("draft7", { pair: ["x", 1, 2] }))).message).toContain(`at "/pair"`)
        const catastrophe = `${"a".repeat(50_000)}!`
        expect((yield* failure(call("pattern", { value: catastrophe }))).message).toContain(`at "/value"`)
        expect(warned).toEqual([])
      }),
    60_000,
  )

  it.live.each(peers)("passes with one warning where the schema is unusable, and that tool alone: %s", ({ entry }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warned = yield* warnings
      yield* mcp.add(config("a", yield* entry))
      const anything = { name: { not: "a name" } }
      for (const [name, why] of [
        ["refRemote", "https://example.com/schemas/name.json"],
        ["refMissing", "#/$defs/nothing"],
        ["dialect", "https://example.com/dialect"],
      ] as const) {
        const before = warned.length
        for (let count = 0; count < 3; count++) {
          const result = yield* mcp.callTool("a", name, { structured: anything })
          expect(result.structuredContent).toEqual(anything)
        }
        expect(warned.length).toBe(before + 1)
        expect(warned[before]).toContain(`the results of the tool "${name}" are not validated`)
        expect(warned[before]).toContain(why)
      }
      expect((yield* failure(mcp.callTool("a", "person", { structured: anything }))).message).toContain("/name")
      expect((yield* mcp.callTool("a", "echo", { message: "x" })).content).toEqual([{ type: "text", text: "x" }])
    }),
  )

  it.live("of server-everything fits the schema that it promises", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warned = yield* warnings
      yield* mcp.add(config("everything", everything))
      const tools = (yield* mcp.tools()).filter(({ tool }) => tool.outputSchema !== undefined)
      expect(tools.map(({ tool }) => tool.name)).toEqual(["get-structured-content"])
      const result = yield* mcp.callTool("everything", "get-structured-content", { location: "Chicago" })
      expect(result.structuredContent).toHaveProperty("temperature")
      expect(warned).toEqual([])
    }),
  )

  it.live("is not asked of an error, nor of a tool that promises nothing", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const error = { ...answer({ value: "wrong" }), isError: true }
      const plain = { name: "plain", inputSchema: { type: "object" } }
      const on = { "tools/call": [{ do: "result", result: error } as const] }
      yield* mcp.add(config("a", rawStdio({ tools: [tool("t")], on })))
      expect<unknown>(yield* mcp.callTool("a", "t")).toEqual(error)
      const also = { "tools/call": [{ do: "result", result: answer({ value: "any" }) } as const] }
      yield* mcp.add(config("b", rawStdio({ tools: [plain], on: also })))
      expect((yield* mcp.callTool("b", "plain")).structuredContent).toEqual({ value: "any" })
    }),
  )

  it.live("of every page is held to what that page listed, and to a new listing once there is one", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      let wanted = "integer"
      const list = ({ rpc }: HttpRequest) => {
        const isFirst = !JSON.stringify(rpc.params ?? {}).includes("cursor")
        const result = isFirst
          ? { tools: [tool("one", { type: wanted })], nextCursor: "2" }
          : { tools: [tool("two", { type: "string" })] }
        return { json: { jsonrpc: "2.0", id: rpc.id, result } }
      }
      const call = ({ rpc }: HttpRequest) => ({ json: { jsonrpc: "2.0", id: rpc.id, result: answer({ value: 1 }) } })
      const server = yield* rawHttp({ on: { "tools/list": list, "tools/call": call } })
      yield* mcp.add(config("a", { type: "remote", url: server.url }))
      for (let count = 0; count < 2; count++) {
        expect((yield* mcp.callTool("a", "one")).structuredContent).toEqual({ value: 1 })
        expect((yield* failure(mcp.callTool("a", "two"))).message).toContain("expected string, got number")
      }
      wanted = "boolean"
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect((yield* failure(mcp.callTool("a", "one"))).message).toContain("expected boolean, got number")
    }),
  )

  it.live("passes with one warning where to validate it would be too much work", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warned = yield* warnings
      const definitions = Array.from({ length: 64 }, (_, at) => {
        const next = { $ref: `#/$defs/a${at + 1}` }
        return [`a${at}`, { allOf: [next, next] }] as const
      })
      const outputSchema = {
        type: "object",
        $ref: "#/$defs/a0",
        $defs: { ...Object.fromEntries(definitions), a64: true },
      }
      const result = answer({ value: 1 })
      const script = {
        tools: [{ ...tool("t"), outputSchema }],
        on: { "tools/call": [{ do: "result", result } as const] },
      }
      yield* mcp.add(config("a", rawStdio(script)))
      for (let count = 0; count < 3; count++)
        expect((yield* mcp.callTool("a", "t")).structuredContent).toEqual({ value: 1 })
      expect(warned.length).toBe(1)
      // The same tool in the next session is told of no more; that of another entry is.
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      yield* mcp.callTool("a", "t")
      expect(warned.length).toBe(1)
      yield* mcp.remove("a")
      yield* mcp.add(config("a", rawStdio(script)))
      yield* Effect.all(
        [1, 2, 3].map(() => mcp.callTool("a", "t")),
        { concurrency: "unbounded" },
      )
      expect(warned.length).toBe(2)
      expect(warned[0]).toContain("takes more work")
      const { wires } = yield* Recordings
      expect(wires("a").map((wire) => wire.messages("sent", "tools/call").length)).toEqual([3, 1, 3])
    }),
  )
})

describe("a tool whose outputSchema is null, as some servers write what they have not", () => {
  it.live("promises nothing", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warned = yield* warnings
      const tools = [{ name: "t", inputSchema: { type: "object" }, outputSchema: null }]
      yield* mcp.add(config("a", rawStdio({ tools, on: { "tools/call": [{ do: "result", result: answer() }] } })))
      expect(yield* mcp.callTool("a", "t", {})).toMatchObject(answer())
      expect(warned).toEqual([])
    }),
  )
})
