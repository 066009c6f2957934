/** Who asks for what: what the command line declares to servers (P1), and what it asks of those that declare it (P22). */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "../cli/program.ts"
import { startShell } from "../shell/client.ts"

const declared = {
  roots: { listChanged: true },
  sampling: { tools: {} },
  elicitation: { form: {}, url: {} },
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
}

describe("what is declared to a server", () => {
  it.live("is the same by the shell and by every command, with the client's name and version", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const { mcp } = yield* world
      const peer = recordTo(record, sdkV2())
      expect(json(yield* mcp({ a: peer }, ["list", "--json"]))[0].status).toBe("connected")
      const shell = yield* startShell({ servers: { a: peer } })
      yield* shell.ask({ id: 1, op: "ping", server: "a" })
      shell.end()
      yield* shell.exit
      const [first, second] = record.wire().messages("sent", "initialize")
      expect(first?.params).toEqual({
        protocolVersion: "2025-11-25",
        capabilities: declared,
        clientInfo: { name: "opencode", version: "0.1.0" },
      })
      expect(second?.params).toEqual(first?.params)
    }),
  )

  it.live("leaves roots out where its entry says so: then they are refused with -32601", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { a: { ...sdkV1(), roots: false } } })
      const args = { method: "roots/list" }
      const { result } = yield* shell.ask({ id: 1, op: "call", server: "a", tool: "ask", args })
      expect(result.structuredContent.result.code).toBe(-32601)
    }),
  )
})

/** Every operation that needs a server to have declared something. */
const operations = [
  { capability: "tools", op: "call", tool: "t" },
  { capability: "resources", op: "read", uri: "test://text" },
  { capability: "resources.subscribe", op: "subscribe", uri: "test://text" },
  { capability: "resources.subscribe", op: "unsubscribe", uri: "test://text" },
  { capability: "prompts", op: "prompt", name: "p" },
  {
    capability: "completions",
    op: "complete",
    ref: { type: "ref/prompt", name: "p" },
    argument: { name: "a", value: "" },
  },
  { capability: "logging", op: "setLevel", level: "info" },
  { capability: "tasks.list", op: "tasks" },
  { capability: "tasks", op: "task.get", taskId: "t" },
  { capability: "tasks", op: "task.result", taskId: "t" },
  { capability: "tasks.cancel", op: "task.cancel", taskId: "t" },
]

describe("a server that declares nothing", () => {
  it.live("is connected, has none of anything, and is asked for nothing: each operation is BadRequest", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const shell = yield* startShell({ servers: { bare: recordTo(record, rawStdio({ capabilities: {} })) } })
      for (const op of ["tools", "resources", "templates", "prompts"]) {
        expect((yield* shell.ask({ id: op, op, server: "bare" })).result).toEqual([])
      }
      for (const { capability, ...command } of operations) {
        const { error } = yield* shell.ask({ id: `${command.op} of bare`, server: "bare", ...command })
        expect([command.op, error?.tag]).toEqual([command.op, "BadRequest"])
        expect(error?.message).toContain(`the capability "${capability}"`)
      }
      const [state] = (yield* shell.ask({ id: "state", op: "servers" })).result
      expect(state).toMatchObject({ status: "connected", tools: 0, prompts: 0, resources: 0, templates: 0 })
      expect(shell.said.filter(({ event }) => event === "mcp.warning")).toEqual([])
      shell.end()
      yield* shell.exit
      expect(
        record
          .wire()
          .messages("sent")
          .map(({ method }) => method),
      ).toEqual(["initialize", "notifications/initialized"])
    }),
  )

  it.live("fails each command with 2, in words that name the capability", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const bare = rawStdio({ capabilities: {} })
      const commands = [
        ["call", "bare", "t"],
        ["read", "bare", "test://text"],
        ["prompt", "bare", "p"],
        ["complete", "bare", "test://{a}", "a", "x"],
        ["logs", "bare", "--level", "info"],
        ["watch", "bare", "--resource", "test://text"],
      ]
      for (const words of commands) {
        const { code, stderr } = yield* mcp({ bare }, words)
        expect([words[0], code, /the capability "[a-z.]+"|offers no prompt|no prompts/.test(stderr)]).toEqual([
          words[0],
          2,
          true,
        ])
      }
    }),
  )
})
