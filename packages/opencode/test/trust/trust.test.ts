import { testEffect } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { Server } from "../../src/config/config.ts"
import { heldError } from "../../src/trust/question.ts"
import { approvalHash, Trust, type TrustOptions } from "../../src/trust/trust.ts"
import { local, mcp, platform, world } from "../config/world.ts"

const it = testEffect(platform)

const first = (servers: ReadonlyArray<Server>): Server => {
  const server = servers[0]
  if (server === undefined) throw new Error("no server is configured")
  return server
}

const setup = Effect.gen(function* () {
  const machine = yield* world
  const directory = machine.at("repo", "sub", "dir")
  return {
    ...machine,
    directory,
    file: machine.at("home", ".local", "state", "opencode", "mcp-trust.json"),
    /** Runs with a Trust of its own, as another process would. */
    trust: <A, E, R>(
      body: (trust: Trust["Service"]) => Effect.Effect<A, E, R>,
      env: Readonly<Record<string, string>> = {},
      options: TrustOptions = {},
    ) => Effect.flatMap(Trust, body).pipe(Effect.provide(Trust.layer(options)), machine.provide(env)),
    server: (env: Readonly<Record<string, string>> = {}) =>
      Effect.map(machine.read(env), ({ servers }) => first(servers)),
  }
})

it.live("a project's server is held until it is approved, and then in every later run", () =>
  Effect.gen(function* () {
    const { directory, server, trust, write } = yield* setup
    const file = yield* write("repo/opencode.json", mcp({ files: local("run") }))
    const files = yield* server()
    expect(yield* trust((each) => each.isApproved(files, directory))).toBe(false)
    expect(heldError(files)).toBe(
      `not approved: a project file (${file}) defines it. See what it runs and approve it with: mcp trust files`,
    )
    yield* trust((each) => each.approve(files, directory))
    yield* trust((each) => each.approve(files, directory))
    expect(yield* trust((each) => each.isApproved(files, directory))).toBe(true)
    expect(yield* trust((each) => each.approvals)).toHaveLength(1)
    expect(yield* trust((each) => each.revoke("files", directory))).toBe(true)
    expect(yield* trust((each) => each.revoke("files", directory))).toBe(false)
    expect(yield* trust((each) => each.isApproved(files, directory))).toBe(false)
  }),
)

it.live.each([
  ["command", local("other")],
  ["arguments", { type: "local", command: ["run", "--all"] }],
  ["environment", local("run", { environment: { A: "2" } })],
  ["a variable", local("run", { environment: { A: "{env:A}" } })],
  ["cwd", local("run", { environment: { A: "1" }, cwd: "/" })],
  ["type and URL", { type: "remote", url: "https://h" }],
])("a changed %s under an approved name asks again", ([, entry]) =>
  Effect.gen(function* () {
    const { directory, server, trust, write } = yield* setup
    yield* write("repo/opencode.json", mcp({ s: local("run", { environment: { A: "1" } }) }))
    const before = yield* server()
    yield* trust((each) => each.approve(before, directory))
    yield* write("repo/opencode.json", mcp({ s: entry }))
    const after = yield* server()
    expect(yield* trust((each) => each.isApproved(after, directory))).toBe(false)
    expect(yield* trust((each) => each.isApproved(before, directory))).toBe(true)
  }),
)

it.live("an approval holds for its directory, its name, and whatever the variables hold", () =>
  Effect.gen(function* () {
    const { at, directory, server, trust, write } = yield* setup
    yield* write("repo/opencode.json", mcp({ s: local("run", { environment: { A: "{env:A}" } }) }))
    const one = yield* server({ A: "1" })
    yield* trust((each) => each.approve(one, directory))
    const two = yield* server({ A: "2" })
    expect(yield* trust((each) => each.isApproved(two, directory))).toBe(true)
    expect(yield* trust((each) => each.isApproved(two, at("repo")))).toBe(false)
    expect(yield* trust((each) => each.isApproved({ ...two, name: "t" }, directory))).toBe(false)
  }),
)

it.live("switching it off and on, or spelling it for OpenCode 2, asks nothing", () =>
  Effect.gen(function* () {
    const { directory, server, trust, write } = yield* setup
    yield* write("repo/opencode.json", mcp({ s: { type: "remote", url: "https://h", oauth: { clientId: "a" } } }))
    const before = yield* server()
    yield* trust((each) => each.approve(before, directory))
    const entry = { disabled: true, oauth: { client_id: "a" }, url: "https://h", type: "remote" }
    yield* write("repo/opencode.json", JSON.stringify({ mcp: { servers: { s: entry } } }))
    const after = yield* server()
    expect(yield* trust((each) => each.isApproved(after, directory))).toBe(true)
  }),
)

it.live("what a person configured needs no approval, and a project that changes it does", () =>
  Effect.gen(function* () {
    const { directory, server, trust, write } = yield* setup
    yield* write("home/.opencode/opencode.json", mcp({ s: local("run") }))
    const mine = yield* server()
    expect(yield* trust((each) => each.isApproved(mine, directory))).toBe(true)
    yield* write("repo/opencode.json", mcp({ s: { environment: { LD_PRELOAD: "./x.so" } } }))
    const changed = yield* server()
    expect(yield* trust((each) => each.isApproved(changed, directory))).toBe(false)
  }),
)

it.live("--trust and OPENCODE_MCP_TRUST=all approve one run and keep nothing", () =>
  Effect.gen(function* () {
    const { directory, file, server, trust, write } = yield* setup
    const fs = yield* FileSystem.FileSystem
    yield* write("repo/opencode.json", mcp({ s: local("run") }))
    const held = yield* server()
    expect(yield* trust((each) => each.isApproved(held, directory), {}, { all: true })).toBe(true)
    expect(yield* trust((each) => each.isApproved(held, directory), { OPENCODE_MCP_TRUST: "all" })).toBe(true)
    expect(yield* trust((each) => each.isApproved(held, directory), { OPENCODE_MCP_TRUST: "1" })).toBe(false)
    expect(yield* fs.exists(file)).toBe(false)
  }),
)

it.live("approvals lie in the user's state, mode 0600, whatever the file was before", () =>
  Effect.gen(function* () {
    const { at, directory, file, server, trust, write } = yield* setup
    const fs = yield* FileSystem.FileSystem
    yield* write("repo/opencode.json", mcp({ s: local("run") }))
    const held = yield* server()
    yield* write("home/.local/state/opencode/mcp-trust.json", "{ broken")
    yield* fs.chmod(file, 0o666)
    yield* trust((each) => each.approve(held, directory))
    expect((yield* fs.stat(file)).mode & 0o777).toBe(0o600)
    expect(yield* fs.readDirectory(at("home", ".local", "state", "opencode"))).toEqual(["mcp-trust.json"])
    yield* trust((each) => each.approve(held, directory), { XDG_STATE_HOME: at("state") })
    expect(yield* fs.exists(at("state", "opencode", "mcp-trust.json"))).toBe(true)
  }),
)

it.live("approvals that cannot be kept say so, with the file", () =>
  Effect.gen(function* () {
    const { directory, file, server, trust, write } = yield* setup
    yield* write("repo/opencode.json", mcp({ s: local("run") }))
    yield* write("home/.local/state/opencode", "")
    const held = yield* server()
    const error = yield* Effect.flip(trust((each) => each.approve(held, directory)))
    expect(error.message).toStartWith(`${file}: approvals cannot be kept there: `)
  }),
)

it.live("two approvals at once are both kept", () =>
  Effect.gen(function* () {
    const { directory, read, trust, write } = yield* setup
    yield* write("repo/opencode.json", mcp({ a: local("a"), b: local("b") }))
    const { servers } = yield* read()
    const list = yield* trust((each) =>
      Effect.forEach(servers, (server) => each.approve(server, directory), { concurrency: 2 }).pipe(
        Effect.andThen(each.approvals),
      ),
    )
    expect(list.map((each) => each.name)).toEqual(["a", "b"])
  }),
)

it.live("approvals of several programs at once are all kept", () =>
  Effect.gen(function* () {
    const { directory, read, trust, write } = yield* setup
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"]
    yield* write("repo/opencode.json", mcp(Object.fromEntries(names.map((name) => [name, local(name)]))))
    const { servers } = yield* read()
    // Each has a service of its own, as each program has.
    yield* Effect.forEach(servers, (server) => trust((each) => each.approve(server, directory)), {
      concurrency: "unbounded",
    })
    const list = yield* trust((each) => each.approvals)
    expect(list.map((each) => each.name).toSorted()).toEqual(names)
  }),
)

describe("the hash", () => {
  test("depends on nothing but what is approved", () => {
    const hash = approvalHash({ a: 1, b: { c: [1, 2], d: null } }, ["env:A", "env:B"], "/d")
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(approvalHash({ b: { d: null, c: [1, 2] }, enabled: false, a: 1 }, ["env:B", "env:A"], "/d")).toBe(hash)
    const others = [
      approvalHash({ a: 1, b: { c: [2, 1], d: null } }, ["env:A", "env:B"], "/d"),
      approvalHash({ a: "1", b: { c: [1, 2], d: null } }, ["env:A", "env:B"], "/d"),
      approvalHash({ a: 1, b: { c: { 0: 1, 1: 2 }, d: null } }, ["env:A", "env:B"], "/d"),
      approvalHash({ a: 1, b: { c: [1, 2], d: null } }, ["env:A"], "/d"),
      approvalHash({ a: 1, b: { c: [1, 2], d: null } }, ["env:A", "env:B"], "/d/e"),
      approvalHash(JSON.parse(`{"a":1,"b":{"c":[1,2],"d":null},"__proto__":{}}`), ["env:A", "env:B"], "/d"),
    ]
    expect(new Set([hash, ...others]).size).toBe(7)
  })
})
