/** What the shell does with real servers, as its reader sees it. */
import { it } from "@opencode-ai/testing/effect"
import { everything, everythingHttp, everythingSse, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { fileRecord, recordedStdio, recordTo, temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import { mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { startShell } from "./client.ts"

const names = (items: ReadonlyArray<{ readonly name: string }>) => items.map(({ name }) => name)

it.live("three real servers connect, and their tools, resources and prompts are there", () =>
  Effect.gen(function* () {
    const directory = realpathSync(yield* temporaryDirectory)
    writeFileSync(join(directory, "hello.txt"), "hello")
    const shell = yield* startShell({
      servers: { everything, files: filesystem(directory), memory: memory(join(directory, "memory.json")) },
    })
    shell.send({ id: "now", op: "status" })
    const tools = (yield* shell.ask({ id: "tools", op: "tools" })).result
    expect(new Set(tools.map((tool: { server: string }) => tool.server))).toEqual(
      new Set(["everything", "files", "memory"]),
    )
    const echo = tools.find(({ key }: { key: string }) => key === "everything_echo")
    expect(echo).toMatchObject({ server: "everything", name: "echo", inputSchema: { type: "object" } })

    // Asked before anything could be connected, and answered before.
    const pending = { status: "pending" }
    expect((yield* shell.reply("now")).result).toEqual({ everything: pending, files: pending, memory: pending })
    expect(shell.said.findIndex(({ id }) => id === "now")).toBeLessThan(
      shell.said.findIndex(({ id }) => id === "tools"),
    )

    const own = (yield* shell.ask({ id: 1, op: "tools", server: "memory" })).result
    expect(names(own)).toContain("create_entities")
    expect(own.every((tool: { server: string }) => tool.server === "memory")).toBe(true)

    const servers = (yield* shell.ask({ id: 2, op: "servers" })).result
    expect(names(servers)).toEqual(["everything", "files", "memory"])
    expect(servers[0]).toMatchObject({
      type: "local",
      status: "connected",
      protocolVersion: "2025-11-25",
      transport: "stdio",
      serverInfo: { name: "mcp-servers/everything" },
    })
    expect(servers[0].pid).toBeGreaterThan(0)
    expect(servers[0].connectMs).toBeGreaterThan(0)
    expect(servers[0].tools).toBe(tools.filter(({ server }: { server: string }) => server === "everything").length)

    const text = yield* shell.ask({
      id: 3,
      op: "call",
      server: "files",
      tool: "read_text_file",
      args: { path: join(directory, "hello.txt") },
    })
    expect(text.result.content).toEqual([{ type: "text", text: "hello" }])
    // A tool's own error is a result.
    const failed = yield* shell.ask({
      id: 4,
      op: "call",
      server: "files",
      tool: "read_text_file",
      args: { path: "/etc/passwd" },
    })
    expect(failed.ok).toBe(true)
    expect(failed.result.isError).toBe(true)
    // The key is as good as the name.
    const keyed = yield* shell.ask({
      id: 5,
      op: "call",
      server: "everything",
      tool: "everything_echo",
      args: { message: "hi" },
    })
    expect(keyed.result.content[0].text).toBe("Echo: hi")

    const resources = (yield* shell.ask({ id: 6, op: "resources" })).result
    expect(resources[0]).toMatchObject({ server: "everything" })
    const read = yield* shell.ask({ id: 7, op: "read", server: "everything", uri: resources[0].uri })
    expect(read.result.contents[0].uri).toBe(resources[0].uri)
    const templates = (yield* shell.ask({ id: 8, op: "templates", server: "everything" })).result
    expect(templates[0].uriTemplate).toContain("{")
    expect(names((yield* shell.ask({ id: 9, op: "prompts" })).result)).toContain("args-prompt")
    const prompt = yield* shell.ask({
      id: 10,
      op: "prompt",
      server: "everything",
      name: "args-prompt",
      args: { city: "Paris" },
    })
    expect(prompt.result.messages[0].content.text).toContain("Paris")
    expect((yield* shell.ask({ id: 11, op: "ping", server: "memory" })).result.ms).toBeGreaterThan(0)
    expect((yield* shell.ask({ id: 12, op: "instructions" })).result[0].server).toBe("everything")

    // What a server did not declare is not asked.
    const undeclared = yield* shell.ask({ id: 13, op: "prompt", server: "files", name: "x" })
    expect(undeclared.error?.tag).toBe("BadRequest")
    shell.send({ id: 14, op: "exit" })
    expect((yield* shell.reply(14)).result).toBe(true)
    expect(yield* shell.exit).toBe(0)
    expect(shell.processes()).toEqual([])
  }),
)

it.live("commands run side by side; progress carries the id of its command", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { everything } })
    const id = { job: [1] }
    const tool = "trigger-long-running-operation"
    shell.send(
      { id, op: "call", server: "everything", tool, args: { duration: 1, steps: 4 } },
      { id: "quick", op: "call", server: "everything", tool: "echo", args: { message: "quick" } },
    )
    expect((yield* shell.reply(id)).result.content[0].text).toContain("completed")
    const replied = (to: unknown) =>
      shell.said.findIndex((line) => "ok" in line && JSON.stringify(line.id) === JSON.stringify(to))
    expect(replied("quick")).toBeGreaterThan(-1)
    expect(replied("quick")).toBeLessThan(replied(id))
    const progress = shell.said.filter(({ event }) => event === "mcp.progress").map(({ data }) => data)
    const of = (count: number) => ({ server: "everything", request: id, progress: count, total: 4 })
    expect(progress).toEqual([of(1), of(2), of(3), of(4)])
    // None of them after the reply.
    expect(shell.said.findLastIndex(({ event }) => event === "mcp.progress")).toBeLessThan(replied(id))
  }),
)

it.live("remote servers are as local ones, and one that nobody answers for is failed", () =>
  Effect.gen(function* () {
    const dead = { type: "remote", url: "http://127.0.0.1:1/mcp" }
    const shell = yield* startShell({ servers: { http: yield* everythingHttp, sse: yield* everythingSse, dead } })
    const call = { op: "call", tool: "trigger-long-running-operation", args: { duration: 0.2, steps: 2 } }
    shell.send({ id: "http", server: "http", ...call }, { id: "sse", server: "sse", ...call })
    for (const server of ["http", "sse"]) {
      expect((yield* shell.reply(server)).result.content[0].text).toContain("completed")
      const progress = shell.said.filter(({ data, event }) => event === "mcp.progress" && data.server === server)
      expect(progress.map(({ data }) => [data.request, data.progress])).toEqual([
        [server, 1],
        [server, 2],
      ])
    }
    yield* shell.event("mcp.status.changed", "dead", ({ status }) => status === "failed")
    const { result } = yield* shell.ask({ id: 1, op: "servers" })
    const summary = result.map((each: { status: string; transport?: string }) => [each.status, each.transport])
    expect(summary).toEqual([
      ["connected", "streamable-http"],
      ["connected", "sse"],
      ["failed", undefined],
    ])
  }),
)

it.live("a cancelled call says so, the server is told, and the next call works", () =>
  Effect.gen(function* () {
    const record = yield* fileRecord
    const shell = yield* startShell({ servers: { everything: recordedStdio(record, everything) } })
    yield* shell.ask({ id: 0, op: "tools" })
    const hang = { op: "call", server: "everything", tool: "trigger-long-running-operation", args: { duration: 60 } }
    shell.send({ id: "a", ...hang }, { id: "a", ...hang }, { id: "b", ...hang })
    expect((yield* shell.ask({ id: 1, op: "cancel", target: "nothing" })).result).toBe(false)
    expect((yield* shell.ask({ id: 2, op: "cancel", target: "a" })).result).toBe(true)
    expect((yield* shell.reply("a")).error?.tag).toBe("Cancelled")
    expect((yield* shell.ask({ id: 3, op: "cancel", target: "a" })).result).toBe(false)
    expect(shell.said.filter(({ id }) => id === "a").length).toBe(2)
    expect((yield* shell.ask({ id: 4, op: "ping", server: "everything" })).ok).toBe(true)
    expect(record.wire().messages("sent", "notifications/cancelled").length).toBe(2)
    shell.send({ id: 5, op: "cancel", target: "b" })
    expect((yield* shell.reply("b")).error?.tag).toBe("Cancelled")
  }),
)

it.live("a call that is silent for its timeout ends, and the server is told", () =>
  Effect.gen(function* () {
    const record = yield* fileRecord
    const silent = recordTo(record, rawStdio({ on: { "tools/call": [] } }))
    const shell = yield* startShell({ servers: { silent } })
    // Connected first: the timeout of a call bounds the wait for its server, too.
    expect((yield* shell.ask({ id: 0, op: "tools", server: "silent" })).ok).toBe(true)
    const call = yield* shell.ask({ id: 1, op: "call", server: "silent", tool: "echo", timeout: 50 })
    expect(call.error?.tag).toBe("Timeout")
    expect(call.error?.message).toContain("50 ms")
    yield* record.first((line) => "message" in line && JSON.stringify(line.message).includes("notifications/cancelled"))
    expect((yield* shell.ask({ id: 2, op: "ping", server: "silent" })).ok).toBe(true)
  }),
)

it.live("a JSON-RPC error keeps its code and its data", () =>
  Effect.gen(function* () {
    const odd = rawStdio({ on: { "tools/call": [{ do: "error", code: -32001, message: "no", data: { why: [1] } }] } })
    const shell = yield* startShell({ servers: { odd } })
    const { error } = yield* shell.ask({ id: 1, op: "call", server: "odd", tool: "echo" })
    expect(error).toMatchObject({ tag: "Protocol", code: -32001, data: { why: [1] } })
  }),
)

it.live("a server is disconnected, stays so for a call, and is connected again", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { raw: rawStdio(), off: { ...rawStdio(), enabled: false } } })
    const call = { op: "call", server: "raw", tool: "echo" }
    expect((yield* shell.ask({ id: 1, ...call })).ok).toBe(true)
    expect((yield* shell.ask({ id: 2, op: "disconnect", server: "raw" })).result).toEqual({ status: "disabled" })
    expect(shell.processes()).toEqual([])
    expect((yield* shell.ask({ id: 3, ...call })).error?.tag).toBe("NotConnected")
    expect((yield* shell.ask({ id: 4, op: "tools", server: "raw" })).error?.tag).toBe("NotConnected")
    expect((yield* shell.ask({ id: 5, op: "tools" })).result).toEqual([])
    expect((yield* shell.ask({ id: 6, op: "status" })).result).toEqual({
      raw: { status: "disabled" },
      off: { status: "disabled" },
    })
    expect((yield* shell.ask({ id: 7, op: "connect", server: "raw" })).result).toEqual({ status: "connected" })
    expect((yield* shell.ask({ id: 8, ...call })).ok).toBe(true)
    expect((yield* shell.ask({ id: 9, op: "connect", server: "off" })).result).toEqual({ status: "connected" })
    const states = shell.said.filter(({ data, event }) => event === "mcp.status.changed" && data.server === "raw")
    expect(states.map(({ data }) => data.status)).toEqual(["pending", "connected", "disabled", "pending", "connected"])
  }),
)

it.live("a server is added in either shape, replaced, and removed; a bad entry is failed and says why", () =>
  Effect.gen(function* () {
    const shell = yield* startShell()
    const add = (id: number, name: string, config: object) => shell.ask({ id, op: "add", name, config })
    expect((yield* add(1, "a", rawStdio())).result).toEqual({ status: "connected" })
    expect((yield* add(2, "b", { ...rawStdio(), disabled: true })).result).toEqual({ status: "disabled" })
    const bad = (yield* add(3, "c", { type: "local", command: "x" })).result
    expect(bad.status).toBe("failed")
    expect(bad.error).toContain("config.command")
    expect((yield* add(4, "d", { type: "local", command: ["/nowhere/program"] })).result.status).toBe("failed")
    expect((yield* shell.ask({ id: 5, op: "call", server: "c", tool: "x" })).error?.tag).toBe("NotConnected")
    yield* add(6, "b", { ...rawStdio(), timeuot: 3 })
    expect((yield* shell.event("mcp.warning", "b")).data.message).toContain("timeout")

    // Two at once under one name: one of them is there, and no process of the other.
    shell.send({ id: 7, op: "add", name: "a", config: rawStdio() }, { id: 8, op: "add", name: "a", config: rawStdio() })
    yield* shell.reply(7)
    expect((yield* shell.reply(8)).result).toEqual({ status: "connected" })
    expect((yield* shell.ask({ id: 9, op: "call", server: "a", tool: "echo" })).ok).toBe(true)
    expect(shell.processes().length).toBe(2)

    expect((yield* shell.ask({ id: 10, op: "remove", server: "a" })).result).toBe(true)
    expect((yield* shell.ask({ id: 11, op: "remove", server: "a" })).error?.tag).toBe("ServerNotFound")
    expect(Object.keys((yield* shell.ask({ id: 12, op: "status" })).result)).toEqual(["b", "c", "d"])
    expect(shell.processes().length).toBe(1)
  }),
)

it.live("roots are replaced, and the server asks for them again", () =>
  Effect.gen(function* () {
    const directory = realpathSync(yield* temporaryDirectory)
    mkdirSync(join(directory, "inside"))
    const shell = yield* startShell({ servers: { everything } })
    const log = (fits: string) =>
      shell.event("mcp.log", "everything", ({ data }) => JSON.stringify(data).includes(fits))
    yield* log("1 root")
    const roots = [{ uri: `file://${directory}`, name: "one" }, { uri: `file://${directory}/inside` }]
    expect((yield* shell.ask({ id: 1, op: "roots", roots })).result).toBe(true)
    yield* log("2 root")
    const list = yield* shell.ask({ id: 2, op: "call", server: "everything", tool: "get-roots-list" })
    expect(list.result.content[0].text).toContain(`file://${directory}/inside`)
  }),
)

it.live("the configuration is read again, and only what changed in it is touched", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { same: rawStdio(), other: rawStdio(), gone: rawStdio() } })
    yield* shell.ask({ id: 0, op: "tools" })
    const pidOf = (id: number, name: string) =>
      Effect.map(
        shell.ask({ id, op: "servers" }),
        ({ result }) => result.find((server: { name: string }) => server.name === name)?.pid,
      )
    const before = yield* pidOf(1, "same")
    const write = (text: string) => writeFileSync(shell.config, text)
    write(JSON.stringify({ mcp: { same: rawStdio(), other: rawStdio({ instructions: "new" }), more: rawStdio() } }))
    expect((yield* shell.ask({ id: 2, op: "reload" })).result).toEqual({
      added: ["more"],
      removed: ["gone"],
      changed: ["other"],
    })
    expect(Object.keys((yield* shell.ask({ id: 3, op: "status" })).result)).toEqual(["same", "other", "more"])
    expect((yield* shell.ask({ id: 4, op: "instructions" })).result).toEqual([{ server: "other", instructions: "new" }])
    expect(yield* pidOf(5, "same")).toBe(before)
    write("{")
    const broken = yield* shell.ask({ id: 6, op: "reload" })
    expect(broken.error?.tag).toBe("BadRequest")
    expect(broken.error?.message).toContain("servers.json:1:")
    expect((yield* shell.ask({ id: 7, op: "call", server: "more", tool: "echo" })).ok).toBe(true)
  }),
)

it.live("secrets are hidden in what the shell says, and not in what a server answered", () =>
  Effect.gen(function* () {
    const secret = "s3cr3t-value"
    const leaky = rawStdio({ start: [{ do: "stderr", text: `key ${secret}\n` }] })
    const shell = yield* startShell()
    const config = { ...leaky, environment: { API_KEY: secret } }
    yield* shell.ask({ id: 1, op: "add", name: "leaky", config })
    expect((yield* shell.event("mcp.stderr", "leaky")).data.line).toBe("key ***")
    const call = yield* shell.ask({ id: secret, op: "call", server: "leaky", tool: "echo", args: { secret } })
    expect(call.result.content[0].text).toBe(JSON.stringify({ secret }))
    expect((yield* shell.ask({ id: 2, op: "ping", server: secret })).error?.message).toContain('"***"')
  }),
)

it.live("a project's server is held until it is trusted, whatever asks for it, and then in every later shell", () =>
  Effect.gen(function* () {
    const directory = realpathSync(yield* temporaryDirectory)
    const servers = { mine: rawStdio(), off: { ...rawStdio(), enabled: false } }
    const shell = yield* startShell({ servers, project: true, directory })
    const { mine, off } = (yield* shell.ask({ id: 1, op: "status" })).result
    expect(mine.status).toBe("failed")
    expect(mine.error).toContain("mcp trust mine")
    expect(off).toEqual({ status: "disabled" })
    for (const server of ["mine", "off"]) {
      const { result } = yield* shell.ask({ id: server, op: "connect", server })
      expect(result.status).toBe("failed")
      expect(result.error).toContain(`mcp trust ${server}`)
    }
    expect((yield* shell.ask({ id: 2, op: "call", server: "mine", tool: "echo" })).error?.tag).toBe("NotConnected")
    expect((yield* shell.ask({ id: 3, op: "trust", server: "min" })).error?.tag).toBe("ServerNotFound")
    expect(shell.processes()).toEqual([])
    expect((yield* shell.ask({ id: 4, op: "trust", server: "mine" })).result).toEqual({ status: "connected" })
    expect((yield* shell.ask({ id: 5, op: "call", server: "mine", tool: "echo" })).ok).toBe(true)
    expect((yield* shell.ask({ id: 6, op: "trust", server: "off" })).result).toEqual({ status: "disabled" })
    expect((yield* shell.ask({ id: 7, op: "connect", server: "off" })).result).toEqual({ status: "connected" })
    // What a person types is theirs.
    expect((yield* shell.ask({ id: 8, op: "add", name: "typed", config: rawStdio() })).result.status).toBe("connected")
    shell.end()
    expect(yield* shell.exit).toBe(0)

    const later = yield* startShell({ servers, project: true, directory })
    expect((yield* later.ask({ id: 1, op: "call", server: "mine", tool: "echo" })).ok).toBe(true)
  }),
)
