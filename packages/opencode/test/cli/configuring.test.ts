/** `add`, `remove`, `enable` and `disable`: what they write, and what they leave alone. */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { json, type World, world } from "./program.ts"

const read = ({ directory }: World, name: string) => readFileSync(join(directory, name), "utf8")
const repository = ({ directory }: World) => execFileSync("git", ["init", "-q", directory])

const written = `{
  // What this project needs.
  "mcp": {
    "kept": { "type": "local", "command": ["true"], "enabled": false }, // as it is
  },
}
`

describe("add", () => {
  it.live("writes into the project's file, keeps what stands there, and what it wrote is approved", () =>
    Effect.gen(function* () {
      const here = yield* world
      repository(here)
      here.write("opencode.jsonc", written)
      mkdirSync(join(here.directory, "deep"))
      const { command } = rawStdio()
      const added = yield* here.run(["add", "mine", "--env", "A=b=c", "--", ...command], { cwd: "deep" })
      expect(added).toMatchObject({ code: 0, stderr: "" })
      expect(added.stdout).toContain(`mine is in ${join(here.directory, "opencode.jsonc")} now.`)
      const text = read(here, "opencode.jsonc")
      expect(text).toContain('"enabled": false }, // as it is\n    "mine": {\n      "type": "local",\n')
      expect(text).toContain("// What this project needs.")
      expect(text).toContain('"environment": {\n        "A": "b=c"\n      }')
      const listed = json(yield* here.run(["list", "--json"]))
      expect(listed.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
        ["kept", "disabled"],
        ["mine", "connected"],
      ])
    }),
  )

  it.live("makes the file at the worktree's root; with --global, and outside of one, the person's", () =>
    Effect.gen(function* () {
      const here = yield* world
      const own = "home/.config/opencode/opencode.json"
      const outside = json(yield* here.run(["add", "a", "--url", "https://example.com/mcp", "--json"]))
      expect(outside).toEqual({ server: "a", file: join(here.directory, own) })
      repository(here)
      mkdirSync(join(here.directory, "deep"))
      const inside = json(yield* here.run(["add", "b", "--json", "--", "true"], { cwd: "deep" }))
      expect(inside).toEqual({ server: "b", file: join(here.directory, "opencode.json") })
      yield* here.run(["add", "c", "--global", "--header", "X-Team={env:TEAM}", "--url", "https://example.com/c"])
      expect(JSON.parse(read(here, own)).mcp).toEqual({
        a: { type: "remote", url: "https://example.com/mcp" },
        c: { type: "remote", url: "https://example.com/c", headers: { "X-Team": "{env:TEAM}" } },
      })
      expect(JSON.parse(read(here, "opencode.json")).mcp).toEqual({ b: { type: "local", command: ["true"] } })
    }),
  )

  it.live("writes into the file of --config, a new one too, and in the shape that is there", () =>
    Effect.gen(function* () {
      const here = yield* world
      here.write("two.json", { mcp: { servers: { a: { type: "local", command: ["true"], disabled: true } } } })
      yield* here.run(["add", "b", "--config", "two.json", "--", "true"])
      yield* here.run(["enable", "a", "--config", "two.json"])
      expect(JSON.parse(read(here, "two.json")).mcp.servers).toEqual({
        a: { type: "local", command: ["true"], disabled: false },
        b: { type: "local", command: ["true"] },
      })
      expect((yield* here.run(["add", "b", "--config", "new.json", "--", "true"])).code).toBe(0)
      expect(existsSync(join(here.directory, "new.json"))).toBe(true)
    }),
  )

  it.live("warns of a secret that stands in the file", () =>
    Effect.gen(function* () {
      const here = yield* world
      const header = "Authorization=Bearer tell-nobody-of-this"
      const { code, stderr, stdout } = yield* here.run(["add", "a", "--url", "https://example.com", "--header", header])
      expect(code).toBe(0)
      expect(stderr).toContain("the value of Authorization stands in")
      expect(stderr).toContain("{env:NAME}")
      expect(stderr + stdout).not.toContain("tell-nobody")
    }),
  )

  it.live("warns of a user name and a password in a URL, with which nothing connects", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { code, stderr, stdout } = yield* here.run(["add", "a", "--url", "https://alice:tell-nobody@example.com"])
      expect(code).toBe(0)
      expect(stderr).toContain('put them into "headers"')
      expect(stderr + stdout).not.toContain("tell-nobody")
    }),
  )

  const wrong: ReadonlyArray<readonly [what: string, words: ReadonlyArray<string>, said: string]> = [
    ["nothing at all", [], "expected mcp add <name>"],
    ["a name alone", ["a"], "expected mcp add <name>"],
    ["a URL without a name", ["--url", "https://example.com"], "a server needs a name"],
    ["a URL and a command", ["a", "--url", "https://example.com", "--", "true"], "either --url URL or a command"],
    ["a variable without a value", ["a", "--env", "A", "--", "true"], '--env "A": expected KEY=VALUE'],
    ["a header for a command", ["a", "--header", "A=b", "--", "true"], "--header is for servers with --url"],
    ["a variable for a URL", ["a", "--env", "A=b", "--url", "https://example.com"], "--env is for servers with a"],
    ["a URL that is none", ["a", "--url", "example"], "a.url"],
  ]
  for (const [what, words, said] of wrong) {
    it.live(`refuses ${what}, and writes nothing`, () =>
      Effect.gen(function* () {
        const here = yield* world
        const { code, stderr } = yield* here.run(["add", ...words])
        expect(code).toBe(2)
        expect(stderr).toContain(said)
        expect(existsSync(join(here.directory, "home/.config"))).toBe(false)
      }),
    )
  }

  it.live("asks on a terminal", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { code, text } = yield* here.terminal(["add"], {
        keys: [
          ["Name", "mine\r"],
          ["What is it?", "\r"],
          ["Command and arguments", "node 'a server.js' --port 1\r"],
        ],
      })
      expect(text).toContain("It will be written into")
      expect(code).toBe(0)
      expect(JSON.parse(read(here, "home/.config/opencode/opencode.json")).mcp).toEqual({
        mine: { type: "local", command: ["node", "a server.js", "--port", "1"] },
      })
      const quit = yield* here.terminal(["add", "other"], { keys: [["What is it?", "\u0003"]] })
      expect(quit.text).toMatch(/\n\s*interrupted/)
      expect(quit.code).toBe(130)
      // A name that is taken is told before anything else is asked.
      const taken = yield* here.terminal(["add", "mine"])
      expect(taken.text).toContain('has a server "mine" already')
      expect(taken.code).toBe(2)
      const named = yield* here.terminal(["add"], {
        keys: [
          ["Name", "mine\r"],
          ["already; see mcp remove mine", "\u0003"],
        ],
      })
      expect(named.code).toBe(130)
    }),
  )
})

describe("a file that cannot be changed", () => {
  it.live("is named, and stays what it was", () =>
    Effect.gen(function* () {
      const here = yield* world
      const add = ["add", "a", "--config", "file.json", "--", "true"]
      for (const [text, said] of [
        ['{ "mcp": ', "file.json:1:10: expected a value"],
        ['{ "mcp": 7 }', "leaves no place for mcp.a"],
        ['{ "mcp": { "a": { "type": "local", "command": ["x"] } } }', 'has a server "a" already; see mcp remove a'],
      ] as const) {
        writeFileSync(join(here.directory, "file.json"), text)
        const { code, stderr } = yield* here.run(add)
        expect([code, read(here, "file.json")]).toEqual([2, text])
        expect(stderr).toContain(said)
      }
      writeFileSync(join(here.directory, "file.json"), "{}")
      chmodSync(join(here.directory, "file.json"), 0o444)
      const { code, stderr } = yield* here.run(add)
      expect([code, read(here, "file.json")]).toEqual([2, "{}"])
      expect(stderr).toContain("cannot be changed, and was not: it is read-only")
    }),
  )

  it.live("may be a link: what it links to is changed, with its mode", () =>
    Effect.gen(function* () {
      const here = yield* world
      here.write("real.json", {})
      chmodSync(join(here.directory, "real.json"), 0o640)
      symlinkSync(join(here.directory, "real.json"), join(here.directory, "link.json"))
      yield* here.run(["add", "a", "--config", "link.json", "--", "true"])
      expect(JSON.parse(read(here, "real.json")).mcp.a.type).toBe("local")
      expect(statSync(join(here.directory, "real.json")).mode & 0o777).toBe(0o640)
    }),
  )
})

describe("remove, enable and disable", () => {
  it.live("change the entry where it stands, and nothing else", () =>
    Effect.gen(function* () {
      const here = yield* world
      here.write("opencode.jsonc", written)
      expect((yield* here.run(["enable", "kept"])).stdout).toBe(
        `kept is switched on in ${join(here.directory, "opencode.jsonc")}.\n`,
      )
      expect(read(here, "opencode.jsonc")).toBe(written.replace("false", "true"))
      expect((yield* here.run(["enable", "kept"])).stdout).toBe("kept is switched on already.\n")
      expect(json(yield* here.run(["disable", "kept", "--json"]))).toMatchObject({ enabled: false, changed: true })
      expect(read(here, "opencode.jsonc")).toBe(written)
      expect((yield* here.run(["remove", "kept"])).code).toBe(0)
      expect(read(here, "opencode.jsonc")).toBe(`{\n  // What this project needs.\n  "mcp": {\n  },\n}\n`)
      const gone = yield* here.run(["remove", "kept"])
      expect(gone.code).toBe(2)
      expect(gone.stderr).toContain('no server "kept" is configured')
    }),
  )

  it.live("reach every file that a server stands in, and say where they cannot", () =>
    Effect.gen(function* () {
      const here = yield* world
      mkdirSync(join(here.directory, "home/.config/opencode"), { recursive: true })
      const entry = { type: "local", command: ["true"] }
      here.write("home/.config/opencode/opencode.json", { mcp: { a: entry } })
      here.write("opencode.json", { mcp: { a: { enabled: false } } })
      const removed = json(yield* here.run(["remove", "a", "--json"]))
      expect(removed.files).toEqual([
        join(here.directory, "opencode.json"),
        join(here.directory, "home/.config/opencode/opencode.json"),
      ])
      const env = { OPENCODE_CONFIG_CONTENT: JSON.stringify({ mcp: { b: entry } }) }
      const { code, stderr } = yield* here.run(["disable", "b"], { env })
      expect(code).toBe(2)
      expect(stderr).toContain("OPENCODE_CONFIG_CONTENT: change it there")
    }),
  )
})
