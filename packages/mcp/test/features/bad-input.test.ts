/**
 * What a server may get wrong when it asks, and what a handler of the host may get wrong when it answers, of every method that
 * a client answers: sampling, elicitation, roots and tasks. Nobody is asked, nothing unfit leaves, and the session lives on.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { given } from "../../src/capability/approval.ts"
import { makeBudget } from "../../src/capability/budget.ts"
import type { Handlers } from "../../src/capability/capabilities.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { CapabilityLayer, Method, RequestRefused } from "../../src/index.ts"
import { scripted } from "../support/scripted.ts"
import { ask } from "../support/tasks.ts"

const sample = { messages: [{ role: "user", content: { type: "text", text: "Hi" } }], maxTokens: 10 }
const form = {
  message: "Who?",
  requestedSchema: { type: "object", properties: { name: { type: "string", maxLength: 3 } }, required: ["name"] },
}
const good = {
  sampling: { role: "assistant", model: "parrot", content: { type: "text", text: "Hi" } },
  elicitation: { action: "accept", content: { name: "Ada" } },
  roots: [{ uri: "file:///srv" }],
}

type Answer = Effect.Effect<unknown, RequestRefused>

/** A client that answers everything, with what a test says; `seen.asked` is how often a handler was. */
const client = (answer?: Answer, absent: ReadonlyArray<keyof Handlers> = []) =>
  Effect.gen(function* () {
    const seen = { asked: 0, running: 0, most: 0 }
    // The handlers of plugins are JavaScript in the end: they may give anything.
    const handler = (usual: unknown): Effect.Effect<never, RequestRefused> =>
      Effect.suspend(() => {
        seen.asked += 1
        seen.running += 1
        seen.most = Math.max(seen.most, seen.running)
        return Effect.ensuring(
          (answer ?? Effect.succeed(usual)) as Effect.Effect<never, RequestRefused>,
          Effect.sync(() => (seen.running -= 1)),
        )
      })
    const all: Handlers = {
      roots: { list: Effect.orDie(handler(good.roots)), changes: Stream.empty },
      sampling: { tools: true, context: false, createMessage: () => handler(good.sampling) },
      elicitation: { modes: ["form"], elicit: () => handler(good.elicitation) },
      tasks: defaults,
      approval: given,
      budget: makeBudget({ approve: "always", requestsPerMinute: 1_000, tokensPerHour: 1_000_000 }),
    }
    const handlers = Object.fromEntries(Object.entries(all).filter(([name]) => !absent.some((each) => each === name)))
    const peer = yield* scripted({ client: CapabilityLayer.make(handlers) })
    const isAlive = Effect.gen(function* () {
      yield* peer.session.request(Method.ping, {})
      return (yield* ask(peer, "ping", {})).result
    })
    return { ...peer, seen, isAlive }
  })

const asking = [
  { name: "sampling/createMessage", params: sample, capability: "sampling" },
  { name: "elicitation/create", params: form, capability: "elicitation" },
  { name: "roots/list", params: {}, capability: "roots" },
  { name: "tasks/get", params: { taskId: "t" }, capability: "tasks" },
  { name: "tasks/result", params: { taskId: "t" }, capability: "tasks" },
  { name: "tasks/cancel", params: { taskId: "t" }, capability: "tasks" },
  { name: "tasks/list", params: {}, capability: "tasks" },
] as const
const asked = asking.slice(0, 3)
const asTasks = asking.slice(0, 2)

describe("a capability that was not declared", () => {
  it.effect.each(asking)("is answered with -32601, whatever else is declared: %s", ({ capability, name, params }) =>
    Effect.gen(function* () {
      const peer = yield* client(undefined, [capability])
      const declared = peer.wire.messages("sent", "initialize")[0]?.params?.capabilities
      expect(Object.keys(Object(declared)).includes(capability)).toBe(false)
      expect(Object.keys(Object(declared)).length).toBe(3)
      expect((yield* ask(peer, name, params)).error).toEqual({
        code: -32601,
        message: `this client does not answer ${name}`,
      })
      expect(peer.seen.asked).toBe(0)
      expect(yield* peer.isAlive).toEqual({})
    }),
  )
  it.effect("of a mode of elicitation is -32602, as a task too", () =>
    Effect.gen(function* () {
      const peer = yield* client()
      const visit = { mode: "url", message: "Sign in", url: "https://example.com/", elicitationId: "v" }
      for (const params of [visit, { ...visit, task: {} }]) {
        const made = yield* ask(peer, "elicitation/create", params)
        const taskId: unknown = Object(Object(made.result).task).taskId
        const { error } = taskId === undefined ? made : yield* ask(peer, "tasks/result", { taskId })
        expect(error?.code).toBe(-32602)
        expect(error?.message).toContain("mode")
      }
      expect(peer.seen.asked).toBe(0)
    }),
  )
})

const malformed: ReadonlyArray<{ readonly name: string; readonly params: unknown; readonly field: string }> = [
  ...asking.map(({ name }) => ({ name, params: ["by", "position"], field: "params" })),
  ...asking.map(({ name }) => ({ name, params: "text", field: "params" })),
  { name: "sampling/createMessage", params: { ...sample, maxTokens: "10" }, field: "maxTokens" },
  { name: "sampling/createMessage", params: { ...sample, messages: [{ role: "user" }] }, field: "messages[0].content" },
  { name: "elicitation/create", params: { ...form, message: 1 }, field: "message" },
  { name: "elicitation/create", params: { ...form, mode: "voice" }, field: "mode" },
  { name: "elicitation/create", params: { ...form, requestedSchema: [] }, field: "requestedSchema" },
  ...asTasks.map(({ name, params }) => ({ name, params: { ...params, task: "yes" }, field: "task" })),
  ...asTasks.map(({ name, params }) => ({ name, params: { ...params, task: { ttl: -1 } }, field: "task.ttl" })),
  { name: "tasks/get", params: {}, field: "taskId" },
  { name: "tasks/result", params: { taskId: 1 }, field: "taskId" },
  { name: "tasks/cancel", params: { taskId: null }, field: "taskId" },
  { name: "tasks/list", params: { cursor: 1 }, field: "cursor" },
]

describe("a malformed request is answered with -32602 and the field, and nobody is asked:", () => {
  it.effect.each(malformed.map((each) => ({ ...each, name: `${each.name}, ${each.field}` })))(
    "%s",
    ({ field, name, params }) =>
      Effect.gen(function* () {
        const peer = yield* client()
        peer.send({ jsonrpc: "2.0", id: "m", method: name.split(",")[0], params })
        const { error } = yield* peer.wire.first("sent", ({ id }) => id === "m")
        expect(error?.code).toBe(-32602)
        expect(error?.message.startsWith(field)).toBe(true)
        expect(peer.seen.asked).toBe(0)
        expect(yield* peer.isAlive).toEqual({})
      }),
  )
  it.effect("tool results that are missing, or mixed with other content", () =>
    Effect.gen(function* () {
      const peer = yield* client()
      const use = { role: "assistant", content: [{ type: "tool_use", id: "a", name: "t", input: {} }] }
      const result = { type: "tool_result", toolUseId: "a", content: [] }
      const tools = [{ name: "t", inputSchema: { type: "object" } }]
      for (const [messages, says] of [
        [[use], "Tool result missing in request"],
        [[use, { role: "user", content: { type: "text", text: "later" } }], "Tool result missing in request"],
        [
          [use, { role: "user", content: [result, { type: "text", text: "beside" }] }],
          "Tool results mixed with other content",
        ],
      ] as const) {
        const { error } = yield* ask(peer, "sampling/createMessage", { ...sample, tools, messages })
        expect([error?.code, error?.message.startsWith(says)]).toEqual([-32602, true])
      }
      expect(peer.seen.asked).toBe(0)
    }),
  )
})

/** The error of a request: of its task, where it was made one. */
const errorOf = (peer: Effect.Success<ReturnType<typeof client>>, method: string, params: object, isTask: boolean) =>
  Effect.gen(function* () {
    const made = yield* ask(peer, method, isTask ? { ...params, task: {} } : params)
    if (!isTask) return made.error
    const { taskId } = Object(Object(made.result).task)
    return (yield* ask(peer, "tasks/result", { taskId })).error
  })

const failing: ReadonlyArray<{ readonly how: string; readonly answer: Answer }> = [
  { how: "dies", answer: Effect.die(new Error("the secret path")) },
  {
    how: "throws",
    answer: Effect.suspend(() => {
      throw new Error("the secret path")
    }),
  },
  { how: "is interrupted", answer: Effect.interrupt },
  { how: "answers nothing", answer: Effect.succeed(undefined) },
  { how: "answers nonsense", answer: Effect.succeed("the secret path") },
  { how: "answers what does not fit", answer: Effect.succeed({ action: "accept", content: { name: "secret path" } }) },
]
const ways = [
  ...asked.map((each) => ({ ...each, isTask: false })),
  ...asTasks.map((each) => ({ ...each, isTask: true })),
]

describe("a handler", () => {
  for (const { answer, how } of failing) {
    it.effect.each(ways.map((each) => ({ ...each, name: each.isTask ? `${each.name}, a task` : each.name })))(
      `that ${how} answers the server with an error that tells nothing, and the session lives: %s`,
      ({ isTask, name, params }) =>
        Effect.gen(function* () {
          const peer = yield* client(answer)
          for (let time = 1; time <= 2; time++) {
            const error = yield* errorOf(peer, String(name.split(",")[0]), params, isTask)
            expect(error?.code).toBe(-32603)
            expect(JSON.stringify(error)).not.toContain("secret")
            expect(peer.seen).toMatchObject({ asked: time, running: 0 })
          }
          expect(yield* peer.isAlive).toEqual({})
          expect(JSON.stringify(peer.wire.messages("sent"))).not.toContain("secret")
        }),
    )
  }
  it.effect.each(ways.filter(({ name }) => name !== "roots/list"))(
    "that refuses is the error that it says: %s",
    ({ isTask, name, params }) =>
      Effect.gen(function* () {
        const peer = yield* client(Effect.fail(new RequestRefused({ code: -32000, message: "busy", data: [1] })))
        expect(yield* errorOf(peer, name, params, isTask)).toEqual({ code: -32000, message: "busy", data: [1] })
        expect(yield* peer.isAlive).toEqual({})
      }),
  )
})

describe("a flood", () => {
  const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
  it.effect.each(ways.map((each) => ({ ...each, name: each.isTask ? `${each.name}, a task` : each.name })))(
    "is answered with refusals beyond a bound, and pings are answered as ever: %s",
    ({ isTask, name, params }) =>
      Effect.gen(function* () {
        const peer = yield* client(Effect.never)
        const count = 1_000
        for (let at = 0; at < count; at++) {
          const sent = isTask ? { ...params, task: {} } : params
          peer.send({ jsonrpc: "2.0", id: `f${at}`, method: name.split(",")[0], params: sent })
        }
        expect(yield* peer.isAlive).toEqual({})
        // What is a task begins once it has been told.
        yield* turn
        expect(peer.seen.most > 0 && peer.seen.most <= 64).toBe(true)
        expect(peer.seen.asked).toBe(peer.seen.most)
        const refused = peer.wire.messages("sent").filter(({ error }) => error !== undefined)
        expect(refused.length >= count - 64).toBe(true)
        for (const { error } of refused) expect(error?.message).toMatch(/too many|budget/)
      }),
  )
  it.effect("of questions about tasks is answered at once, and keeps nothing", () =>
    Effect.gen(function* () {
      const peer = yield* client(Effect.never)
      const made = yield* ask(peer, "elicitation/create", { ...form, task: { ttl: 1_000 } })
      const { taskId } = Object(Object(made.result).task)
      for (let at = 0; at < 1_000; at++) {
        peer.send({ jsonrpc: "2.0", id: `r${at}`, method: "tasks/result", params: { taskId } })
        peer.send({ jsonrpc: "2.0", id: `g${at}`, method: "tasks/get", params: { taskId: `none ${at}` } })
      }
      expect(yield* peer.isAlive).toEqual({})
      const waiting = () => 2_000 - peer.wire.messages("sent").filter(({ id }) => /^[rg]\d/.test(String(id))).length
      expect(waiting() <= 64).toBe(true)
      yield* TestClock.adjust(1_000)
      expect(waiting()).toBe(0)
      expect(peer.seen.running).toBe(0)
    }),
  )
})
