/** What servers ask a person at a terminal, in a real one; and what they are told where there is nobody. */
import { everything } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { chmodSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type World, world } from "./program.ts"

const [ctrlC, ctrlU, down, up] = ["\u0003", "\u0015", "\u001b[B", "\u001b[A"]

const servers = { s: sdkV2() }

const ask = (params: object) => ["call", "s", "elicit", JSON.stringify({ params })]

const properties = {
  name: { type: "string", title: "Your name", description: "As in your passport", minLength: 2 },
  age: { type: "integer", minimum: 18 },
  colour: {
    type: "string",
    oneOf: ["r", "g"].map((value) => ({ const: value, title: `colour ${value}` })),
    default: "g",
  },
  news: { type: "boolean" },
  days: { type: "array", items: { type: "string", enum: ["mo", "tu", "we"] }, minItems: 1, default: ["tu"] },
}
const requestedSchema = { type: "object", properties, required: ["name", "news"] }

/** A program in place of a browser, which writes down what it was called with. */
const browser = ({ directory, write }: World) => {
  const opened = join(directory, "opened")
  const program = write("browser.sh", `#!/bin/sh\nprintf '%s|' "$#" "$@" >> ${opened}\n`)
  chmodSync(program, 0o755)
  return { program, opened: () => (existsSync(opened) ? readFileSync(opened, "utf8") : "") }
}

describe("a form", () => {
  it.live("is shown, filled in, checked at once, looked at, and sent", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const words = [...ask({ message: "Who\u001b[2J are you?", requestedSchema }), "--config", config]
      const { code, raw, text } = yield* terminal(words, {
        keys: [
          ["What do you do?", "\r"],
          [/Your name.*›/, "A\r"],
          [/expected at least 2 characters/, "da\r"],
          [/age.*›/, "17\r"],
          [/expected a number of at least 18/, `${ctrlU}36\r`],
          [/❯ colour g/, "\r"],
          [/news.*›/, "y"],
          [/☒ tu/, "\r"],
          ["Send it?", "\r"],
        ],
      })
      expect(text).toContain("s asks you:")
      expect(text).toContain("Who\\u{1b}[2J are you?")
      expect(raw).not.toContain("\u001b[2J")
      expect(text).toContain("As in your passport")
      expect(text).toMatch(
        /s would get:\n +Your name +Ada\n +age +36\n +colour +colour g \(g\)\n +news +yes\n +days +tu/,
      )
      const content = { name: "Ada", age: 36, colour: "g", news: true, days: ["tu"] }
      expect(text).toContain(JSON.stringify({ result: { action: "accept", content } }))
      expect(code).toBe(0)
    }),
  )

  it.live("is changed before it is sent, and may be declined", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const changed = yield* terminal([...ask({}), "--config", config], {
        keys: [
          ["What do you do?", "\r"],
          [/name.*›/, "Ada\r"],
          ["Send it?", `${down}\r`],
          [/name.*› Ada/, " L\r"],
          ["Send it?", "\r"],
        ],
      })
      expect(changed.text).toContain(`{"result":{"action":"accept","content":{"name":"Ada L"}}}`)
      const declined = yield* terminal([...ask({}), "--config", config], { keys: [["What do you do?", `${down}\r`]] })
      expect(declined.text).toContain(`{"result":{"action":"decline"}}`)
    }),
  )

  it.live("is cancelled with Ctrl-C, and the call goes on; a second one ends that", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const { code, text } = yield* terminal([...ask({}), "--config", config], {
        keys: [
          ["What do you do?", "\r"],
          [/name.*›/, ctrlC],
        ],
      })
      expect(text).toContain(`{"result":{"action":"cancel"}}`)
      expect(code).toBe(0)
    }),
  )

  it.live("goes away when its time is over", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const { text } = yield* terminal([...ask({}), "--config", config, "--interaction-timeout", "0.5"])
      expect(text).toContain("its time is over")
      expect(text).toContain(`{"result":{"action":"cancel"}}`)
    }),
  )

  it.live("goes away when the server takes it back, and the call goes on", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const send = (message: object) => ({ do: "send", message: { jsonrpc: "2.0", ...message } }) as const
      const asks = rawStdio({
        on: {
          "tools/call": [
            send({ id: "e", method: "elicitation/create", params: { message: "Who?", requestedSchema } }),
            { do: "wait", ms: 2_000 },
            send({ method: "notifications/cancelled", params: { requestId: "e" } }),
            { do: "wait", ms: 200 },
            { do: "result", result: { content: [{ type: "text", text: "never mind" }] } },
          ],
        },
      })
      const config = write("servers.json", { mcp: { s: asks } })
      const { code, text } = yield* terminal(["call", "s", "echo", "--config", config])
      expect(text).toMatch(/What do you do\?[^]*The question is withdrawn[^]*never mind\n$/)
      expect(code).toBe(0)
    }),
  )

  it.live("has the terminal to itself in the shell's prompt too, and gives it back", () =>
    Effect.gen(function* () {
      const { processes, terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const { code, text } = yield* terminal(["shell", "--config", config], {
        keys: [
          ["s connected", "call s elicit\r"],
          ["What do you do?", "\r"],
          [/name.*›/, "Ada\r"],
          ["Send it?", "\r"],
          [/"name":"Ada"[^]*mcp> /, `${up}\r`],
          ["What do you do?", ctrlC],
          [/"action":"cancel"[^]*mcp> /, "prompt s greet name=Pa\t"],
          ["name=Paris", "\r"],
          [/Paris[^]*mcp> $/, "exit\r"],
        ],
      })
      expect(text).toContain(`{"result":{"action":"accept","content":{"name":"Ada"}}}`)
      expect(code).toBe(0)
      expect(processes()).toEqual([])
    }),
  )

  it.live("is asked in a narrow window and without colours", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: everything } })
      const { raw, text } = yield* terminal(["call", "s", "trigger-elicitation-request", "--config", config], {
        columns: 40,
        env: { NO_COLOR: "1" },
        keys: [["What do you do?", `${down}\r`]],
      })
      expect(text).toContain("declined to provide")
      expect(raw).not.toMatch(/\u001b\[\d*m/)
      const shown = text.slice(text.indexOf("asks you"), text.indexOf("What do you do?"))
      for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(40)
    }),
  )
})

describe("a page", () => {
  const visit = (url: string) => [
    "call",
    "s",
    "elicitUrl",
    JSON.stringify({ elicitationId: "e", url, message: "Sign in" }),
  ]
  const url = "https://xn--pple-43d.com/sign?x=$(id)&y='"

  it.live("is opened after consent alone, by the program of BROWSER with the URL as its one argument", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { opened, program } = browser(here)
      const config = here.write("servers.json", { mcp: servers })
      const env = { BROWSER: program }
      const refused = yield* here.terminal([...visit(url), "--config", config], { env, keys: [["Open it?", "\r"]] })
      expect(refused.text).toContain(`{"result":{"action":"decline"}}`)
      expect(opened()).toBe("")
      const agreed = yield* here.terminal([...visit(url), "--config", config], { env, keys: [["Open it?", `${up}\r`]] })
      expect(agreed.text).toContain("\nhttps://xn--pple-43d.com/sign?x=$(id)&y=%27\n")
      expect(agreed.text).toMatch(/host: xn--pple-43d\.com\n/)
      expect(agreed.text).toContain("Punycode")
      expect(agreed.text).toContain(`{"result":{"action":"accept"}}`)
      expect(opened()).toBe("1|https://xn--pple-43d.com/sign?x=$(id)&y=%27|")
    }),
  )

  it.live("that cannot be opened is left to the person", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const { text } = yield* terminal([...visit("https://example.com/"), "--config", config], {
        env: { BROWSER: "/no/such/browser" },
        keys: [["Open it?", `${up}\r`]],
      })
      expect(text).toContain("could not be opened")
      expect(text).toContain(`{"result":{"action":"accept"}}`)
    }),
  )

  it.live(
    "that a call waits for is over when the server says so, or the person",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        const config = here.write("servers.json", { mcp: servers })
        const call = (args: object) => ["call", "s", "needsUrl", JSON.stringify(args), "--config", config]
        const env = { BROWSER: browser(here).program }
        const said = yield* here.terminal(call({ id: "a", after: 3_000 }), { env, keys: [["Open it?", `${up}\r`]] })
        expect(said.text).toContain("Waiting for s to say that the visit is over")
        expect(said.text).toContain("s says that the visit is over")
        expect(said.text).toContain(`{"id":"a"}`)
        const pressed = yield* here.terminal(call({ id: "b" }), {
          env,
          keys: [
            ["Open it?", `${up}\r`],
            ["Press a key", "x"],
          ],
        })
        expect([pressed.code, pressed.text.includes("-32042")]).toEqual([1, true])
        const cancelled = yield* here.terminal(call({ id: "c" }), {
          env,
          keys: [
            ["Open it?", `${up}\r`],
            ["Press a key", ctrlC],
          ],
        })
        expect(cancelled.text).toContain("the answer was cancel")
      }),
    30_000,
  )
})

describe("a request for a message of the model", () => {
  it.live("is shown, and rejected or answered by the person", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: servers })
      const answered = yield* terminal(["call", "s", "sample", "--config", config], {
        keys: [
          ["What do you do?", `${down}\r`],
          [/The answer ›/, "Bonjour\r"],
        ],
      })
      expect(answered.text).toMatch(/user:\n +Say hello\n/)
      expect(answered.text).toMatch(/at most +100 tokens/)
      expect(answered.text).toContain(`"text":"Bonjour"`)
      const rejected = yield* terminal(["call", "s", "sample", "--config", config], {
        keys: [["What do you do?", "\r"]],
      })
      expect(rejected.text).toContain("rejected")
    }),
  )
})

describe("where nobody can answer", () => {
  it.live("an elicitation is cancelled and a sampling refused, at once", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const form = yield* mcp(servers, ask({}))
      expect([form.code, form.stdout]).toEqual([0, `{"result":{"action":"cancel"}}\n`])
      const sampled = yield* mcp(servers, ["call", "s", "sample"])
      expect(sampled.stdout).toContain("-1")
      expect(sampled.stdout).toContain("nobody is there to approve it")
      const visit = yield* mcp(servers, ["call", "s", "needsUrl", "id=x", "--json"])
      expect(visit.code).toBe(1)
      expect(JSON.parse(visit.stdout).error).toMatchObject({ tag: "ElicitationDeclined", code: -32042 })
    }),
  )
})
