import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { failure, start } from "../support/scripted.ts"

const it = testEffect(testMcp())
const offering = (...names: ReadonlyArray<string>) =>
  rawStdio({ tools: names.map((name) => ({ name, inputSchema: { type: "object" } })) })

const keys = (mcp: Mcp["Service"]) => Effect.map(mcp.tools(), (all) => all.map(({ key }) => key))

describe("tools of all servers", () => {
  it.live("are the same array as long as nothing changed, and cost no request", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV2()))
      yield* mcp.add(config("b", offering("x")))
      const before = yield* mcp.tools()
      expect(yield* mcp.tools()).toBe(before)
      const { wire } = yield* Recordings
      expect(wire("a").messages("sent", "tools/list").length).toBe(1)
      const changed = yield* start(
        Stream.runHead(Stream.filter(mcp.events, ({ type }) => type === "mcp.tools.changed")),
      )
      yield* mcp.callTool("a", "toggle")
      yield* Fiber.join(changed)
      const after = yield* mcp.tools()
      expect(after.map(({ key }) => key)).toContain("a_extra")
      expect(yield* mcp.tools()).toBe(after)
      expect(wire("a").messages("sent", "tools/list").length).toBe(2)
      yield* mcp.disconnect("b")
      expect((yield* mcp.tools()).some(({ server }) => server === "b")).toBe(false)
    }),
  )

  it.live("have keys that depend on no order of connecting", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("one", offering("a b", "a.b", "plain")))
      yield* mcp.add(config("one_a", offering("b")))
      const forth = new Map((yield* mcp.tools()).map(({ key, server, tool }) => [`${server} ${tool.name}`, key]))
      yield* mcp.remove("one")
      yield* mcp.remove("one_a")
      yield* mcp.add(config("one_a", offering("b")))
      yield* mcp.add(config("one", offering("plain", "a.b", "a b")))
      const back = new Map((yield* mcp.tools()).map(({ key, server, tool }) => [`${server} ${tool.name}`, key]))
      expect(Object.fromEntries(back)).toEqual(Object.fromEntries(forth))
      expect(forth.get("one plain")).toBe("one_plain")
      expect(forth.get("one_a b")).toMatch(/^one_a_b_[0-9a-f]{8}$/)
    }),
  )

  it.live("keep the meaning of a key that was once offered", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", offering("b_c")))
      expect(yield* keys(mcp)).toEqual(["a_b_c"])
      // Another server's tool wants the same key: both get suffixes, the old key still means the old tool.
      yield* mcp.add(config("a_b", offering("c")))
      expect((yield* keys(mcp)).every((key) => /^a_b_c_[0-9a-f]{8}$/.test(key))).toBe(true)
      yield* mcp.callTool("a", "a_b_c")
      expect((yield* failure(mcp.callTool("a_b", "a_b_c"))).reason._tag).toBe("ToolNotFound")
      // Even when the first has gone, its key is not another's.
      yield* mcp.remove("a")
      const [key = ""] = yield* keys(mcp)
      expect(key).toMatch(/^a_b_c_[0-9a-f]{8}$/)
      yield* mcp.callTool("a_b", key)
      yield* mcp.add(config("a", offering("b_c")))
      yield* mcp.callTool("a", "a_b_c")
    }),
  )

  it.live("are those that its entry allows; the others cannot be called", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const entry = { ...offering("read_a", "read_b", "write_a", "drop"), tools: { allow: ["*_*"], deny: ["*_b"] } }
      yield* mcp.add(config("a", entry))
      expect(yield* keys(mcp)).toEqual(["a_read_a", "a_write_a"])
      const { message, reason } = yield* failure(mcp.callTool("a", "drop"))
      expect(reason._tag).toBe("ToolNotFound")
      expect(message).toContain("read_a")
      expect(message).not.toContain("read_b")
      const { wire } = yield* Recordings
      expect(wire("a").messages("sent", "tools/call")).toEqual([])
    }),
  )

  it.live("may be named like what every object has", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
      yield* mcp.add(config("__proto__", offering(...names)))
      yield* mcp.add(config("constructor", offering(...names)))
      expect((yield* mcp.tools()).map(({ server, tool }) => `${server} ${tool.name}`)).toEqual(
        ["__proto__", "constructor"].flatMap((server) => names.map((name) => `${server} ${name}`)),
      )
      const args = JSON.parse(`{"__proto__":{"polluted":1}}`)
      const { content } = yield* mcp.callTool("__proto__", "__proto__", args)
      expect(content).toEqual([{ type: "text", text: JSON.stringify(args) }])
      expect((yield* mcp.servers).map(({ name }) => name)).toEqual(["__proto__", "constructor"])
      expect((yield* failure(mcp.callTool("toString", "toString"))).reason._tag).toBe("ServerNotFound")
      expect(Object({}).polluted).toBe(undefined)
    }),
  )
})

describe("calling a tool", () => {
  it.live("by its key works before anybody asked for the tools; by its own name it comes first", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", offering("x", "a_x")))
      yield* mcp.callTool("a", "a_a_x")
      yield* mcp.callTool("a", "a_x")
      const { wire } = yield* Recordings
      expect(
        wire("a")
          .messages("sent", "tools/call")
          .map(({ params }) => params?.name),
      ).toEqual(["a_x", "a_x"])
    }),
  )

  it.live("that is not there offers the nearest, a server too", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("github", offering("list_issues", "create_issue")))
      expect((yield* failure(mcp.callTool("github", "list_isues"))).message).toBe(
        `github offers no tool "list_isues"; did you mean "list_issues"?`,
      )
      expect((yield* failure(mcp.callTool("gihtub", "list_issues"))).message).toBe(
        `no server "gihtub" is configured; did you mean "github"?`,
      )
      expect((yield* failure(mcp.callTool("completely else", "x"))).message).toBe(
        `no server "completely else" is configured; there is "github"`,
      )
    }),
  )

  it.live("of a server without tools says so, and nothing is sent", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio({ capabilities: {} })))
      expect((yield* failure(mcp.callTool("a", "x"))).reason._tag).toBe("NotDeclared")
      expect((yield* failure(mcp.readResource("a", "x:y"))).reason._tag).toBe("NotDeclared")
      expect((yield* failure(mcp.getPrompt("a", "x"))).reason._tag).toBe("NotDeclared")
      const { wire } = yield* Recordings
      expect(
        wire("a")
          .messages("sent")
          .map(({ method }) => method),
      ).toEqual(["initialize", "notifications/initialized"])
    }),
  )

  it.live("reports progress as events with the caller's own id", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV1()))
      const events: Array<unknown> = []
      mcp.listen((event) => event.type === "mcp.progress" && events.push(event.data))
      let seen = 0
      const request = { command: 7 }
      yield* mcp.callTool("a", "progress", { steps: 3 }, { request, onProgress: () => (seen += 1) })
      expect(events).toEqual(
        [1, 2, 3].map((progress) => ({ server: "a", request, progress, total: 3, message: `step ${progress}` })),
      )
      expect(seen).toBe(3)
      yield* mcp.callTool("a", "progress", { steps: 3 })
      expect(events.length).toBe(3)
    }),
  )

  it.live("waits for a server that is still starting, and for no other", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const adding = yield* start(mcp.add(config("a", offering("x"))))
      expect((yield* mcp.servers)[0]?.status.status).toBe("pending")
      yield* mcp.callTool("a", "x")
      yield* Fiber.join(adding)
    }),
  )
})

describe("what servers say", () => {
  it.live("of how they are used is collected from those that are connected", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio({ instructions: "Use x." })))
      yield* mcp.add(config("b", rawStdio()))
      yield* mcp.add(config("c", rawStdio({ instructions: "Use y." })))
      yield* mcp.disconnect("c")
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "Use x." }])
    }),
  )

  it.live("is an event under its own name", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const events: Array<unknown> = []
      mcp.listen((event) => event.type !== "mcp.status.changed" && events.push(event))
      yield* mcp.add(config("a", sdkV1()))
      const notify = (method: string, params: object) =>
        mcp.callTool("a", "notify", { method: `notifications/${method}`, params })
      yield* notify("message", { level: "error", logger: "l", data: [1] })
      yield* notify("resources/updated", { uri: "test://a" })
      yield* notify("cancelled", { requestId: 9, reason: "r" })
      expect(events).toEqual([
        { type: "mcp.log", data: { server: "a", level: "error", logger: "l", data: [1] } },
        { type: "mcp.resource.updated", data: { server: "a", uri: "test://a" } },
        { type: "mcp.cancelled", data: { server: "a", requestId: 9, reason: "r" } },
      ])
    }),
  )

  it.live("on stderr is an event line by line, and kept", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const talk = [
        { do: "stderr", text: "one\r\ntw" },
        { do: "stderr", text: "o\nthree\n" },
        { do: "result", result: { content: [] } },
      ] as const
      yield* mcp.add(config("a", rawStdio({ on: { "tools/call": talk } })))
      const lines = mcp.events.pipe(
        Stream.filter((event) => event.type === "mcp.stderr"),
        Stream.map(({ data }) => data.line.trim()),
        Stream.take(3),
      )
      yield* mcp.callTool("a", "echo")
      expect(yield* Stream.runCollect(lines)).toEqual(["one", "two", "three"])
      yield* mcp.disconnect("a")
      expect((yield* mcp.stderr("a")).map((line) => line.trim())).toEqual(["one", "two", "three"])
    }),
  )
})
