import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { Config } from "../../src/config/config.ts"
import { local, mcp, platform, world } from "./world.ts"

const it = testEffect(platform)

it.live("a bad entry is reported with its file and path, and the others are there", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const user = yield* write("home/.opencode/opencode.json", mcp({ a: { type: "local", timeout: "soon" } }))
    const file = yield* write(
      "repo/opencode.json",
      JSON.stringify({
        mcp: {
          a: { environment: { X: 1 } },
          servers: {
            b: { type: "remote", url: "https://h", oauth: { client_id: 1 } },
            c: { type: "remote", url: "x" },
          },
          good: local("g"),
          text: "npx good",
        },
      }),
    )
    const { servers } = yield* read()
    expect(servers.map((server) => [server.name, server.error])).toEqual([
      [
        "a",
        [
          `${user}: mcp.a.command: expected an array of strings, the program first, found nothing`,
          `${file}: mcp.a.environment.X: expected a string, found 1`,
          `${user}: mcp.a.timeout: expected milliseconds, or an object of startup, catalog and execution, found "soon"`,
        ].join("; "),
      ],
      ["b", `${file}: mcp.servers.b.oauth.client_id: expected a string that is not empty, found 1`],
      ["c", `${file}: mcp.servers.c.url: expected an http: or https: URL, found a string`],
      ["good", undefined],
      ["text", `${file}: mcp.text: expected an object, found a string`],
    ])
  }),
)

it.live("what is unknown, or of no use, is a warning", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const file = yield* write(
      "repo/opencode.json",
      JSON.stringify({
        experimental: { mcp_timeout: "x" },
        mcp: { timeout: { startup: 0 }, a: local("a", { timeuot: 1 }), ghost: { enabled: true } },
      }),
    )
    const other = yield* write("repo/sub/opencode.json", JSON.stringify({ mcp: [] }))
    const { servers, warnings } = yield* read()
    expect(servers.map((server) => server.name)).toEqual(["a"])
    expect(warnings).toEqual([
      `${other}: mcp: expected an object, ignored`,
      `${file}: experimental.mcp_timeout: expected whole milliseconds above 0, found a string, ignored`,
      `${file}: mcp.timeout.startup: expected whole milliseconds above 0, found 0, ignored`,
      `${file}: mcp.a.timeuot: unknown field, ignored; did you mean timeout?`,
      `${file}: mcp.ghost: "enabled" alone, but no file defines this server: ignored`,
    ])
  }),
)

it.live("timeouts: a server's own, then mcp.timeout, then experimental.mcp_timeout, then the defaults", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const timeouts = Effect.map(read(), ({ servers }) =>
      servers.map((server) => Object.values(server.config?.timeout ?? {})),
    )
    const servers = { s: local("a"), t: local("a", { timeout: { catalog: 7 } }) }
    yield* write("repo/opencode.json", JSON.stringify({ mcp: servers }))
    expect(yield* timeouts).toEqual([
      [30_000, 30_000, 300_000],
      [30_000, 7, 300_000],
    ])
    yield* write("repo/opencode.json", JSON.stringify({ experimental: { mcp_timeout: 5 }, mcp: servers }))
    expect(yield* timeouts).toEqual([
      [5, 5, 5],
      [5, 7, 5],
    ])
    yield* write("repo/sub/opencode.json", JSON.stringify({ mcp: { timeout: { execution: 9 }, servers: {} } }))
    expect(yield* timeouts).toEqual([
      [5, 5, 9],
      [5, 7, 9],
    ])
  }),
)

it.live("servers named like members of a prototype are servers, and no prototype is touched", () =>
  Effect.gen(function* () {
    const { read, write } = yield* world
    const text = `{"mcp":{"__proto__":{"type":"local","command":["p"],"polluted":true},"constructor":{"type":"local","command":["c"]}},
      "__proto__":{"polluted":true}}`
    yield* write("repo/opencode.json", text)
    yield* write("repo/sub/opencode.json", `{"mcp":{"__proto__":{"environment":{"__proto__":"x"}}}}`)
    const { servers } = yield* read()
    expect(servers.map((server) => server.config?.name)).toEqual(["__proto__", "constructor"])
    expect(servers[0]?.config).toMatchObject({ command: ["p"], environment: new Map([["__proto__", "x"]]) })
    expect("polluted" in {}).toBe(false)
  }),
)

it.live("reload tells what was added, removed and changed, and keeps the last reading where it fails", () =>
  Effect.gen(function* () {
    const { at, provide, write } = yield* world
    yield* write(
      "repo/opencode.json",
      mcp({ same: local("a"), gone: local("b"), changed: local("c"), file: local("{file:f}") }),
    )
    yield* write("repo/f", "one")
    yield* Effect.gen(function* () {
      const config = yield* Config
      expect(yield* config.reload).toEqual({ added: [], removed: [], changed: [] })
      yield* write(
        "repo/opencode.json",
        mcp({ new: local("n"), changed: local("c", { cwd: "/" }), same: local("a"), file: local("{file:f}") }),
      )
      yield* write("repo/f", "two")
      expect(yield* config.reload).toEqual({ added: ["new"], removed: ["gone"], changed: ["changed", "file"] })
      yield* write("repo/opencode.json", "{")
      expect((yield* Effect.flip(config.reload)).reason._tag).toBe("ParseFailed")
      expect((yield* config.get).servers.map((server) => server.name)).toEqual(["new", "changed", "same", "file"])
    }).pipe(Effect.provide(Config.layer({ directory: at("repo") })), provide({}))
  }),
)
