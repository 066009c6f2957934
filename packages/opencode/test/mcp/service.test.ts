import { Mcp } from "@opencode-ai/mcp/mcp"
import { Recordings } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { everything, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV1Tasks, sdkV2 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as McpEvent from "../../src/mcp/event.ts"
import * as MCP from "../../src/mcp/index.ts"
import { first, serving } from "./serving.ts"

const files = mkdtempSync(join(tmpdir(), "mcp-files-"))
writeFileSync(join(files, "hello.txt"), "hello from a file")

const silent = rawStdio({ on: { initialize: [] } })
const published = testEffect(
  serving({
    everything,
    "my files": { ...filesystem(files), roots: false },
    graph: memory(join(files, "memory.json")),
    off: { ...everything, enabled: false },
    broken: { type: "local", command: "not a list" },
    silent: { ...silent, timeout: 1_500 },
  }),
)

published.live("has the status of each server, and waits for those that are being connected", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    expect(yield* mcp.tools()).toEqual({})
    const status = yield* mcp.status()
    expect(Object.keys(status)).toEqual(["everything", "my files", "graph", "off", "broken", "silent"])
    expect(status["everything"]).toEqual({ status: "connected" })
    expect(status["my files"]).toEqual({ status: "connected" })
    expect(status["graph"]).toEqual({ status: "connected" })
    expect(status["off"]).toEqual({ status: "disabled" })
    expect(status["broken"]).toMatchObject({ status: "failed", error: expect.stringContaining("command") })
    expect(status["silent"]?.status).toBe("failed")
    const clients = yield* mcp.clients()
    expect(Object.keys(clients)).toEqual(["everything", "my files", "graph"])
    expect(clients["everything"]?.getServerCapabilities()?.tools).toBeDefined()
    expect(clients["everything"]?.getServerVersion()?.name).toContain("everything")
    expect(clients["graph"]?.getInstructions()).toBeUndefined()
  }),
)

published.live("has tools by OpenCode's keys: the same record, and no request, until something changes", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { wire } = yield* Recordings
    yield* mcp.status()
    yield* Effect.flatMap(Mcp, (client) => client.settled)
    const tools = yield* mcp.tools()
    const lists = () => ["everything", "my files", "graph"].map((name) => wire(name).messages("sent").length)
    const before = lists()
    expect(tools["my_files_read_text_file"]).toMatchObject({
      server: "my files",
      fullKey: "my_files_read_text_file",
      tool: { name: "read_text_file" },
      trusted: false,
    })
    for (let turn = 0; turn < 100; turn++) expect(yield* mcp.tools()).toBe(tools)
    expect(lists()).toEqual(before)

    const said = yield* mcp.instructions()
    expect(said.map(({ name }) => name)).toEqual(["everything"])
    expect(said[0]?.instructions.length).toBeGreaterThan(100)
    expect(said[0]?.tools).toContain("everything_echo")

    yield* mcp.disconnect("graph")
    const without = yield* mcp.tools()
    expect(Object.keys(without)).toEqual(Object.keys(tools).filter((key) => !key.startsWith("graph_")))
    expect(yield* mcp.status()).toMatchObject({ graph: { status: "disabled" } })
    yield* mcp.connect("graph")
    expect(yield* mcp.tools()).toEqual(tools)
  }),
)

published.live("has prompts, resources and templates by OpenCode's keys, and reads them", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const prompts = yield* mcp.prompts()
    expect(prompts["everything:simple-prompt"]).toMatchObject({ name: "simple-prompt", client: "everything" })
    const resources = yield* mcp.resources()
    const [key, resource] = Object.entries(resources)[0] ?? []
    expect(key).toBe(`everything:${resource?.uri}`)
    expect(resource?.client).toBe("everything")
    expect({ ...(yield* mcp.resources("everything")), ...(yield* mcp.resources("graph")) }).toEqual(resources)
    expect(Object.keys(yield* mcp.resources("graph"))).toEqual(["graph:memory://knowledge-graph"])
    expect(yield* mcp.resources("my files")).toEqual({})
    expect(yield* mcp.resources("nobody")).toEqual({})
    const templates = yield* mcp.resourceTemplates()
    expect(Object.entries(templates).every(([key, { uriTemplate }]) => key === `everything:${uriTemplate}`)).toBe(true)
    expect(Object.keys(templates).length).toBeGreaterThan(0)

    const prompt = yield* mcp.getPrompt("everything", "args-prompt", { city: "Paris" })
    expect(JSON.stringify(prompt.messages)).toContain("Paris")
    const read = yield* mcp.readResource("everything", resource?.uri ?? "")
    expect(read.contents[0]?.uri).toBe(resource?.uri ?? "")
    const missing = yield* Effect.flip(mcp.readResource("everything", "demo://nowhere"))
    expect(missing.message).toContain("demo://nowhere")
    const completed = yield* mcp.complete("everything", {
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    })
    expect(completed.values).toContain("Engineering")
  }),
)

published.live("calls a tool by its key or its own name, and gives what the server answered", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const path = join(files, "hello.txt")
    const byName = yield* mcp.callTool("my files", "read_text_file", { path })
    expect(byName.content).toEqual([{ type: "text", text: "hello from a file" }])
    expect(yield* mcp.callTool("my files", "my_files_read_text_file", { path })).toEqual(byName)
    expect(yield* mcp.ping("everything")).toBeGreaterThan(0)
    const off = yield* Effect.flip(mcp.callTool("off", "echo", { message: "a" }))
    expect(off.message).toContain("disabled")
  }),
)

const features = testEffect(serving({ "a:b%": sdkV1(), tasks: sdkV1Tasks(), two: { ...sdkV2(), trusted: true } }))

features.live("escapes what would make keys ambiguous", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const resources = yield* mcp.resources("a:b%")
    expect(Object.keys(resources)).toContain("a%3Ab%25:test://text")
    expect(resources["a%3Ab%25:test://text"]?.client).toBe("a:b%")
    expect(Object.keys(yield* mcp.resourceTemplates("a:b%"))).toContain("a%3Ab%25:test://item/{id}")
    expect((yield* mcp.prompts())["a_b_:greet"]).toMatchObject({ name: "greet", client: "a:b%" })
    yield* mcp.status()
    const tools = yield* mcp.tools()
    expect(tools["a_b__echo"]?.trusted).toBe(false)
    expect(tools["two_echo"]?.trusted).toBe(true)
  }),
)

features.live("tells what happens, each type in a stream of its own", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    yield* mcp.status()
    yield* Effect.flatMap(Mcp, (client) => client.settled)
    const before = yield* mcp.tools()
    yield* mcp.callTool("two", "toggle")
    yield* first(McpEvent.ToolsChanged, ({ server }) => server === "two")
    const after = yield* mcp.tools()
    expect(after).not.toBe(before)
    expect(Object.keys(after).filter((key) => !(key in before))).toEqual(["two_extra"])

    yield* mcp.subscribe("two", "test://text")
    yield* mcp.callTool("two", "touch", { uri: "test://text" })
    expect(yield* first(McpEvent.ResourceUpdated)).toMatchObject({ properties: { server: "two", uri: "test://text" } })
    yield* mcp.unsubscribe("two", "test://text")

    yield* mcp.setLevel("two", "debug")
    yield* mcp.callTool("two", "chatter", { count: 1, level: "notice", logger: "tests" })
    expect(yield* first(McpEvent.Logged)).toMatchObject({ properties: { level: "notice", logger: "tests" } })

    yield* mcp.callTool("two", "progress", { steps: 2 }, { request: "call-1" })
    expect(yield* first(McpEvent.ProgressReported)).toMatchObject({ properties: { request: "call-1" } })
  }),
)

features.live("has a stream for each type of event, and one of all", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    yield* mcp.status()
    const changed = yield* Stream.runCollect(Stream.take(mcp.stream("mcp.status.changed"), 4))
    expect(changed.filter(({ properties }) => properties.status === "pending")).toHaveLength(3)
    const [first, ...more] = yield* Stream.runCollect(Stream.take(mcp.events, 6))
    expect(first).toMatchObject({ type: "mcp.status.changed", properties: { server: "a:b%", status: "pending" } })
    expect(more.every(({ type }) => type.startsWith("mcp."))).toBe(true)
  }),
)

features.live("waits for a server that has ended and is started again", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    yield* mcp.status()
    const { structuredContent } = yield* mcp.callTool("two", "process")
    process.kill(Number(Object(structuredContent).pid), "SIGKILL")
    yield* first(McpEvent.StatusChanged, ({ attempt }) => attempt !== undefined)
    expect((yield* mcp.status())["two"]).toEqual({ status: "connected" })
    expect(Object.keys(yield* mcp.tools())).toContain("two_echo")
  }),
)

features.live("follows tasks", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const result = yield* mcp.callTool("tasks", "slow", { ms: 1, text: "done" })
    expect(JSON.stringify(result.content)).toContain("done")
    const told = yield* first(McpEvent.TaskStatusChanged)
    const { taskId } = Object(told.properties.task)
    expect((yield* mcp.tasks("tasks")).map((task) => task.taskId)).toContain(taskId)
    expect((yield* mcp.task("tasks", taskId)).status).toBe("completed")
    expect(yield* mcp.taskResult("tasks", taskId)).toMatchObject({ content: result.content })
    const late = yield* Effect.flip(mcp.cancelTask("tasks", taskId))
    expect(late.message).toContain("-32602")
  }),
)
