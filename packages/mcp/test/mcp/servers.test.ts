import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import type { Event } from "../../src/events.ts"
import { failure, start } from "../support/scripted.ts"
import { observe } from "../support/service.ts"

const it = testEffect(testMcp())

/** The status events of a service from now on, as `server status`. */
const statuses = (mcp: Mcp["Service"]) => {
  const all: Array<string> = []
  mcp.listen((event) => {
    if (event.type === "mcp.status.changed") all.push(`${event.data.server} ${event.data.status}`)
  })
  return all
}

/** The first event, past ones not included, that fits. */
const event = (mcp: Mcp["Service"], fits: (event: Event) => boolean) =>
  Effect.callback<Event>((resume) => {
    const stop = mcp.listen((one) => {
      if (fits(one)) resume(Effect.succeed(one))
    })
    return Effect.sync(stop)
  })

const became = (mcp: Mcp["Service"], server: string, status: string) =>
  event(mcp, ({ data, type }) => type === "mcp.status.changed" && data.server === server && data.status === status)

const pidOf = (mcp: Mcp["Service"], server: string) =>
  Effect.map(mcp.servers, (all) => all.find(({ name }) => name === server)?.pid ?? 0)

const hanging = { ...rawStdio({ on: { initialize: [] } }), timeout: { startup: 60_000 } }
const crashing = rawStdio({
  start: [
    { do: "stderr", text: "no licence\n" },
    { do: "exit", code: 3 },
  ],
})

describe("ten servers of which one hangs and one crashes", () => {
  it.live("leave the eight others usable while the tenth still hangs", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = statuses(mcp)
      const good = Array.from({ length: 8 }, (_, at) => `good-${at}`)
      const hung = yield* start(mcp.add(config("hangs", hanging)))
      const crashed = yield* start(mcp.add(config("crashes", crashing)))
      const each = (name: string) =>
        Effect.andThen(mcp.add(config(name, rawStdio())), mcp.callTool(name, "echo", { name }))
      const results = yield* Effect.forEach(good, each, { concurrency: "unbounded" })
      expect(results.map(({ content }) => content)).toEqual(
        good.map((name) => [{ type: "text", text: JSON.stringify({ name }) }]),
      )
      expect(yield* Fiber.join(crashed)).toMatchObject({ status: "failed" })
      expect(hung.pollUnsafe()).toBe(undefined)
      const states = yield* mcp.servers
      expect(states.map(({ name, status }) => `${name} ${status.status}`)).toEqual([
        "hangs pending",
        "crashes failed",
        ...good.map((name) => `${name} connected`),
      ])
      const [, { status } = { status: { status: "pending" } }] = states
      expect("error" in status ? status.error : "").toContain("exited with code 3; its last words:\nno licence")
      expect(said.filter((one) => one.startsWith("good-0"))).toEqual(["good-0 pending", "good-0 connected"])
      expect(said.filter((one) => one.startsWith("crashes"))).toEqual(["crashes pending", "crashes failed"])
      expect(said.filter((one) => one.startsWith("hangs"))).toEqual(["hangs pending"])
      // One server's tools do not wait for another.
      expect((yield* mcp.tools("good-3")).map(({ key }) => key)).toEqual(["good-3_echo"])
      // Those of all do, until the hanging one is given up.
      const all = yield* start(mcp.tools())
      expect(all.pollUnsafe()).toBe(undefined)
      yield* mcp.disconnect("hangs")
      expect((yield* Fiber.join(all)).map(({ server }) => server)).toEqual(good)
      expect(yield* Fiber.join(hung)).toEqual({ status: "disabled" })
    }),
  )

  it.live("the one that hangs fails by its own start-up timeout, in words that say what to do", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const script = { on: { initialize: [{ do: "stderr", text: "waiting for the moon\n" }] } } as const
      const status = yield* mcp.add(config("hangs", { ...rawStdio(script), timeout: { startup: 1_500 } }))
      const text = "error" in status ? (status.error ?? "") : ""
      expect(status.status).toBe("failed")
      expect(text).toContain("did not answer initialize within 1500 ms")
      expect(text).toContain("waiting for the moon")
    }),
  )
})

describe("a server", () => {
  it.live("is added, disconnected, connected and removed, and each step is an event", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = statuses(mcp)
      expect(yield* mcp.add(config("a", rawStdio()))).toEqual({ status: "connected" })
      const first = yield* pidOf(mcp, "a")
      expect(isAlive(first)).toBe(true)
      expect(yield* mcp.disconnect("a")).toEqual({ status: "disabled" })
      expect(isAlive(first)).toBe(false)
      expect(yield* mcp.tools()).toEqual([])
      expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
      const second = yield* pidOf(mcp, "a")
      expect(second).not.toBe(first)
      yield* mcp.remove("a")
      expect(isAlive(second)).toBe(false)
      expect(yield* mcp.servers).toEqual([])
      expect((yield* failure(mcp.connect("a"))).reason._tag).toBe("ServerNotFound")
      expect(said).toEqual(["a pending", "a connected", "a disabled", "a pending", "a connected", "a disabled"])
    }),
  )

  it.live("that was disconnected is not connected again by a call", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio()))
      yield* mcp.disconnect("a")
      const error = yield* failure(mcp.callTool("a", "echo", {}))
      expect(error.reason).toMatchObject({ _tag: "NotConnected", status: { status: "disabled" } })
      expect((yield* failure(mcp.tools("a"))).reason._tag).toBe("NotConnected")
      expect((yield* failure(mcp.ping("a"))).reason._tag).toBe("NotConnected")
      const { wires } = yield* Recordings
      expect(wires("a").length).toBe(1)
    }),
  )

  it.live("that is disabled in its entry is not started", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      expect(yield* mcp.add(config("a", { ...rawStdio(), enabled: false }))).toEqual({ status: "disabled" })
      expect((yield* failure(mcp.callTool("a", "echo"))).reason._tag).toBe("NotConnected")
      const { wires } = yield* Recordings
      expect(wires("a").length).toBe(0)
      expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
    }),
  )

  it.live("that is not usable as it is written has failed, and the others are not concerned", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = statuses(mcp)
      expect(yield* mcp.add({ name: "bad", type: "local", error: "mcp.bad.command: expected an array" })).toEqual({
        status: "failed",
        error: "mcp.bad.command: expected an array",
      })
      yield* mcp.add(config("good", rawStdio()))
      const { message, reason } = yield* failure(mcp.callTool("bad", "echo"))
      expect(reason._tag).toBe("NotConnected")
      expect(message).toContain("expected an array")
      expect(yield* mcp.connect("bad")).toMatchObject({ status: "failed" })
      expect(yield* mcp.disconnect("bad")).toMatchObject({ status: "failed" })
      expect((yield* mcp.tools()).map(({ key }) => key)).toEqual(["good_echo"])
      expect(said).toEqual(["bad failed", "good pending", "good connected"])
      expect(yield* mcp.add(config("bad", rawStdio()))).toEqual({ status: "connected" })
      expect((yield* mcp.servers).map(({ name }) => name)).toEqual(["bad", "good"])
    }),
  )

  it.live("that is added again takes the place of the first, whose process ends", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio({ tools: [{ name: "old", inputSchema: {} }] })))
      yield* mcp.add(config("b", rawStdio()))
      const old = yield* pidOf(mcp, "a")
      yield* mcp.add(config("a", rawStdio({ tools: [{ name: "new", inputSchema: {} }] })))
      expect(isAlive(old)).toBe(false)
      expect((yield* mcp.tools()).map(({ key }) => key)).toEqual(["a_new", "b_echo"])
      expect((yield* failure(mcp.callTool("a", "old"))).reason._tag).toBe("ToolNotFound")
    }),
  )

  it.live("that is added by two at once is one server", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* Effect.forEach([1, 2, 3], () => mcp.add(config("a", rawStdio())), { concurrency: "unbounded" })
      yield* mcp.connect("a")
      yield* mcp.callTool("a", "echo")
      const { wires } = yield* Recordings
      const connected = wires("a").filter((wire) => wire.messages("sent", "tools/call").length > 0)
      expect(connected.length).toBe(1)
      expect((yield* mcp.servers).length).toBe(1)
    }),
  )

  it.live("that is disconnected while it connects leaves nothing, and who waited is told", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const adding = yield* start(mcp.add(config("a", hanging)))
      const calling = yield* start(failure(mcp.callTool("a", "echo")))
      const { wire, wires } = yield* Recordings
      while (wires("a").length === 0) yield* Effect.yieldNow
      yield* wire("a").first("sent", "initialize")
      yield* mcp.disconnect("a")
      expect(yield* Fiber.join(adding)).toEqual({ status: "disabled" })
      expect((yield* Fiber.join(calling)).reason._tag).toBe("NotConnected")
    }),
  )

  it.live("that is asked to connect by many connects once", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", { ...rawStdio(), enabled: false }))
      const all = yield* Effect.forEach([1, 2, 3, 4], () => mcp.connect("a"), { concurrency: "unbounded" })
      expect(all.every(({ status }) => status === "connected")).toBe(true)
      const { wires } = yield* Recordings
      expect(wires("a").length).toBe(1)
    }),
  )
})

describe("a server that died", () => {
  it.live("in a call fails that call at once with its last words, and serves the next ones after one restart", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const said = statuses(mcp)
      const die = [
        { do: "stderr", text: "out of memory\n" },
        { do: "signal", signal: "SIGKILL" },
      ] as const
      const tools = [{ name: "die", inputSchema: {} }]
      const script = { tools, capabilities: { tools: {} }, on: { "prompts/get": die, "tools/call": die } }
      yield* mcp.add(config("a", rawStdio(script)))
      const { message, reason } = yield* failure(mcp.callTool("a", "die"))
      expect(reason._tag).toBe("Transport")
      expect(message).toContain("was ended by SIGKILL; its last words:\nout of memory")
      // Eight calls share one restart; it dies again, and each is told.
      const again = yield* Effect.forEach(
        Array.from({ length: 8 }),
        () => Effect.map(failure(mcp.callTool("a", "die")), (error) => error.reason._tag),
        { concurrency: "unbounded" },
      )
      expect(again).toEqual(Array.from({ length: 8 }, () => "Transport"))
      const { wires } = yield* Recordings
      expect(wires("a").length).toBe(2)
      expect(said.slice(0, 4)).toEqual(["a pending", "a connected", "a pending", "a connected"])
    }),
  )

  it.live("between calls is started once more, without any call", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio()))
      const before = yield* pidOf(mcp, "a")
      const { first } = yield* observe(mcp)
      process.kill(before, "SIGKILL")
      yield* first(({ data, type }) => type === "mcp.status.changed" && data.attempt === 1)
      yield* mcp.settled
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
      expect(yield* pidOf(mcp, "a")).not.toBe(before)
      expect((yield* mcp.tools()).length).toBe(1)
      const { wires } = yield* Recordings
      expect(wires("a").length).toBe(2)
    }),
  )

  it.live("and cannot start any more says so to each call, and is tried by each", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", crashing))
      const { wires } = yield* Recordings
      expect((yield* failure(mcp.callTool("a", "echo"))).message).toContain("no licence")
      expect((yield* failure(mcp.callTool("a", "echo"))).reason._tag).toBe("NotConnected")
      expect(wires("a").length).toBe(3)
    }),
  )
})

describe("closing the service", () => {
  it.live("interrupts nobody: calls and lists that wait fail with a reason", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const tools = [{ name: "slow", inputSchema: {} }]
      const script = { tools, capabilities: { tools: {}, prompts: {} }, on: { "tools/call": [], "prompts/list": [] } }
      yield* start(mcp.add(config("a", rawStdio(script))))
      yield* became(mcp, "a", "connected")
      const { wire } = yield* Recordings
      const call = yield* start(Effect.exit(mcp.callTool("a", "slow")))
      const list = yield* start(Effect.exit(mcp.prompts("a")))
      const all = yield* start(Effect.exit(mcp.prompts()))
      yield* wire("a").first("sent", "tools/call")
      yield* wire("a").first("sent", "prompts/list")
      yield* mcp.disconnect("a")
      expect(Exit.hasInterrupts(yield* Fiber.join(call))).toBe(false)
      expect(yield* Fiber.join(list)).toMatchObject({ _tag: "Failure" })
      expect(Exit.hasInterrupts(yield* Fiber.join(list))).toBe(false)
      expect(yield* Fiber.join(all)).toEqual(Exit.succeed([]))
    }),
  )
})
