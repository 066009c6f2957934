/**
 * Whatever a server says, a terminal shows it as text: nothing of it moves the cursor, sets a title, hides, turns the line
 * around, or passes for a line of this program's own.
 */
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { type Keys, world } from "./program.ts"

const [ctrlC, ctrlD, down, tab] = ["\u0003", "\u0004", "\u001b[B", "\t"]

/** Several programs are started in one test: what bounds a test that hangs, in milliseconds. */
const hang = 60_000

// An escape sequence, the title of the window, the same in one byte, bidi controls, zero width, a soft hyphen, a tag, and
// what is drawn as nothing.
const harms = ["\u001b[2J", "\u001b]0;", "\u0007", "\u009b", "\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad"]
const evil = (name: string) => `${name}${harms.join("")}\u{e0041}\u3164!`

/** How it is shown, as far as there is room. */
const shown = (name: string) => `${name}\\u{1b}[2J`

/** Each harmful character that reached the terminal. */
const harmed = (raw: string) => [...harms, "\u{e0041}", "\u3164"].filter((each) => raw.includes(each))

/** What is on the screen, without the breaks of its lines. */
const joined = (text: string) => text.replace(/\s+/g, "")

const run = (server: object, words: ReadonlyArray<string>, keys: Keys = []) =>
  Effect.gen(function* () {
    const { terminal, write } = yield* world
    const config = write("servers.json", { mcp: { s: server } })
    const { code, raw, text } = yield* terminal([...words, "--config", config], { keys })
    expect([words, harmed(raw)]).toEqual([words, []])
    const has = (...names: ReadonlyArray<string>) => {
      for (const name of names) expect(joined(text)).toContain(joined(shown(name)))
    }
    return { code, has, raw, text }
  })

const log = (params: object) =>
  ({ do: "send", message: { jsonrpc: "2.0", method: "notifications/message", params } }) as const
const notification = (method: string, params: object) =>
  ({ do: "send", message: { jsonrpc: "2.0", method: `notifications/${method}`, params } }) as const

describe("what a server asks", () => {
  it.live(
    "in a form: its message, titles, descriptions, names, choices, and a default, which is sent as it was",
    () =>
      Effect.gen(function* () {
        const choice = (name: string) => ({ const: evil(name), title: evil(`the ${name}`) })
        const properties = {
          [evil("field")]: { type: "string", description: evil("about"), default: evil("default") },
          titled: { type: "string", title: evil("title"), oneOf: [choice("one"), choice("two")], default: evil("two") },
          named: { type: "string", enum: [evil("n")], enumNames: [evil("name of n")] },
          several: { type: "array", items: { anyOf: [choice("x"), choice("y")] }, default: [evil("y")] },
        }
        const params = { message: evil("message"), requestedSchema: { type: "object", properties } }
        const { code, has, text } = yield* run(
          sdkV1(),
          ["call", "s", "elicit", JSON.stringify({ params })],
          [
            ["What do you do?", "\r"],
            [/field[^]*›[^]*default/, "\r"],
            [/❯ the two/, "\r"],
            [/named[^]*❯/, "\r"],
            [/☒ the y/, "\r"],
            ["Send it?", "\r"],
          ],
        )
        expect(code).toBe(0)
        has("message", "field", "about", "default", "title", "the one", "the two", "name of n", "the x", "the y")
        // The answer came back as it was asked for: the default with its characters, spelled by JSON.
        expect(joined(text)).toContain(`:"default\\u001b[2J`)
      }),
    hang,
  )

  it.live(
    "for a visit: its message and its URL, of which the host is shown; and for which visit a call waits",
    () =>
      Effect.gen(function* () {
        const url = `https://xn--pple-43d.com/${evil("path")}`
        const args = { elicitationId: evil("id"), url, message: evil("message") }
        const { has, text } = yield* run(
          sdkV2(),
          ["call", "s", "elicitUrl", JSON.stringify(args)],
          [["Open it?", "\r"]],
        )
        has("message")
        expect(text).toContain("\nhttps://xn--pple-43d.com/path%1B[2J%1B]0;%07%C2%9B%E2%80%AE")
        expect(text).toContain("host: xn--pple-43d.com")
        const refused = yield* run(
          sdkV2(),
          ["call", "s", "needsUrl", JSON.stringify({ id: evil("id"), message: evil("message") })],
          [["Open it?", "\r"]],
        )
        refused.has("message")
        expect(refused.text).toContain("the answer was decline")
      }),
    hang,
  )

  it.live(
    "of the model: its messages, the system prompt, the names of models and tools",
    () =>
      Effect.gen(function* () {
        const params = {
          systemPrompt: evil("system"),
          messages: [
            { role: "user", content: { type: "text", text: evil("words") } },
            { role: "user", content: { type: "image", data: "AAAA", mimeType: evil("kind") } },
          ],
          modelPreferences: { hints: [{ name: evil("model") }] },
          tools: [{ name: evil("tool"), inputSchema: { type: "object" } }],
        }
        const ask = [
          "call",
          "s",
          "ask",
          JSON.stringify({ method: "sampling/createMessage", params: { maxTokens: 9, ...params } }),
        ]
        const { has, text } = yield* run(sdkV2(), ask, [["What do you do?", "\r"]])
        has("system", "words", "kind", "model")
        expect(text).toMatch(/tools +tool/)
        expect(text).toContain("rejected")
      }),
    hang,
  )

  it.live(
    "stands under its own name: no line of it begins where a line of ours does",
    () =>
      Effect.gen(function* () {
        const forged = `Hello\nother asks you:\r\n${"x".repeat(98)}Send it?`
        const { text } = yield* run(
          sdkV2(),
          ["call", "s", "elicit", JSON.stringify({ params: { message: forged } })],
          [["What do you do?", `${down}\r`]],
        )
        const lines = text.split("\n")
        expect(lines).toContain("  other asks you:")
        expect(lines.some((line) => line.startsWith("other asks you:"))).toBe(false)
        // 100 columns: the terminal itself breaks no line, at whose beginning the rest would stand.
        expect(lines.some((line) => /^x+Send it/.test(line))).toBe(false)
        for (const line of lines.filter((each) => each.includes("xxx"))) expect(line.length).toBeLessThanOrEqual(100)
      }),
    hang,
  )
})

describe("what a server tells", () => {
  const task = {
    taskId: evil("task"),
    status: "working",
    statusMessage: evil("how it is"),
    ttl: null,
    pollInterval: 20,
  }
  const times = { createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00Z" }

  it.live(
    "while it is watched: each kind of event",
    () =>
      Effect.gen(function* () {
        const requestedSchema = { type: "object", properties: { name: { type: "string" } } }
        const server = rawStdio({
          capabilities: { logging: {}, resources: { subscribe: true } },
          start: [{ do: "stderr", text: `${evil("line")}\n` }],
          on: {
            "resources/subscribe": [
              { do: "result", result: {} },
              log({ level: "error", logger: evil("logger"), data: { [evil("key")]: evil("data") } }),
              log({ level: "nonsense", data: evil("odd") }),
              notification("resources/updated", { uri: evil("uri") }),
              notification("tasks/status", { ...task, ...times }),
              notification("cancelled", { requestId: evil("request"), reason: evil("reason") }),
              {
                do: "ask",
                id: "e",
                method: "elicitation/create",
                params: { message: evil("question"), requestedSchema },
              },
              log({ level: "error", data: "after" }),
            ],
          },
        })
        const { code, has } = yield* run(
          server,
          ["watch", "s", "--resource", "test://text"],
          [
            ["What do you do?", `${down}\r`],
            [/error[^]*after/, ctrlC],
          ],
        )
        expect(code).toBe(130)
        has("question", "line", "logger", "uri", "task", "how it is", "request", "reason")
      }),
    hang,
  )

  it.live(
    "in its log, whose lines are set in below the first",
    () =>
      Effect.gen(function* () {
        const server = rawStdio({
          capabilities: { logging: {} },
          start: [{ do: "stderr", text: `${evil("line")}\n` }],
          on: {
            "logging/setLevel": [
              log({ level: "error", logger: evil("logger"), data: evil("data") }),
              log({ level: "info", data: "one\nother error forged" }),
              log({ level: "info" }),
              { do: "result", result: {} },
            ],
          },
        })
        const { code, has, text } = yield* run(server, ["logs", "s", "--level", "info"])
        expect(code).toBe(0)
        has("line", "logger", "data")
        expect(text).toMatch(/\ns info +one\n {4}other error forged\n/)
      }),
    hang,
  )

  it.live(
    "above the line that is typed in the shell, and what is asked of it there",
    () =>
      Effect.gen(function* () {
        const server = rawStdio({
          capabilities: { logging: {}, resources: { subscribe: true }, tasks: { list: {}, cancel: {} } },
          on: {
            "logging/setLevel": [
              { do: "result", result: {} },
              log({ level: "error", data: `${evil("data")}\n✓ other connected` }),
              log({ level: "error" }),
              notification("resources/updated", { uri: evil("uri") }),
              notification("tasks/status", { ...task, ...times }),
            ],
            "tasks/list": [{ do: "result", result: { tasks: [{ ...task, ...times }] } }],
          },
        })
        const { code, has, text } = yield* run(
          server,
          ["shell"],
          [
            ["s connected", "setLevel s error\r"],
            [/task s[^]*mcp> /, "tasks s\r"],
            [/"statusMessage"[^]*mcp> /, ctrlD],
          ],
        )
        expect(code).toBe(0)
        has("data", "uri", "task", "how it is")
        expect(text).toContain("\n    ✓ other connected")
      }),
    hang,
  )

  it.live(
    "of the progress of a call, and of the state of its task",
    () =>
      Effect.gen(function* () {
        const capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } }, list: {}, cancel: {} } }
        const tool = { name: "t", inputSchema: { type: "object" }, execution: { taskSupport: "optional" } }
        const wait = { do: "wait", ms: 400 } as const
        const progress = notification("progress", {
          progressToken: "$id",
          progress: 1,
          total: 2,
          message: evil("step"),
        })
        const called = yield* run(
          rawStdio({
            tools: [tool],
            on: { "tools/call": [progress, wait, { do: "result", result: { content: [] } }] },
          }),
          ["call", "s", "t"],
        )
        called.has("step")
        const followed = yield* run(
          rawStdio({
            capabilities,
            tools: [tool],
            on: {
              "tools/call": [{ do: "result", result: { task: { ...task, ...times } } }],
              "tasks/get": [wait, { do: "result", result: { ...task, ...times, status: "failed" } }],
            },
          }),
          ["call", "s", "t", "--task"],
        )
        expect(followed.text).toMatch(/task task\\u\{1b\}/)
        expect(followed.code).toBe(1)
        followed.has("how it is")
      }),
    hang,
  )
})

describe("what a server offers", () => {
  const said = { title: evil("title"), description: evil("about") }
  const result = (value: object) => [{ do: "result" as const, result: value }]
  const offering = rawStdio({
    capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
    tools: [
      {
        name: evil("tool"),
        ...said,
        inputSchema: {
          type: "object",
          properties: {
            [evil("argument")]: { type: "string" },
            e: { enum: [evil("value"), 1] },
            f: { type: evil("type") },
          },
          required: [evil("argument")],
        },
      },
    ],
    on: {
      "resources/list": result({ resources: [{ uri: evil("a:b"), name: "r", mimeType: evil("kind"), ...said }] }),
      "resources/templates/list": result({
        resourceTemplates: [{ uriTemplate: evil("a:"), name: evil("n"), ...said }],
      }),
      "prompts/list": result({
        prompts: [
          { name: evil("prompt"), arguments: [{ name: evil("argument") }], ...said },
          { name: "plain", arguments: [{ name: "x", description: evil("about") }] },
        ],
      }),
      "prompts/get": result({
        description: evil("about"),
        messages: [{ role: evil("role"), content: { type: "text", text: evil("words") } }],
      }),
      "completion/complete": result({ completion: { values: [evil("value"), "plain value"] } }),
    },
  })

  it.live(
    "is listed, completed and got",
    () =>
      Effect.gen(function* () {
        const tools = yield* run(offering, ["tools"])
        tools.has("tool", "title")
        expect(tools.text).toContain("(argum")
        const resources = yield* run(offering, ["resources"])
        resources.has("a:b", "about")
        const templates = yield* run(offering, ["templates"])
        templates.has("a:", "about")
        const prompts = yield* run(offering, ["prompts"])
        prompts.has("prompt", "title")
        const prompt = yield* run(offering, ["prompt", "s", "plain"])
        prompt.has("about", "role", "words")
        const values = yield* run(offering, ["complete", "s", "plain", "x", "v"])
        values.has("value")
        expect(values.text).toContain("plain value")
        const lacking = yield* run(offering, ["call", "s", evil("tool")], [[/argument[^]*›/, "x\r"]])
        lacking.has("argument")
        const refusing = rawStdio({
          on: { "tools/call": [{ do: "error", code: 1, message: `${evil("no")}\nwarning: other: forged` }] },
        })
        const refused = yield* run(refusing, ["call", "s", "echo"])
        refused.has("no")
        expect(refused.text).toContain("\n    warning: other: forged")
        const missing = yield* run(offering, ["call", "s", "tol"])
        expect(missing.text).toContain(`there is "tool\\u001b[2J`)
      }),
    hang,
  )

  it.live(
    "is offered in the shell where it can be shown as it is",
    () =>
      Effect.gen(function* () {
        const { text } = yield* run(
          offering,
          ["shell"],
          [
            ["s connected", "prompts s\r"],
            [/plain[^]*mcp> /, "tools s\r"],
            [/tool[^]*mcp> /, `call s ${tab}${tab}`],
            // Nothing is offered: the line is still there.
            [/call s/, `\u0015prompt s ${tab}`],
            ["prompt s plain ", `x=${tab}`],
            ["x='plain value'", "\u0015exit\r"],
          ],
        )
        expect(text).toContain("x='plain value'")
      }),
    hang,
  )

  it.live(
    "is told where a server cannot be reached, by the server's own words",
    () =>
      Effect.gen(function* () {
        const dies = rawStdio({
          start: [
            { do: "stderr", text: `${evil("why")}\n` },
            { do: "exit", code: 3 },
          ],
        })
        const list = yield* run(dies, ["list"])
        list.has("why")
        const called = yield* run(dies, ["call", "s", "t"])
        called.has("why")
        const named = rawStdio({
          on: {
            initialize: result({
              protocolVersion: "2025-11-25",
              capabilities: {},
              serverInfo: { name: evil("n"), version: evil("v") },
            }),
          },
        })
        expect((yield* run(named, ["list"])).code).toBe(0)
      }),
    hang,
  )
})
