import { everything, everythingHttp, everythingSse, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import * as Effect from "effect/Effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { join } from "node:path"
import { json, world } from "./program.ts"

describe("list", () => {
  it.live("shows three real servers, in the order of the configuration", () =>
    Effect.gen(function* () {
      const { directory, mcp } = yield* world
      const servers = {
        everything,
        files: filesystem(directory),
        memory: memory(join(directory, "memory.json")),
        later: { ...everything, enabled: false },
      }
      const result = yield* mcp(servers, ["list", "--json"])
      expect(result.code).toBe(0)
      expect(result.stderr).toBe("")
      const [first, ...rest] = json(result)
      expect([first, ...rest].map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
        ["everything", "connected"],
        ["files", "connected"],
        ["memory", "connected"],
        ["later", "disabled"],
      ])
      expect(first).toMatchObject({
        type: "local",
        protocolVersion: "2025-11-25",
        serverInfo: { name: "mcp-servers/everything" },
        transport: "stdio",
      })
      for (const server of [first, ...rest]) {
        for (const count of ["tools", "prompts", "resources", "templates"]) expect(typeof server[count]).toBe("number")
      }
      for (const member of ["pid", "connectMs"]) expect(typeof first[member]).toBe("number")
      expect(typeof first.instructions).toBe("string")
      expect(first.tools).toBeGreaterThan(5)
      expect(rest[2]).toEqual({
        name: "later",
        type: "local",
        status: "disabled",
        tools: 0,
        prompts: 0,
        resources: 0,
        templates: 0,
      })
    }),
  )

  it.live("reaches the same server over Streamable HTTP and over HTTP+SSE", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = { stdio: everything, http: yield* everythingHttp, sse: yield* everythingSse }
      const listed = json(yield* mcp(servers, ["list", "--json"]))
      expect(listed.map(({ status, transport, type }: Record<string, string>) => [type, transport, status])).toEqual([
        ["local", "stdio", "connected"],
        ["remote", "streamable-http", "connected"],
        ["remote", "sse", "connected"],
      ])
      const called = yield* mcp(servers, ["call", "http", "get-sum", "a=1", "b=2", "--json"])
      expect(json(called)).toEqual({ content: [{ type: "text", text: "The sum of 1 and 2 is 3." }] })
      const other = yield* mcp(servers, ["call", "sse", "echo", "message=hi", "--json"])
      expect(json(other)).toEqual({ content: [{ type: "text", text: "Echo: hi" }] })
      const tools = json(yield* mcp(servers, ["tools", "http", "--json"]))
      expect(tools.map(({ key }: { key: string }) => key)).toContain("http_echo")
    }),
  )

  it.live("prints a line for each server in a pipe, without a colour", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stdout } = yield* mcp({ one: sdkV2(), two: { ...everything, enabled: false } }, ["ls"])
      expect(code).toBe(0)
      expect(stdout).not.toContain("\u001b")
      const [one, two, end] = stdout.split("\n").map((line) => line.split("\t"))
      expect(one?.slice(0, 3)).toEqual(["one", "connected", "stdio"])
      expect(one).toContain("3 prompts")
      expect(two).toEqual(["two", "disabled", "local"])
      expect(end).toEqual([""])
    }),
  )

  it.live("says why a server failed, and connects the others", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = {
        missing: { type: "local", command: ["no-such-program-of-this-test"] },
        crash: rawStdio({
          start: [
            { do: "stderr", text: "the key is not set\n" },
            { do: "exit", code: 3 },
          ],
        }),
        junk: {
          ...rawStdio({ start: [{ do: "write", parts: ["hello, I am a server\n"] }], read: false }),
          timeout: 3_000,
        },
        silent: { ...rawStdio({ on: { initialize: [] } }), timeout: { startup: 800 } },
        wrong: { type: "local", comand: ["x"] },
        good: sdkV2(),
      }
      const result = yield* mcp(servers, ["list", "--json"])
      expect(result.code).toBe(0)
      const errors = Object.fromEntries(
        json(result).map(({ error, name, status }: Record<string, string>) => [name, `${status}: ${error}`]),
      )
      expect(errors["missing"]).toMatch(/^failed: could not start no-such-program-of-this-test/)
      expect(errors["crash"]).toMatch(/^failed: .*exited with code 3.*\n.*the key is not set/)
      expect(errors["junk"]).toContain("failed: ")
      expect(errors["junk"]).toContain("hello, I am a server")
      expect(errors["silent"]).toMatch(/^failed: .*did not answer initialize within 800 ms/)
      expect(errors["wrong"]).toMatch(/servers\.json: mcp\.wrong\.command: expected/)
      expect(errors["good"]).toBe("connected: undefined")
      expect(result.stderr).toContain("did you mean command?")
    }),
  )

  it.live("says that there is no server, in both ways", () =>
    Effect.gen(function* () {
      const { run, write } = yield* world
      const file = write("empty.json", "{}")
      expect(yield* run(["--config", file, "--json", "list"])).toEqual({ code: 0, stdout: "[]\n", stderr: "" })
      expect((yield* run(["--config", file, "list", "more"])).code).toBe(2)
      expect(yield* run(["list"])).toEqual({ code: 0, stdout: "No MCP servers are configured.\n", stderr: "" })
      expect(yield* run(["tools"])).toEqual({ code: 0, stdout: "", stderr: "No MCP servers are configured.\n" })
      expect(yield* run(["ls", "--json"])).toEqual({ code: 0, stdout: "[]\n", stderr: "" })
      expect(yield* run(["list", "--log-level", "debug", "--json"])).toEqual({ code: 0, stdout: "[]\n", stderr: "" })
    }),
  )

  it.live("ends with 2 where the configuration cannot be parsed, and names the place", () =>
    Effect.gen(function* () {
      const { run, write } = yield* world
      const file = write("broken.json", `{\n  "mcp": { "a": ] }\n}`)
      for (const words of [["list"], ["tools"], ["call", "a", "b"], ["trust", "a"]]) {
        const { code, stderr, stdout } = yield* run([...words, "--config", file])
        expect([words, code, stdout]).toEqual([words, 2, ""])
        expect(stderr).toContain(`${file}:2:17: expected a value`)
      }
      const { code, stdout } = yield* run(["list", "--json", "--config", file])
      expect(code).toBe(2)
      expect(JSON.parse(stdout)).toMatchObject({ error: { tag: "BadRequest" } })
      const missing = yield* run(["list", "--config", "nowhere.json"])
      expect(missing.code).toBe(2)
      expect(missing.stderr).toContain("nowhere.json: no such file, but --config names it")
    }),
  )

  it.live("shows no secret that the configuration holds or takes from the environment", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = {
        one: {
          ...rawStdio({
            start: [
              { do: "stderr", text: "refused: token-of-the-test, hunter2hunter2, inherited-secret\n" },
              { do: "exit", code: 1 },
            ],
          }),
          environment: { A: "{env:SECRET_OF_TEST}", DB_PASSWORD: "hunter2hunter2" },
        },
      }
      const env = { SECRET_OF_TEST: "token-of-the-test", MY_API_KEY: "inherited-secret" }
      for (const words of [["list"], ["list", "--json"], ["logs"], ["logs", "--json"], ["call", "one", "echo"]]) {
        const { stderr, stdout } = yield* mcp(servers, [...words, "--log-level", "debug"], { env })
        expect(stdout + stderr).toContain("refused: ***, ***, ***")
        for (const secret of ["token-of-the-test", "hunter2", "inherited-secret"]) {
          expect(stdout + stderr).not.toContain(secret)
        }
      }
    }),
  )
})
