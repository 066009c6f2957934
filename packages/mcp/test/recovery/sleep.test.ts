/** X6: a local server that nobody uses sleeps; it is offered all the same, and the next request wakes it. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"
import type { InMemoryClient } from "../../src/transport/in-memory.ts"
import { type Script, start } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

const minute = 60_000
const tools = [{ name: "echo", inputSchema: { type: "object" } }]
const capabilities = {
  tools: { listChanged: true },
  prompts: {},
  resources: { subscribe: true },
  logging: {},
  completions: {},
}

/** A server that sleeps after a minute, and counts its sessions. */
const sleeper = (script: Script = {}, entry: object = {}) =>
  Effect.gen(function* () {
    const made = yield* service
    const state = {
      sessions: 0,
      tools,
      instructions: "be kind",
      initialize: (): object | "silence" | undefined => undefined,
    }
    yield* made.add(
      "a",
      {
        capabilities,
        ...script,
        on: {
          "tools/list": () => ({ result: { tools: state.tools } }),
          "prompts/list": () => ({ result: { prompts: [{ name: "p" }] } }),
          "resources/list": () => ({ result: { resources: [] } }),
          "resources/templates/list": () => ({ result: { resourceTemplates: [] } }),
          "logging/setLevel": () => ({ result: {} }),
          initialize: () => {
            state.sessions += 1
            const own = state.initialize()
            if (own !== undefined) return own
            const { instructions } = state
            const serverInfo = { name: "raw", version: "1" }
            return { result: { protocolVersion: "2025-11-25", capabilities, serverInfo, instructions } }
          },
          ...script.on,
        },
      },
      { sleep: minute, ...entry },
    )
    const { events, of } = yield* observe(made.mcp)
    const connection = yield* made.mcp.connection("a")
    const isAsleep = () => connection.status().status === "connected" && connection.live() === undefined
    /** The requests of the latest session. */
    const asked = () =>
      made
        .wire("a")
        .messages("sent")
        .flatMap(({ id, method }) => (id === undefined || method === undefined ? [] : [method]))
    const statuses = () => of("mcp.status.changed")
    const before = events.length
    return { ...made, state, connection, isAsleep, asked, statuses, news: () => events.slice(before), of }
  })

const echoes = (n: number) => ({ content: [{ text: JSON.stringify({ n }) }] })

describe("a server that nobody uses", () => {
  it.effect("sleeps after its time, and what it offers is there without a request, and without an event", () =>
    Effect.gen(function* () {
      const { asked, connection, isAsleep, mcp, news, state } = yield* sleeper()
      const offered = yield* mcp.tools()
      const before = yield* mcp.servers
      yield* TestClock.adjust(minute - 1)
      expect(isAsleep()).toBe(false)
      yield* TestClock.adjust(1)
      expect(isAsleep()).toBe(true)
      const requests = asked().length
      expect(yield* mcp.tools()).toBe(offered)
      expect((yield* mcp.tools("a")).length).toBe(1)
      yield* mcp.prompts("a")
      yield* mcp.resources()
      yield* mcp.settled
      expect(yield* mcp.servers).toEqual(before)
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "be kind" }])
      expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
      yield* TestClock.adjust("1 day")
      expect(isAsleep()).toBe(true)
      expect(connection.status()).toEqual({ status: "connected" })
      expect([asked().length, state.sessions, news()]).toEqual([requests, 1, []])
    }),
  )

  it.effect("has its whole time from the end of the handshake, however long that took", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      let greet = (): void => undefined
      const initialize = ({ id }: { readonly id?: unknown }, to: InMemoryClient) => {
        const result = { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "raw", version: "1" } }
        greet = () => to.send({ jsonrpc: "2.0", id, result })
        return "silence" as const
      }
      const added = yield* start(add("a", { on: { initialize } }, { sleep: minute, timeout: { startup: 10 * minute } }))
      yield* TestClock.adjust(5 * minute)
      greet()
      yield* Fiber.join(added)
      const { live } = yield* mcp.connection("a")
      yield* TestClock.adjust(minute - 1)
      expect(live()).toBeDefined()
      yield* TestClock.adjust(1)
      expect(live()).toBe(undefined)
    }),
  )

  it.effect("never sleeps where its entry does not say so", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      yield* add("a")
      yield* TestClock.adjust("1 day")
      expect((yield* mcp.connection("a")).live()).toBeDefined()
    }),
  )

  it.effect("is woken once by any number of calls, is asked again what it offers, and falls asleep again", () =>
    Effect.gen(function* () {
      const { asked, isAsleep, mcp, news, state } = yield* sleeper()
      const offered = yield* mcp.tools()
      yield* mcp.setLevel("a", "warning")
      for (const sessions of [2, 3]) {
        yield* TestClock.adjust(minute)
        expect(isAsleep()).toBe(true)
        const calls = Array.from({ length: 50 }, (_, n) => n)
        const results = yield* Effect.forEach(calls, (n) => mcp.callTool("a", "echo", { n }), {
          concurrency: "unbounded",
        })
        for (const n of calls) expect(results[n]).toMatchObject(echoes(n))
        yield* TestClock.adjust(0)
        expect(state.sessions).toBe(sessions)
        expect(asked().filter((method) => method === "tools/list").length).toBe(1)
        expect(asked().filter((method) => method === "logging/setLevel").length).toBe(1)
        expect(yield* mcp.tools()).toBe(offered)
      }
      expect(news()).toEqual([])
    }),
  )

  it.effect("tells once what it offers otherwise than before it slept", () =>
    Effect.gen(function* () {
      const { mcp, news, state } = yield* sleeper()
      yield* TestClock.adjust(minute)
      state.tools = [...tools, { name: "more", inputSchema: { type: "object" } }]
      state.instructions = "be quick"
      yield* mcp.ping("a")
      yield* TestClock.adjust(0)
      expect(news()).toEqual([
        { type: "mcp.warning", data: { server: "a", message: "was woken, and its instructions are others now" } },
        { type: "mcp.tools.changed", data: { server: "a" } },
      ])
      expect((yield* mcp.tools()).map(({ key }) => key)).toEqual(["a_echo", "a_more"])
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "be quick" }])
    }),
  )

  const requests: ReadonlyArray<
    readonly [string, (mcp: Effect.Success<ReturnType<typeof sleeper>>["mcp"]) => Effect.Effect<unknown, unknown>]
  > = [
    ["tools/call", (mcp) => mcp.callTool("a", "echo", {})],
    ["resources/read", (mcp) => mcp.readResource("a", "x:y")],
    ["prompts/get", (mcp) => mcp.getPrompt("a", "p")],
    [
      "completion/complete",
      (mcp) => mcp.complete("a", { ref: { type: "ref/prompt", name: "p" }, argument: { name: "x", value: "" } }),
    ],
    ["resources/subscribe", (mcp) => mcp.subscribe("a", "x:y")],
    ["logging/setLevel", (mcp) => mcp.setLevel("a", "info")],
    ["ping", (mcp) => mcp.ping("a")],
  ]
  it.effect.each(requests)("is woken by a request: %s", ([method, ask]) =>
    Effect.gen(function* () {
      const { asked, isAsleep, mcp } = yield* sleeper()
      yield* TestClock.adjust(minute)
      expect(isAsleep()).toBe(true)
      const exit = yield* Effect.exit(ask(mcp))
      // What the server answers is another matter.
      expect(asked()).toContain(method)
      expect(isAsleep()).toBe(false)
      expect(exit._tag === "Failure" && JSON.stringify(exit).includes("connect")).toBe(false)
    }),
  )
})

describe("a server sleeps in the middle of nothing:", () => {
  it.effect("not of a call, however long it takes", () =>
    Effect.gen(function* () {
      let answer = (): void => undefined
      const hold = ({ id }: { readonly id?: unknown }, to: InMemoryClient) => {
        answer = () => to.send({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "done" }] } })
        return "silence" as const
      }
      const { isAsleep, mcp } = yield* sleeper({ on: { "tools/call": hold } }, { timeout: { execution: 3_600_000 } })
      const call = yield* start(mcp.callTool("a", "echo", {}))
      yield* TestClock.adjust("50 minutes")
      expect(isAsleep()).toBe(false)
      answer()
      expect(yield* Fiber.join(call)).toMatchObject({ content: [{ text: "done" }] })
      yield* TestClock.adjust(minute - 1)
      expect(isAsleep()).toBe(false)
      yield* TestClock.adjust(1)
      expect(isAsleep()).toBe(true)
    }),
  )

  it.effect("not while somebody is subscribed to a resource", () =>
    Effect.gen(function* () {
      const { isAsleep, mcp } = yield* sleeper({
        on: { "resources/subscribe": () => ({ result: {} }), "resources/unsubscribe": () => ({ result: {} }) },
      })
      yield* mcp.subscribe("a", "x:y")
      yield* TestClock.adjust("1 hour")
      expect(isAsleep()).toBe(false)
      yield* TestClock.adjust(minute / 2)
      yield* mcp.unsubscribe("a", "x:y")
      yield* TestClock.adjust(minute - 1)
      expect(isAsleep()).toBe(false)
      yield* TestClock.adjust(1)
      expect(isAsleep()).toBe(true)
    }),
  )

  it.effect("but pings are no use of it, ours and its own", () =>
    Effect.gen(function* () {
      const { client, isAsleep } = yield* sleeper({}, { keepAlive: 7_000 })
      for (let second = 0; second < 6; second++) {
        yield* TestClock.adjust(9_000)
        client("a").send({ jsonrpc: "2.0", id: second, method: "ping" })
      }
      expect(isAsleep()).toBe(false)
      yield* TestClock.adjust(minute - 6 * 9_000)
      expect(isAsleep()).toBe(true)
    }),
  )
})

describe("a call that meets a server as it falls asleep", () => {
  it.effect("is never lost: at each moment around the end of its time", () =>
    Effect.gen(function* () {
      const { mcp } = yield* sleeper()
      for (let n = 0; n < 40; n++) {
        // The timer and the call are due in the same turn, in either order.
        const call = yield* start(Effect.andThen(Effect.sleep(minute + (n % 3) - 1), mcp.callTool("a", "echo", { n })))
        yield* TestClock.adjust(minute + 1)
        expect(yield* Fiber.join(call)).toMatchObject(echoes(n))
      }
    }),
  )

  it.effect("is never lost where the server sleeps whenever it may", () =>
    Effect.gen(function* () {
      const { connection, mcp } = yield* sleeper({}, { sleep: 1 })
      for (let n = 0; n < 40; n++) {
        const calls = yield* start(
          Effect.all([mcp.callTool("a", "echo", { n }), mcp.tools("a"), mcp.prompts("a")], { concurrency: 3 }),
        )
        yield* TestClock.adjust(n % 4)
        const [result, offered, prompts] = yield* Fiber.join(calls)
        expect([result, offered.length, prompts.length]).toMatchObject([echoes(n), 1, 1])
      }
      expect(connection.status()).toEqual({ status: "connected" })
    }),
  )

  it.effect("is sent through the next session where it had the one before in its hands", () =>
    Effect.gen(function* () {
      const { connection, isAsleep, mcp, state } = yield* sleeper()
      const before = connection.live()
      yield* TestClock.adjust(minute)
      expect(isAsleep()).toBe(true)
      const ask = (n: number) =>
        before?.session.request(Method.callTool, { name: "echo", arguments: { n } }) ?? Effect.void
      expect(yield* ask(1)).toMatchObject(echoes(1))
      expect(state.sessions).toBe(2)
      // Not where it was disconnected.
      yield* TestClock.adjust(minute)
      yield* mcp.disconnect("a")
      expect((yield* Effect.exit(ask(2)))._tag).toBe("Failure")
      expect(state.sessions).toBe(2)
    }),
  )
})

describe("a server that cannot be woken", () => {
  it.effect("is started anew as one that died is, and the call waits", () =>
    Effect.gen(function* () {
      const { mcp, state, statuses } = yield* sleeper()
      yield* TestClock.adjust(minute)
      const before = statuses().length
      let failures = 2
      state.initialize = () => (failures-- > 0 ? { error: { code: -32603, message: "no room" } } : undefined)
      const call = yield* start(mcp.callTool("a", "echo", { n: 1 }))
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(call)).toMatchObject(echoes(1))
      expect(statuses().slice(before)).toMatchObject([
        { status: "pending", attempt: 1, error: "no room (code -32603)" },
        { status: "pending", attempt: 2 },
        { status: "connected" },
      ])
    }),
  )

  it.effect("is given up with its reason, and the next call tries once more", () =>
    Effect.gen(function* () {
      const { connection, mcp, state } = yield* sleeper()
      yield* TestClock.adjust(minute)
      state.initialize = () => ({ error: { code: -32603, message: "no room" } })
      const call = yield* start(Effect.flip(mcp.callTool("a", "echo", {})))
      yield* TestClock.adjust("2 minutes")
      expect((yield* Fiber.join(call)).message).toContain("no room")
      expect(connection.status().status).toBe("failed")
      expect(yield* mcp.tools()).toEqual([])
      state.initialize = () => undefined
      expect(yield* mcp.callTool("a", "echo", { n: 2 })).toMatchObject(echoes(2))
    }),
  )

  it.effect("is offered as before where a list cannot be read again", () =>
    Effect.gen(function* () {
      let isSilent = false
      const list = () => (isSilent ? "silence" : { result: { tools } })
      const { mcp, of } = yield* sleeper({ on: { "tools/list": list } })
      yield* TestClock.adjust(minute)
      isSilent = true
      expect(yield* mcp.callTool("a", "echo", { n: 1 })).toMatchObject(echoes(1))
      yield* TestClock.adjust(minute)
      expect((yield* mcp.servers)[0]?.tools).toBe(1)
      expect(of("mcp.tools.changed")).toEqual([])
      expect(of("mcp.warning").length).toBe(1)
    }),
  )

  it.effect("costs a call its own time and no more", () =>
    Effect.gen(function* () {
      const { mcp, state } = yield* sleeper()
      yield* TestClock.adjust(minute)
      state.initialize = () => "silence"
      const call = yield* start(Effect.flip(mcp.callTool("a", "echo", {}, { timeout: 500 })))
      yield* TestClock.adjust(500)
      expect((yield* Fiber.join(call)).reason._tag).toBe("Timeout")
    }),
  )
})

describe("a server that sleeps", () => {
  const endings = {
    asleep: () => Effect.void,
    waking: (mcp: Effect.Success<typeof service>["mcp"]) => start(Effect.exit(mcp.callTool("a", "echo", {}))),
  }
  it.effect.each(["asleep", "waking"] as const)("is disconnected, and stays so: %s", (moment) =>
    Effect.gen(function* () {
      const { mcp, state, statuses } = yield* sleeper()
      yield* TestClock.adjust(minute)
      const before = statuses().length
      yield* endings[moment](mcp)
      expect(yield* mcp.disconnect("a")).toEqual({ status: "disabled" })
      expect(statuses().slice(before)).toEqual([{ server: "a", status: "disabled" }])
      expect(yield* mcp.tools()).toEqual([])
      const { sessions } = state
      expect((yield* Effect.flip(mcp.callTool("a", "echo", {}))).reason._tag).toBe("NotConnected")
      expect(state.sessions).toBe(sessions)
      expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
      expect(yield* mcp.callTool("a", "echo", { n: 3 })).toMatchObject(echoes(3))
    }),
  )

  it.effect.each(["asleep", "waking"] as const)("is removed, or replaced: %s", (moment) =>
    Effect.gen(function* () {
      const { add, mcp } = yield* sleeper()
      yield* TestClock.adjust(minute)
      yield* endings[moment](mcp)
      yield* add("a", {}, { sleep: minute })
      expect(yield* mcp.callTool("a", "echo", { n: 4 })).toMatchObject(echoes(4))
      yield* TestClock.adjust(minute)
      yield* endings[moment](mcp)
      yield* mcp.remove("a")
      expect(yield* mcp.servers).toEqual([])
    }),
  )
})
