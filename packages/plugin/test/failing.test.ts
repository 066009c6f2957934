import { isAlive } from "@opencode-ai/testing/peers/alive"
import { itOpenCode } from "@opencode-ai/testing/peers/opencode"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { forgetful } from "./forgetful.ts"
import { bound, processOf, prompt, resultsOf, sessionOf, toasts, world } from "./world.ts"

describe("what goes wrong in the released OpenCode", () => {
  itOpenCode(
    "servers that are killed or forget their session in mid-run are there again, and nothing outlives OpenCode",
    () =>
      Effect.gen(function* () {
        const pids: Array<number> = []
        const { called, entry, forget } = yield* forgetful
        const pidFile = join(yield* temporaryDirectory, "pid")
        const both = [{ tool: "near_process" }, { tool: "far_echo", args: { message: "still there" } }]
        const { host, model } = yield* world({
          servers: {
            near: sdkV1(),
            far: entry,
            // What it starts leaves its process group.
            tree: rawStdio({ start: [{ do: "spawn", pidFile, setsid: true, ignoreSigterm: true }] }),
          },
          script: [
            { calls: both },
            (request) => {
              const pid = processOf(resultsOf(request).at(-2))
              pids.push(pid)
              process.kill(pid, "SIGKILL")
              forget("two")
              return { calls: both, before: poll(() => (isAlive(pid) ? undefined : true)) }
            },
            (request) => {
              pids.push(processOf(resultsOf(request).at(-2)))
              return { text: "Done." }
            },
          ],
        })
        const serving = yield* host.serve
        yield* prompt(serving, yield* sessionOf(serving), "Go on.")
        const [killed = 0, second = 0] = pids
        expect(second).toBeGreaterThan(0)
        expect(second).not.toBe(killed)
        expect(called()).toEqual(["one", "one", "two"])
        expect(model.requests[2] === undefined ? "" : resultsOf(model.requests[2]).at(-1)).toContain("still there")
        const child = yield* poll(() => (existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : undefined))
        expect(isAlive(child)).toBe(true)
        yield* serving.stop
        expect([second, child].filter(isAlive)).toEqual([])
      }),
    bound,
  )

  itOpenCode(
    "a plugin that cannot start says so, and leaves the servers to OpenCode's own client",
    () =>
      Effect.gen(function* () {
        const { host, model } = yield* world({
          servers: { near: sdkV1() },
          options: { servers: "near" },
          script: [{ calls: [{ tool: "near_echo", args: { message: "hello" } }] }, { text: "Done." }],
        })
        const serving = yield* host.serve
        const shown = yield* toasts(serving)
        yield* prompt(serving, yield* sessionOf(serving), "Go on.")
        expect(yield* shown.first(/could not start/)).toContain("`servers` has to be a list of names")
        expect(host.log()).toContain("could not start")
        expect(model.requests[1] === undefined ? [] : resultsOf(model.requests[1])).toEqual(["hello"])
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "a server that cannot be used is failed, with the reason, and is there once it can be",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const file = join(directory, "server.ts")
        const { command, type } = sdkV1()
        const { host } = yield* world({
          servers: { far: { type, command: [command[0], file, "stdio"] }, near: sdkV1() },
          script: [],
        })
        const serving = yield* host.serve
        const { far, near } = Object(yield* serving.ask("GET", "/mcp"))
        expect(near).toEqual({ status: "connected" })
        expect(far.status).toBe("failed")
        expect(far.error).toContain("Module not found")
        writeFileSync(file, `await import(${JSON.stringify(command[1])})`)
        yield* serving.ask("POST", "/mcp/far/connect")
        expect(Object(yield* serving.ask("GET", "/mcp")).far).toEqual({ status: "connected" })
        // And one that is disconnected there is ended, until it is connected again.
        yield* serving.ask("POST", "/mcp/near/disconnect")
        yield* poll(() => (host.log().includes("near: disabled") ? true : undefined))
        expect(Object(yield* serving.ask("GET", "/mcp")).near).toEqual({ status: "disabled" })
        yield* serving.ask("POST", "/mcp/near/connect")
        expect(Object(yield* serving.ask("GET", "/mcp")).near).toEqual({ status: "connected" })
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "the gateway answers nobody who does not know the secret, and no page; `opencode mcp` is left what is written",
    () =>
      Effect.gen(function* () {
        const { command } = sdkV1()
        const { host } = yield* world({ servers: { near: sdkV1() }, script: [] })
        const { stdout } = yield* host.command("mcp", "list")
        expect(stdout).toContain(command.join(" "))
        expect(stdout).not.toContain("127.0.0.1")
        const serving = yield* host.serve
        const { mcp } = Object(yield* serving.ask("GET", "/config"))
        const { headers, url }: { headers: Record<string, string>; url: string } = mcp.near
        expect(url).toStartWith("http://127.0.0.1:")
        const message = { jsonrpc: "2.0", id: 1, method: "initialize", params: {} }
        const knock = (sent: Record<string, string>) =>
          Effect.promise(async () => {
            const init = { method: "POST", headers: { "content-type": "application/json", ...sent } }
            return (await fetch(url, { ...init, body: JSON.stringify(message) })).status
          })
        expect(yield* knock({})).toBe(401)
        expect(yield* knock({ ...headers, origin: "https://example.com" })).toBe(403)
        expect(yield* knock({ ...headers, host: "example.com" })).toBe(421)
        expect(yield* knock(headers)).toBe(200)
        yield* serving.stop
      }),
    bound,
  )
})
