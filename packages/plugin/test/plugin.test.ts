import { isAlive } from "@opencode-ai/testing/peers/alive"
import type { ModelStep } from "@opencode-ai/testing/peers/model"
import { itOpenCode } from "@opencode-ai/testing/peers/opencode"
import { sdkV1, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { fileRecord, recordTo, temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { prompt, resultsOf, sessionOf, toasts, toolsOf, world } from "./world.ts"

/** What hangs is over by then. */
const bound = 120_000

const processOf = (result: unknown) => {
  const [, pid] = /"pid":\s*(\d+)/.exec(String(result)) ?? []
  return Number(pid)
}

describe("in the released OpenCode", () => {
  itOpenCode(
    "tools of a local and of a remote server are called, and nothing is left when OpenCode ends",
    () =>
      Effect.gen(function* () {
        const remote = yield* sdkV2Http()
        const { host, model } = yield* world({
          servers: { near: sdkV1(), far: remote },
          script: [
            { calls: [{ tool: "near_process" }, { tool: "far_add", args: { a: 1, b: 2 } }] },
            { text: "All done." },
          ],
        })
        const { code, stdout } = yield* host.run("Add, please.")
        expect({ code, said: stdout.trim() }).toEqual({ code: 0, said: "All done." })
        const [first, second] = model.requests
        expect(first === undefined ? [] : toolsOf(first)).toContain("near_echo")
        const [own, sum] = second === undefined ? [] : resultsOf(second)
        expect(sum).toBe('{"sum":3}')
        const pid = processOf(own)
        expect(pid).toBeGreaterThan(0)
        expect(isAlive(pid)).toBe(false)
        // Our client was who called, and not OpenCode's own.
        expect(host.log()).toContain("near: connected")
      }),
    bound,
  )

  itOpenCode(
    "a tool that appears in mid-run is offered to the model, and then called",
    () =>
      Effect.gen(function* () {
        // The model asks for something else until it is offered the new tool.
        const goOn: ModelStep = (request) => {
          const results = resultsOf(request)
          if (results.at(-1) === "extra") return { text: "Done." }
          const isThere = toolsOf(request).includes("near_extra")
          return { calls: [isThere ? { tool: "near_extra" } : { tool: "near_echo", args: { message: "not yet" } }] }
        }
        const { host, model } = yield* world({
          servers: { near: sdkV1() },
          script: [{ calls: [{ tool: "near_toggle" }] }, ...Array.from({ length: 50 }, () => goOn)],
        })
        const serving = yield* host.serve
        yield* prompt(serving, yield* sessionOf(serving), "Go on.")
        const [first] = model.requests
        const last = model.requests.at(-1)
        expect(first === undefined ? [] : toolsOf(first)).not.toContain("near_extra")
        expect(last === undefined ? [] : resultsOf(last).at(-1)).toBe("extra")
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "the model sees images, structured content, links and instructions; the person has prompts and resources",
    () =>
      Effect.gen(function* () {
        const { host, model } = yield* world({
          servers: { near: sdkV1() },
          input: ["image"],
          script: [
            {
              calls: [
                { tool: "near_content" },
                { tool: "near_person", args: { structured: { name: "Ada", age: 36 } } },
              ],
            },
            { text: "Done." },
            { text: "Hello." },
          ],
        })
        const serving = yield* host.serve
        const session = yield* sessionOf(serving)
        yield* prompt(serving, session, "Show me.")
        const [first, second] = model.requests
        const said = JSON.stringify(second?.body.messages)
        expect(said).toContain("data:image/png;base64,iVBOR")
        expect(said).toContain("Link to the resource")
        expect(said).toContain("embedded")
        // For the user alone.
        expect(said).not.toContain('"words')
        expect(said).toContain("Ada")
        const system = JSON.stringify(first?.body.messages[0])
        expect(system).toContain("<mcp_instructions>")
        const commands = JSON.stringify(yield* serving.ask("GET", "/command"))
        expect(commands).toContain("near:greet")
        const resources = yield* serving.ask("GET", "/experimental/resource")
        expect(Object.keys(Object(resources))).toContain("near:test://text")
        const command = { command: "near:greet", arguments: "Ada" }
        yield* serving.ask("POST", `/session/${session.id}/command`, command)
        expect(JSON.stringify(model.requests[2]?.body.messages.at(-1))).toContain("Ada")
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "aborting a session cancels the call at the server",
    () =>
      Effect.gen(function* () {
        const record = yield* fileRecord
        const { host } = yield* world({
          servers: { near: recordTo(record, sdkV1()) },
          script: [{ calls: [{ tool: "near_hang" }] }, { text: "Done." }],
        })
        const serving = yield* host.serve
        const session = yield* sessionOf(serving)
        const asked = { parts: [{ type: "text", text: "Wait." }] }
        yield* serving.ask("POST", `/session/${session.id}/prompt_async`, asked)
        yield* record.first((line) => JSON.stringify(line).includes('"notifications/progress"'))
        yield* serving.ask("POST", `/session/${session.id}/abort`)
        yield* record.first((line) => JSON.stringify(line).includes('"notifications/cancelled"'))
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "a server that is killed in mid-run is there again for the next call",
    () =>
      Effect.gen(function* () {
        const pids: Array<number> = []
        const { host } = yield* world({
          servers: { near: sdkV1() },
          script: [
            { calls: [{ tool: "near_process" }] },
            (request) => {
              const pid = processOf(resultsOf(request).at(-1))
              pids.push(pid)
              process.kill(pid, "SIGKILL")
              return { calls: [{ tool: "near_process" }], before: poll(() => (isAlive(pid) ? undefined : true)) }
            },
            (request) => {
              pids.push(processOf(resultsOf(request).at(-1)))
              return { text: "Done." }
            },
          ],
        })
        const serving = yield* host.serve
        yield* prompt(serving, yield* sessionOf(serving), "Go on.")
        const [first = 0, second = 0] = pids
        expect(second).toBeGreaterThan(0)
        expect(second).not.toBe(first)
        yield* serving.stop
        expect(isAlive(second)).toBe(false)
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
        yield* serving.stop
      }),
    bound,
  )

  itOpenCode(
    "the gateway answers nobody who does not know the secret, and no page",
    () =>
      Effect.gen(function* () {
        const { host } = yield* world({ servers: { near: sdkV1() }, script: [] })
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
