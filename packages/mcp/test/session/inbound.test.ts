import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { it } from "@opencode-ai/testing/effect"
import { statefulRevisions } from "@opencode-ai/testing/matrix"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, Method } from "../../src/index.ts"
import { failure, type Script, type Scripted, scripted, start } from "../support/scripted.ts"

const call = { name: "echo", arguments: { a: 1 } }

/** A session in which calls are answered by the test alone. */
const held = (script: Script = {}) => scripted({ ...script, on: { "tools/call": () => "silence", ...script.on } })

const warnings = ({ notifications }: Scripted) => {
  const found: Array<string> = []
  notifications.listen("warning", ({ message }) => found.push(message))
  return found
}

/** What any server may get wrong without any harm to a call that waits. */
const nonsense: ReadonlyArray<{ readonly name: string; readonly message: unknown; readonly warned: boolean }> = [
  { name: "an answer to nobody", message: { jsonrpc: "2.0", id: 99, result: {} }, warned: true },
  { name: "an answer with a foreign id", message: { jsonrpc: "2.0", id: "2", result: {} }, warned: true },
  {
    name: "an error without an id",
    message: { jsonrpc: "2.0", id: null, error: { code: 1, message: "" } },
    warned: true,
  },
  { name: "an answer of the handshake again", message: { jsonrpc: "2.0", id: 1, result: {} }, warned: false },
  { name: "an empty object", message: {}, warned: true },
  { name: "an empty batch", message: [], warned: true },
  { name: "a batch of junk", message: [1, "two", null, [[]]], warned: true },
  { name: "a request without a usable id", message: { jsonrpc: "2.0", id: null, method: "ping" }, warned: true },
  { name: "a request with a fraction as its id", message: { jsonrpc: "2.0", id: 1.5, method: "ping" }, warned: true },
  { name: "a request with an object as its id", message: { jsonrpc: "2.0", id: {}, method: "ping" }, warned: true },
  { name: "an unknown notification", message: { jsonrpc: "2.0", method: "notifications/new" }, warned: false },
  {
    name: "a notification named like a member of every object",
    message: { method: "notifications/constructor" },
    warned: false,
  },
  {
    name: "progress without a token",
    message: { method: "notifications/progress", params: { progress: 1 } },
    warned: true,
  },
  {
    name: "progress for nobody",
    message: { method: "notifications/progress", params: { progressToken: "x", progress: 1 } },
    warned: false,
  },
  {
    name: "a cancellation of nothing",
    message: { method: "notifications/cancelled", params: { requestId: 4 } },
    warned: false,
  },
  { name: "params that are an array", message: { method: "notifications/message", params: [1] }, warned: true },
]

describe("a call is not touched by", () => {
  it.effect.each(nonsense)("%s", ({ message, warned }) =>
    Effect.gen(function* () {
      const peer = yield* held()
      const said = warnings(peer)
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* peer.wire.first("sent", "tools/call")
      peer.send(message)
      peer.send({ jsonrpc: "2.0", id: 2, result: { content: [] } })
      expect(yield* Fiber.join(fiber)).toEqual({ content: [] })
      expect(said.length > 0).toBe(warned)
    }),
  )
})

describe("an answer", () => {
  const answers = [
    { name: "null beside the result", message: { id: 2, result: { content: [] }, error: null } },
    { name: "no version", message: { id: 2, result: { content: [] } } },
    { name: "members nobody knows", message: { jsonrpc: "2.0", id: 2, result: { content: [] }, trace: 1 } },
  ]
  it.effect.each(answers)("is taken with %s", ({ message }) =>
    Effect.gen(function* () {
      const peer = yield* held()
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* peer.wire.first("sent", "tools/call")
      peer.send(message)
      expect(yield* Fiber.join(fiber)).toEqual({ content: [] })
    }),
  )

  const wrong = [
    { name: "neither a result nor an error", message: { jsonrpc: "2.0", id: 2 }, tag: "InvalidResponse" },
    { name: "null as the result", message: { jsonrpc: "2.0", id: 2, result: null }, tag: "InvalidResponse" },
    {
      name: "a result of another shape",
      message: { jsonrpc: "2.0", id: 2, result: { tools: [] } },
      tag: "InvalidResponse",
    },
    { name: "a text as the error", message: { jsonrpc: "2.0", id: 2, error: "no" }, tag: "Protocol" },
    { name: "an empty error", message: { jsonrpc: "2.0", id: 2, error: {} }, tag: "Protocol" },
  ] as const
  it.effect.each(wrong)("fails its call at once with %s", ({ message, tag }) =>
    Effect.gen(function* () {
      const peer = yield* held()
      const fiber = yield* start(failure(peer.session.request(Method.callTool, call)))
      yield* peer.wire.first("sent", "tools/call")
      peer.send(message)
      expect((yield* Fiber.join(fiber)).reason._tag).toBe(tag)
      expect(yield* peer.session.request(Method.ping, {})).toEqual({})
    }),
  )

  it.effect("goes to the call that asked for it, in whatever order answers come", () =>
    Effect.gen(function* () {
      const peer = yield* held()
      const fibers = yield* Effect.forEach([1, 2, 3], () => start(peer.session.request(Method.callTool, call)))
      yield* peer.wire.first("sent", ({ id }) => id === 4)
      for (const id of [3, 4, 4, 2])
        peer.send({ jsonrpc: "2.0", id, result: { content: [], structuredContent: { id } } })
      const results = yield* Effect.forEach(fibers, Fiber.join)
      expect(results.map(({ structuredContent }) => structuredContent)).toEqual([{ id: 2 }, { id: 3 }, { id: 4 }])
    }),
  )

  it.effect("that comes after the cancellation is dropped, and nobody is warned", () =>
    Effect.gen(function* () {
      const peer = yield* held()
      const said = warnings(peer)
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* peer.wire.first("sent", "tools/call")
      yield* Fiber.interrupt(fiber)
      peer.send({ jsonrpc: "2.0", id: 2, result: { content: [] } })
      expect(yield* peer.session.request(Method.ping, {})).toEqual({})
      expect(said).toEqual([])
    }),
  )
})

describe("a notification is only what its name says", () => {
  it.effect("a log message that carries a request's id cancels nothing", () =>
    Effect.gen(function* () {
      const listed = yield* Deferred.make<ReadonlyArray<never>>()
      const roots = { list: Deferred.await(listed), changes: Stream.empty }
      const peer = yield* held({ client: CapabilityLayer.make({ roots }) })
      yield* peer.deliver({ jsonrpc: "2.0", id: "ask", method: "roots/list" })
      const params = { level: "info", data: 1, requestId: "ask", progressToken: 2 }
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/message", params })
      yield* Deferred.succeed(listed, [])
      expect((yield* peer.wire.first("sent", ({ id }) => id === "ask")).result).toEqual({ roots: [] })
    }),
  )
})

describe("a batch", () => {
  const answers = (ids: ReadonlyArray<number>) => ids.map((id) => ({ jsonrpc: "2.0", id, result: { content: [] } }))
  it.effect.each(statefulRevisions)(
    "is read in 2025-03-26, and elsewhere costs the calls that it names: %s",
    (revision) =>
      Effect.gen(function* () {
        const peer = yield* held({ session: { revision } })
        const fibers = yield* Effect.forEach([1, 2, 3], () =>
          start(Effect.result(peer.session.request(Method.callTool, call))),
        )
        yield* peer.wire.first("sent", ({ id }) => id === 4)
        peer.send([...answers([3, 2]), { jsonrpc: "2.0", id: "p", method: "ping" }])
        peer.send(answers([4])[0])
        const results = yield* Effect.forEach(fibers, Fiber.join)
        const outcomes = results.map((result) => (result._tag === "Success" ? "answered" : result.failure.reason._tag))
        const inBatch = revision === "2025-03-26" ? "answered" : "InvalidResponse"
        expect(outcomes).toEqual([inBatch, inBatch, "answered"])
        expect(yield* peer.session.request(Method.ping, {})).toEqual({})
        expect(peer.wire.messages("sent").some(({ id }) => id === "p")).toBe(revision === "2025-03-26")
      }),
  )
})

describe("a request of the server", () => {
  const asked: ReadonlyArray<readonly [method: string, known: ReadonlyArray<string>]> = [
    ["sampling/createMessage", statefulRevisions],
    ["roots/list", statefulRevisions],
    ["elicitation/create", ["2025-06-18", "2025-11-25"]],
    ["tasks/get", ["2025-11-25"]],
    ["tasks/list", ["2025-11-25"]],
    ["tasks/result", ["2025-11-25"]],
    ["tasks/cancel", ["2025-11-25"]],
    ["server/discover", []],
    ["constructor", []],
  ]
  it.effect.each(statefulRevisions)("that this client did not declare is answered with -32601: %s", (revision) =>
    Effect.gen(function* () {
      const peer = yield* scripted({ session: { revision } })
      for (const [id, [method, known]] of asked.entries()) {
        peer.send({ jsonrpc: "2.0", id: `ask-${id}`, method, params: {} })
        const { error } = yield* peer.wire.first("sent", (message) => message.id === `ask-${id}`)
        expect(error?.code).toBe(-32601)
        // What the revision has is refused by the capabilities, what it lacks before that.
        expect(error?.message).toBe(
          known.includes(revision) ? `this client does not answer ${method}` : `unknown method ${method}`,
        )
      }
    }),
  )

  it.effect("is answered with its own id, a number or a text, even one that is ours too", () =>
    Effect.gen(function* () {
      const peer = yield* held()
      const fiber = yield* start(peer.session.request(Method.callTool, call))
      yield* peer.wire.first("sent", "tools/call")
      for (const id of [2, "2", 0, ""]) peer.send({ jsonrpc: "2.0", id, method: "ping" })
      peer.send({ jsonrpc: "2.0", id: 2, result: { content: [] } })
      yield* Fiber.join(fiber)
      const pongs = peer.wire.messages("sent").filter(({ method }) => method === undefined)
      expect(pongs.map(({ id }) => id)).toEqual([2, "2", 0, ""])
    }),
  )

  it.effect("floods nobody: what is answered at the same time is bounded", () =>
    Effect.gen(function* () {
      const peer = yield* scripted({
        client: CapabilityLayer.make({ roots: { list: Effect.never, changes: Stream.empty } }),
      })
      for (let id = 0; id < 200; id++) peer.send({ jsonrpc: "2.0", id, method: "roots/list" })
      yield* peer.wire.first("sent", (message) => message.id === 199)
      const refused = peer.wire.messages("sent").filter(({ error }) => error !== undefined)
      expect(refused.length).toBe(136)
    }),
  )
})
