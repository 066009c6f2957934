/** A page that is nicely filled: servers in each state, calls in flight, a form that waits, a log. */
import type { Page } from "@opencode-ai/testing/chromium"
import { config } from "@opencode-ai/testing/client"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import * as Effect from "effect/Effect"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"

const object = (properties: object, required: ReadonlyArray<string> = []) => ({ type: "object", properties, required })

const log = (level: string, logger: string, data: unknown) => ({
  do: "send" as const,
  message: { jsonrpc: "2.0", method: "notifications/message", params: { level, logger, data } },
})

const initialize = (name: string, title: string, version: string, instructions?: string) => ({
  do: "result" as const,
  result: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {}, logging: {} },
    serverInfo: { name, title, version },
    instructions,
  },
})

const progress = (done: number, total: number | undefined, message: string) => {
  const text = JSON.stringify({ progress: done, total, message }).slice(1)
  return `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$id,${text}}\n`
}

const form = {
  mode: "form",
  message: "Release 4.2.0 is ready. Where should it go, and who has to be told?",
  requestedSchema: object(
    {
      environment: { type: "string", title: "Environment", enum: ["staging", "production"], default: "staging" },
      title: { type: "string", title: "Title of the release", minLength: 3, default: "4.2.0, the quiet one" },
      percent: { type: "integer", title: "Share of the traffic", description: "In percent", minimum: 1, maximum: 100 },
      notify: {
        type: "array",
        title: "Tell",
        items: { type: "string", enum: ["support", "sales", "everybody"] },
        default: ["support"],
      },
      freeze: { type: "boolean", title: "Freeze main until it is out", default: true },
    },
    ["environment", "title"],
  ),
}

const releases = rawStdio({
  tools: [
    {
      name: "publish_release",
      title: "Publish a release",
      description: "Publishes a release, and asks where to.",
      inputSchema: object({ version: { type: "string" } }, ["version"]),
      annotations: { destructiveHint: true, openWorldHint: true },
    },
  ],
  on: {
    initialize: [
      initialize("release-desk", "Release desk", "4.2.0", "Ask before anything is published. Drafts need no word."),
      log("info", "desk", "listening for tags"),
    ],
    "tools/call": [
      log("notice", "desk", { release: "4.2.0", checks: "passed" }),
      { do: "write", parts: [progress(3, 8, "Waiting for a word of yours")] },
      { do: "ask", id: "form", method: "elicitation/create", params: form },
      { do: "result", result: { content: [{ type: "text", text: "published" }] } },
    ],
  },
})

const issue = { number: 7, title: "Show what a terminal cannot", labels: ["page", "x9"], open: true }

const issues = rawStdio({
  start: [{ do: "stderr", text: "issues: index of 1,204 issues loaded in 41 ms\n" }],
  tools: [
    {
      name: "search_issues",
      title: "Search issues",
      description: "Finds issues by words, label and state. Newest first.",
      inputSchema: object(
        {
          words: { type: "string", title: "Words", description: "All of them have to be there" },
          state: { type: "string", title: "State", enum: ["open", "closed", "all"], default: "open" },
          limit: { type: "integer", title: "At most", minimum: 1, maximum: 100, default: 20 },
        },
        ["words"],
      ),
      outputSchema: object({ issues: { type: "array", items: { type: "object" } } }),
      annotations: { readOnlyHint: true, idempotentHint: true },
    },
    { name: "comment", description: "Adds a comment to an issue", inputSchema: object({ text: { type: "string" } }) },
    { name: "close_issue", description: "Closes an issue", inputSchema: object({ number: { type: "integer" } }) },
    { name: "label", description: "Sets the labels of an issue", inputSchema: object({}) },
  ],
  on: {
    initialize: [
      initialize("issues", "Issues", "2.8.1"),
      log("debug", "index", "4 shards"),
      log("warning", "rate", "310 of 5,000 requests are left this hour"),
      log("error", "hooks", { hook: "push", status: 502, retried: 3 }),
    ],
    "tools/call": [
      {
        do: "result",
        result: {
          content: [{ type: "text", text: JSON.stringify({ issues: [issue] }) }],
          structuredContent: { issues: [issue] },
        },
      },
    ],
  },
})

const suite = rawStdio({
  tools: [{ name: "run_suite", description: "Runs the tests", inputSchema: object({ suite: { type: "string" } }) }],
  on: {
    initialize: [initialize("suite", "Test bench", "1.3.0")],
    "tools/call": [{ do: "write", parts: [progress(412, 1_031, "packages/inbox/test/chromium")] }],
  },
})

const review = `project file: .opencode/opencode.json
runs: npx -y @team/schema-server --watch
in: /home/ada/shop
gets: PATH, HOME and the locale; DATABASE_URL from the file
risk: it downloads a package when it starts`

/** It is looked at, at its URL. A call of `releases` waits for its form, one of `suite` goes on. */
export const scene = Effect.gen(function* () {
  const failing = rawStdio({
    start: [
      { do: "stderr", text: "Error: connect ECONNREFUSED 127.0.0.1:5432\n" },
      { do: "exit", code: 1 },
    ],
  })
  const { inbox, mcp } = yield* world(
    { issues, releases, suite, database: failing },
    {
      html: yield* html,
      interactionTimeout: 300_000,
      host: () => ({
        directory: "/home/ada/shop",
        describe: (server) =>
          Effect.succeed({
            how: `npx -y @team/${server}-server`,
            ...(server === "schema" ? { review } : {}),
          }),
      }),
    },
  )
  yield* mcp.add(config("schema", { ...rawStdio(), enabled: false }))
  yield* Effect.forkScoped(mcp.callTool("suite", "run_suite", { suite: "inbox", headed: false }))
  return {
    inbox,
    /** Calls what asks. */
    ask: Effect.forkScoped(mcp.callTool("releases", "publish_release", { version: "4.2.0" })),
  }
})

export type Size = NonNullable<Parameters<Page["setViewportSize"]>[0]>

export const wide: Size = { width: 1280, height: 1040 }
export const narrow: Size = { width: 390, height: 844 }
