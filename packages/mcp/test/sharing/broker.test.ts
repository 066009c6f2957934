/** The broker between several clients and one server, message by message. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import type { Message } from "../../src/protocol/jsonrpc.ts"
import { make, type Seat } from "../../src/sharing/broker.ts"
import { Closed, fail } from "../../src/transport/error.ts"

const turn = Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))

/** What is looked at of a message, whoever got it. */
interface Heard {
  readonly [member: string]: unknown
  readonly id?: string | number
  readonly method?: string
  readonly params?: {
    readonly [member: string]: unknown
    readonly uri?: string
    readonly _meta?: { readonly progressToken?: number }
  }
}

const shape = (message: unknown): Heard => Object(message)

/** A broker with a server that is written down, and as many clients as there are names; the first is the owner. */
const between = (...names: ReadonlyArray<string>) => {
  const broker = make()
  const sent: Array<Heard> = []
  let room = Number.POSITIVE_INFINITY
  broker.connect((message) => {
    if (room <= 0) return false
    room -= 1
    sent.push(shape(message))
    return true
  })
  const clients = names.map((name) => {
    const got: Array<Heard> = []
    const warnings: Array<string> = []
    let writable = 0
    const seat: Seat = broker.attach({
      message: (value) => void got.push(shape(value)),
      failed: (id, error) => void got.push(shape({ id, failed: error.message })),
      writable: () => void (writable += 1),
      ended: (error) => void got.push(shape({ ended: error.message })),
      forgotten: () => undefined,
      stderr: (line) => void got.push(shape({ stderr: line })),
      warning: (message) => void warnings.push(message),
    })
    const ask = (id: number | string, method: string, params?: object) =>
      seat.send({ jsonrpc: "2.0", id, method, ...(params && { params }) })
    const call = (id: number, params: object = {}) =>
      ask(id, "tools/call", { ...params, name, _meta: { progressToken: id } })
    return { ...seat, name, got, warnings, ask, call, writable: () => writable }
  })
  const says = (message: unknown) => broker.receiver.message(message)
  return { broker, sent, clients, says, leaveRoom: (messages: number) => void (room = messages) }
}

const last = (sent: ReadonlyArray<Heard>): Heard => sent.at(-1) ?? {}

describe("a request of a client", () => {
  test("has an id and a progress token of its own at the server, whatever they are at the client", () => {
    const { clients, says, sent } = between("one", "other")
    for (const { call } of clients) call(7)
    const [mine, theirs] = sent
    expect(mine?.id).not.toBe(theirs?.id)
    const tokenOf = (message: Heard | undefined) => message?.params?._meta?.progressToken
    expect(tokenOf(mine)).not.toBe(tokenOf(theirs))
    says({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: tokenOf(theirs), progress: 1 },
    })
    says({ jsonrpc: "2.0", id: theirs?.id, result: { content: [] } })
    says({ jsonrpc: "2.0", id: mine?.id, error: { code: -1, message: "no" } })
    expect(clients[0]?.got).toEqual([{ jsonrpc: "2.0", id: 7, error: { code: -1, message: "no" } }])
    expect(clients[1]?.got).toEqual([
      { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 7, progress: 1 } },
      { jsonrpc: "2.0", id: 7, result: { content: [] } },
    ])
  })

  test("is not taken while the server does not read, and can be sent again", () => {
    const { broker, clients, leaveRoom, sent } = between("one", "other")
    leaveRoom(0)
    expect(clients.map(({ call }) => call(1))).toEqual([false, false])
    leaveRoom(10)
    broker.receiver.writable()
    expect(clients.map(({ writable }) => writable())).toEqual([1, 1])
    expect(clients.map(({ call }) => call(1))).toEqual([true, true])
    expect(sent.length).toBe(2)
  })

  it.effect("is refused where its id is under way, or where it would begin the session again", () =>
    Effect.gen(function* () {
      const { clients, sent } = between("one", "other")
      const [one, other] = clients
      one?.call(1)
      one?.ask(1, "tools/list")
      other?.ask(1, "initialize", { protocolVersion: "2025-11-25" })
      yield* turn
      expect(one?.got).toMatchObject([{ id: 1, error: { code: -32600 } }])
      expect(other?.got).toMatchObject([{ id: 1, error: { code: -32600 } }])
      expect(sent.length).toBe(1)
    }),
  )

  test("that was too large to be answered fails for its client alone", () => {
    const { broker, clients, sent } = between("one", "other")
    for (const { call } of clients) call(3)
    broker.receiver.failed(sent[1]?.id ?? 0, fail(new Closed()))
    expect(clients.map(({ got }) => got.length)).toEqual([0, 1])
    expect(clients[1]?.got[0]).toMatchObject({ id: 3 })
  })

  test("is answered once; late, foreign and second answers reach nobody", () => {
    const { clients, says, sent } = between("owner", "other")
    const [owner, other] = clients
    other?.call(1)
    const { id } = last(sent)
    other?.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
    expect(last(sent)).toMatchObject({ method: "notifications/cancelled", params: { requestId: id } })
    says({ jsonrpc: "2.0", id, result: {} })
    says({ jsonrpc: "2.0", id: 99, result: {} })
    says({ jsonrpc: "2.0", id: "1", result: {} })
    expect(clients.flatMap(({ got }) => got)).toEqual([])
    expect(owner?.warnings.length).toBe(2)
  })
})

describe("a question of the server", () => {
  const question = { jsonrpc: "2.0", id: "q", method: "sampling/createMessage", params: { messages: [] } }

  test("goes to the one client that has a call under way, and only its answer counts", () => {
    const { clients, says, sent } = between("owner", "other")
    const [owner, other] = clients
    other?.call(1)
    says(question)
    expect(owner?.got).toEqual([])
    expect(other?.got).toEqual([question])
    const answer: Message = { jsonrpc: "2.0", id: "q", result: { model: "m" } }
    owner?.send(answer)
    expect(sent.length).toBe(1)
    other?.send(answer)
    other?.send(answer)
    expect<unknown>(sent.slice(1)).toEqual([answer])
  })

  test("goes to the owner where several may be meant, or none; roots are always the owner's", () => {
    const { clients, says } = between("owner", "one", "other")
    const [owner, ...others] = clients
    says(question)
    for (const { call } of others) call(1)
    says({ ...question, id: "r" })
    says({ jsonrpc: "2.0", id: "s", method: "roots/list" })
    expect(owner?.got.map(({ id }) => id)).toEqual(["q", "r", "s"])
    expect(others.flatMap(({ got }) => got)).toEqual([])
  })

  test("goes to the client whose task it names, and is cancelled there", () => {
    const { clients, says, sent } = between("owner", "one", "other")
    const [, one, other] = clients
    other?.call(1, { task: {} })
    says({ jsonrpc: "2.0", id: last(sent).id, result: { task: { taskId: "t", status: "working", ttl: null } } })
    one?.call(1)
    const _meta = { "io.modelcontextprotocol/related-task": { taskId: "t" } }
    says({ ...question, params: { ...question.params, _meta } })
    says({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "q" } })
    expect(one?.got).toEqual([])
    expect(other?.got.slice(1).map(({ method }) => method)).toEqual([
      "sampling/createMessage",
      "notifications/cancelled",
    ])
    // Its progress goes on after the answer.
    says({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: sent[0]?.id, progress: 1 } })
    expect(other?.got.at(-1)).toMatchObject({ params: { progressToken: 1 } })
  })

  test("about a task that a client has for the server goes to that client", () => {
    const { clients, says } = between("owner", "other")
    const [owner, other] = clients
    other?.call(1)
    says(question)
    other?.send({ jsonrpc: "2.0", id: "q", result: { task: { taskId: "theirs", status: "working" } } })
    for (const taskId of ["theirs", "unknown"]) {
      says({ jsonrpc: "2.0", id: taskId, method: "tasks/get", params: { taskId } })
    }
    expect(other?.got.at(-1)).toMatchObject({ id: "theirs" })
    expect(owner?.got).toMatchObject([{ id: "unknown" }])
  })
})

describe("a client that goes", () => {
  test("hears the log from `info` on where it named no level, whatever others named, come or go", () => {
    const { broker, clients, says, sent } = between("owner", "other")
    const [owner, other] = clients
    const levels = () => sent.filter(({ method }) => method === "logging/setLevel").map(({ params }) => params)
    owner?.ask(1, "logging/setLevel", { level: "error" })
    says({ jsonrpc: "2.0", id: last(sent).id, result: {} })
    expect(levels()).toEqual([{ level: "info" }])
    says({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "heard" } })
    expect(other?.got.at(-1)).toMatchObject({ params: { data: "heard" } })
    expect(owner?.got.at(-1)).not.toMatchObject({ params: { data: "heard" } })
    other?.leave()
    expect(levels().slice(1)).toEqual([{ level: "error" }])
    const nothing = () => undefined
    const silent = { message: nothing, failed: nothing, writable: nothing, ended: nothing, forgotten: nothing }
    broker.attach({ ...silent, stderr: nothing, warning: nothing })
    expect(levels().slice(2)).toEqual([{ level: "info" }])
  })

  test("leaves nothing behind at the server: calls, questions, subscriptions, its level of the log, tasks", () => {
    const { clients, says, sent } = between("owner", "other")
    const [owner, other] = clients
    const answerLast = (result: object = {}) => says({ jsonrpc: "2.0", id: last(sent).id, result })
    owner?.ask(1, "logging/setLevel", { level: "error" })
    answerLast()
    other?.ask(1, "logging/setLevel", { level: "debug" })
    answerLast()
    other?.ask(2, "resources/subscribe", { uri: "test://a" })
    answerLast()
    other?.call(3, { task: {} })
    answerLast({ task: { taskId: "t", status: "working", ttl: null } })
    other?.call(4)
    const call = last(sent).id
    other?.call(5, { task: {} })
    const later = last(sent).id
    says({ jsonrpc: "2.0", id: "q", method: "elicitation/create", params: {} })
    const before = sent.length
    other?.leave()
    other?.leave()
    expect(sent.slice(before)).toMatchObject([
      { method: "notifications/cancelled", params: { requestId: call } },
      { method: "tasks/cancel", params: { taskId: "t" } },
      { method: "resources/unsubscribe", params: { uri: "test://a" } },
      { method: "logging/setLevel", params: { level: "error" } },
      { id: "q", error: { code: -32603 } },
    ])
    // A call that asked for a task is not cancelled: the task is, as soon as it is known.
    says({ jsonrpc: "2.0", id: later, result: { task: { taskId: "u", status: "working", ttl: null } } })
    expect(last(sent)).toMatchObject({ method: "tasks/cancel", params: { taskId: "u" } })
    says({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })
    expect(other?.got.some(({ method }) => method === "notifications/tools/list_changed")).toBe(false)
    expect(owner?.got.at(-1)).toMatchObject({ method: "notifications/tools/list_changed" })
  })

  test("is told of to a server that does not read as soon as it does", () => {
    const { broker, clients, leaveRoom, sent } = between("owner", "other")
    clients[1]?.call(1)
    leaveRoom(0)
    clients[1]?.leave()
    expect(sent.length).toBe(1)
    leaveRoom(10)
    broker.receiver.writable()
    expect(last(sent)).toMatchObject({ method: "notifications/cancelled", params: { requestId: sent[0]?.id } })
  })
})

describe("what the server says to all", () => {
  test("comes as it came: in a batch, where it was one, to each its part", () => {
    const { clients, says, sent } = between("owner", "other")
    for (const { call } of clients) call(1)
    const notice = { jsonrpc: "2.0", method: "notifications/prompts/list_changed" }
    says([{ jsonrpc: "2.0", id: sent[1]?.id, result: {} }, notice])
    expect<unknown>(clients[0]?.got).toEqual([[notice]])
    expect<unknown>(clients[1]?.got).toEqual([[{ jsonrpc: "2.0", id: 1, result: {} }], [notice]])
  })

  test("reaches only those who subscribed to it, or to what it is part of; what nobody can place reaches all", () => {
    const { clients, says, sent } = between("owner", "other")
    clients[1]?.ask(1, "resources/subscribe", { uri: "test://a/" })
    says({ jsonrpc: "2.0", id: last(sent).id, result: {} })
    const updated = (uri: string) =>
      says({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } })
    updated("test://a/b")
    updated("test://c")
    expect(clients.map(({ got }) => got.flatMap(({ params }) => params?.uri ?? []))).toEqual([
      ["test://c"],
      ["test://a/b", "test://c"],
    ])
  })

  test("and its end", () => {
    const { broker, clients } = between("owner", "other")
    broker.receiver.ended(fail(new Closed()))
    for (const { got } of clients) expect(got).toEqual([{ ended: "the connection was closed" }])
    expect(broker.isOver()).toBe(true)
  })
})

describe("the handshake", () => {
  test("is the owner's, and over when the server was told so", () => {
    const { broker, clients, says, sent } = between("owner")
    let settled = 0
    broker.onSettled(() => (settled += 1))
    clients[0]?.ask(1, "initialize", { protocolVersion: "2025-11-25" })
    const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } }
    says({ jsonrpc: "2.0", id: last(sent).id, result })
    expect(broker.agreement()).toBe(undefined)
    clients[0]?.send({ jsonrpc: "2.0", method: "notifications/initialized" })
    expect(broker.agreement()).toEqual(result)
    expect(settled).toBe(1)
  })
})
