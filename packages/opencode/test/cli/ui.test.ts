/** `ui`: the page of the servers, as whoever has it open finds it. */
import { openPage, type Page } from "@opencode-ai/testing/page"
import { modelPeer } from "@opencode-ai/testing/peers/model"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { chmodSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { json, type Running, world } from "./program.ts"

const address = /^http:\/\/127\.0\.0\.1:\d+\/\?secret=\S+$/m

/** The address that was printed. */
const addressOf = (running: Running) =>
  Effect.map(running.printed(new RegExp(`${address.source}\n`, "m")), () => address.exec(running.stdout())?.[0] ?? "")

const get = (url: string) =>
  Effect.promise((signal) =>
    fetch(url, { redirect: "manual", signal }).then((answer) => answer.text().then(() => answer)),
  )

/** Ctrl-C, and that it leaves no process and no port. */
const interrupted = (running: Running, url: string) =>
  Effect.gen(function* () {
    running.kill("SIGINT")
    const result = yield* running.result
    expect(result.code).toBe(130)
    const { origin } = new URL(url)
    expect(yield* Effect.promise(() => fetch(origin).then(String, () => "nobody listens"))).toBe("nobody listens")
    return result
  })

const connected = (page: Page, server: string) =>
  page.until("servers", ({ servers }) => servers.some(({ name, status }) => name === server && status === "connected"))

/** The question of a kind that waits. */
const question = (page: Page, kind: string) =>
  Effect.map(
    page.until("questions", ({ questions }) => questions.some((each) => each.kind === kind)),
    ({ questions }) => questions.find((each) => each.kind === kind),
  )

/** `ui` with this configuration: its page, once its server `s` is connected. */
const opened = Effect.fnUntraced(function* (configuration: object) {
  const { start, write } = yield* world
  const running = yield* start(["ui", "--no-open", "--config", write("servers.json", configuration)])
  const url = yield* addressOf(running)
  const page = yield* openPage(url)
  yield* connected(page, "s")
  return { page, running, url }
})

const calling = (page: Page, tool: string, args: object) =>
  Effect.forkChild(page.ask("call", { id: "c", server: "s", tool, arguments: { ...args } }))

const form = {
  params: {
    message: "Who are you?",
    requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  },
}

const messages = [{ role: "user", content: { type: "text", text: "Say hi." } }]

const resultOf = (answer: unknown) => JSON.stringify(answer)

describe("ui", () => {
  it.live("prints where the page is, which asks for its secret, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { processes, start, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const running = yield* start(["ui", "--no-open", "--config", config])
      const url = yield* addressOf(running)
      const { origin } = new URL(url)
      expect((yield* get(origin)).status).toBe(403)
      expect((yield* get(`${origin}/?secret=wrong`)).status).toBe(403)
      const page = yield* get(url)
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
      yield* connected(yield* openPage(url), "s")
      const { stderr, stdout } = yield* interrupted(running, url)
      expect(stdout).toBe(`${url}\n`)
      expect(stderr).toBe("Ctrl-C closes the page and every server.\ninterrupted\n")
      expect(processes()).toEqual([])
    }),
  )

  it.live("opens the browser that BROWSER names, with an address that is good once and not with the secret", () =>
    Effect.gen(function* () {
      const { directory, start, write } = yield* world
      const opened = `${directory}/opened`
      const browser = write("browser", `#!/bin/sh\nprintf %s "$1" > ${opened}.part && mv ${opened}.part ${opened}\n`)
      chmodSync(browser, 0o700)
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const port = yield* free
      const running = yield* start(["ui", "--json", "--port", String(port), "--config", config], {
        env: { BROWSER: browser, SSH_CONNECTION: "1" },
      })
      yield* running.told(/Ctrl-C/)
      const { url } = json({ code: 0, stderr: "", stdout: running.stdout() })
      expect(new URL(url).port).toBe(String(port))
      const ticket = readFileSync(opened, "utf8")
      expect(ticket).not.toContain(new URL(url).searchParams.get("secret"))
      const first = yield* get(ticket)
      expect([first.status, new URL(first.headers.get("location") ?? "", ticket).href]).toEqual([303, url])
      expect((yield* get(ticket)).status).toBe(403)
      expect((yield* interrupted(running, url)).stderr).not.toContain("No browser")
    }),
  )

  it.live("says why it cannot be opened or served, and what to do", () =>
    Effect.gen(function* () {
      const { mcp, run, start, write } = yield* world
      const taken = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      const address = taken.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const busy = yield* mcp({ s: sdkV2() }, ["ui", "--port", String(port)])
      expect([busy.code, busy.stdout]).toEqual([3, ""])
      expect(busy.stderr).toContain(`the page cannot be served on 127.0.0.1:${port}`)
      expect(busy.stderr).toContain("Give another --port, or none")
      const broken = yield* run(["ui", "--config", write("broken.json", `{ "mcp": `)])
      expect([broken.code, broken.stdout]).toEqual([2, ""])
      expect(broken.stderr).toContain("broken.json")
      const config = write("servers.json", { mcp: { s: { type: "local", command: ["no-such-program-of-this-test"] } } })
      const running = yield* start(["ui", "--config", config], { env: { BROWSER: undefined, SSH_TTY: "/dev/pts/1" } })
      const url = yield* addressOf(running)
      yield* running.told(/No browser was opened \(you are connected over SSH\): open the address above yourself\./)
      const page = yield* openPage(url)
      // It failed, and can be tried again.
      const { servers } = yield* page.until("servers", ({ servers }) => servers[0]?.status === "failed")
      expect(servers[0]).toMatchObject({ how: "no-such-program-of-this-test", actions: ["connect"] })
      yield* interrupted(running, url)
    }),
  )

  it.live("has a form of a server answered, and says on the terminal what waits while nobody looks", () =>
    Effect.gen(function* () {
      const { start, write } = yield* world
      const asks = rawStdio({
        on: {
          "notifications/initialized": [
            {
              do: "send",
              message: {
                jsonrpc: "2.0",
                id: "q",
                method: "elicitation/create",
                params: { message: "Early\u001b[31m bird?", requestedSchema: { type: "object", properties: {} } },
              },
            },
          ],
        },
      })
      const config = write("servers.json", { mcp: { s: sdkV1(), early: asks } })
      const running = yield* start(["ui", "--no-open", "--config", config])
      const url = yield* addressOf(running)
      yield* running.told(/Server "early" asks: "Early\\u\{1b\}\[31m bird\?"\n {2}Answer it at http/)
      const page = yield* openPage(url)
      const early = yield* question(page, "form")
      expect(early).toMatchObject({ server: "early" })
      yield* page.ask("answer", { id: early?.id ?? "", answer: { action: "accept", content: {} } })
      yield* running.told(/The question of server "early" was answered\./)

      yield* connected(page, "s")
      const called = yield* calling(page, "elicit", form)
      const { id = "", ...asked } =
        (yield* page.until("questions", ({ questions }) => questions[0]?.server === "s")).questions[0] ?? {}
      expect(asked).toMatchObject({ kind: "form", message: "Who are you?", call: "c" })
      expect(yield* page.ask("answer", { id, answer: { action: "accept", content: {} } })).toMatchObject({ ok: false })
      yield* page.ask("answer", { id, answer: { action: "accept", content: { name: "Ada" } } })
      expect(resultOf(yield* Fiber.join(called))).toContain("Ada")
      expect((yield* interrupted(running, url)).stderr).not.toContain("Who are you?")
    }),
  )

  it.live("has sampling approved, answered by the model of the configuration, and the answer looked at", () =>
    Effect.gen(function* () {
      const model = yield* modelPeer([{ text: "Hi there." }])
      const { page, running, url } = yield* opened({ ...model.config(), mcp: { s: sdkV1() } })
      const called = yield* calling(page, "sample", { params: { messages } })
      const approval = yield* question(page, "approval")
      expect(approval).toMatchObject({ server: "s", model: "scripted/tiny" })
      expect(model.requests).toEqual([])
      yield* page.ask("allow", { id: approval?.id ?? "" })
      const review = yield* question(page, "review")
      expect(resultOf(review)).toContain("Hi there.")
      yield* page.ask("allow", { id: review?.id ?? "" })
      expect(resultOf(yield* Fiber.join(called))).toContain("Hi there.")
      yield* interrupted(running, url)
    }),
  )

  it.live("lets the person write the answer where there is no model", () =>
    Effect.gen(function* () {
      const { page, running, url } = yield* opened({ mcp: { s: sdkV1() } })
      const called = yield* calling(page, "sample", { params: { messages } })
      const asked = yield* question(page, "sampling")
      const value = { role: "assistant", content: { type: "text", text: "By hand." }, model: "human" }
      yield* page.ask("allow", { id: asked?.id ?? "", value })
      expect(resultOf(yield* Fiber.join(called))).toContain("By hand.")
      yield* interrupted(running, url)
    }),
  )

  it.live("holds a project's server until it is approved on the page, with all of its entry in sight", () =>
    Effect.gen(function* () {
      const { run, start, write } = yield* world
      const entry = { ...sdkV2(), environment: { GREETING: "hello" } }
      write("opencode.json", { mcp: { s: entry, off: { ...entry, enabled: false } } })
      const running = yield* start(["ui", "--no-open"])
      const url = yield* addressOf(running)
      const page = yield* openPage(url)
      const { servers } = yield* page.until("servers", ({ servers }) => servers[0]?.status === "failed")
      expect(servers.map(({ actions }) => actions)).toEqual([["approve"], ["approve"]])
      expect(servers[0]?.error).toContain("approve it on this page")
      expect(servers[0]?.review).toContain(`environment GREETING = "hello"`)
      expect(servers[0]?.review).toContain("it runs on this machine with your rights")
      expect(yield* page.ask("act", { server: "off", action: "connect" })).toEqual({ ok: true, result: null })
      const held = yield* page.until("servers", ({ servers }) => servers[1]?.status === "failed")
      expect(held.servers[1]?.error).toContain("not approved")
      const formOf = (name: string) => held.servers.find((server) => server.name === name)?.form ?? ""
      const approve = (name: string, form: string) => page.ask("act", { server: name, action: "approve", form })
      expect(yield* approve("s", formOf("s"))).toEqual({ ok: true, result: null })
      const approved = yield* connected(page, "s")
      expect(approved.servers[0]?.review).toBeUndefined()
      yield* approve("off", formOf("off"))
      yield* connected(page, "off")
      yield* interrupted(running, url)
      // It stays approved.
      expect((yield* run(["tools", "s", "--json"])).code).toBe(0)
    }),
  )
})

describe("the same page", () => {
  test("costs nobody anything who does not ask for it: list, the shell and sessions load nothing of it", () => {
    const modules = ["cli/cmd/mcp", "cli/cmd/session", "cli/command/list", "cli/command/session", "cli/shell/pipe"]
    const paths = modules.map((name) => fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url)))
    const load = paths.map((path) => `await import(${JSON.stringify(path)})`).join(";")
    const script = `${load}; console.log(Object.keys(require.cache).join("\\n"))`
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script])
    const loaded = stdout.toString().split("\n")
    expect(loaded).toEqual(expect.arrayContaining(paths))
    const ofPage = loaded.filter((path) => /\/inbox\//.test(path)).map((path) => path.replace(/.*\/packages\//, ""))
    // What sees calls, from the start of a shell or a session on.
    expect(ofPage.toSorted()).toEqual(["inbox/src/underway.ts", "opencode/src/inbox/seen.ts"])
  })

  it.live("is that of a shell, whose questions are answered there though no person is at its terminal", () =>
    Effect.gen(function* () {
      const { start, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV1() } })
      const running = yield* start(["shell", "--config", config], {
        stdin: `ui\nui\ncall s elicit ${JSON.stringify(form)}\ncall s sample ${JSON.stringify({ params: { messages } })}\n`,
      })
      const url = yield* addressOf(running)
      yield* running.told(/Server "s" asks: "Who are you\?"/)
      const page = yield* openPage(url)
      const asked = yield* question(page, "form")
      yield* page.ask("answer", { id: asked?.id ?? "", answer: { action: "accept", content: { name: "Ada" } } })
      const sampled = yield* question(page, "sampling")
      yield* page.ask("refuse", { id: sampled?.id ?? "" })
      const { code, stdout } = yield* running.result
      expect(code).toBe(0)
      expect(stdout.startsWith(`${url}\n${url}\n`)).toBe(true)
      expect(stdout).toContain("Ada")
      expect(stdout).toContain("the person said no")
      yield* page.ended
    }),
  )

  it.live("takes a question off the terminal that was answered there first", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV1() } })
      const run = Effect.runForkWith(yield* Effect.context<never>())
      let url = ""
      const answer = Effect.scoped(
        Effect.gen(function* () {
          const page = yield* openPage(url)
          const asked = yield* question(page, "form")
          yield* page.ask("answer", { id: asked?.id ?? "", answer: { action: "accept", content: { name: "Ada" } } })
        }),
      )
      const { code, text } = yield* terminal(["shell", "--config", config], {
        columns: 200,
        keys: [
          ["s connected", "ui\r"],
          [
            /secret=\S+\s[^]*mcp> /,
            (screen, press) => {
              url = /http:\S+/.exec(screen)?.[0] ?? ""
              press(`call s elicit ${JSON.stringify(form)}\r`)
            },
          ],
          ["What do you do?", () => void run(answer)],
          [/Ada[^]*mcp> /, "exit\r"],
        ],
      })
      expect(code).toBe(0)
      expect(text).toMatch(/What do you do\?[^]*was answered elsewhere[^]*Ada/)
    }),
  )

  it.live("is that of a session, where its model may be let answer a server", () =>
    Effect.gen(function* () {
      const model = yield* modelPeer([
        { calls: [{ tool: "s_sample", args: { params: { messages } } }] },
        { text: "Hi there." },
        { text: "It said hi." },
      ])
      const { start, write } = yield* world
      write("home/.config/opencode/opencode.json", { ...model.config(), mcp: { s: sdkV1() } })
      const running = yield* start(["--ui", "--json", "Ask it."], { program: "session/main.ts" })
      yield* running.printed(/^\{"url":.*\n/)
      const { url } = JSON.parse(running.stdout().split("\n")[0] ?? "")
      const page = yield* openPage(url)
      const approval = yield* question(page, "approval")
      expect(approval).toMatchObject({ server: "s", model: "scripted/tiny" })
      yield* page.ask("allow", { id: approval?.id ?? "" })
      const review = yield* question(page, "review")
      yield* page.ask("allow", { id: review?.id ?? "" })
      const { code, stdout } = yield* running.result
      expect([code, JSON.parse(stdout.trim().split("\n").at(-1) ?? "").result.text]).toEqual([0, "It said hi."])
    }),
  )
})

/** A port that nobody had a moment ago. */
const free = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})
