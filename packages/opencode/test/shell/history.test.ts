/** What the shell remembers of what was typed, and what it offers for the values of a tool's arguments. */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { world } from "../cli/program.ts"
import { mayBeKept } from "../../src/cli/shell/history.ts"

const [tab, up] = ["\t", "\u001b[A"]

const inputSchema = {
  type: "object",
  properties: { colour: { type: "string", enum: ["green", "grey", "red"] }, loud: { type: "boolean" } },
}

it.live(
  "lines are found again in the next shell, but for those that may hold a secret",
  () =>
    Effect.gen(function* () {
      const { directory, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { raw: rawStdio({ tools: [{ name: "paint", inputSchema }] }) } })
      const file = join(directory, "home", ".state", "opencode", "mcp-history")
      const first = yield* terminal(["shell", "--config", config], {
        env: { SOME_TOKEN: "a-secret-value" },
        keys: [
          ["raw connected", "ping raw\r"],
          [/"ms"[^]*mcp> /, "call raw paint colour=a-secret-value\r"],
          [/\n[^]*mcp> $/, "call raw paint token=another\r"],
          [/\n[^]*mcp> $/, "  status\r"],
          [/"connected"[^]*mcp> /, "call raw paint colour=r"],
          ["colour=r", tab],
          ["ed ", "loud=t"],
          ["loud=t", tab],
          ["rue ", "\r"],
          [/\n[^]*mcp> $/, "exit\r"],
        ],
      })
      expect(first.code).toBe(0)
      expect(readFileSync(file, "utf8")).toBe("ping raw\ncall raw paint colour=red loud=true \n")
      expect(statSync(file).mode & 0o777).toBe(0o600)
      chmodSync(file, 0o644)
      const second = yield* terminal(["shell", "--config", config], {
        keys: [
          ["raw connected", up],
          ["loud=true", up],
          ["ping raw", "\r"],
          [/"ms"[^]*mcp> /, "exit\r"],
        ],
      })
      expect(second.code).toBe(0)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      // It is written anew before it grows without end.
      writeFileSync(file, "status\n".repeat(5_000))
      yield* terminal(["shell", "--config", config], { keys: [["raw connected", "exit\r"]] })
      expect(readFileSync(file, "utf8").split("\n").length).toBeLessThan(1_100)
    }),
  60_000,
)

it.live(
  "goes on where nothing can be kept",
  () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { raw: rawStdio() } })
      const { code } = yield* terminal(["shell", "--config", config], {
        env: { XDG_STATE_HOME: "/dev/null/state" },
        keys: [
          ["raw connected", "ping raw\r"],
          [/"ms"[^]*mcp> /, up],
          ["ping raw", "\r"],
          [/"ms"[^]*mcp> /, "exit\r"],
        ],
      })
      expect(code).toBe(0)
    }),
  30_000,
)

test("what names a secret is not kept", () => {
  const kept = (line: string) => mayBeKept(line, (text) => text.replace("hunter22", "***"))
  for (const line of ["tools", "call s t key=1 monkey=2", "read s https://a/b", "setLevel s debug"]) {
    expect([line, kept(line)]).toEqual([line, line !== "call s t key=1 monkey=2"])
  }
  for (const line of [
    "",
    " tools",
    "call s t apiKey=1",
    "call s t api-key=1",
    `call s t {"password": "x"}`,
    "call s t user=hunter22",
    "add s {}",
    "call s t a=\u001b[2J",
    "x".repeat(3_000),
  ]) {
    expect([line, kept(line)]).toEqual([line, false])
  }
})
