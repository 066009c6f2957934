/** What servers say about what they offer and answer (P17, P18), as a terminal shows it; and where it makes no sense. */
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

/** Several programs are started in one test: what bounds a test that hangs, in milliseconds. */
const hang = 60_000

const inputSchema = { type: "object" }
const result = (value: object) => [{ do: "result" as const, result: value }]

const onTerminal = (server: object, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { terminal, write } = yield* world
    const { code, text } = yield* terminal([...words, "--config", write("servers.json", { mcp: { s: server } })], {
      env: { CI: "1" },
    })
    return { code, text, lines: text.split("\n").map((line) => line.trimEnd()) }
  })

/** The line that follows the one of a name. */
const below = (lines: ReadonlyArray<string>, name: string) =>
  lines[lines.findIndex((line) => line.startsWith(`  ${name} `)) + 1]

describe("a tool", () => {
  const tools = [
    { name: "reads", inputSchema, annotations: { readOnlyHint: true, destructiveHint: true }, description: "Looks" },
    { name: "deletes", inputSchema, annotations: { destructiveHint: true, title: "Delete it" }, description: "Ends" },
    { name: "adds", inputSchema, title: "Add", annotations: { destructiveHint: false, title: "Another" } },
    { name: "same", inputSchema, title: "same", description: "Only this" },
    { name: "bare", inputSchema },
  ]

  it.live(
    "is shown with its title and with what it does to things",
    () =>
      Effect.gen(function* () {
        const { lines } = yield* onTerminal(rawStdio({ tools }), ["tools"])
        // Hints beside `readOnlyHint` say nothing of a tool that only reads.
        expect(below(lines, "reads")).toBe("      [reads only] Looks")
        expect(below(lines, "deletes")).toBe("      [destructive] Delete it – Ends")
        expect(below(lines, "adds")).toBe("      Add")
        expect(below(lines, "same")).toBe("      Only this")
        expect(below(lines, "bare")).toBe("")
        const real = yield* onTerminal(sdkV1(), ["tools"])
        expect(below(real.lines, "add")).toBe("      [reads only] Add")
      }),
    hang,
  )

  it.live(
    "is listed and called whatever is said about it, and no hint is made up",
    () =>
      Effect.gen(function* () {
        const { mcp } = yield* world
        const odd = [
          { name: "numbers", inputSchema, title: 1, description: 2, annotations: { title: 3, readOnlyHint: "true" } },
          { name: "lists", inputSchema, title: ["a"], description: { b: 1 }, annotations: [], icons: "i", _meta: 4 },
          { name: "nothing", inputSchema, title: null, description: null, annotations: null, icons: null },
        ]
        const { code, text } = yield* onTerminal(rawStdio({ tools: odd }), ["tools"])
        expect(code).toBe(0)
        expect(text).not.toContain("[")
        for (const { name } of odd) expect(text).toContain(`  ${name} ()`)
        const piped = yield* mcp({ s: rawStdio({ tools: odd }) }, ["tools"])
        expect([piped.code, piped.stdout]).toEqual([0, "s\tnumbers\t\t\ns\tlists\t\t\ns\tnothing\t\t\n"])
        const called = yield* mcp({ s: rawStdio({ tools: odd }) }, ["call", "s", "nothing", "a=1"])
        expect([called.code, called.stdout]).toEqual([0, `{"a":1}\n`])
      }),
    hang,
  )
})

describe("resources, templates and prompts", () => {
  it.live(
    "are shown with their titles; their icons are neither drawn nor fetched",
    () =>
      Effect.gen(function* () {
        const elsewhere = yield* rawHttp()
        const said = {
          title: "The title",
          description: "What it is for",
          icons: [{ src: `${elsewhere.url}/icon.png` }, { src: "https://127.0.0.1:1/icon.png" }],
          annotations: { audience: ["assistant"], priority: 1 },
        }
        const server = rawStdio({
          capabilities: { resources: {}, prompts: {}, tools: {} },
          tools: [{ name: "t", inputSchema, ...said }],
          on: {
            "resources/list": result({ resources: [{ uri: "a:b", name: "r", mimeType: "text/plain", ...said }] }),
            "resources/templates/list": result({ resourceTemplates: [{ uriTemplate: "a:{b}", name: "t", ...said }] }),
            "prompts/list": result({ prompts: [{ name: "p", arguments: [{ name: "x", required: true }], ...said }] }),
          },
        })
        const [resources, templates, prompts, tools] = [
          yield* onTerminal(server, ["resources"]),
          yield* onTerminal(server, ["templates"]),
          yield* onTerminal(server, ["prompts"]),
          yield* onTerminal(server, ["tools"]),
        ]
        expect(resources.lines.slice(0, 3)).toEqual(["s", "  a:b The title, text/plain", "      What it is for"])
        expect(templates.lines.slice(0, 3)).toEqual(["s", "  a:{b} The title", "      What it is for"])
        expect(prompts.lines.slice(0, 3)).toEqual(["s", "  p (x)", "      The title – What it is for"])
        expect(tools.lines.slice(0, 3)).toEqual(["s", "  t ()", "      The title – What it is for"])
        expect(elsewhere.requests).toEqual([])
      }),
    hang,
  )

  it.live(
    "are listed whatever is said about them",
    () =>
      Effect.gen(function* () {
        const { mcp } = yield* world
        const odd = { title: 1, description: ["x"], mimeType: {}, annotations: 3, icons: [null], size: "big" }
        const server = rawStdio({
          capabilities: { resources: {}, prompts: {} },
          on: {
            "resources/list": result({ resources: [{ uri: "a:b", name: "r", ...odd }] }),
            "resources/templates/list": result({ resourceTemplates: [{ uriTemplate: "a:{b}", name: "t", ...odd }] }),
            "prompts/list": result({
              prompts: [
                { name: "p", arguments: "x", ...odd },
                { name: "q", arguments: [null, { name: 3 }, { name: "y", description: 1, required: "yes" }] },
              ],
            }),
            "prompts/get": result({ description: 3, messages: [null, { role: 1, content: "text" }, { role: "user" }] }),
          },
        })
        const servers = { s: server }
        for (const [words, name] of [
          [["resources"], "a:b"],
          [["templates"], "a:{b}"],
          [["prompts"], "q\t(y?)"],
        ] as const) {
          const { code, stdout } = yield* mcp(servers, words)
          expect([words, code]).toEqual([words, 0])
          expect(stdout).toContain(`s\t${name}`)
          expect((yield* onTerminal(server, words)).code).toBe(0)
        }
        const prompt = yield* mcp(servers, ["prompt", "s", "q", "y=1"])
        expect([prompt.code, prompt.stdout]).toEqual([0, `:\n\n:\n"text"\nuser:\n\n`])
        expect(json(yield* mcp(servers, ["prompt", "s", "p", "--json"])).messages).toHaveLength(3)
      }),
    hang,
  )
})

describe("what a tool answers", () => {
  const text = (value: string, annotations: unknown) => ({ type: "text", text: value, annotations })
  const answering = (content: ReadonlyArray<unknown>, more: object = {}) =>
    rawStdio({ on: { "tools/call": result({ content, ...more }) } })

  it.live(
    "says for whom it is and how much it matters; in a pipe it is the answer alone",
    () =>
      Effect.gen(function* () {
        const { mcp } = yield* world
        const real = yield* onTerminal(sdkV2(), ["call", "s", "content"])
        expect(real.lines.slice(0, 2)).toEqual(["(for you, priority 0.5)", "words"])
        const server = answering([
          text("one", { audience: ["user"], priority: 1 }),
          text("two", { audience: ["assistant"] }),
          text("three", { audience: ["user", "assistant"], priority: 0 }),
          text("four", { lastModified: "2026-01-01T00:00:00Z" }),
        ])
        const { lines } = yield* onTerminal(server, ["call", "s", "echo"])
        expect(lines).toEqual([
          ...["(for you, priority 1)", "one", "(for the model)", "two"],
          ...["(for you and the model, priority 0)", "three", "four", ""],
        ])
        expect((yield* mcp({ s: server }, ["call", "s", "echo"])).stdout).toBe("one\ntwo\nthree\nfour\n")
      }),
    hang,
  )

  it.live(
    "shows a link with what is said about it, and fetches nothing",
    () =>
      Effect.gen(function* () {
        const elsewhere = yield* rawHttp()
        const uri = `${elsewhere.url}/page`
        const about = { title: "The page", description: "Everything", mimeType: "text/html", size: 12 }
        const link = { type: "resource_link", uri, name: "page", icons: [{ src: uri }], ...about }
        const server = answering([{ ...link, annotations: { audience: ["user"], priority: 0.9 } }])
        const { lines } = yield* onTerminal(server, ["call", "s", "echo"])
        expect(lines.slice(0, 2)).toEqual([
          "(for you, priority 0.9)",
          `resource ${uri}  The page – Everything – text/html – 12 bytes`,
        ])
        expect(elsewhere.requests).toEqual([])
      }),
    hang,
  )

  it.live(
    "is shown whatever its shape",
    () =>
      Effect.gen(function* () {
        const { mcp } = yield* world
        const odd = [
          text("one", { audience: "user", priority: "\u001b[2J" }),
          text("two", { audience: [3, "\u001b[2J", null], priority: {} }),
          text("three", null),
          ...[null, 4, "five", []],
          ...[{ type: "text" }, { type: "image", data: 1, mimeType: 2 }, { type: "hologram", uri: 3 }],
          ...[{ type: "resource" }, { type: "resource", resource: { uri: "a:b" } }, { type: "resource_link", name: 3 }],
          { type: "resource_link", uri: "a:b", name: 3, size: "big", mimeType: [] },
        ]
        const { code, text: shown } = yield* onTerminal(answering(odd), ["call", "s", "echo"])
        expect(code).toBe(0)
        expect(shown).toMatch(/^one\n\(for \\u\{1b\}\[2J\)\ntwo\nthree\nnull\n4\n"five"\n\[\]\n\{"type":"text"\}\n/)
        const piped = yield* mcp({ s: answering(odd) }, ["call", "s", "echo"])
        expect([piped.code, piped.stderr]).toEqual([0, ""])
        expect(piped.stdout).toEndWith(`resource a:b\n{"uri":"a:b"}\n{"type":"resource_link","name":3}\nresource a:b\n`)
        const none = yield* mcp(
          { s: rawStdio({ on: { "tools/call": result({ structuredContent: { a: 1 }, content: "x" }) } }) },
          [...["call", "s", "echo"]],
        )
        expect([none.code, none.stdout]).toEqual([0, `{\n  "a": 1\n}\n`])
        const contents = [null, { uri: "a:b" }, { uri: "a:b", text: 3 }, { uri: "a:b", text: "words", mimeType: 1 }]
        const read = rawStdio({ capabilities: { resources: {} }, on: { "resources/read": result({ contents }) } })
        expect((yield* mcp({ s: read }, ["read", "s", "a:b"])).stdout).toBe(
          `null\n{"uri":"a:b"}\n{"uri":"a:b","text":3}\nwords\n`,
        )
      }),
    hang,
  )
})
