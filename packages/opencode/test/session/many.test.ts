import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { Mcp } from "@opencode-ai/mcp"
import { corpus } from "@opencode-ai/testing/corpus/tools"
import { it } from "@opencode-ai/testing/effect"
import { type ModelPeer, modelPeer, type ModelStep } from "@opencode-ai/testing/peers/model"
import { type HttpRequest, rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Bus from "../../src/bus/index.ts"
import { Sections } from "../../src/config/sections.ts"
import * as MCP from "../../src/mcp/index.ts"
import * as Permission from "../../src/permission/index.ts"
import * as Plugin from "../../src/plugin/index.ts"
import * as Provider from "../../src/provider/provider.ts"
import { Budget, defaultShare, overview, problemOf, shareOf, tokensOf } from "../../src/session/budget.ts"
import * as Models from "../../src/session/models.ts"
import * as Prompt from "../../src/session/prompt.ts"
import * as ToolRegistry from "../../src/tool/registry.ts"
import * as Truncate from "../../src/tool/truncate.ts"
import { platform } from "../config/world.ts"
import { first, serving } from "../mcp/serving.ts"
import * as McpEvent from "../../src/mcp/event.ts"

const json = { type: "object" } as const

/** Two thousand tools of a few servers; `list` may change, and `change` says that it did. */
const server = (tools: ReadonlyArray<object>) =>
  Effect.gen(function* () {
    const list = [...tools]
    const peer = yield* rawHttp({
      tools: list,
      capabilities: { tools: { listChanged: true } },
      get: () => ({ sse: [], hold: true }),
    })
    const change = (...added: ReadonlyArray<object>) => {
      list.push(...added)
      return peer.push({ data: { jsonrpc: "2.0", method: "notifications/tools/list_changed" } })
    }
    return { peer, change, entry: { type: "remote", url: peer.url } }
  })

const names = ["code", "office", "shop", "cloud"]
const servers = Effect.gen(function* () {
  const all = corpus().map(({ server, tool }) => ({ ...tool, name: `${server}_${tool.name}` }))
  const each = Math.ceil(all.length / names.length)
  const made = yield* Effect.forEach(names, (name, index) =>
    Effect.map(server(all.slice(index * each, (index + 1) * each)), (one) => [name, one] as const),
  )
  return new Map(made)
})

interface Options {
  readonly permission?: unknown
  readonly plugins?: ReadonlyArray<Plugin.Hooks>
  readonly experimental?: object
  readonly modelID?: string
}

/** A session with a scripted model and these servers. */
const session = (
  entries: object,
  { url }: ModelPeer,
  { experimental, modelID = "tiny", permission = "allow", plugins = [] }: Options = {},
) =>
  Layer.unwrap(
    Effect.map(temporaryDirectory, (directory) => {
      const { rules } = Permission.fromConfig(permission, "opencode.json")
      const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_DATA_HOME: directory } }))
      const model: Provider.Model = {
        providerID: "scripted",
        modelID,
        npm: "@ai-sdk/openai-compatible",
        limit: { context: 128_000 },
        input: { image: false, audio: false, pdf: false },
        language: createOpenAICompatible({ name: "scripted", baseURL: url }).chatModel("tiny"),
      }
      const mask = (text: string) => text
      const section = { value: experimental, where: () => "opencode.json", limits: [], errors: [] }
      return Prompt.layer({ directory }).pipe(
        Layer.provide(Models.layer),
        Layer.provideMerge(ToolRegistry.layer({ directory })),
        Layer.provideMerge(Layer.provide(Truncate.layer, environment)),
        Layer.provide(platform),
        Layer.provideMerge(Permission.layer({ rules, answerable: () => false })),
        Layer.provideMerge(Plugin.layer(plugins)),
        Layer.provide(
          Layer.succeed(Provider.Service)({
            model: () => Effect.succeed(model),
            chosen: () => Effect.succeed(""),
            list: () => Effect.succeed([]),
            mask,
          }),
        ),
        Layer.provide(Layer.succeed(Sections)({ get: () => section, mask, warnings: [] })),
        Layer.provideMerge(serving(entries)),
      )
    }),
  )

const entriesOf = (all: ReadonlyMap<string, { readonly entry: object }>) =>
  Object.fromEntries([...all].map(([name, { entry }]) => [name, entry]))

const ask = (text: string) =>
  Effect.gen(function* () {
    yield* (yield* Mcp).settled
    return yield* (yield* Prompt.Service).prompt({ sessionID: "ses_1", parts: [{ type: "text", text }] })
  })

const issue = "code_github_create_issue"
const finds: ModelStep = { calls: [{ tool: "mcp_search", args: { query: "create an issue on github" } }] }
const calls = (args: unknown, tool = issue): ModelStep => ({
  calls: [{ tool: "mcp_call", args: { tool, arguments: args } }],
})
const done: ModelStep = { text: "Done." }
const toolNames = ({ body }: ModelPeer["requests"][number]) => (body.tools ?? []).map((tool) => tool.function.name)
const lastResult = ({ body }: ModelPeer["requests"][number]) => {
  const { content } = body.messages.at(-1) ?? {}
  return typeof content === "string" ? content : JSON.stringify(content)
}
/** What the model was told last, in each of its requests. */
const told = ({ requests }: ModelPeer) => requests.map(lastResult)
const callsTo = (requests: ReadonlyArray<HttpRequest>) => requests.map(({ rpc }) => rpc.params)

/** A session that goes through the script, and what it was. */
const run = (script: ReadonlyArray<ModelStep>, options: Options = {}) =>
  Effect.gen(function* () {
    const all = yield* servers
    const model = yield* modelPeer(script)
    const asked = Effect.gen(function* () {
      yield* ask("Go on.")
      const messages = yield* (yield* Prompt.Service).messages("ses_1")
      return messages.flatMap(({ parts }) => parts)
    })
    const parts = yield* Effect.provide(asked, session(entriesOf(all), model, options))
    return { model, parts, sent: callsTo(all.get("code")?.peer.of("tools/call") ?? []) }
  })

describe("with 2,000 tools a session", () => {
  it.live("sends the same tools and the same beginning in each step, whatever servers say meanwhile", () =>
    Effect.gen(function* () {
      const all = yield* servers
      const added = { name: "weather_forecast", description: "Tells how the weather will be", inputSchema: json }
      const services: { mcp?: MCP.Interface; bus?: Bus.Interface } = {}
      /** The list changes, and the client has learnt of it. */
      const changed = Effect.gen(function* () {
        const { bus, mcp } = services
        if (bus === undefined || mcp === undefined) return yield* Effect.die("there is no session")
        yield* all.get("office")?.change(added) ?? Effect.void
        const isThere = () => Object.hasOwn(Effect.runSync(mcp.tools()), "office_weather_forecast")
        yield* Effect.provideService(first(McpEvent.ToolsChanged, isThere), Bus.Service, bus)
      })
      const model = yield* modelPeer([
        finds,
        calls({ repository: "a/b", title: "Broken" }),
        { calls: [{ tool: "mcp_search", args: { query: "weather forecast" } }], before: Effect.orDie(changed) },
        calls({}, "office_weather_forecast"),
        done,
      ])
      const answer = yield* Effect.provide(
        Effect.gen(function* () {
          services.bus = yield* Bus.Service
          services.mcp = yield* MCP.Service
          return yield* ask("Report it.")
        }),
        session(entriesOf(all), model),
      )
      expect(answer.ended).toBe("stop")
      const { requests } = model
      expect(requests).toHaveLength(5)
      const [begun] = requests
      for (const [index, request] of requests.entries()) {
        expect(toolNames(request)).toEqual(["read", "mcp_search", "mcp_call"])
        const rest = (one: typeof begun) => JSON.stringify({ ...one?.body, messages: [] })
        expect(rest(request)).toBe(rest(begun))
        const before = requests[index - 1]
        if (before === undefined) continue
        // The whole request of the step before, up to where its list of messages ends, is the beginning of this one.
        const { messages } = before.body
        expect(JSON.stringify(request.body.messages.slice(0, messages.length))).toBe(JSON.stringify(messages))
      }
      const found = requests.map(lastResult)
      expect(found[1]).toContain(`{"tool":"${issue}"`)
      expect(found[3]).toContain(`{"tool":"office_weather_forecast"`)
      expect(found[3]).toContain("office (501)")
      expect(found[4]).toBe("{}")
      expect(JSON.stringify(begun?.body.tools)).toContain(
        "Servers (tools): cloud (500), code (500), office (500), shop (500).",
      )
    }),
  )
  it.live("gives the model the tools that fit, with all that it needs to call them", () =>
    Effect.gen(function* () {
      const { model } = yield* run([finds, done])
      const [first, ...others] = (told(model)[1] ?? "").split("\n")
      const found: unknown = JSON.parse(first ?? "")
      expect(found).toMatchObject({
        tool: issue,
        server: "code",
        title: "Create issue",
        description: "Open a new issue in a repository, with labels and assignees (GitHub).",
        inputSchema: { type: "object", required: ["repository", "title"] },
      })
      expect(others).toHaveLength(5)
      expect(others.at(-1)).toBe(`Call one with mcp_call {"tool": "…", "arguments": {…}}.`)
    }),
  )
  it.live("shows a call as one of the tool itself, and sends it as the model wrote it", () =>
    Effect.gen(function* () {
      const args = { repository: "a/b", title: "Broken" }
      const { model, parts, sent } = yield* run([finds, calls(args), done])
      expect(sent).toMatchObject([{ name: "github_create_issue", arguments: args }])
      expect(parts).toMatchObject([
        { type: "text" },
        { type: "tool", tool: "mcp_search", state: { status: "completed", title: "5 of 2000 tools" } },
        {
          type: "tool",
          tool: issue,
          via: "mcp_call",
          state: { status: "completed", input: args, title: "Create issue", metadata: { server: "code" } },
        },
        { type: "text", text: "Done." },
      ])
      const message = model.requests[2]?.body.messages.at(-2)
      expect(message?.tool_calls).toMatchObject([
        { function: { name: "mcp_call", arguments: JSON.stringify({ tool: issue, arguments: args }) } },
      ])
    }),
  )
  it.live("understands a model that calls what it found as if it were a tool of its own", () =>
    Effect.gen(function* () {
      const args = { repository: "a/b", title: "Broken" }
      const { model, sent } = yield* run([finds, { calls: [{ tool: issue, args }] }, done])
      expect(sent).toMatchObject([{ name: "github_create_issue", arguments: args }])
      expect(model.requests[2]?.body.messages.at(-2)?.tool_calls).toMatchObject([
        { function: { name: "mcp_call", arguments: JSON.stringify({ tool: issue, arguments: args }) } },
      ])
    }),
  )
  it.live("takes arguments as a text, which is all that Gemini can give where it knows no properties", () =>
    Effect.gen(function* () {
      const args = { repository: "a/b", title: "Broken" }
      const { model, sent } = yield* run([finds, calls(JSON.stringify(args)), done], { modelID: "gemini-4" })
      expect(model.requests[0]?.body.tools?.at(-1)).toMatchObject({
        function: { name: "mcp_call", parameters: { properties: { arguments: { type: "string" } } } },
      })
      expect(sent).toMatchObject([{ name: "github_create_issue", arguments: args }])
      expect(model.requests[2]?.body.messages.at(-2)?.tool_calls).toMatchObject([
        { function: { arguments: JSON.stringify({ tool: issue, arguments: JSON.stringify(args) }) } },
      ])
    }),
  )
  it.live("tells the model what of its arguments does not fit, and where; nothing is called", () =>
    Effect.gen(function* () {
      const { model, sent } = yield* run([calls({ repository: "a/b", title: 3, labels: [1] }), calls("{", issue), done])
      expect(told(model)[1]).toContain(
        `${issue}: the arguments do not fit its input schema: at /title expected string, got number; at /labels/0 expected string, got number. Nothing was done`,
      )
      expect(told(model)[2]).toContain("the root expected object, got string")
      expect(sent).toEqual([])
    }),
  )
  it.live("tells the model which tool it may have meant", () =>
    Effect.gen(function* () {
      const { model } = yield* run([
        calls({}, "code_github_create_isue"),
        { calls: [{ tool: "mcp_call", args: {} }] },
        done,
      ])
      expect(told(model)[1]).toBe(
        `code_github_create_isue: there is no tool of this name. Did you mean ${issue} or code_gitlab_create_issue or code_github_update_issue? mcp_search finds tools.`,
      )
      expect(told(model)[2]).toContain(`mcp_call: these arguments cannot be used`)
    }),
  )
  it.live("asks for permission for the tool, runs its hooks, and finds none that is denied", () =>
    Effect.gen(function* () {
      const hooked: Array<string> = []
      const note = ({ tool }: { readonly tool: string }) => Effect.sync(() => void hooked.push(tool))
      const { model, sent } = yield* run(
        [
          calls({ repository: "a/b", title: "Broken" }),
          finds,
          calls({ repository: "a/b" }, "code_github_fork_repository"),
          done,
        ],
        {
          permission: { "*": "allow", code_github_create_issue: "deny", code_github_fork_repository: "ask" },
          plugins: [{ "tool.execute.before": note }],
        },
      )
      expect(sent).toEqual([])
      const [, denied, found, asked] = model.requests.map(lastResult)
      expect(denied).toContain("there is no tool of this name")
      expect(found).not.toContain(`"tool":"${issue}"`)
      expect(asked).toContain("code_github_fork_repository needs permission")
      expect(hooked).toEqual(["mcp_search", "code_github_fork_repository"])
    }),
  )
  it.live("shows all of them where the configuration says so, and a few as they are", () =>
    Effect.gen(function* () {
      const { model } = yield* run([done], { experimental: { mcp_context: false } })
      expect(model.requests.map(toolNames)[0]).toHaveLength(2001)
      const few = yield* server([{ name: "echo", inputSchema: json }])
      const small = yield* modelPeer([done, done])
      yield* Effect.provide(ask("Go on."), session({ few: few.entry }, small))
      expect(small.requests.map(toolNames)[0]).toEqual(["read", "few_echo"])
      yield* Effect.provide(ask("Go on."), session({ few: few.entry }, small, { experimental: { mcp_context: 0 } }))
      expect(small.requests.map(toolNames)[1]).toEqual(["read", "mcp_search", "mcp_call"])
    }),
  )
})

describe("a budget", () => {
  const offered = (server: string, name: string, description = "") => ({
    key: `${server}_${name}`,
    aliases: [],
    definition: { server, fullKey: "", trusted: false, tool: { name, description, inputSchema: json } },
  })
  test("is a tenth of the context, or what the configuration says", () => {
    for (const nothing of [undefined, {}, { mcp_context: "0.2" }, { mcp_context: 2 }, { mcp_context: true }]) {
      expect(shareOf(nothing)).toBe(defaultShare)
    }
    expect(shareOf({ mcp_context: 0.25 })).toBe(0.25)
    expect(shareOf({ mcp_context: 0 })).toBe(0)
    expect(shareOf({ mcp_context: false })).toBe(Number.POSITIVE_INFINITY)
  })
  test("that is none is named with its place", () => {
    const problem = (value: object) => problemOf({ value, where: () => "opencode.json: experimental.mcp_context" })
    expect(problem({ mcp_context: 10 })).toBe(
      "opencode.json: experimental.mcp_context: expected a number from 0 to 1, or false, found 10; 0.1 counts",
    )
    for (const fine of [{}, { mcp_context: false }, { mcp_context: 1 }]) expect(problem(fine)).toBeUndefined()
  })
  test("counts what the model would be sent", () => {
    const { definition, key } = offered("a", "b", "x".repeat(4000))
    expect(tokensOf(key, definition.tool)).toBeGreaterThan(1000)
    expect(tokensOf(key, definition.tool)).toBeLessThan(1050)
  })
  test("once exceeded stays so, and says what it said", () => {
    const budget = new Budget(0.1)
    const limit = { context: 20_000 }
    const few = [offered("b", "one"), offered("a", "two")]
    expect(budget.exceeded({ limit }, few)).toBeUndefined()
    const large = [...few, offered("b", "three", "x".repeat(16_000))]
    expect(budget.exceeded({ limit }, large)).toBe("a (1), b (2)")
    expect(budget.exceeded({ limit }, few)).toBe("a (1), b (2)")
    expect(budget.exceeded({ limit }, [])).toBe("a (1), b (2)")
    expect(overview([])).toBe("")
  })
})
