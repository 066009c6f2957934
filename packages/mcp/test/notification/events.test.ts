import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { sdkV1, sdkV1Http, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Elicitation, Events, Mcp } from "../../src/index.ts"
import type { Event } from "../../src/events.ts"
import { start } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

/** Visits every page that it is asked to. */
const visitor = Layer.succeed(Elicitation)({ modes: ["url"], elicit: () => Effect.succeed({ action: "accept" }) })
const live = testEffect(Layer.provide(testMcp(), visitor))

const task = {
  taskId: "t",
  status: "working",
  createdAt: "2026-01-01T00:00:00Z",
  lastUpdatedAt: "2026-01-01T00:00:00Z",
  ttl: null,
}

const notify = (method: string, params?: object) => (mcp: Mcp["Service"]) =>
  mcp.callTool("a", "notify", { method: `notifications/${method}`, ...(params === undefined ? {} : { params }) })

/** What makes a server send each notification, and the event that comes of it. */
const notifications: ReadonlyArray<{
  readonly name: string
  readonly cause: (mcp: Mcp["Service"]) => Effect.Effect<unknown, unknown>
  readonly event: { readonly type: Event["type"]; readonly data: object }
}> = [
  {
    name: "tools/list_changed",
    cause: (mcp) => mcp.callTool("a", "toggle"),
    event: { type: "mcp.tools.changed", data: {} },
  },
  {
    name: "prompts/list_changed",
    cause: notify("prompts/list_changed"),
    event: { type: "mcp.prompts.changed", data: {} },
  },
  {
    name: "resources/list_changed",
    cause: notify("resources/list_changed"),
    event: { type: "mcp.resources.changed", data: {} },
  },
  {
    name: "resources/updated",
    cause: (mcp) =>
      Effect.andThen(mcp.subscribe("a", "test://text"), mcp.callTool("a", "touch", { uri: "test://text" })),
    event: { type: "mcp.resource.updated", data: { uri: "test://text" } },
  },
  {
    name: "message",
    cause: (mcp) => mcp.callTool("a", "chatter", { level: "alert", logger: "db" }),
    event: { type: "mcp.log", data: { level: "alert", logger: "db", data: { message: "message 1", at: 1 } } },
  },
  {
    name: "progress",
    cause: (mcp) => mcp.callTool("a", "progress", { steps: 1 }, { request: "r" }),
    event: { type: "mcp.progress", data: { request: "r", progress: 1, total: 1, message: "step 1" } },
  },
  {
    name: "cancelled",
    cause: notify("cancelled", { requestId: "s", reason: "why" }),
    event: { type: "mcp.cancelled", data: { requestId: "s", reason: "why" } },
  },
  {
    name: "elicitation/complete",
    cause: (mcp) => mcp.callTool("a", "elicitUrl", { elicitationId: "e", after: 1 }),
    event: { type: "mcp.elicitation.completed", data: { elicitationId: "e" } },
  },
  { name: "tasks/status", cause: notify("tasks/status", task), event: { type: "mcp.task.status", data: { task } } },
]

const peers = [
  ["SDK v1 over stdio", Effect.succeed(sdkV1())],
  ["SDK v2 over stdio", Effect.succeed(sdkV2())],
  ["SDK v1 over HTTP", sdkV1Http()],
  ["SDK v2 over HTTP", sdkV2Http()],
] as const

describe("every notification of a server's process becomes an event", () => {
  for (const [name, peer] of peers) {
    live.live(name, () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        const { events, first } = yield* observe(mcp)
        yield* mcp.add(config("a", yield* peer))
        for (const { cause, event } of notifications) {
          yield* cause(mcp)
          const { data } = yield* first(({ type }) => type === event.type)
          expect(data).toEqual({ server: "a", ...event.data } as never)
        }
        expect(notifications).toHaveLength(9)
        const isEvent = Schema.is(Events.Event)
        expect(events.filter((event) => !isEvent(event))).toEqual([])
      }),
    )
  }
})

const lists = {
  "tools/list": { tools: [] },
  "prompts/list": { prompts: [] },
  "resources/list": { resources: [] },
  "resources/templates/list": { resourceTemplates: [] },
}

describe("a flood", () => {
  const log = (data: unknown) => ({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data } })
  it.effect(
    "of a million log messages that nobody reads is kept up to a bound, told in one warning, and drowns nothing",
    () =>
      Effect.gen(function* () {
        const { add, client, mcp } = yield* service
        yield* add("a", { capabilities: { logging: {}, tools: {} } })
        for (let at = 0; at < 1_000_000; at++) client("a").send(log(at))
        yield* mcp.ping("a")
        yield* mcp.disconnect("a")
        const { events, of } = yield* observe(mcp)
        const logs = of("mcp.log")
        expect(logs.length).toBe(4_096)
        expect(logs[0]).toEqual({ server: "a", level: "info", data: 0 })
        expect(of("mcp.warning")).toEqual([
          {
            server: "a",
            message: `${1_000_000 - 4_096} of its mcp.log events were lost: they came quicker than they were read`,
          },
        ])
        const statuses = events.filter(({ type }) => type === "mcp.status.changed").map(({ data }) => data)
        expect(statuses.at(-1)).toEqual({ server: "a", status: "disabled" })
        expect(events.length).toBeLessThan(5_000)
      }),
    60_000,
  )
  it.effect("that a subscriber of the events does not keep up with costs that subscriber alone", () =>
    Effect.gen(function* () {
      const { add, client, mcp } = yield* service
      const { of } = yield* observe(mcp)
      yield* add("a", { capabilities: { logging: {}, tools: {} } })
      const latch = yield* Latch.make()
      const isOver = (event: Event) => event.type === "mcp.warning"
      const slow = Stream.mapEffect(mcp.events, (event) => Effect.as(latch.await, event))
      const reader = yield* start(Stream.runCollect(Stream.takeUntil(slow, isOver)))
      for (let at = 0; at < 50_000; at++) client("a").send(log(at))
      yield* mcp.ping("a")
      yield* latch.open
      const seen = yield* Fiber.join(reader)
      expect(of("mcp.log")).toHaveLength(50_000)
      expect(of("mcp.warning")).toEqual([])
      const logs = seen.filter(({ type }) => type === "mcp.log").length
      expect(logs).toBeLessThan(10_000)
      expect(seen.at(-1)?.data).toEqual({
        server: "a",
        message: `${50_000 - logs} of its mcp.log events were lost: they came quicker than they were read`,
      })
    }),
  )
  const methods = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] as const
  it.effect("of list_changed costs a few listings, and what was listed stays", () =>
    Effect.gen(function* () {
      const { add, client, mcp, wire } = yield* service
      const on = Object.fromEntries(methods.map((method) => [method, () => ({ result: lists[method] })]))
      const all = { listChanged: true }
      yield* add("a", { capabilities: { tools: all, prompts: all, resources: all }, on })
      for (let at = 0; at < 100_000; at++) {
        for (const what of ["tools", "prompts", "resources"]) {
          client("a").send({ jsonrpc: "2.0", method: `notifications/${what}/list_changed` })
        }
      }
      yield* mcp.ping("a")
      expect(yield* mcp.tools("a")).toEqual([])
      for (const method of methods) expect(wire("a").messages("sent", method).length).toBeLessThan(10)
    }),
  )
  live.live("of log messages from a process leaves its calls alone", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV2()))
      yield* mcp.callTool("a", "chatter", { count: 10_000 })
      const { of } = yield* observe(mcp)
      expect(of("mcp.log")).toHaveLength(4_096)
      expect(JSON.stringify(of("mcp.warning"))).toContain(`${10_000 - 4_096} of its mcp.log events were lost`)
    }),
  )
})
