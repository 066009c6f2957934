/** The shell as a person has it. */
import { it } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { world } from "../cli/program.ts"

const prompt = "mcp> "
const [ctrlC, ctrlD, tab, up] = ["\u0003", "\u0004", "\t", "\u001b[A"]

it.live(
  "commands are completed, run on servers that stay, and found again",
  () =>
    Effect.gen(function* () {
      const { processes, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { everything } })
      const { code, text } = yield* terminal(["shell", "--config", config], {
        keys: [
          ["everything connected", "tools everything\r"],
          [/echo \(message: string\)[^]*mcp> /, "cal"],
          ["cal", tab],
          ["l ", "ev"],
          ["ev", tab],
          ["erything ", "ec"],
          ["ec", tab],
          ["ho ", "m"],
          ["m", tab],
          ["essage=", "'a  b'\r"],
          [/Echo: a {2}b[^]*mcp> /, up],
          ["message='a  b'", "\r"],
          [/Echo: a {2}b[^]*mcp> /, "call everything echo\r"],
          [/"message" missing[^]*mcp> /, "exit\r"],
        ],
      })
      expect(text).toContain("help shows the commands")
      expect(text).not.toContain("unknown command")
      expect(code).toBe(0)
      expect(processes()).toEqual([])
    }),
  30_000,
)

it.live(
  "Ctrl-C interrupts what runs, empties what is typed, and leaves at the second empty prompt",
  () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { hangs: rawStdio({ on: { "tools/call": [] } }) } })
      const { code, text } = yield* terminal(["shell", "--config", config], {
        keys: [
          ["hangs connected", "call hangs echo\r"],
          ["Calling hangs echo", ctrlC],
          [/interrupted[^]*mcp> /, "half a line"],
          ["half a line", ctrlC],
          [/\^C[^]*mcp> /, "ping hangs\r"],
          [/"ms"[^]*mcp> /, ctrlC],
          [/Ctrl-C again[^]*mcp> /, ctrlC],
        ],
      })
      expect(text.match(/interrupted/g)?.length).toBe(1)
      expect(code).toBe(0)
    }),
  30_000,
)

it.live(
  "what a server says comes above the line that is being typed",
  () =>
    Effect.gen(function* () {
      const { directory, terminal, write } = yield* world
      const params = { level: "warning", logger: "x", data: "news\u001b[2J" }
      const log = { do: "send", message: { jsonrpc: "2.0", method: "notifications/message", params } } as const
      const talks = rawStdio({
        on: { ping: [{ do: "result", result: {} }, { do: "until", file: join(directory, "typed") }, log] },
      })
      const config = write("servers.json", { mcp: { talks } })
      const { code, text } = yield* terminal(["shell", "--config", config], {
        keys: [
          ["talks connected", "ping talks\r"],
          [/"ms"[^]*mcp> /, "status"],
          ["status", () => write("typed", "")],
          [/warning talks news\\u\{1b\}\[2J\n?\r?\n?mcp> status/, "\r"],
          [/"status": "connected"[^]*mcp> /, ctrlD],
        ],
      })
      expect(code).toBe(0)
      expect(text).toContain("news\\u{1b}[2J")
    }),
  30_000,
)

it.live(
  "without a terminal it runs the lines of its input, one after another",
  () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const stdin = `call raw echo {"a": 1}\nadd more ${JSON.stringify(rawStdio())}\ncall more echo a=2\nstatus\nservers\n`
      const good = yield* mcp({ raw: rawStdio() }, ["shell"], { stdin })
      expect(good.code).toBe(0)
      expect(good.stdout).toStartWith('{"a":1}\n{"status":"connected"}\n{"a":2}\n')
      expect(good.stdout).toContain("more\tconnected")
      expect(good.stdout).not.toContain(prompt)

      const bad = yield* mcp({ raw: rawStdio() }, ["shell"], {
        stdin: "cal raw echo\nwatch raw\nconnect\nping nobody\nstatus x y\n",
      })
      expect(bad.stderr).toContain('unknown command "cal"; did you mean "call"?')
      expect(bad.stderr).toContain("watch is no command of the shell; run mcp watch beside it")
      expect(bad.stderr).toContain("connect: server: expected a string")
      expect(bad.stderr).toContain('no server "nobody" is configured')
      expect(bad.stderr).toContain("usage: status")
      expect(bad.code).toBe(2)
    }),
  30_000,
)
