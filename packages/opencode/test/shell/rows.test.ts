/** What the protocol has beside plain calls, asked of the shell: what is seen there of tasks, schemas, progress, pings, roots. */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV1Tasks, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { type Shell, startShell } from "./client.ts"

const call = (id: unknown, tool: string, args: object = {}, more: object = {}) => ({
  ...{ id, op: "call", server: "s", tool, args },
  ...more,
})

/** Answers the question that the command with this id led to. */
const answer = (shell: Shell, id: string, content: object) =>
  Effect.gen(function* () {
    const { data } = yield* shell.event("mcp.elicitation.requested", "s", ({ request }) => request === id)
    const { requestID } = data
    yield* shell.ask({ id: `${id}!`, op: "elicitation.reply", requestID, action: "accept", content })
  })

describe("a task", () => {
  it.live("is listed over all pages, and fails with why", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1Tasks({ pollInterval: 20 }) } })
      const ids = Array.from({ length: 12 }, (_, at) => `made ${at}`)
      shell.send(...ids.map((id) => call(id, "either", { text: id }, { task: true })))
      for (const id of ids) expect((yield* shell.reply(id)).ok).toBe(true)
      const told = ids.map((id) => shell.said.find(({ data, event }) => event && data.request === id)?.data.task.taskId)
      const tasks: ReadonlyArray<{ taskId: string }> = (yield* shell.ask({ id: 1, op: "tasks", server: "s" })).result
      expect(new Set(tasks.map(({ taskId }) => taskId))).toEqual(new Set(told))
      const failed = yield* shell.ask(call(2, "failing"))
      expect([failed.ok, failed.error?.tag]).toEqual([false, "TaskFailed"])
    }),
  )

  it.live("asks for what it needs, and goes on with the answer", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1Tasks({ pollInterval: 20 }) } })
      shell.send(call("form", "asks", { message: "Who?" }))
      const asked = yield* shell.event("mcp.elicitation.requested", "s")
      expect(asked.data).toMatchObject({ message: "Who?", request: "form" })
      yield* shell.event("mcp.task.status", "s", ({ task }) => task.status === "input_required")
      const [name] = Object.keys(asked.data.requestedSchema.properties)
      yield* answer(shell, "form", { [name ?? ""]: "Ada" })
      expect(JSON.stringify((yield* shell.reply("form")).result.structuredContent)).toContain("Ada")

      shell.send(call("model", "samples"))
      const { requestID } = (yield* shell.event("mcp.sampling.requested", "s")).data
      const result = { role: "assistant", content: { type: "text", text: "Hello" }, model: "m" }
      yield* shell.ask({ id: "sampled", op: "sampling.reply", requestID, result })
      expect(JSON.stringify((yield* shell.reply("model")).result.structuredContent)).toContain("Hello")
    }),
  )

  it.live("of the server's own is a question like any other, which it follows to its result", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1Tasks({ pollInterval: 20 }) } })
      const requestedSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] }
      const params = { message: "Who?", requestedSchema }
      shell.send(call("c", "askAsTask", { method: "elicitation/create", params }))
      yield* answer(shell, "c", { name: "Ada" })
      const { result } = yield* shell.reply("c")
      expect(result.structuredContent.task.taskId).toMatch(/.{16}/)
      expect(result.structuredContent.result).toMatchObject({ action: "accept", content: { name: "Ada" } })
    }),
  )
})

describe("a result", () => {
  it.live.each([
    { name: "SDK v1", entry: Effect.succeed(sdkV1()) },
    { name: "SDK v2 over HTTP", entry: sdkV2Http() },
  ])("that fits the schema of its tool is given whole: $name", ({ entry }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: yield* entry } })
      const person = { name: "Ada", age: 36 }
      const fits = yield* shell.ask(call(1, "person", { structured: person }))
      expect(fits.error).toBe(undefined)
      expect(fits.result).toMatchObject({ structuredContent: person, content: [{ type: "text" }] })
    }),
  )

  it.live("that does not fit is InvalidResponse and names the path; a schema of no use is one warning", () =>
    Effect.gen(function* () {
      const outputSchema = { type: "object", properties: { at: { type: "array", items: { type: "integer" } } } }
      const inputSchema = { type: "object" }
      const structuredContent = { at: [1, "two"] }
      const odd = { type: "object", properties: { at: { $ref: "https://example.com/at.json" } } }
      const s = rawStdio({
        tools: [
          { name: "strict", inputSchema, outputSchema },
          { name: "odd", inputSchema, outputSchema: odd },
        ],
        on: { "tools/call": [{ do: "result", result: { content: [], structuredContent } }] },
      })
      const shell = yield* startShell({ servers: { s } })
      const { error } = yield* shell.ask(call(1, "strict"))
      expect(error?.tag).toBe("InvalidResponse")
      expect(error?.message).toContain("/at/1")
      expect((yield* shell.ask(call(2, "odd"))).result).toEqual({ content: [], structuredContent })
      const { data } = yield* shell.event("mcp.warning", "s")
      expect(data.message).toContain("odd")
    }),
  )

  it.live("keeps its _meta, and the call has a token of its own for its progress", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      const { result } = yield* shell.ask(call(1, "meta"))
      expect(result._meta).toBeDefined()
      expect(result.structuredContent.meta.progressToken).toBeDefined()
    }),
  )

  it.live("comes however long it takes, as long as its progress does", () =>
    Effect.gen(function* () {
      const params = { progressToken: "$id", progress: 1 }
      const step = { do: "send", message: { jsonrpc: "2.0", method: "notifications/progress", params } } as const
      const wait = { do: "wait", ms: 500 } as const
      const result = { do: "result", result: { content: [] } } as const
      const s = rawStdio({ on: { "tools/call": [wait, step, wait, step, wait, step, wait, result] } })
      const shell = yield* startShell({ servers: { s } })
      yield* shell.ask({ id: 0, op: "tools", server: "s" })
      expect((yield* shell.ask(call(1, "echo", {}, { timeout: 1_500 }))).ok).toBe(true)
    }),
  )
})

describe("a question", () => {
  it.live("that the server takes back is withdrawn, and said to be cancelled", () =>
    Effect.gen(function* () {
      const requestedSchema = { type: "object", properties: { name: { type: "string" } } }
      const ask = { id: "e", method: "elicitation/create", params: { message: "Who?", requestedSchema } }
      const cancelled = { method: "notifications/cancelled", params: { requestId: "e", reason: "never mind" } }
      const s = rawStdio({
        on: {
          "tools/call": [{ do: "send", message: { jsonrpc: "2.0", ...ask } }],
          ping: [
            { do: "send", message: { jsonrpc: "2.0", ...cancelled } },
            { do: "result", result: {} },
          ],
        },
      })
      const shell = yield* startShell({ servers: { s } })
      shell.send(call("c", "echo"))
      const { requestID } = (yield* shell.event("mcp.elicitation.requested", "s")).data
      yield* shell.ask({ id: 1, op: "ping", server: "s" })
      const { data } = yield* shell.event("mcp.cancelled", "s")
      expect(data).toEqual({ server: "s", requestId: "e", reason: "never mind" })
      const late = yield* shell.ask({ id: 2, op: "elicitation.reply", requestID, action: "accept", content: {} })
      expect(late.error?.tag).toBe("BadRequest")
      expect(late.error?.message).toContain("withdrawn")
      expect(shell.said.some(({ id }) => id === "c")).toBe(false)
    }),
  )
})

describe("a server", () => {
  it.live("is told the roots of its entry, and its pings are answered", () =>
    Effect.gen(function* () {
      const directory = realpathSync(yield* temporaryDirectory)
      const shell = yield* startShell({ servers: { s: { ...sdkV1(), roots: [directory] } } })
      const asked = (id: number, method: string) =>
        Effect.map(shell.ask(call(id, "ask", { method })), ({ result }) => result.structuredContent.result)
      expect((yield* asked(1, "roots/list")).roots).toMatchObject([{ uri: pathToFileURL(directory).href }])
      expect(yield* asked(2, "ping")).toEqual({})
    }),
  )

  it.live("that answers no ping is noticed where its entry has keepAlive", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: { ...rawStdio({ on: { ping: [] } }), keepAlive: 200 } } })
      const ended = yield* shell.event("mcp.status.changed", "s", ({ error }) => error !== undefined)
      expect(ended.data.error).toContain("no answer to a ping")
    }),
  )
})
