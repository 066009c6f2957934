import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, Method, Notifications } from "../../src/index.ts"
import { defaultBytes, defaultCapacity } from "../../src/notification/channel.ts"
import type { Dropped, Topic } from "../../src/notification/notifications.ts"
import { scripted, server, connected, start } from "../support/scripted.ts"

const task = {
  taskId: "t",
  status: "working",
  createdAt: "2026-01-01T00:00:00Z",
  lastUpdatedAt: "2026-01-01T00:00:00Z",
  ttl: null,
}

/** Every notification of the protocol, and what its subscribers get. */
const notifications: ReadonlyArray<{
  readonly name: Topic
  readonly params?: object
  readonly payload: object
}> = [
  { name: "tools/list_changed", payload: {} },
  { name: "prompts/list_changed", payload: {} },
  { name: "resources/list_changed", payload: {} },
  { name: "resources/updated", params: { uri: "test://a" }, payload: { uri: "test://a" } },
  {
    name: "message",
    params: { level: "notice", logger: "db", data: { deep: [1] } },
    payload: { level: "notice", logger: "db", data: { deep: [1] } },
  },
  {
    name: "progress",
    params: { progressToken: "p", progress: 1, total: 2, message: "m" },
    payload: { progressToken: "p", progress: 1, total: 2, message: "m" },
  },
  { name: "cancelled", params: { requestId: "r", reason: "why" }, payload: { requestId: "r", reason: "why" } },
  { name: "elicitation/complete", params: { elicitationId: "e" }, payload: { elicitationId: "e" } },
  { name: "tasks/status", params: task, payload: task },
]

/** A client that visits every page: only what was asked for can be complete. */
const visitor = CapabilityLayer.make({
  elicitation: { modes: ["url"], elicit: () => Effect.succeed({ action: "accept" }) },
})
const visit = { mode: "url", message: "Sign in", url: "https://example.com/", elicitationId: "e" }

describe("each notification has a stream of its own", () => {
  it.effect.each(notifications)("%s", ({ name, params, payload }) =>
    Effect.gen(function* () {
      const peer = yield* scripted({ client: visitor })
      peer.send({ jsonrpc: "2.0", id: "v", method: "elicitation/create", params: visit })
      yield* peer.wire.first("sent", ({ id }) => id === "v")
      const fiber = yield* start(Stream.runHead(peer.notifications.stream(name)))
      const others = notifications.filter((other) => other.name !== name)
      let elsewhere = 0
      for (const other of others) peer.notifications.listen(other.name, () => (elsewhere += 1))
      peer.send({ jsonrpc: "2.0", method: `notifications/${name}`, ...(params === undefined ? {} : { params }) })
      expect(yield* Fiber.join(fiber)).toEqual(Option.some(payload) as never)
      expect(elsewhere).toBe(0)
    }),
  )

  it.effect.each(notifications)(
    "%s, with the _meta of its server; what is none is left out",
    ({ name, params, payload }) =>
      Effect.gen(function* () {
        const peer = yield* scripted({ client: visitor })
        const visits = ["e", "f"].map((elicitationId) => ({ ...visit, elicitationId }))
        for (const [id, params] of visits.entries()) {
          peer.send({ jsonrpc: "2.0", id: `v${id}`, method: "elicitation/create", params })
          yield* peer.wire.first("sent", (message) => message.id === `v${id}`)
        }
        const seen: Array<unknown> = []
        peer.notifications.listen(name, (each) => seen.push(each))
        const send = (more: object) =>
          peer.deliver({ jsonrpc: "2.0", method: `notifications/${name}`, params: { ...params, ...more } })
        const _meta = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "example.com/a": [1] }
        yield* send({ _meta })
        // A visit is over once.
        const other = name === "elicitation/complete" ? { elicitationId: "f" } : {}
        yield* send({ ...other, _meta: "none" })
        expect(seen).toEqual([
          { ...payload, _meta },
          { ...payload, ...other },
        ])
      }),
  )

  it.effect("and that of a step of progress reaches who called", () =>
    Effect.gen(function* () {
      const _meta = { "example.com/step": { name: "read" } }
      const { session } = yield* scripted({
        on: {
          "tools/call": ({ id }, client) => {
            client.send({
              jsonrpc: "2.0",
              method: "notifications/progress",
              params: { progressToken: id, progress: 1, _meta },
            })
            return { result: { content: [] } }
          },
        },
      })
      const steps: Array<unknown> = []
      yield* session.request(Method.callTool, { name: "echo" }, { onProgress: (step) => steps.push(step) })
      expect(steps).toEqual([{ progressToken: expect.any(Number), progress: 1, _meta }])
    }),
  )

  const senseless: ReadonlyArray<{ readonly name: Topic; readonly params?: unknown }> = [
    { name: "resources/updated", params: { uri: 1 } },
    { name: "message", params: { level: "loud", data: 1 } },
    { name: "message", params: null },
    { name: "progress", params: { progressToken: 1 } },
    { name: "progress", params: { progressToken: 1.5, progress: 1 } },
    { name: "cancelled" },
    { name: "elicitation/complete", params: [] },
    { name: "tasks/status", params: { taskId: "t" } },
  ]
  it.effect.each(senseless)("that makes no sense reaches nobody, and is reported: %s", ({ name, params }) =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      const warned: Array<string> = []
      let seen = 0
      peer.notifications.listen("warning", ({ message }) => warned.push(message))
      peer.notifications.listen(name, () => (seen += 1))
      yield* peer.deliver({ jsonrpc: "2.0", method: `notifications/${name}`, params })
      expect([seen, warned.length]).toEqual([0, 1])
      expect(warned[0]).toContain(`notifications/${name}`)
    }),
  )

  it.effect("senseless ones without end are reported a few times, and then no more", () =>
    Effect.gen(function* () {
      const peer = yield* scripted()
      let warned = 0
      peer.notifications.listen("warning", () => (warned += 1))
      for (let at = 0; at < 1_000; at++) peer.send({ jsonrpc: "2.0", method: "notifications/resources/updated" })
      yield* peer.session.request(Method.ping, {})
      expect(warned).toBe(20)
    }),
  )
})

const suite = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { notifications, session } = yield* connect(yield* target.entry)
      const notify = (method: string, params: object) =>
        session.request(Method.callTool, { name: "notify", arguments: { method: `notifications/${method}`, params } })
      const logged = yield* start(Stream.runHead(notifications.stream("message")))
      yield* notify("message", { level: "warning", logger: "l", data: "d" })
      expect(yield* Fiber.join(logged)).toEqual(Option.some({ level: "warning", logger: "l", data: "d" }))
      const updated = yield* start(Stream.runCollect(Stream.take(notifications.stream("resources/updated"), 2)))
      yield* notify("resources/updated", { uri: "test://text" })
      const last = { uri: "test://blob", _meta: { "example.com/a": { b: 1 } } }
      yield* notify("resources/updated", last)
      expect(yield* Fiber.join(updated)).toEqual([{ uri: "test://text" }, last])
      const changed = yield* start(Stream.runHead(notifications.stream("tools/list_changed")))
      yield* session.request(Method.callTool, { name: "toggle" })
      expect(Option.isSome(yield* Fiber.join(changed))).toBe(true)
    }),
  )

describe("notifications of a real server arrive", () => targets.forEach(suite))

describe("what came before anybody listened", () => {
  it.effect("is given to the first subscriber, in order, even what came during the handshake", () =>
    Effect.gen(function* () {
      const log = (data: number) => ({
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { level: "info", data },
      })
      const peer = yield* server({
        on: {
          initialize: (_, client) => {
            client.send(log(1))
            client.send(log(2))
          },
        },
      })
      const { notifications } = yield* connected(peer)
      yield* peer.deliver(log(3))
      const first = yield* start(Stream.runCollect(Stream.take(notifications.stream("message"), 4)))
      yield* peer.deliver(log(4))
      expect((yield* Fiber.join(first)).map(({ data }) => data)).toEqual([1, 2, 3, 4])
    }),
  )
  it.effect("and is too much is counted", () =>
    Effect.sync(() => {
      const hub = Notifications.make()
      for (let at = 0; at < defaultCapacity + 3; at++) hub.publish("message", { level: "info", data: at })
      expect(hub.dropped("message")).toBe(3)
      const seen: Array<unknown> = []
      hub.listen("message", ({ data }) => seen.push(data))
      expect([seen.length, seen[0], seen.at(-1)]).toEqual([defaultCapacity, 0, defaultCapacity - 1])
      expect(hub.dropped("warning")).toBe(0)
    }),
  )
})

describe("a subscriber", () => {
  it.effect("that lags loses the newest, and that is counted; the others lose nothing", () =>
    Effect.gen(function* () {
      const hub = Notifications.make()
      let quick = 0
      hub.listen("message", () => (quick += 1))
      const slow = yield* start(Stream.runForEach(Stream.take(hub.stream("message"), 2), () => Effect.sleep("1 hour")))
      const total = defaultCapacity * 2
      for (let at = 0; at < total; at++) hub.publish("message", { level: "info", data: at })
      expect(quick).toBe(total)
      expect(hub.dropped("message")).toBe(total - defaultCapacity)
      yield* Fiber.interrupt(slow)
      const before = hub.dropped("message")
      for (let at = 0; at < total; at++) hub.publish("message", { level: "info", data: at })
      expect(hub.dropped("message")).toBe(before)
    }),
  )
  it.effect("that reads again is told what it missed, once for a burst, and so is whoever listens to that", () =>
    Effect.gen(function* () {
      const hub = Notifications.make()
      const dropped: Array<Dropped> = []
      hub.listen("dropped", (each) => dropped.push(each))
      const latch = yield* Latch.make()
      const slow = Stream.mapEffect(hub.stream("message"), ({ data }) => Effect.as(latch.await, data))
      const reader = yield* start(Stream.runCollect(Stream.take(slow, defaultCapacity + 1)))
      const flood = (size: number) => {
        for (let at = 0; at < size; at++) hub.publish("message", { level: "info", data: at })
      }
      flood(defaultCapacity * 10)
      expect(dropped).toEqual([])
      yield* latch.open
      yield* Effect.yieldNow
      flood(1)
      expect((yield* Fiber.join(reader)).at(-1)).toBe(0)
      expect(dropped).toEqual([{ topic: "message", count: defaultCapacity * 9 }])
    }),
  )
  it.effect("that lags keeps so many bytes and no more", () =>
    Effect.gen(function* () {
      const hub = Notifications.make()
      const data = "x".repeat(defaultBytes / 16)
      for (let at = 0; at < 100; at++) hub.publish("message", { level: "info", data })
      const kept = 100 - hub.dropped("message")
      expect(kept > 2 && kept <= 8).toBe(true)
      const huge = "x".repeat(defaultBytes)
      hub.publish("stderr", { line: huge })
      expect(hub.dropped("stderr")).toBe(0)
      const told = yield* start(Stream.runHead(hub.stream("dropped")))
      hub.listen("message", () => undefined)
      expect(yield* Fiber.join(told)).toEqual(Option.some({ topic: "message", count: 100 - kept }))
    }),
  )
  it.effect("may leave while it is told", () =>
    Effect.sync(() => {
      const hub = Notifications.make()
      let seen = 0
      const stop = hub.listen("stderr", () => {
        seen += 1
        stop()
      })
      hub.listen("stderr", () => (seen += 10))
      hub.publish("stderr", { line: "a" })
      hub.publish("stderr", { line: "b" })
      expect(seen).toBe(21)
    }),
  )
})
