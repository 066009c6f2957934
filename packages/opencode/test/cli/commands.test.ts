import { everything } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

describe("tools", () => {
  it.live("gives every tool as the server lists it, with its key and its server", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = { "my.server": sdkV2(), gone: { type: "local", command: ["no-such-program-of-this-test"] } }
      const result = yield* mcp(servers, ["tools", "--json"])
      expect(result.code).toBe(0)
      const add = json(result).find(({ name }: { name: string }) => name === "add")
      expect(Object.keys(add).slice(0, 2)).toEqual(["key", "server"])
      expect(add).toMatchObject({
        key: "my_server_add",
        server: "my.server",
        title: "Add",
        inputSchema: { type: "object", required: ["a", "b"] },
        outputSchema: { type: "object" },
        annotations: { readOnlyHint: true },
      })
      expect(result.stderr).toStartWith("warning: gone is left out, it is not connected (failed): could not start")
    }),
  )

  it.live("of one server that is not connected is an error", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const result = yield* mcp({ off: { ...sdkV2(), enabled: false } }, ["tools", "off", "--json"])
      expect(result.code).toBe(3)
      expect(json(result).error.tag).toBe("NotConnected")
    }),
  )

  it.live("of a server that declares none are none, and a call says what is missing", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const server = { s: rawStdio({ capabilities: {} }) }
      expect(json(yield* mcp(server, ["tools", "s", "--json"]))).toEqual([])
      const call = yield* mcp(server, ["call", "s", "echo", "--json"])
      expect(call.code).toBe(2)
      expect(json(call).error.tag).toBe("BadRequest")
      expect(call.stderr).toContain(`did not declare the capability "tools"; nothing was sent`)
    }),
  )
})

describe("resources, templates, prompts", () => {
  it.live("list what the servers offer, each with its server", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = { s: sdkV2() }
      expect(json(yield* mcp(servers, ["resources", "--json"]))[0]).toEqual({
        server: "s",
        uri: "test://text",
        name: "text",
        mimeType: "text/plain",
        description: "Words",
      })
      const templates = json(yield* mcp({ everything }, ["templates", "everything", "--json"]))
      expect(templates[0].uriTemplate).toStartWith("demo://resource/dynamic/")
      const prompts = yield* mcp(servers, ["prompts"])
      expect(prompts.stdout).toStartWith("s\tgreet\t(name, language?)\tGreeting – Greets somebody\ns\tplain\t()\t\n")
    }),
  )

  it.live("read prints a resource, and writes what is no text to a file", () =>
    Effect.gen(function* () {
      const { directory, mcp } = yield* world
      const text = yield* mcp({ s: sdkV2() }, ["read", "s", "test://text"])
      expect(text.code).toBe(0)
      expect(text.stdout.length).toBeGreaterThan(1)
      expect(json(yield* mcp({ s: sdkV2() }, ["read", "s", "test://text", "--json"])).contents[0].uri).toBe(
        "test://text",
      )
      const blob = yield* mcp({ s: sdkV2() }, ["read", "s", "test://blob"])
      expect(blob.stdout).toMatch(/^file image\/png, \d+ bytes: /)
      expect(blob.stdout).toContain(directory)
      const missing = yield* mcp({ s: sdkV2() }, ["read", "s", "test://nothing", "--json"])
      expect(missing.code).toBe(1)
      expect(json(missing).error.tag).toBe("Protocol")
    }),
  )

  it.live("prompt prints its messages, and says what is wrong with its arguments", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = { s: sdkV2() }
      const greeted = yield* mcp(servers, ["prompt", "s", "greet", "name=Ada"])
      expect(greeted.code).toBe(0)
      expect(greeted.stdout).toStartWith("user:\n")
      expect(greeted.stdout).toContain("Ada")
      const said = (...words: ReadonlyArray<string>) =>
        Effect.map(mcp(servers, ["prompt", "s", ...words]), ({ code, stderr }) => {
          expect([words, code]).toEqual([words, 2])
          return stderr.trim()
        })
      expect(yield* said("gret")).toBe(`error: s offers no prompt "gret"; did you mean "greet"?`)
      expect(yield* said("greet")).toContain(`required argument "name" missing`)
      expect(yield* said("greet", "nme=x")).toContain(`did you mean "name"?`)
    }),
  )
})

describe("logs", () => {
  it.live("shows what servers wrote to stderr, those that failed too", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = {
        good: rawStdio({ start: [{ do: "stderr", text: "one\ntwo\n" }] }),
        bad: rawStdio({
          start: [
            { do: "stderr", text: "three\n" },
            { do: "exit", code: 1 },
          ],
        }),
      }
      const result = yield* mcp(servers, ["logs", "--json"])
      expect(result.code).toBe(0)
      const lines = json(result).map(({ line, server, source }: Record<string, string>) => [server, source, line])
      expect(lines.toSorted()).toEqual([
        ["bad", "stderr", "three"],
        ["good", "stderr", "one"],
        ["good", "stderr", "two"],
      ])
      expect((yield* mcp(servers, ["logs", "good"])).stdout).toBe("good\tstderr\tone\ngood\tstderr\ttwo\n")
    }),
  )
})

describe("trust", () => {
  it.live(
    "holds what a project defines until it is approved in this form",
    () =>
      Effect.gen(function* () {
        const { run, write } = yield* world
        const server = sdkV2()
        write("opencode.json", { mcp: { mine: server } })
        const held = yield* run(["list", "--json"])
        expect(held.code).toBe(0)
        expect(json(held)[0]).toMatchObject({ status: "failed" })
        expect(json(held)[0].error).toContain("mcp trust mine")
        expect((yield* run(["call", "mine", "echo", "message=x"])).code).toBe(3)
        expect((yield* run(["call", "mine", "echo", "message=x", "--trust"])).stdout).toBe("x\n")
        const all = yield* run(["call", "mine", "echo", "message=x"], { env: { OPENCODE_MCP_TRUST: "all" } })
        expect(all.stdout).toBe("x\n")
        const trusted = yield* run(["trust", "mine"])
        expect(trusted.code).toBe(0)
        expect(trusted.stderr).toContain(`The project defines the MCP server "mine"`)
        expect((yield* run(["call", "mine", "echo", "message=x"])).stdout).toBe("x\n")
        expect((yield* run(["trust", "mine"])).stdout).toBe("mine is approved already.\n")
        write("opencode.json", { mcp: { mine: { ...server, environment: { OTHER: "1" } } } })
        expect(json(yield* run(["list", "--json"]))[0].status).toBe("failed")
        write("opencode.json", { mcp: { mine: server } })
        expect(json(yield* run(["untrust", "mine", "--json"]))).toEqual({
          server: "mine",
          trusted: false,
          revoked: true,
        })
        expect(json(yield* run(["list", "--json"]))[0].status).toBe("failed")
        const unknown = yield* run(["trust", "mone"])
        expect([unknown.code, unknown.stderr]).toEqual([
          2,
          `error: no server "mone" is configured; did you mean "mine"?\n`,
        ])
      }),
    60_000,
  )
})

describe("usage", () => {
  it.live(
    "offers the nearest command and flag, and ends with 2",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        const said = (...words: ReadonlyArray<string>) =>
          Effect.map(run(words), ({ code, stderr, stdout }) => {
            expect([words, code, stdout]).toEqual([words, 2, ""])
            return stderr
          })
        expect(yield* said("lst")).toContain(`Unknown subcommand "lst" for "mcp"; did you mean list or ls?`)
        expect(yield* said("list", "--jsn")).toContain("did you mean --json?")
        expect(yield* said("call", "one")).toContain("Missing required argument: tool")
        expect(yield* said("list", "--interaction-timeout", "soon")).toContain("interaction-timeout")
        expect(yield* said("ui", "--port", "65536")).toContain("Expected a port")
        expect(yield* said("ui", "--no-opne")).toContain("did you mean --no-open?")
        expect(yield* said("ui")).toContain("no server is configured: there is nothing to show. Add one with: mcp add")
        const result = yield* run(["ui", "--json"])
        expect(result.code).toBe(2)
        expect(json(result).error.tag).toBe("BadRequest")
      }),
    60_000,
  )

  it.live("tells its commands, its version, and how each command is used", () =>
    Effect.gen(function* () {
      const { run } = yield* world
      for (const words of [[], ["--help"]]) {
        const help = yield* run(words)
        expect([help.code, help.stderr]).toEqual([0, ""])
        for (const command of ["list, ls", "call", "shell", "untrust"]) expect(help.stdout).toContain(`  ${command} `)
      }
      const call = yield* run(["call", "--help"])
      expect(call.stdout).toContain("mcp call [flags] <server> <tool> [<arguments...>]")
      expect((yield* run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    }),
  )
})
