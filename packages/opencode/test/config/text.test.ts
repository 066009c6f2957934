import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { local, mcp, platform, world } from "./world.ts"

const it = testEffect(platform)

it.live("comments and trailing commas are allowed, and so is a byte order mark", () =>
  Effect.gen(function* () {
    const { command, write } = yield* world
    const text = `\uFEFF{ // one {env:X}
      /* two {file:nowhere} */ "mcp": { "s": { "type": "local", "command": ["a",], }, }, }`
    yield* write("repo/opencode.json", text)
    expect(yield* command()).toBe("a")
  }),
)

it.live("a file with nothing in it but comments says nothing", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    yield* write("repo/opencode.json", "")
    yield* write("repo/sub/opencode.json", "// later\n")
    expect((yield* read()).servers).toEqual([])
  }),
)

it.live.each<readonly [string, string]>([
  ["{", `1:2: expected "}", found the end of the file`],
  [`{\n  "mcp": {\n    "a" {}\n  }\n}`, `3:9: expected ":" after the name, found "{"`],
  [`{ "a": 1 "b": 2 }`, `1:10: expected "," between two members, found "\\""`],
  [`{ "a": }`, `1:8: expected a value, found "}"`],
  [`{ a: 1 }`, `1:3: expected a value (a string needs double quotes)`],
  [`{ "a": "x\n" }`, `1:8: expected a closing double quote on the same line, found "\\""`],
  [`{ "a": "\\x" }`, `1:8: expected one of "\\/bfnrtu after a backslash`],
  [`{} {}`, `1:4: expected nothing after the first value, found "{"`],
  [`[]`, `1:1: expected an object`],
  [`{ "a": {env:LONG_NAME}, "b": {env:OTHER} x }`, `1:42: expected`],
  [`{"a":`.repeat(100_000), `1:1: expected less than some thousand levels of nesting`],
])("a broken file is named with its line and column: %s", ([text, expected]) =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const file = yield* write("repo/opencode.json", text)
    const error = yield* Effect.flip(read())
    expect(error.message).toStartWith(`${file}:${expected}`)
  }),
)

it.live("{env:NAME} becomes the variable, quotes and backslashes too, or nothing", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const environment = { A: "{env:QUOTED}", B: "x{env:MISSING}y", C: "{env:LOOKS}", "{env:KEY}": "{env:A_B}" }
    yield* write("repo/opencode.json", mcp({ s: local("a", { environment }) }))
    const env = { QUOTED: `C:\\a "b"\n`, LOOKS: "{env:QUOTED}{file:x}", KEY: "D", A_B: "one", A_B_C: "two" }
    const { servers } = yield* read(env)
    const config = servers[0]?.config
    expect(config?.type === "local" ? Object.fromEntries(config.environment) : {}).toEqual({
      A: `C:\\a "b"\n`,
      B: "xy",
      C: "{env:QUOTED}{file:x}",
      D: "one",
    })
    expect(servers[0]?.variables).toEqual(["env:A_B", "env:KEY", "env:LOOKS", "env:MISSING", "env:QUOTED"])
  }),
)

it.live("{env:NAME} outside of quotes is a number, true or false", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const text = `{ "mcp": { "s": { "type": "local", "command": ["a"], "timeout": {env:MS}, "enabled": {env:ON} } } }`
    const file = yield* write("repo/opencode.json", text)
    expect((yield* read({ MS: "1500", ON: "false" })).servers[0]?.config).toMatchObject({
      timeout: { startup: 1500 },
      enabled: false,
    })
    expect((yield* read({ ON: "true" })).servers[0]?.error).toBe(
      `${file}: mcp.s.timeout: expected milliseconds, or an object of startup, catalog and execution, found an empty string`,
    )
  }),
)

it.live("{file:path} becomes the trimmed file, relative to the file it stands in, or to the home directory", () =>
  Effect.gen(function* () {
    const { at, read, write } = yield* world
    const headers = {
      a: "Bearer {file:../token}",
      b: "{file:~/token}",
      c: `{file:${at("abs")}}`,
      d: "{file:{env:DIR}/x}",
    }
    yield* write("repo/opencode.json", mcp({ s: { type: "remote", url: "https://h", headers } }))
    yield* write("token", " t1\n")
    yield* write("home/token", "t2")
    yield* write("abs", "t3")
    yield* write("repo/deep/x", "\uFEFFt4")
    const { servers } = yield* read({ DIR: "deep" })
    expect(servers[0]?.error).toBeUndefined()
    const config = servers[0]?.config
    const values = config?.type === "remote" ? [...config.headers.values()].map((value) => JSON.stringify(value)) : []
    expect(values).toHaveLength(4)
    expect(servers[0]?.variables).toEqual(
      [at("abs"), at("home/token"), at("repo/deep/x"), at("token")]
        .map((path) => `file:${path}`)
        .concat("env:DIR")
        .toSorted(),
    )
  }),
)

it.live("a file that cannot be had fails the one server that names it", () =>
  Effect.gen(function* () {
    const { at, read, write } = yield* world
    const fs = yield* FileSystem.FileSystem
    yield* fs.makeDirectory(at("repo", "folder"))
    yield* fs.writeFileString(at("repo", "big"), "x".repeat(1024 * 1024 + 1))
    const server = (file: string) => local("a", { environment: { T: `{file:${file}}` } })
    const file = yield* write(
      "repo/opencode.json",
      mcp({
        gone: server("./gone"),
        folder: server("folder"),
        zero: server("/dev/zero"),
        big: server("big"),
        good: local("b"),
      }),
    )
    const { servers } = yield* read()
    expect(servers.map((each) => each.error)).toEqual([
      `${file}: mcp.gone: {file:./gone}: ${at("repo", "gone")} does not exist`,
      `${file}: mcp.folder: {file:folder}: ${at("repo", "folder")} is no regular file`,
      `${file}: mcp.zero: {file:/dev/zero}: /dev/zero is no regular file`,
      `${file}: mcp.big: {file:big}: ${at("repo", "big")} is larger than 1048576 bytes`,
      undefined,
    ])
    expect(servers[4]?.config).toBeDefined()
  }),
)

it.live("tokens outside of the mcp section are none of our business", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    yield* write("repo/opencode.json", JSON.stringify({ provider: { key: "{file:gone}" }, mcp: { s: local("a") } }))
    expect((yield* read()).servers[0]?.error).toBeUndefined()
  }),
)

it.live("what was substituted or configured as a secret is masked, in errors and warnings too", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const headers = { Authorization: "Bearer lit/eral+one", Accept: "application/json", "X-Key": "{file:key}" }
    yield* write("repo/key", `multi\n"line"`)
    yield* write(
      "repo/opencode.json",
      mcp({
        s: { type: "remote", url: "https://u:p%40ss@h", headers, oauth: { clientId: "public", clientSecret: "hush!" } },
        bad: { type: "{env:TYPE}", "{env:TYPE}": 1 },
        local: local("{env:HOME}/x", { environment: { A: "{env:TYPE}", B: "{env:ONE}" } }),
      }),
    )
    const { mask, servers, warnings } = yield* read({ TYPE: "topsecret", ONE: "1" })
    expect(servers[1]?.error).toContain(`expected "local" or "remote", found "***"`)
    expect(JSON.stringify([warnings, servers.map((server) => server.error)])).not.toContain("topsecret")
    expect(mask("Bearer lit/eral+one lit%2Feral%2Bone hush! p@ss p%40ss topsecret")).toBe("*** *** *** *** *** ***")
    expect(mask(JSON.stringify(`multi\n"line"`))).toBe(`"***"`)
    expect(mask("1 application/json public /x")).toBe("1 application/json public /x")
  }),
)
