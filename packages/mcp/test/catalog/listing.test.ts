import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as CatalogLayer from "../../src/catalog/catalog.ts"
import { Catalog, Mcp, Method, Session } from "../../src/index.ts"
import { failure, type Script, scripted, start } from "../support/scripted.ts"

/** A catalogue over a server of this process, what it warned of, and what it said has changed. */
const catalog = (script: Script, timeout?: number) =>
  Effect.gen(function* () {
    const peer = yield* scripted(script)
    const warnings: Array<string> = []
    const changes: Array<string> = []
    peer.notifications.listen("warning", ({ message }) => warnings.push(message))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const layer = CatalogLayer.layer({ timeout, onChanged: (what) => changes.push(what) })
    const context = yield* Layer.buildWithScope(Layer.provide(layer, Layer.succeed(Session)(peer.session)), scope)
    const asked = (method = "tools/list") => peer.wire.messages("sent", method)
    return { ...peer, catalog: Context.get(context, Catalog), scope, warnings, changes, asked }
  })

const tool = (name: string) => ({ name, inputSchema: { type: "object" } })
const page = (tools: ReadonlyArray<unknown>, nextCursor?: unknown) => ({
  result: { tools, ...(nextCursor === undefined ? {} : { nextCursor }) },
})
/** Time enough for whoever needs no clock. */
const turns = Effect.repeat(
  Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
  { times: 50 },
)
const names = (tools: ReadonlyArray<{ readonly name: string }>) => tools.map(({ name }) => name)

describe("3,000 tools over 30 pages", () => {
  const peers = [
    { name: "SDK v1, stdio", entry: Effect.succeed(sdkV1({ manyTools: 3_000 })) },
    { name: "SDK v2, stdio", entry: Effect.succeed(sdkV2({ manyTools: 3_000 })) },
    { name: "SDK v2, Streamable HTTP", entry: sdkV2Http({ manyTools: 3_000 }) },
    {
      name: "raw, byte runs",
      entry: Effect.succeed(rawStdio({ manyTools: { count: 3_000, pageSize: 100 }, split: 4_093 })),
    },
  ]
  testEffect(testMcp()).live.each(peers)("are listed, each once, and callable: %s", ({ entry }) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("many", yield* entry))
      const tools = yield* mcp.tools()
      expect(tools.length).toBe(3_000)
      expect(new Set(tools.map(({ key }) => key)).size).toBe(3_000)
      expect(tools[2_999]).toMatchObject({ key: "many_tool_2999", server: "many", tool: { name: "tool_2999" } })
      const { wire } = yield* Recordings
      expect(wire("many").messages("sent", "tools/list").length).toBe(30)
      yield* mcp.callTool("many", "tool_2999", { value: "x" })
    }),
  )
})

describe("pages", () => {
  it.effect("end where a cursor comes twice, with what was read and a word about it", () =>
    Effect.gen(function* () {
      const { asked, catalog: lists, warnings } = yield* catalog({ repeatedCursor: "again" })
      expect(names(yield* lists.tools.all)).toEqual(["echo"])
      expect(asked().length).toBe(2)
      expect(warnings.some((text) => text.includes(`"again"`))).toBe(true)
    }),
  )
  it.effect("end where cursors go in a circle", () =>
    Effect.gen(function* () {
      let at = 0
      const made = yield* catalog({ on: { "tools/list": () => page([tool(`t${at}`)], `c${at++ % 3}`) } })
      expect(names(yield* made.catalog.tools.all)).toEqual(["t0", "t1", "t2", "t3"])
    }),
  )
  it.effect("without end are bounded", () =>
    Effect.gen(function* () {
      let at = 0
      const {
        asked,
        catalog: lists,
        warnings,
      } = yield* catalog({
        on: { "tools/list": () => page([tool(`t${at}`)], `c${at++}`) },
      })
      expect((yield* lists.tools.all).length).toBe(1_000)
      expect(asked().length).toBe(1_000)
      expect(warnings.length).toBe(1)
    }),
  )
  it.effect("that are huge are bounded in items", () =>
    Effect.gen(function* () {
      let at = 0
      const many = () => Array.from({ length: 20_000 }, () => tool(`t${at++}`))
      const { asked, catalog: lists } = yield* catalog({ on: { "tools/list": () => page(many(), `c${at}`) } })
      expect((yield* lists.tools.all).length).toBe(100_000)
      expect(asked().length).toBe(5)
    }),
  )
  it.effect("of which one fails keep what was read, and say so", () =>
    Effect.gen(function* () {
      const error = { code: -32603, message: "the database is down" }
      const { catalog: lists, warnings } = yield* catalog({
        on: { "tools/list": ({ params }) => (params?.cursor === "b" ? { error } : page([tool("a")], "b")) },
      })
      expect(names(yield* lists.tools.all)).toEqual(["a"])
      expect(warnings).toEqual(["tools/list: the database is down (code -32603); 1 kept"])
    }),
  )
  it.effect("of which one never comes keep what was read, after the timeout of a page", () =>
    Effect.gen(function* () {
      const { asked, catalog: lists } = yield* catalog(
        { on: { "tools/list": ({ params }) => (params?.cursor === "b" ? "silence" : page([tool("a")], "b")) } },
        5_000,
      )
      const fiber = yield* start(lists.tools.all)
      while (asked().length < 2) yield* Effect.yieldNow
      yield* TestClock.adjust(5_000)
      expect(names(yield* Fiber.join(fiber))).toEqual(["a"])
    }),
  )
  const cursors = [null, 7, "", {}, []]
  it.effect.each(cursors)("end at a cursor that is none: %s", (cursor) =>
    Effect.gen(function* () {
      const { asked, catalog: lists } = yield* catalog({ on: { "tools/list": () => page([tool("a")], cursor) } })
      expect(names(yield* lists.tools.all)).toEqual(["a"])
      expect(asked().length).toBe(1)
    }),
  )
  it.effect("cross no session: a listing that the connection interrupts fails, and is begun anew in the next", () =>
    Effect.gen(function* () {
      const { catalog: lists, end } = yield* catalog({
        on: { "tools/list": ({ params }) => (params?.cursor === undefined ? page([tool("a")], "b") : "silence") },
      })
      const fiber = yield* start(failure(lists.tools.all))
      yield* Effect.yieldNow
      end("cut")
      expect((yield* Fiber.join(fiber)).reason._tag).toBe("Transport")
      expect(lists.tools.known()).toBe(undefined)
    }),
  )
})

/** A server that is silent for a while where a page is asked for. */
const silentAt = (cursor: string | undefined) =>
  Effect.map(
    Effect.suspend(() => {
      const state = { isSilent: true }
      const script: Script = {
        on: {
          "tools/list": ({ params }) => {
            if (state.isSilent && params?.cursor === cursor) return "silence"
            return params?.cursor === undefined ? page([tool("a")], "b") : page([tool("b")])
          },
        },
      }
      return Effect.map(catalog(script, 5_000), (made) => ({ ...made, state }))
    }),
    (made) => {
      const read = Effect.exit(made.catalog.tools.all)
      /** Reads while the server is silent: the timeout of a page passes. */
      const wait = Effect.gen(function* () {
        const before = made.asked().length
        const fiber = yield* start(read)
        while (made.asked().length === before || made.asked().at(-1)?.params?.cursor !== cursor) yield* Effect.yieldNow
        yield* TestClock.adjust(5_000)
        return yield* Fiber.join(fiber)
      })
      return { ...made, read, wait }
    },
  )

describe("a list that could not be read to its end", () => {
  it.effect("is read again when it is needed next, where a later page never came, and told to be another then", () =>
    Effect.gen(function* () {
      const made = yield* silentAt("b")
      expect(names(yield* yield* made.wait)).toEqual(["a"])
      expect(made.warnings).toEqual([expect.stringContaining("no answer and no progress for 5000 ms")])
      expect(made.warnings[0]).toContain("1 kept")
      made.state.isSilent = false
      expect(names(yield* yield* made.read)).toEqual(["a", "b"])
      expect(made.changes).toEqual(["tools"])
      expect(made.asked().length).toBe(4)
      yield* made.read
      expect(made.asked().length).toBe(4)
    }),
  )

  it.effect("is not taken for empty where the first page never came", () =>
    Effect.gen(function* () {
      const made = yield* silentAt(undefined)
      expect((yield* failure(yield* made.wait)).reason._tag).toBe("Timeout")
      expect(made.warnings.length).toBe(1)
      made.state.isSilent = false
      expect(names(yield* yield* made.read)).toEqual(["a", "b"])
      expect(made.changes).toEqual(["tools"])
    }),
  )

  it.effect("is asked for ever more rarely where it goes on so, and what is wrong is told once", () =>
    Effect.gen(function* () {
      const made = yield* silentAt("b")
      yield* made.wait
      yield* made.wait
      for (const rest of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        const before = made.asked().length
        yield* TestClock.adjust(rest - 1)
        expect(names(yield* yield* made.read)).toEqual(["a"])
        expect(made.asked().length).toBe(before)
        yield* TestClock.adjust(1)
        yield* made.wait
      }
      expect(made.warnings.length).toBe(1)
      made.state.isSilent = false
      // What the server says to have changed is read at once.
      made.send({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })
      while (made.changes.length === 0) yield* turns
      expect(names(yield* yield* made.read)).toEqual(["a", "b"])
    }),
  )
})

describe("items", () => {
  it.effect("that make no sense are left out with a warning, the others stay", () =>
    Effect.gen(function* () {
      const bad = [null, 1, "a", [], {}, { name: "x" }, { name: 1, inputSchema: {} }, { name: "", inputSchema: {} }]
      const { catalog: lists, warnings } = yield* catalog({
        tools: [tool("first"), ...bad, tool("first"), { ...tool("__proto__"), extra: 1 }, tool("constructor")],
      })
      expect(names(yield* lists.tools.all)).toEqual(["first", "__proto__", "constructor"])
      expect(warnings.length).toBe(5)
      expect((yield* lists.tools.all)[1]).toMatchObject({ extra: 1 })
    }),
  )
  it.effect("that are not even a list are a warning", () =>
    Effect.gen(function* () {
      const { catalog: lists, warnings } = yield* catalog({ on: { "tools/list": () => ({ result: { tools: {} } }) } })
      expect(yield* lists.tools.all).toEqual([])
      expect(warnings.length).toBe(1)
    }),
  )
  it.effect("keep the members that nobody knows", () =>
    Effect.gen(function* () {
      const exotic = { ...tool("a"), _meta: { "x/y": [1] }, execution: { taskSupport: "optional" }, later: true }
      const { catalog: lists } = yield* catalog({ tools: [exotic] })
      expect(yield* lists.tools.all).toEqual([exotic] as never)
    }),
  )
})

describe("lists that a server does not declare", () => {
  it.effect("are empty, and nothing is sent", () =>
    Effect.gen(function* () {
      const { catalog: lists, wire } = yield* catalog({ capabilities: {} })
      for (const list of [lists.tools, lists.prompts, lists.resources, lists.templates]) {
        expect(yield* list.all).toEqual([])
      }
      expect(wire.messages("sent").map(({ method }) => method)).toEqual(["initialize", "notifications/initialized"])
    }),
  )
  testEffect(testMcp()).live("and then refuses are none: it is connected, with a warning", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warnings: Array<string> = []
      mcp.listen((event) => event.type === "mcp.warning" && warnings.push(event.data.message))
      const capabilities = { tools: {}, prompts: {}, resources: {} }
      expect(yield* mcp.add(config("peer", rawStdio({ capabilities })))).toEqual({ status: "connected" })
      const [state] = yield* mcp.servers
      expect(state).toMatchObject({ status: { status: "connected" }, tools: 1, prompts: 0, resources: 0, templates: 0 })
      expect(warnings.length).toBe(3)
      expect(yield* mcp.prompts("peer")).toEqual([])
    }),
  )
})

describe("a list that changed", () => {
  const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" }

  it.effect("is listed again once, and then it is said", () =>
    Effect.gen(function* () {
      let tools = [tool("a")]
      const made = yield* catalog({ on: { "tools/list": () => page(tools) } })
      const before = yield* made.catalog.tools.all
      expect(yield* made.catalog.tools.all).toBe(before)
      expect(made.asked().length).toBe(1)
      tools = [tool("a"), tool("b")]
      yield* made.deliver(changed)
      expect(names(yield* made.catalog.tools.all)).toEqual(["a", "b"])
      expect(made.asked().length).toBe(2)
      expect(made.changes).toEqual(["tools"])
    }),
  )

  it.effect("ten thousand times at once is listed at most twice, and said once", () =>
    Effect.gen(function* () {
      const made = yield* catalog({})
      yield* made.catalog.tools.all
      for (let at = 0; at < 10_000; at++) made.send(changed)
      yield* made.session.request(Method.ping, {})
      yield* made.catalog.tools.all
      expect(made.asked().length).toBeLessThanOrEqual(3)
      expect(made.changes).toEqual(["tools"])
    }),
  )

  it.effect("whenever it is listed neither hangs its readers nor keeps the server busy", () =>
    Effect.gen(function* () {
      const made = yield* catalog({
        on: {
          "tools/list": (_, client) => {
            client.send(changed)
            return page([tool("a")])
          },
        },
      })
      expect(names(yield* made.catalog.tools.all)).toEqual(["a"])
      yield* turns
      expect(made.asked().length).toBeLessThanOrEqual(10)
      for (let minute = 0; minute < 60; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* turns
      }
      expect(made.asked().length).toBeLessThanOrEqual(300)
      expect(made.asked().length).toBeGreaterThan(60)
      expect(names(yield* made.catalog.tools.all)).toEqual(["a"])
    }),
  )

  it.effect("while it is listed is listed once more before anybody gets it", () =>
    Effect.gen(function* () {
      let version = 0
      const made = yield* catalog({
        on: {
          "tools/list": (_, client) => {
            if (version === 0) client.send(changed)
            return page([tool(`v${version++}`)])
          },
        },
      })
      expect(names(yield* made.catalog.tools.all)).toEqual(["v1"])
      expect(made.asked().length).toBe(2)
    }),
  )

  it.effect("now and then is followed at once, each time", () =>
    Effect.gen(function* () {
      const made = yield* catalog({})
      yield* made.catalog.tools.all
      for (let time = 1; time <= 20; time++) {
        yield* TestClock.adjust("1 minute")
        yield* made.deliver(changed)
        yield* turns
        expect(made.changes.length).toBe(time)
      }
    }),
  )

  it.effect("is given to readers that ask meanwhile as it is then", () =>
    Effect.gen(function* () {
      let version = 0
      const made = yield* catalog({ on: { "tools/list": () => page([tool(`v${version}`)]) } })
      yield* made.catalog.tools.all
      version = 1
      yield* made.deliver(changed)
      const readers = yield* Effect.forEach([1, 2, 3], () => made.catalog.tools.all, { concurrency: "unbounded" })
      expect(readers.map(names)).toEqual([["v1"], ["v1"], ["v1"]])
      expect(made.asked().length).toBe(2)
    }),
  )
})

describe("the end of a catalogue", () => {
  it.effect("fails who waits for a listing with a typed error: nobody is interrupted, nobody hangs", () =>
    Effect.gen(function* () {
      const made = yield* catalog({ on: { "tools/list": () => "silence" } })
      const fiber = yield* start(Effect.exit(made.catalog.tools.all))
      yield* made.wire.first("sent", "tools/list")
      yield* Scope.close(made.scope, Exit.void)
      const ended = yield* Fiber.join(fiber)
      expect(ended).toMatchObject({ _tag: "Failure" })
      expect((yield* failure(ended)).reason._tag).toBe("Transport")
      expect((yield* failure(made.catalog.tools.all)).reason._tag).toBe("Transport")
    }),
  )
})
