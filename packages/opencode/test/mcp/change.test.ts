/** Which servers there are, and who says so: files, projects that need approval, and whoever adds one. */
import { testEffect } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Bus from "../../src/bus/index.ts"
import * as McpEvent from "../../src/mcp/event.ts"
import * as MCP from "../../src/mcp/index.ts"
import { local, mcp as file, platform, world } from "../config/world.ts"
import { first, layer, serving } from "./serving.ts"

const it = testEffect(serving({ one: everything, off: { ...sdkV2(), enabled: false } }))

it.live("adds a server in either shape, and replaces the one of its name", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { status } = yield* mcp.add("two", sdkV2())
    expect(status).toEqual({ one: { status: "connected" }, off: { status: "disabled" }, two: { status: "connected" } })
    expect((yield* mcp.callTool("two", "echo", { message: "hello" })).isError).not.toBe(true)
    const replaced = yield* mcp.add("two", { ...sdkV2(), disabled: true })
    expect(replaced.status["two"]).toEqual({ status: "disabled" })
    yield* mcp.connect("two")
    expect((yield* mcp.status())["two"]).toEqual({ status: "connected" })
    yield* mcp.remove("two")
    expect(Object.keys(yield* mcp.status())).toEqual(["one", "off"])
  }),
)

it.live("names each problem of a bad entry, and warns of what it does not know", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { status } = yield* mcp.add("bad", { type: "remote", url: 7, timeout: -1 })
    expect(status["bad"]?.status).toBe("failed")
    const error = JSON.stringify(status["bad"])
    expect(error).toContain("config.url")
    expect(error).toContain("config.timeout")
    expect((yield* mcp.add("worse", "nothing of the kind")).status["worse"]?.status).toBe("failed")
    yield* mcp.add("odd", { ...sdkV2(), enabled: false, comand: [] })
    const warning = yield* first(McpEvent.Warning, ({ server }) => server === "odd")
    expect(JSON.stringify(warning.properties)).toContain("comand")
  }),
)

it.live("does not show the secrets of an entry that was given by hand", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { status } = yield* mcp.add("leaky", {
      type: "local",
      command: ["sh", "-c", "echo my password is $PASSWORD >&2; exit 3"],
      environment: { PASSWORD: "correct-horse" },
    })
    expect(JSON.stringify(status["leaky"])).toContain("my password is ***")
    expect(yield* mcp.stderr("leaky")).toEqual(["my password is ***"])
    const line = yield* first(McpEvent.StderrWritten)
    expect(line.properties).toMatchObject({ line: "my password is ***" })
    const failed = yield* first(McpEvent.StatusChanged, (properties) => JSON.stringify(properties).includes("failed"))
    expect(JSON.stringify(failed.properties)).not.toContain("correct-horse")
  }),
)

it.live("says so where no server has a name, with OpenCode's error", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const none = [mcp.connect("no"), mcp.disconnect("no"), mcp.remove("no"), mcp.trust("no"), mcp.startAuth("no")]
    const auth = [mcp.authenticate("no"), mcp.finishAuth("no", "code"), mcp.supportsOAuth("no"), mcp.removeAuth("no")]
    for (const effect of [...none, ...auth]) {
      const error = yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(effect))
      expect(error).toMatchObject({ _tag: "MCP.NotFoundError", name: "no", message: "MCP server not found: no" })
    }
    expect(yield* mcp.hasStoredTokens("no")).toBe(false)
    expect(yield* mcp.getAuthStatus("no")).toBe("not_authenticated")
  }),
)

it.live("a server called __proto__ is one like any other", () =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { status } = yield* mcp.add("__proto__", sdkV2())
    expect(Object.entries(status).at(-1)).toEqual(["__proto__", { status: "connected" }])
    expect(Object.keys(yield* mcp.clients())).toContain("__proto__")
    expect(Object.keys(yield* mcp.tools())).toContain("__proto___echo")
    expect(Object.keys(yield* mcp.prompts())).toContain("__proto__:greet")
    expect(Object.prototype).not.toHaveProperty("status")
  }),
)

const machine = testEffect(platform)

machine.live("holds what a project defines until it is approved, whoever connects it, and says so in a toast", () =>
  Effect.gen(function* () {
    const { at, provide, write } = yield* world
    const servers = { held: sdkV2(), off: { ...sdkV2(), enabled: false } }
    yield* write("repo/opencode.json", file(servers))
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      const before = yield* mcp.status()
      expect(before["held"]?.status).toBe("failed")
      expect(JSON.stringify(before["held"])).toContain("mcp trust held")
      yield* mcp.connect("held")
      yield* mcp.connect("off")
      const after = yield* mcp.status()
      expect(after["held"]).toEqual(before["held"])
      expect(JSON.stringify(after["off"])).toContain("mcp trust off")
      expect(yield* mcp.clients()).toEqual({})
      const toast = yield* first(McpEvent.ToastShow, ({ message }) => message.includes("mcp trust held"))
      expect(toast.properties.title).toBe("MCP Server Not Approved")

      expect(yield* mcp.trust("held")).toEqual({ status: "connected" })
      expect(Object.keys(yield* mcp.clients())).toEqual(["held"])
    }).pipe(Effect.provide(layer({ directory: at("repo", "sub", "dir") })), provide({}))
  }),
)

machine.live("applies what changed in the configuration, and leaves the rest alone", () =>
  Effect.gen(function* () {
    const { at, provide, write } = yield* world
    const path = "home/.config/opencode/opencode.json"
    yield* write(path, file({ stays: sdkV2(), goes: local("true", { enabled: false }) }))
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      const bus = yield* Bus.Service
      expect(Object.keys(yield* mcp.status())).toEqual(["stays", "goes"])
      const told: Array<Bus.Payload> = []
      bus.listen((event) => told.push(event))
      told.length = 0
      yield* write(path, file({ stays: sdkV2(), comes: sdkV2() }))
      expect(yield* mcp.reload()).toEqual({ added: ["comes"], removed: ["goes"], changed: [] })
      expect(yield* mcp.status()).toEqual({ stays: { status: "connected" }, comes: { status: "connected" } })
      expect(told.filter(({ properties }) => Object(properties).server === "stays")).toEqual([])
    }).pipe(Effect.provide(layer({ directory: at("repo", "sub", "dir") })), provide({}))
  }),
)
