/** What is written down of calls: by whom, how it ended, and nothing that is secret. */
import { it } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type World, world } from "../cli/program.ts"
import { startShell } from "../shell/client.ts"

const fileOf = ({ directory }: World) => join(directory, "home/.state/opencode/mcp-audit.jsonl")
const lines = (here: World) =>
  readFileSync(fileOf(here), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

it.live("each call is a line: the server, the tool, the arguments, how it ended, who approved", () =>
  Effect.gen(function* () {
    const here = yield* world
    const call = (...words: ReadonlyArray<string>) => here.mcp({ s: sdkV2() }, ["call", "s", ...words])
    yield* call("echo", `message=${"x".repeat(600)}`)
    yield* call("fail")
    yield* call("refuse")
    yield* call("add", '{"a": 1}')
    const all = lines(here)
    expect(all.map(({ approvedBy, outcome, server, tool }) => [server, tool, outcome, approvedBy])).toEqual([
      ["s", "echo", "ok", "caller"],
      ["s", "fail", "error", "caller"],
      ["s", "refuse", "Protocol", "caller"],
    ])
    expect(all[0].arguments.message).toBe(`${"x".repeat(500)}… [600 characters]`)
    expect(all[0].time).toMatch(/^\d{4}-\d\d-\d\dT/)
    expect(all[0].durationMs).toBeGreaterThanOrEqual(0)
    expect(statSync(fileOf(here)).mode & 0o777).toBe(0o600)
  }),
)

it.live("what is secret is hidden: by its name, and by what the configuration and the environment say", () =>
  Effect.gen(function* () {
    const here = yield* world
    const server = { ...sdkV2(), environment: { SERVICE_TOKEN: "of-the-configuration" } }
    const args = {
      message: "of-the-configuration, of-the-environment",
      apiKey: "by-its-name",
      deep: { password: ["x"] },
    }
    yield* here.mcp({ s: server }, ["call", "s", "echo", JSON.stringify(args)], {
      env: { OTHER_SECRET: "of-the-environment" },
    })
    const text = readFileSync(fileOf(here), "utf8")
    expect(text).not.toMatch(/of-the-|by-its-name|"x"/)
    expect(lines(here)[0].arguments).toMatchObject({ apiKey: "***", deep: { password: "***" } })
  }),
)

it.live("is switched off by the person alone, turned over when it is long, and holds no call up", () =>
  Effect.gen(function* () {
    const here = yield* world
    const config = here.write("off.json", { mcp: { s: sdkV2() }, experimental: { mcp_audit: false } })
    yield* here.run(["call", "s", "echo", "message=hi", "--config", config])
    expect(existsSync(fileOf(here))).toBe(false)

    here.write("opencode.json", { mcp: { s: sdkV2() }, experimental: { mcp_audit: false } })
    yield* here.run(["call", "s", "echo", "message=hi", "--trust"])
    expect(lines(here).length).toBe(1)

    truncateSync(fileOf(here), 10 * 1024 * 1024 + 1)
    yield* here.run(["call", "s", "echo", "message=hi", "--trust"])
    expect(lines(here).length).toBe(1)
    expect(statSync(`${fileOf(here)}.1`).size).toBe(10 * 1024 * 1024 + 1)

    const elsewhere = join(here.directory, "state")
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, "opencode"), "a file where a directory is wanted")
    const env = { XDG_STATE_HOME: elsewhere }
    expect((yield* here.run(["call", "s", "echo", "message=hi", "--trust"], { env })).code).toBe(0)
  }),
)

it.live("calls that end with the program are written down, each of them", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { s: sdkV2() } })
    const ids = Array.from({ length: 12 }, (_, index) => `call ${index}`)
    yield* shell.ask({ id: "tools", op: "tools", server: "s" })
    shell.send(...ids.map((id) => ({ id, op: "call", server: "s", tool: "hang" })))
    yield* shell.ask({ id: "ping", op: "ping", server: "s" })
    shell.send({ id: "exit", op: "exit" })
    expect(yield* shell.exit).toBe(0)
    const file = join(shell.directory, "state/opencode/mcp-audit.jsonl")
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(ids.length)
  }),
)
