import { it } from "@opencode-ai/testing/effect"
import { modelKey, modelPeer, type ModelStep } from "@opencode-ai/testing/peers/model"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { world as program, type World, type RunOptions } from "../cli/program.ts"
import { told } from "./running.ts"

const options = { program: "session/main.ts" } as const

/** A home in which opencode.json names a scripted model and these servers. */
const world = Effect.fnUntraced(function* (script: ReadonlyArray<ModelStep>, more: object = {}) {
  const model = yield* modelPeer(script)
  const here = yield* program
  here.write("home/.config/opencode/opencode.json", { ...model.config(), ...more })
  const run = (words: ReadonlyArray<string>, also: RunOptions = {}) => here.run(words, { ...options, ...also })
  const terminal = (words: ReadonlyArray<string>, also: Parameters<World["terminal"]>[1] = {}) =>
    here.terminal(words, { ...options, ...also })
  return { ...here, model, run, terminal }
})

/** Each test runs the program several times. */
const timeout = 120_000

const lines = (text: string) => text.trimEnd().split("\n")

describe("bun run session", () => {
  it.live(
    "prints the answer, and tells what was called beside it",
    () =>
      Effect.gen(function* () {
        const { model, run } = yield* world(
          [
            {
              text: ["Let me ", "add."],
              calls: [
                { tool: "everything_get-sum", args: { a: 1, b: 2 } },
                { tool: "everything_get-sum", args: { a: "one" } },
                { tool: "everything_echo", args: { message: "x" } },
              ],
            },
            { text: `It is 3, by ${modelKey}.` },
          ],
          { mcp: { everything }, permission: { everything_echo: "ask" } },
        )
        const { code, stderr, stdout } = yield* run(["What", "is 1 + 2?"])
        expect(stdout).toBe("Let me add.\nIt is 3, by ***.\n")
        expect(lines(stderr).toSorted()).toEqual([
          expect.stringMatching(/^ {4}MCP error -32602: Input validation error: /),
          expect.stringMatching(/^ {4}everything_echo needs permission, and nobody is there to give it/),
          '✓ everything_get-sum {"a":1,"b":2}',
          '✗ everything_echo {"message":"x"}',
          '✗ everything_get-sum {"a":"one"}',
        ])
        expect(code).toBe(0)
        expect(told(yield* model.request(0)).messages.at(-1)).toEqual({ role: "user", content: "What is 1 + 2?" })
      }),
    timeout,
  )

  it.live(
    "shows the person what a server meant for the person alone, and not the model",
    () =>
      Effect.gen(function* () {
        const { model, run } = yield* world([{ calls: [{ tool: "peer_content", args: {} }] }, { text: "Done." }], {
          mcp: { peer: sdkV2() },
        })
        const { stderr } = yield* run(["Show me."])
        expect(lines(stderr)).toEqual(["✓ peer_content {}", "    image/png, audio/wav", "    words"])
        const result = JSON.stringify(told(yield* model.request(1)).messages.at(-1))
        expect(result).toContain("embedded")
        expect(result).not.toContain("words")
      }),
    timeout,
  )

  it.live(
    "takes the prompt from standard input, and prints each event as a line of JSON",
    () =>
      Effect.gen(function* () {
        const { model, run } = yield* world([{ text: "Hi." }])
        const { code, stdout } = yield* run(["--json"], { stdin: "Say hi.\n" })
        expect(code).toBe(0)
        const events = lines(stdout).map((line) => JSON.parse(line))
        expect(events.map(({ event }) => event)).toEqual([
          "session.status",
          "message.updated",
          "message.part.updated",
          "message.updated",
          "message.part.updated",
          "message.part.delta",
          "message.part.updated",
          "message.updated",
          "session.status",
          "session.idle",
          undefined,
        ])
        expect(events.at(-1)).toMatchObject({ result: { ended: "stop", text: "Hi." } })
        expect(told(yield* model.request(0)).messages.at(-1)).toEqual({ role: "user", content: "Say hi." })
      }),
    timeout,
  )

  it.live(
    "says what to configure, what is misspelled and what the provider said, each with its exit code",
    () =>
      Effect.gen(function* () {
        const none = yield* program
        const unconfigured = yield* none.run(["Hi"], options)
        expect(unconfigured.code).toBe(2)
        expect(unconfigured.stderr).toMatch(/^error: no model is configured\. Put a provider into opencode\.json:\n/)
        expect((yield* none.run([], options)).stderr).toMatch(/^error: there is no prompt/)

        const { run } = yield* world([{ status: 401, body: { error: { message: "no" } } }])
        const misspelled = yield* run(["--model", "scripted/tinny", "Hi"])
        expect([misspelled.code, misspelled.stdout]).toEqual([2, ""])
        expect(misspelled.stderr).toContain('there is no model "tinny"; did you mean tiny?')
        const unauthorized = yield* run(["Hi", "--json"])
        expect(unauthorized.code).toBe(4)
        expect(JSON.parse(lines(unauthorized.stdout).at(-1) ?? "")).toMatchObject({
          error: { tag: "AuthRequired", data: { status: 401 } },
        })
        const flag = yield* run(["--modle", "x", "Hi"])
        expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining("--model")])
      }),
    timeout,
  )

  it.live(
    "is ended by Ctrl-C in a call, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const { model, processes, start } = yield* world([{ text: "Wait.", calls: [{ tool: "features_hang" }] }], {
          mcp: { features: sdkV2() },
        })
        const running = yield* start(["--json", "Hang"], options)
        yield* running.printed(/"mcp.progress"/)
        running.kill("SIGINT")
        const { code, stdout } = yield* running.result
        expect(code).toBe(130)
        expect(stdout).toContain('"error":"The call was cancelled."')
        expect(processes()).toEqual([])
        expect(model.requests).toHaveLength(1)
      }),
    timeout,
  )

  it.live(
    "runs a prompt of a server as a command, with a resource attached",
    () =>
      Effect.gen(function* () {
        const { model, run } = yield* world([{ text: "Hello!" }, { text: "Read." }], { mcp: { features: sdkV2() } })
        expect((yield* run(["/features:greet", "Ada"])).stdout).toBe("Hello!\n")
        expect(told(yield* model.request(0)).messages.at(-1)?.content).toBe("Hello Ada")
        expect((yield* run(["--resource", "features:test://text", "Sum up"])).stdout).toBe("Read.\n")
        expect(JSON.stringify(told(yield* model.request(1)).messages.at(-1))).toContain("the content of test://text")
        const missing = yield* run(["/features:greet"])
        expect([missing.code, missing.stderr]).toEqual([
          2,
          "error: /features:greet: it needs name: /features:greet <name> [language]\n",
        ])
      }),
    timeout,
  )
})

describe("bun run session in a project that is not trusted", () => {
  it.live(
    "sends nothing to the project's provider, unless --trust says so",
    () =>
      Effect.gen(function* () {
        const model = yield* modelPeer([{ text: "Hello." }])
        const here = yield* program
        here.write("opencode.json", model.config())
        const held = yield* here.run(["Hi"], options)
        expect(held.code).toBe(2)
        expect(held.stderr).toContain("count with --trust alone")
        expect(model.requests).toEqual([])
        expect((yield* here.run(["--trust", "Hi"], options)).stdout).toBe("Hello.\n")
      }),
    timeout,
  )

  it.live(
    "asks on a terminal, with all of it in sight, and keeps what was said",
    () =>
      Effect.gen(function* () {
        const model = yield* modelPeer([{ text: "Hello." }, { text: "Again." }])
        const here = yield* program
        here.write("opencode.json", model.config())
        const asked = yield* here.terminal(["Hi"], { ...options, keys: [["Use these settings?", "y"]] })
        expect(asked.text).toContain(`"baseURL": "${model.url}"`)
        expect(asked.text).toContain("Hello.")
        expect(asked.code).toBe(0)
        expect((yield* here.run(["Hi"], options)).stdout).toBe("Again.\n")
      }),
    timeout,
  )
})

describe("bun run session on a terminal", () => {
  it.live(
    "takes no key for an answer that was struck before the question could be read",
    () =>
      Effect.gen(function* () {
        const seen = yield* Deferred.make<void>()
        const { model, terminal } = yield* world(
          [
            { calls: [{ tool: "everything_echo", args: { message: "x" } }], before: Deferred.await(seen) },
            { text: "Done." },
          ],
          { mcp: { everything }, permission: { everything_echo: "ask" } },
        )
        const { code } = yield* terminal(["Echo"], {
          keys: [
            // Enter would be a yes.
            ["Waiting for scripted/tiny", "\r\r"],
            ["Waiting for scripted/tiny", () => Deferred.doneUnsafe(seen, Effect.void)],
            ["Allow it?", "\u001b[B\u001b[B\u001b[B\r"],
          ],
        })
        expect([code, model.requests.length]).toEqual([1, 1])
      }),
    timeout,
  )

  it.live(
    "asks for permission, shows what would be called, and neutralises what is said",
    () =>
      Effect.gen(function* () {
        const { model, terminal } = yield* world(
          [
            { text: "Let me.", calls: [{ tool: "everything_echo", args: { message: "\u001b[31mred" } }] },
            { calls: [{ tool: "everything_echo", args: { message: `two ${"long ".repeat(40)}✗ fake` } }] },
            { text: "A \u001b]0;title\u0007 b." },
          ],
          { mcp: { everything }, permission: { everything_echo: "ask" } },
        )
        const { code, raw, text } = yield* terminal(["Echo"], {
          keys: [
            ["Allow it?", "\r"],
            [/✗ fake[\s\S]*Allow it\?/, "\u001b[B\u001b[B\r"],
            ["What should be done instead?", "Stop it.\r"],
          ],
        })
        expect(code).toBe(0)
        // What the model said before stands above the question, and no line of that goes on at the screen's edge.
        expect(text).toMatch(/Let me\.\s+Call "echo" of the server "everything"\?/)
        expect(text).toContain('"Always" would allow every "everything_echo" until this ends.')
        expect(text).toMatch(/\n {2}\| {3}[^\n]*✗ fake"/)
        expect(text).toContain("✓ everything_echo")
        expect(text).toContain("A \\u{1b}]0;title\\u{7} b.")
        expect(raw).not.toContain("\u001b[31mred")
        expect(raw).not.toContain("\u001b]0;")
        const { messages } = told(yield* model.request(2))
        expect(messages.filter(({ role }) => role === "tool").map(({ content }) => content)).toEqual([
          "Echo: \u001b[31mred",
          "The user rejected everything_echo and said: Stop it.",
        ])
      }),
    timeout,
  )

  it.live(
    "says what it waits for: the model, and a call that runs",
    () =>
      Effect.gen(function* () {
        const seen = yield* Deferred.make<void>()
        const { terminal } = yield* world([{ calls: [{ tool: "features_hang" }], before: Deferred.await(seen) }], {
          mcp: { features: sdkV2() },
        })
        const { code, text } = yield* terminal(["Hang"], {
          keys: [
            ["Waiting for scripted/tiny", () => Deferred.doneUnsafe(seen, Effect.void)],
            [/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] features_hang/, "\u0003"],
          ],
        })
        expect(text).toContain("The call was cancelled.")
        expect(code).toBe(130)
      }),
    timeout,
  )

  it.live(
    "asks for consent before a server has the model, and shows the answer before it leaves",
    () =>
      Effect.gen(function* () {
        const { model, terminal } = yield* world(
          [{ calls: [{ tool: "features_sample" }] }, { text: "hello there" }, { text: "Done." }],
          { mcp: { features: sdkV2() } },
        )
        const { code, text } = yield* terminal(["Sample"], {
          keys: [
            ["Let your model answer?", "\u001b[B\r"],
            [/hello there[\s\S]*Send it to the server\?/, "y"],
          ],
        })
        expect(code).toBe(0)
        expect(text).toContain("features asks your model for a message:")
        expect(String(told(yield* model.request(2)).messages.at(-1)?.content)).toContain("hello there")
      }),
    timeout,
  )
})
