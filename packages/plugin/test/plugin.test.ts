import { isAlive } from "@opencode-ai/testing/peers/alive"
import { itOpenCode } from "@opencode-ai/testing/peers/opencode"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV1, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { front } from "./front.ts"
import {
  bound,
  installed,
  packageName,
  processOf,
  prompt,
  resultsOf,
  sessionOf,
  toasts,
  toolsOf,
  world,
} from "./world.ts"

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
    "a tool that a call makes appear is offered to the model in the next step, and then called",
    () =>
      Effect.gen(function* () {
        const { host, model } = yield* world({
          servers: { near: sdkV1() },
          script: [{ calls: [{ tool: "near_toggle" }] }, { calls: [{ tool: "near_extra" }] }, { text: "Done." }],
        })
        const serving = yield* host.serve
        yield* prompt(serving, yield* sessionOf(serving), "Go on.")
        const [first, second, third] = model.requests
        expect(first === undefined ? [] : toolsOf(first)).not.toContain("near_extra")
        expect(second === undefined ? [] : toolsOf(second)).toContain("near_extra")
        expect(third === undefined ? [] : resultsOf(third).at(-1)).toBe("extra")
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
    "a call that lasts shows its progress, and aborting a session cancels its call at the server",
    () =>
      Effect.gen(function* () {
        const record = yield* fileRecord
        const { host } = yield* world({
          servers: { near: recordTo(record, sdkV1()), every: everything },
          script: [
            { calls: [{ tool: "every_trigger-long-running-operation", args: { duration: 5, steps: 5 } }] },
            { text: "That took a while." },
            { calls: [{ tool: "near_hang" }] },
            { text: "Done." },
          ],
        })
        const serving = yield* host.serve
        const session = yield* sessionOf(serving)
        const shown = yield* toasts(serving)
        yield* prompt(serving, session, "Take your time.")
        expect(yield* shown.first(/of 5/)).toContain("every: trigger-long-running-operation")
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
    "loaded by the name of its package, it uses what `opencode mcp auth` stored",
    () =>
      Effect.gen(function* () {
        const { url: inner } = yield* sdkV2Http()
        const { refused, url } = yield* front(inner, "of-opencode")
        const { host, model } = yield* world({
          servers: { far: { type: "remote", url } },
          plugin: [packageName],
          script: [{ calls: [{ tool: "far_echo", args: { message: "signed in" } }] }, { text: "Done." }],
        })
        installed(host.home)
        const data = join(host.home, "data", "opencode")
        mkdirSync(data, { recursive: true })
        const stored = { far: { tokens: { accessToken: "of-opencode" }, serverUrl: url } }
        writeFileSync(join(data, "mcp-auth.json"), JSON.stringify(stored), { mode: 0o600 })
        yield* host.run("Go on.")
        expect(host.log()).toContain("far: connected")
        expect(model.requests[1] === undefined ? [] : resultsOf(model.requests[1])).toEqual(["signed in"])
        expect(refused).toEqual([])
      }),
    bound,
  )
})
