import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { local, mcp, platform, world } from "./world.ts"

const it = testEffect(platform)

// The lowest first. Each is added to those before it, and wins over all of them.
const precedence: ReadonlyArray<readonly [file: string, env: Readonly<Record<string, string>>]> = [
  ["home/.config/opencode/config.json", {}],
  ["home/.config/opencode/opencode.json", {}],
  ["home/.config/opencode/opencode.jsonc", {}],
  ["home/.opencode/config.json", {}],
  ["home/.opencode/opencode.json", {}],
  ["home/.opencode/opencode.jsonc", {}],
  ["custom.json", { OPENCODE_CONFIG: "../../../custom.json" }],
  ["repo/opencode.json", {}],
  ["repo/opencode.jsonc", {}],
  ["repo/sub/opencode.json", {}],
  ["repo/sub/dir/opencode.json", {}],
  ["repo/sub/dir/opencode.jsonc", {}],
  ["repo/.opencode/opencode.json", {}],
  ["repo/.opencode/opencode.jsonc", {}],
  ["repo/sub/.opencode/opencode.json", {}],
  ["repo/sub/dir/.opencode/opencode.json", {}],
  ["folder/opencode.json", { OPENCODE_CONFIG_DIR: "../../../folder" }],
  ["folder/opencode.jsonc", {}],
]

it.live("each place wins over those before it, and --config replaces them all", () =>
  Effect.gen(function* () {
    const { command, write } = yield* world
    const env: Record<string, string> = {}
    for (const [file, added] of precedence) {
      Object.assign(env, added)
      yield* write(file, mcp({ s: local(file) }))
      expect(yield* command(env)).toBe(file)
    }
    env["OPENCODE_CONFIG_CONTENT"] = mcp({ s: local("content") })
    expect(yield* command(env)).toBe("content")
    yield* write("repo/only.json", mcp({ s: local("only") }))
    expect(yield* command(env, { config: "../../only.json" })).toBe("only")
  }),
)

it.live("entries of the same server are deep-merged, lists replaced", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    yield* write(
      "repo/opencode.json",
      mcp({ s: local("a", { environment: { A: "1", B: "1" }, timeout: 5 }), t: local("t") }),
    )
    yield* write("repo/sub/opencode.json", mcp({ u: local("u"), s: { command: ["b", "c"], environment: { B: "2" } } }))
    const { servers } = yield* read()
    expect(servers.map((server) => server.name)).toEqual(["s", "t", "u"])
    expect(servers[0]?.config).toMatchObject({
      command: ["b", "c"],
      environment: new Map([
        ["A", "1"],
        ["B", "2"],
      ]),
      timeout: { startup: 5 },
    })
  }),
)

it.live("OpenCode 1's and OpenCode 2's shapes are merged over each other", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const remote = { type: "remote", url: "https://a.example", oauth: { client_id: "a" } }
    yield* write("repo/opencode.json", JSON.stringify({ mcp: { servers: { s: remote, t: local("t") } } }))
    yield* write("repo/sub/opencode.json", mcp({ s: { oauth: { clientId: "b", scope: "x" } }, t: { enabled: false } }))
    yield* write("repo/sub/dir/opencode.json", JSON.stringify({ mcp: { servers: { t: { disabled: false } } } }))
    const { servers } = yield* read()
    expect(servers[0]?.config).toMatchObject({ oauth: { clientId: "b", scope: "x" } })
    expect(servers[1]?.config).toMatchObject({ enabled: true })
  }),
)

it.live("outside of a git worktree the working directory alone counts", () =>
  Effect.gen(function* () {
    const { at, command, write } = yield* world
    yield* write("plain/opencode.json", mcp({ s: local("above") }))
    yield* write("plain/sub/readme", "")
    const options = { directory: at("plain", "sub") }
    expect(yield* command({}, options)).toBeUndefined()
    yield* write("plain/sub/.opencode/opencode.json", mcp({ s: local("here") }))
    expect(yield* command({}, options)).toBe("here")
    // Not a worktree: git itself wants a HEAD.
    yield* write("plain/.git/config", "")
    yield* write("plain/sub/.opencode/opencode.json", "{}")
    expect(yield* command({}, options)).toBeUndefined()
  }),
)

it.live("a linked worktree ends the search at its own root", () =>
  Effect.gen(function* () {
    const { at, git, read, write } = yield* world
    yield* git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--allow-empty", "-m", "x")
    yield* git("worktree", "add", "--quiet", "linked")
    yield* write("repo/opencode.json", mcp({ s: local("outer") }))
    yield* write("repo/linked/opencode.json", mcp({ s: local("inner") }))
    const { files, worktree } = yield* read({}, { directory: at("repo", "linked") })
    expect([worktree, files]).toEqual([at("repo", "linked"), [at("repo", "linked", "opencode.json")]])
  }),
)

it.live("$XDG_CONFIG_HOME takes the place of ~/.config, where it is absolute", () =>
  Effect.gen(function* () {
    const { at, command, write } = yield* world
    yield* write("xdg/opencode/opencode.json", mcp({ s: local("xdg") }))
    yield* write("home/.config/opencode/opencode.json", mcp({ s: local("home") }))
    expect(yield* command({ XDG_CONFIG_HOME: at("xdg") })).toBe("xdg")
    expect(yield* command({ XDG_CONFIG_HOME: "xdg" })).toBe("home")
  }),
)

it.live("the person's own files stay the person's in a worktree around the home directory", () =>
  Effect.gen(function* () {
    const { at, read, write } = yield* world
    yield* write("repo/.opencode/opencode.json", mcp({ mine: local("a") }))
    yield* write("repo/opencode.json", mcp({ theirs: local("b") }))
    const { files, servers } = yield* read({ HOME: at("repo") })
    expect(servers.map((server) => [server.name, server.project])).toEqual([
      ["mine", false],
      ["theirs", true],
    ])
    expect(files).toEqual([at("repo", ".opencode", "opencode.json"), at("repo", "opencode.json")])
  }),
)

it.live("only a project's files need approval", () =>
  Effect.gen(function* () {
    const { at, read, write } = yield* world
    yield* write("home/.opencode/opencode.json", mcp({ global: local("a"), off: local("a", { enabled: false }) }))
    yield* write("home/.config/opencode/opencode.json", mcp({ changed: local("a") }))
    yield* write("repo/named.json", mcp({ named: local("a") }))
    yield* write("repo/opencode.json", mcp({ project: local("a"), off: { enabled: true }, changed: { timeout: 1 } }))
    yield* write("folder/opencode.json", mcp({ folder: local("a") }))
    const env = {
      OPENCODE_CONFIG: at("repo", "named.json"),
      OPENCODE_CONFIG_DIR: at("folder"),
      OPENCODE_CONFIG_CONTENT: mcp({ content: local("a") }),
    }
    const projectOnes = (servers: ReadonlyArray<{ name: string; project: boolean }>) =>
      servers.filter((server) => server.project).map((server) => server.name)
    const { servers } = yield* read(env)
    expect(servers).toHaveLength(7)
    expect(projectOnes(servers)).toEqual(["changed", "project"])
    // Named by the person, the same file is the person's word.
    expect(projectOnes((yield* read({ ...env, OPENCODE_CONFIG: at("repo", "opencode.json") })).servers)).toEqual([])
    expect(projectOnes((yield* read(env, { config: at("repo", "opencode.json") })).servers)).toEqual([])
  }),
)

it.live("OPENCODE_DISABLE_PROJECT_CONFIG leaves the project's files out", () =>
  Effect.gen(function* () {
    const { command, write } = yield* world
    yield* write("repo/opencode.json", mcp({ s: local("a") }))
    expect(yield* command({ OPENCODE_DISABLE_PROJECT_CONFIG: "1" })).toBeUndefined()
    expect(yield* command({ OPENCODE_DISABLE_PROJECT_CONFIG: "false" })).toBe("a")
  }),
)

it.live("a file that an option names must be there; one that a variable names is missed aloud", () =>
  Effect.gen(function* () {
    const { at, read } = yield* world
    const error = yield* Effect.flip(read({}, { config: "no.json" }))
    expect(error.message).toBe(`${at("repo", "sub", "dir", "no.json")}: no such file, but --config names it`)
    const folder = yield* Effect.flip(read({}, { config: "." }))
    expect(folder.message).toStartWith(`${at("repo", "sub", "dir")}: cannot be read: `)
    const { servers, warnings } = yield* read({ OPENCODE_CONFIG: "no.json" })
    expect([servers, warnings]).toEqual([
      [],
      [`${at("repo", "sub", "dir", "no.json")}: no such file, but OPENCODE_CONFIG names it`],
    ])
  }),
)

it.live("a directory by a configuration's name is passed over", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    yield* write("repo/opencode.json/readme", "")
    expect((yield* read()).files).toEqual([])
  }),
)
