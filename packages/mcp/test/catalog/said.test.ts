/** What a server says of what it offers is bounded, and says so where it is not whole; icons are only what may be drawn. */
import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { type Handler, rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { isDrawable } from "../../src/protocol/icon.ts"
import * as Said from "../../src/protocol/said.ts"
import { observe, service } from "../support/service.ts"

const inputSchema = { type: "object" }
const book = "word ".repeat(200_000)
const lists = (items: { readonly [method: string]: object }) =>
  Object.fromEntries(Object.entries(items).map(([method, result]) => [method, () => ({ result })]))

describe("a text without end", () => {
  it.effect("is cut where it describes a tool, a prompt, a resource or a template, and each cut is told", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const told = yield* observe(mcp)
      const long = { title: book, description: book }
      yield* add("a", {
        capabilities: { tools: {}, prompts: {}, resources: {} },
        tools: [{ name: "t", inputSchema, ...long, annotations: { title: book, readOnlyHint: true } }],
        on: lists({
          "prompts/list": { prompts: [{ name: "p", ...long, arguments: [{ name: "x", ...long, required: true }] }] },
          "resources/list": { resources: [{ uri: "a:b", name: "r", ...long }] },
          "resources/templates/list": { resourceTemplates: [{ uriTemplate: "a:{b}", name: "u", ...long }] },
        }),
      })
      const [tool] = yield* mcp.tools("a")
      const [prompt] = yield* mcp.prompts("a")
      const [resource] = yield* mcp.resources("a")
      const [template] = yield* mcp.templates("a")
      const [argument] = prompt?.item.arguments ?? []
      for (const item of [tool?.tool, prompt?.item, argument, resource?.item, template?.item].map(Object)) {
        expect([item.title.length, item.description.length]).toEqual([1_024, 16_384])
        expect(item.description).toMatch(/^(word ){3000}.* … \[cut by the client: 16384 of 1000000 characters\]$/)
      }
      expect(tool?.tool.annotations?.title?.length).toBe(1_024)
      expect(tool?.tool.annotations?.readOnlyHint).toBe(true)
      expect(argument?.required).toBe(true)
      const warnings = told.of("mcp.warning").map((data) => Object(data).message)
      expect(warnings.toSorted((one, other) => one.localeCompare(other))).toEqual([
        'prompts/list: of "p" not all is kept: a title of 1000000 characters was cut',
        'resources/list: of "a:b" not all is kept: a title of 1000000 characters was cut',
        'resources/templates/list: of "a:{b}" not all is kept: a title of 1000000 characters was cut',
        'tools/list: of "t" not all is kept: a title of 1000000 characters was cut',
      ])
    }),
  )

  it.effect("is cut where it describes an argument, however deep, and nothing else of the schema is touched", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const deep = { type: "array", items: { oneOf: [{ type: "string", description: book, minLength: 1 }] } }
      const properties = JSON.parse('{ "__proto__": { "type": "string" }, "constructor": { "type": "number" } }')
      const schema = { ...inputSchema, properties: { ...properties, description: deep }, required: ["__proto__"] }
      yield* add("a", { tools: [{ name: "t", inputSchema: schema, outputSchema: schema, later: [1, null, true] }] })
      const [entry] = yield* mcp.tools("a")
      const said = JSON.stringify(entry?.tool)
      expect(said.length < 40_000).toBe(true)
      expect(JSON.parse(said.replaceAll(/"word .*?\]"/g, '"cut"'))).toEqual(
        JSON.parse(
          JSON.stringify({ name: "t", inputSchema: schema, outputSchema: schema, later: [1, null, true] }).replaceAll(
            JSON.stringify(book),
            '"cut"',
          ),
        ),
      )
    }),
  )

  const nested: ReadonlyArray<readonly [where: string, schema: (text: object) => object]> = [
    ["a property", (text) => ({ properties: { a: {}, x: text } })],
    ["a property of a property", (text) => ({ properties: { x: { properties: { y: text } } } })],
    ["a pattern of properties", (text) => ({ patternProperties: { "^a": text } })],
    ["any other property", (text) => ({ additionalProperties: text })],
    ["a list", (text) => ({ items: text })],
    ["a list of a draft before", (text) => ({ items: [{}, text] })],
    ["the beginning of a list", (text) => ({ prefixItems: [{}, text] })],
    ["a choice", (text) => ({ anyOf: [{}, { oneOf: [{ allOf: [text] }] }] })],
    ["a definition", (text) => ({ $defs: { a: text } })],
    ["a definition of a draft before", (text) => ({ definitions: { a: text } })],
    ["a condition", (text) => ({ if: {}, else: text })],
    ["what must not be", (text) => ({ not: text })],
    ["what depends", (text) => ({ dependentSchemas: { a: { contains: text } } })],
    ["a hundred levels", (text) => Array.from({ length: 100 }).reduce<object>((items) => ({ items }), text)],
  ]
  it.effect.each(nested.map(([name, schema]) => ({ name, schema })))("is cut in a schema: %s", ({ schema }) =>
    Effect.sync(() => {
      const tool = (description: string) => {
        const inside = schema({ type: "string", description, title: "A title" })
        return [
          { name: "t", inputSchema: inside },
          { name: "t", inputSchema: {}, outputSchema: inside },
        ]
      }
      for (const [at, item] of tool(book).entries()) {
        const { item: kept, lost } = Said.bounded(item)
        expect(lost).toEqual(["a description of 1000000 characters was cut"])
        expect<unknown>(kept).toEqual(tool(Said.cut(book, Said.descriptionLimit))[at])
        // What the server sent stays as it was sent.
        expect<unknown>(item).toEqual(tool(book)[at])
      }
      for (const item of tool("x".repeat(Said.descriptionLimit))) expect(Said.bounded(item).item === item).toBe(true)
    }),
  )

  it.effect("in a thousand tools is told of five times", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const told = yield* observe(mcp)
      const description = "x".repeat(20_000)
      yield* add("a", {
        tools: Array.from({ length: 1_000 }, (_, at) => ({ name: `t${at}`, inputSchema, description })),
      })
      expect((yield* mcp.tools("a")).length).toBe(1_000)
      expect(told.of("mcp.warning").length).toBe(5)
    }),
  )

  it.effect("is no text of another: what is whole stays the very object that was sent", () =>
    Effect.sync(() => {
      const item = { name: "t", description: "x".repeat(Said.descriptionLimit), title: "y".repeat(Said.titleLimit) }
      expect(Said.bounded(item)).toEqual({ item, lost: [] })
      expect(Said.bounded(item).item === item).toBe(true)
    }),
  )

  test("is not cut within a character", () => {
    for (const offset of [0, 1]) {
      const text = Said.cut(`${"x".repeat(offset)}${"😀".repeat(1_000)}`, 200)
      expect(text.isWellFormed()).toBe(true)
      expect(text.length <= 200).toBe(true)
    }
  })

  test("nested without end costs no stack", () => {
    let deep: object = { description: book }
    for (let level = 0; level < 100_000; level++) deep = { items: deep }
    expect(Said.bounded({ name: "t", inputSchema: deep }).lost).toEqual(["a description of 1000000 characters was cut"])
  })

  it.effect("is cut where the server says who it is", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const icons = [{ src: "file:///etc/passwd" }, { src: "https://example.com/i.png" }]
      const serverInfo = { name: "raw", version: "1", title: book, description: book, icons }
      const capabilities = { tools: {} }
      yield* add("a", { on: lists({ initialize: { protocolVersion: "2025-11-25", capabilities, serverInfo } }) })
      const [state] = yield* mcp.servers
      expect(state?.serverInfo).toMatchObject({ name: "raw", version: "1", icons: icons.slice(1) })
      expect(state?.serverInfo?.title?.length).toBe(1_024)
    }),
  )
})

const svg = (inner: string) => `<svg xmlns="http://www.w3.org/2000/svg">${inner}</svg>`
const encoded = (text: string) => `data:image/svg+xml;base64,${Buffer.from(text).toString("base64")}`
const quiet = svg('<path d="M0 0h9v9z" fill="url(#g)"/><use xlink:href="#p"/>')
const drawn: ReadonlyArray<string> = [
  "https://example.com/icon.png",
  "HTTPS://example.com/icon.svg?size=48",
  "data:image/png;base64,aGVsbG8=",
  "data:image/webp;base64,aGVsbG8=",
  encoded(quiet),
  `data:image/svg+xml,${encodeURIComponent(quiet)}`,
  `data:image/svg+xml;charset=utf-8,${quiet}`,
]
const refused: ReadonlyArray<readonly [name: string, src: unknown]> = [
  ["http:", "http://example.com/icon.png"],
  ["a file", "file:///etc/passwd"],
  ["a path", "../../icon.png"],
  ["a path of Windows", "\\\\host\\share\\icon.png"],
  ["a script", "javascript:alert(1)"],
  ["a script behind a space", " javascript:alert(1)"],
  ["a blob", "blob:https://example.com/1"],
  ["a socket", "wss://example.com/"],
  ["no host", "https://"],
  ["a control character", "https://example.com/\n.png"],
  ["a URL without end", `https://example.com/${"x".repeat(10_000)}`],
  ["an image without end", `data:image/png;base64,${"A".repeat(70_000)}`],
  ["a page", "data:text/html,<script>alert(1)</script>"],
  ["an image that is a page", "data:image/png+text/html,<script>alert(1)</script>"],
  ["SVG with a script", encoded(svg("<script>alert(1)</script>"))],
  ["SVG with a script in another namespace", encoded(svg("<svg:script>alert(1)</svg:script>"))],
  ["SVG with a script, percent-encoded", `data:image/svg+xml,${svg("%3Cscript%3Ealert(1)%3C/script%3E")}`],
  ["SVG with a handler", encoded(svg('<path onload\n=\n"alert(1)"/>'))],
  ["SVG with a handler behind a slash", encoded(svg("<path/onclick=alert(1)>"))],
  ["SVG with a link that runs", encoded(svg('<a href="javascript:alert(1)">x</a>'))],
  ["SVG with a link that hides", encoded(svg('<a href="&#106;avascript:alert(1)">x</a>'))],
  ["SVG with a link elsewhere", encoded(svg('<image href = "https://example.com/track.png"/>'))],
  ["SVG with a link elsewhere, unquoted", encoded(svg("<image href=https://example.com/track.png />"))],
  ["SVG with a page within", encoded(svg("<foreignObject><body/></foreignObject>"))],
  ["SVG with an animation that sets a link", encoded(svg('<animate attributeName="x" to="y"/>'))],
  ["SVG with entities", encoded(`<!DOCTYPE svg [<!ENTITY a "b">]>${quiet}`)],
  ["SVG with a style that loads", encoded(svg("<style>@import url(https://example.com/a.css)</style>"))],
  [
    "SVG in another encoding",
    `data:image/svg+xml;base64,${Buffer.from(svg("<script/>"), "utf16le").toString("base64")}`,
  ],
  ["SVG that names another encoding", `data:image/svg+xml;charset=utf-16,${quiet}`],
  ["no text", 1],
  ["nothing", undefined],
]

describe("an icon", () => {
  it.effect.each(drawn.map((src) => ({ name: src.slice(0, 40), src })))("may be drawn: %s", ({ src }) =>
    Effect.sync(() => expect(isDrawable({ src, mimeType: "image/png" })).toBe(true)),
  )
  it.effect.each(refused.map(([name, src]) => ({ name, src })))("is not kept: %s", ({ src }) =>
    Effect.sync(() => expect(isDrawable({ src })).toBe(false)),
  )
  test("that is none is not kept", () => {
    for (const icon of [null, "https://example.com/i.png", [], {}]) expect(isDrawable(icon)).toBe(false)
  })
  test("of spaces, of quotes, of letters is looked at in linear time", () => {
    const before = process.cpuUsage()
    for (const part of [" ", "\n\t", 'href= "', "href=", " on", "<", "url(", "o", "%20"])
      isDrawable({ src: `data:image/svg+xml,<svg ${part.repeat(60_000 / part.length)}` })
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000)
  })

  testEffect(testMcp()).live("is kept with what it is of where it may be drawn, and nothing is fetched", () =>
    Effect.gen(function* () {
      const elsewhere = yield* rawHttp()
      const good = drawn.slice(0, 4).map((src) => ({ src, sizes: ["any"] }))
      const icons = [{ src: `${elsewhere.url}/icon.png` }, ...good, { src: "file:///etc/passwd" }, "x"]
      const answer =
        (result: object): Handler =>
        ({ rpc }) => ({ json: { jsonrpc: "2.0", id: rpc.id, result } })
      const link = { type: "resource_link", uri: `${elsewhere.url}/page`, name: "page", icons }
      const { url } = yield* rawHttp({
        capabilities: { tools: {}, prompts: {}, resources: {} },
        tools: [
          { name: "t", inputSchema, icons },
          { name: "none", inputSchema, icons: "https://example.com/i.png" },
          { name: "many", inputSchema, icons: Array.from({ length: 1_000 }, () => good[0]) },
        ],
        on: {
          "prompts/list": answer({ prompts: [{ name: "p", icons }] }),
          "resources/list": answer({ resources: [{ uri: "a:b", name: "r", icons }] }),
          "resources/templates/list": answer({ resourceTemplates: [{ uriTemplate: "a:{b}", name: "u", icons }] }),
          "tools/call": answer({ content: [link] }),
        },
      })
      const mcp = yield* Mcp
      yield* mcp.add(config("a", { type: "remote", url }))
      const tools = yield* mcp.tools("a")
      expect<unknown>(tools.map(({ tool }) => tool.icons)).toEqual([good, [], Array.from({ length: 8 }, () => good[0])])
      const listed = [...(yield* mcp.prompts()), ...(yield* mcp.resources()), ...(yield* mcp.templates())]
      expect<unknown>(listed.map(({ item }) => item.icons)).toEqual([good, good, good])
      // What a tool gives is handed on as it is, and a link is read when somebody asks for it.
      expect<unknown>((yield* mcp.callTool("a", "t")).content).toEqual([link])
      expect(elsewhere.requests).toEqual([])
    }),
  )
})
