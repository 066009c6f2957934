import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { openPage } from "@opencode-ai/testing/page"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { itOpenCode } from "@opencode-ai/testing/peers/opencode"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { accept, answerable, press } from "./person.ts"
import { bound, browser, processOf, prompt, resultsOf, sessionOf, toasts, toolsOf, world } from "./world.ts"

const picture = Buffer.from("not really a picture").toString("base64")

const form = {
  message: "Your name?",
  requestedSchema: { type: "object", properties: { name: { type: "string", title: "Name" } }, required: ["name"] },
}

const sampled = {
  messages: [
    { role: "user", content: { type: "text", text: "Say hello." } },
    { role: "assistant", content: { type: "text", text: "To whom?" } },
    { role: "user", content: { type: "text", text: "To Ada." } },
    { role: "user", content: { type: "image", data: picture, mimeType: "image/png" } },
  ],
  systemPrompt: "You are a parrot.",
  maxTokens: 77,
  temperature: 0.5,
  stopSequences: ["END"],
}

const asksModel = { tool: "far_ask", args: { method: "sampling/createMessage", params: sampled } }

const ask = (params: object, method = "elicitation/create") => ({ tool: "near_ask", args: { method, params } })

describe("the page of the released OpenCode", () => {
  itOpenCode(
    "what servers ask is answered there by keyboard, while the call waits",
    () =>
      Effect.gen(function* () {
        const { env, next, opened } = yield* browser
        const { use } = yield* (yield* chromium).tab()
        let children: unknown
        let look: Effect.Effect<unknown> = Effect.void
        const { host, model } = yield* world({
          servers: { near: sdkV1(), far: { ...sdkV1(), sampling: { approve: "always" } } },
          env,
          input: ["image"],
          script: [
            { calls: [{ tool: "near_process" }, ask(form)] },
            { calls: [ask(sampled, "sampling/createMessage")] },
            // In a session of its own.
            { text: "Hello, Ada! END of it.", before: Effect.suspend(() => look) },
            { text: "Done." },
            { calls: [ask(form)] },
            { calls: [ask(form)] },
            { text: "Gone." },
            { calls: [asksModel] },
            // It goes on as if it had called a tool.
            { text: "Wait.", finish: "tool_calls" },
            { calls: [asksModel] },
            { status: 401, body: { error: { message: "the key sk-0123 is bad" } } },
            { text: "Refused." },
            { calls: [asksModel] },
            { until: Effect.never },
            { calls: [asksModel] },
            { until: Effect.never },
          ],
        })
        writeFileSync(join(host.directory, "opencode.json"), JSON.stringify({ mcp: { own: sdkV1() } }))
        const serving = yield* host.serve
        const shown = yield* toasts(serving)
        const session = yield* sessionOf(serving)
        look = Effect.map(
          Effect.orDie(serving.ask("GET", `/session/${session.id}/children`)),
          (all) => (children = all),
        )
        const text = (words: string) => ({ parts: [{ type: "text", text: words }] })
        const begin = (id: string, words: string) => serving.ask("POST", `/session/${id}/prompt_async`, text(words))

        // A server of the project's waits for its approval, and a toast says where.
        const held = yield* shown.first(/Not Approved/)
        expect(held).toContain("approve it on the MCP page (/mcp opens it)")

        // A form. The browser is opened by itself, at an address that is good once.
        yield* begin(session.id, "Ask me.")
        const ticket = yield* next(0)
        yield* use((page) => page.goto(ticket))
        expect(new URL(ticket).searchParams.get("secret")).toBeNull()
        const told = yield* shown.first(/Your name\?/)
        const [, address = ""] = /Answer at (http:\/\/127\.0\.0\.1:\d+\/\?secret=[\w-]{43})/.exec(told) ?? []
        expect(address).not.toBe("")
        expect(told).toContain('Server \\"near\\" asks: \\"Your name?\\"')
        yield* poll(
          () =>
            /Your name\?\\" \(answer at http:\/\/127\.0\.0\.1:\d+: \/mcp opens it\)" plugin=mcp server=near/.exec(
              host.log(),
            ) ?? undefined,
        )
        expect(host.log()).not.toContain(new URL(address).searchParams.get("secret"))
        yield* use((page) => accept(page, "Ada"))

        // A sampling: the request is seen and allowed, and so is the answer.
        yield* use((page) => answerable(page, "wants to ask the model"))
        const [, second] = model.requests
        expect(JSON.parse(String(second === undefined ? "" : resultsOf(second).at(-1)))).toEqual({
          result: { action: "accept", content: { name: "Ada" } },
        })
        const request = yield* use((page) => page.locator("[data-question]").innerText())
        for (const words of ["You are a parrot.", "To whom?", "To Ada.", "scripted/tiny"])
          expect(request).toContain(words)
        yield* use((page) => press(page, "Allow"))
        yield* use((page) => answerable(page, "waits for an answer of the model"))
        expect(model.requests).toHaveLength(3)
        yield* use((page) => press(page, "Allow"))

        const { body } = yield* model.request(2)
        expect(body).toMatchObject({ max_tokens: 77, temperature: 0.5 })
        expect(toolsOf(yield* model.request(2))).toEqual([])
        expect(body.messages).toEqual([
          { role: "system", content: "You are a parrot." },
          { role: "user", content: "Say hello." },
          { role: "assistant", content: "To whom?" },
          { role: "user", content: "To Ada." },
          { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } }] },
        ])
        expect(children).toMatchObject([{ title: 'MCP server "near" asks the model' }])
        const fourth = yield* model.request(3)
        expect(JSON.parse(String(resultsOf(fourth).at(-1))).result).toEqual({
          role: "assistant",
          content: { type: "text", text: "Hello, Ada! " },
          model: "scripted/tiny",
          stopReason: "stopSequence",
        })
        // Nothing is left of the session that asked.
        expect(yield* serving.ask("GET", `/session/${session.id}/children`)).toEqual([])

        // A session that is aborted takes its question back.
        const other = yield* sessionOf(serving)
        yield* begin(other.id, "Ask me again.")
        yield* use((page) => answerable(page, "asks you to fill in a form"))
        yield* serving.ask("POST", `/session/${other.id}/abort`)
        const notice = () => use((page) => page.locator("#questions .told").last().innerText())
        yield* use((page) => page.locator("[data-question]").waitFor({ state: "detached" }))
        expect(yield* notice()).toContain("was taken back")
        expect(yield* shown.first(/waits no longer/)).toContain('question of server \\"near\\"')

        // So does a server that is gone.
        const pid = processOf(second === undefined ? "" : resultsOf(second)[0])
        const last = yield* Effect.forkScoped(prompt(serving, yield* sessionOf(serving), "And again."))
        yield* use((page) => answerable(page, "asks you to fill in a form"))
        process.kill(pid, "SIGKILL")
        yield* use((page) => page.locator("[data-question]").waitFor({ state: "detached" }))
        expect(yield* notice()).toContain("was taken back")
        yield* Fiber.join(last)
        const seen = model.requests.at(-1)
        expect(seen === undefined ? [] : resultsOf(seen)).toEqual([expect.stringContaining("ended")])

        // The person sees there what the project's server runs, and approves it.
        const inbox = yield* openPage(address)
        const { servers } = yield* inbox.until("servers", ({ servers }) => servers.length === 3)
        const own = servers.find(({ name }) => name === "own")
        expect(own?.review).toContain("runs on this machine with your rights")
        yield* inbox.ask("act", { server: "own", action: "approve", form: own?.form ?? "" })
        const connected = Effect.map(serving.ask("GET", "/mcp"), (all) => Object(all).own?.status === "connected")
        yield* Effect.repeat(connected, { until: (is) => is, schedule: Schedule.spaced("50 millis") })

        // The page was open all the time: nothing else was opened. A person opens it by a command, which asks no model.
        expect(opened()).toHaveLength(1)
        const before = model.requests.length
        const command = serving.ask("POST", `/session/${other.id}/command`, { command: "mcp", arguments: "" })
        expect((yield* Effect.exit(command))._tag).toBe("Failure")
        expect(yield* next(1)).toContain("?ticket=")
        expect(yield* shown.first(/The page of the MCP servers is/)).toContain(address)
        expect(model.requests.length).toBe(before)

        // A model that does not answer, and a provider that refuses: neither is asked again.
        yield* prompt(serving, yield* sessionOf(serving), "Ask the model.")
        const refused = resultsOf(yield* model.request(11)).map(String)
        expect(refused.map((text) => /gave no answer: [^"]*/.exec(text)?.[0])).toEqual([
          "gave no answer: OpenCode could not ask it",
          "gave no answer: its provider failed (HTTP 401)",
        ])

        // What the model is asked for a server ends with its session, and with OpenCode.
        const third = yield* sessionOf(serving)
        yield* begin(third.id, "Ask the model.")
        const { aborted } = yield* model.request(13)
        yield* serving.ask("POST", `/session/${third.id}/abort`)
        yield* aborted
        yield* begin(session.id, "Ask it once more.")
        yield* model.request(15)
        // That of the session that was aborted is gone, too.
        const sessions = Effect.map(serving.ask("GET", "/session"), (all) =>
          JSON.stringify(all).split("asks the model"),
        )
        yield* Effect.repeat(sessions, {
          until: (pieces) => pieces.length === 2,
          schedule: Schedule.spaced("50 millis"),
        })
        yield* serving.stop
        expect(isAlive(pid)).toBe(false)
        expect(yield* Effect.promise(() => fetch(address).then(String, () => "nobody"))).toBe("nobody")
      }),
    bound,
    inChromium,
  )
})
