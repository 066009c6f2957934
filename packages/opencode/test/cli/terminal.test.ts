import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { type RunOptions, world } from "./program.ts"

const escape = "\u001b["

describe("on a terminal", () => {
  it.live("list is a table with marks and colours, and the reasons of failures below it", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", {
        mcp: { good: sdkV2(), bad: { type: "local", command: ["no-such-program-of-this-test"] } },
      })
      const { code, raw, text } = yield* terminal(["list", "--config", config])
      expect(code).toBe(0)
      expect(raw).toContain(`${escape}32mconnected`)
      const lines = text.split("\n").map((line) => line.trimEnd())
      expect(lines.find((line) => line.includes("SERVER"))).toMatch(/SERVER +STATUS +TRANSPORT +TOOLS/)
      expect(lines.find((line) => line.includes("✓"))).toMatch(/✓ +good +connected +stdio +\d+ +3 +2/)
      expect(lines.find((line) => line.startsWith("✗  bad"))).toMatch(/✗ +bad +failed +local +–/)
      expect(text).toMatch(/✗ bad\n +could not start no-such-program-of-this-test/)
    }),
  )

  it.live("a narrow one leaves columns out and breaks no line", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { "a-server-with-quite-a-long-name": sdkV2(), 日本語: sdkV2() } })
      const { text } = yield* terminal(["list", "--config", config], { columns: 48, env: { NO_COLOR: "1" } })
      const lines = text.trimEnd().split("\n")
      expect(lines.length).toBe(3)
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(48)
      expect(text).not.toContain("VERSION")
      expect(text).toContain("TOOLS")
    }),
  )

  it.live.each([
    { name: "NO_COLOR", env: { NO_COLOR: "1" } },
    { name: "CI", env: { CI: "true" } },
    { name: "a dumb terminal", env: { TERM: "dumb" } },
  ] satisfies ReadonlyArray<RunOptions & { readonly name: string }>)("%s means no colour and no spinner", ({ env }) =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const slow = rawStdio({ on: { initialize: [{ do: "wait", ms: 300 }, initialized] } })
      const config = write("servers.json", { mcp: { slow } })
      const { raw } = yield* terminal(["list", "--config", config], { env })
      expect(raw).toContain("connected")
      expect(raw).not.toContain(escape)
    }),
  )

  it.live("shows a spinner while it waits, and none afterwards", () =>
    Effect.gen(function* () {
      const { directory, terminal, write } = yield* world
      const slow = rawStdio({ on: { initialize: [{ do: "until", file: join(directory, "seen") }, initialized] } })
      const config = write("servers.json", { mcp: { slow } })
      const keys = [["⠋ Connecting to slow", () => write("seen", "")]] as const
      const { text } = yield* terminal(["list", "--config", config], { keys })
      expect(text).toContain("⠋ Connecting to slow")
      expect(text.trimEnd().split("\n").at(-1)).toMatch(/✓ +slow/)
    }),
  )

  it.live("shows the progress of a call as a bar", () =>
    Effect.gen(function* () {
      const { directory, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: slowProgress(join(directory, "seen")) } })
      const keys = [[/1\/4 {3}25%/, () => write("seen", "")]] as const
      const { code, text } = yield* terminal(["call", "s", "work", "--config", config], { keys })
      expect(code).toBe(0)
      expect(text).toMatch(/━━━+─+ {2}1\/4 {3}25% {2}copying/)
      expect(text.trimEnd()).toEndWith("done")
    }),
  )

  it.live("draws the bar without any escape sequence where there are no colours", () =>
    Effect.gen(function* () {
      const { directory, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: slowProgress(join(directory, "seen")) } })
      const keys = [[/1\/4 {3}25%/, () => write("seen", "")]] as const
      const { raw } = yield* terminal(["call", "s", "work", "--config", config], { keys, env: { NO_COLOR: "1" } })
      expect(raw).toMatch(/━━━+─+ {2}1\/4 {3}25% {2}copying/)
      expect(raw).not.toContain(escape)
      expect(raw).toMatch(/\r +\rdone\r?\n$/)
    }),
  )

  it.live("asks for required arguments that are missing", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const { code, text } = yield* terminal(["call", "s", "add", "a=1", "--config", config], {
        keys: [
          [/\bb\b.*›/, "two\r"],
          ["expected a number", "\u007f\u007f\u007f2\r"],
        ],
      })
      expect(text).toContain(`{"sum":3}`)
      expect(code).toBe(0)
      const quit = yield* terminal(["call", "s", "add", "a=1", "--config", config], { keys: [[/\bb\b.*›/, "\u0003"]] })
      expect(quit.code).toBe(130)
      expect(quit.text).toContain("interrupted")
    }),
  )

  it.live("asks before it starts what a project defines, and keeps the answer", () =>
    Effect.gen(function* () {
      const { run, terminal, write } = yield* world
      write("opencode.json", { mcp: { mine: sdkV2() } })
      const refused = yield* terminal(["list"], { keys: [["Start mine?", "n"]] })
      expect(refused.text).toContain(`The project defines the MCP server "mine"`)
      expect(refused.text).toContain("mcp trust mine")
      expect(refused.text).toMatch(/✗ +mine +failed/)
      const approved = yield* terminal(["list"], { keys: [["Start mine?", "y"]] })
      expect(approved.text).toMatch(/✓ +mine +connected/)
      expect((yield* run(["list"])).stdout).toStartWith("mine\tconnected")
    }),
  )

  it.live("Ctrl-C in a call is heard at once", () =>
    Effect.gen(function* () {
      const { processes, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const { code, text } = yield* terminal(["call", "s", "hang", "--config", config], { keys: [["0", "\u0003"]] })
      expect(code).toBe(130)
      expect(text).toContain("interrupted, closing …")
      expect(processes()).toEqual([])
    }),
  )

  it.live("what a server says moves no cursor and hides nothing; in a pipe a result stays as it is", () =>
    Effect.gen(function* () {
      const { mcp, terminal, write } = yield* world
      const evil = "a\u001b[2J\u202Eb\u200Bc\u{E0041}d"
      const server = rawStdio({
        tools: [{ name: "t", description: evil, inputSchema: { type: "object" } }],
        on: { "tools/call": [{ do: "result", result: { content: [{ type: "text", text: evil }] } }] },
      })
      const config = write("servers.json", { mcp: { s: server } })
      const shown = "a\\u{1b}[2J\\u{202e}b\\u{200b}c\\u{e0041}d"
      expect((yield* terminal(["tools", "--config", config])).raw).toContain(shown)
      const called = yield* terminal(["call", "s", "t", "--config", config])
      expect(called.raw).toContain(shown)
      expect(called.raw).not.toContain("\u001b[2J")
      // Both outputs are one here: a spinner would stand before the JSON.
      const json = yield* terminal(["call", "s", "t", "--json", "--config", config], { env: { CI: "1" } })
      expect(json.raw).not.toContain("\u202e")
      expect(JSON.parse(json.text)).toEqual({ content: [{ type: "text", text: evil }] })
      expect((yield* mcp({ s: server }, ["tools"])).stdout).toContain(shown)
      expect((yield* mcp({ s: server }, ["call", "s", "t"])).stdout).toBe(`${evil}\n`)
    }),
  )
})

const initialized = {
  do: "result",
  result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "raw", version: "1" } },
} as const

/** A quarter of the work, and the rest once the file is there. */
const slowProgress = (file: string) =>
  rawStdio({
    tools: [{ name: "work", inputSchema: { type: "object" } }],
    on: {
      "tools/call": [
        {
          do: "send",
          message: {
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken: "$id", progress: 1, total: 4, message: "copying" },
          },
        },
        { do: "until", file },
        { do: "result", result: { content: [{ type: "text", text: "done" }] } },
      ],
    },
  })
