/**
 * Several clients on one session of a server: each of them speaks as if it were alone.
 *
 * Ids and progress tokens are exchanged on the way, so that answers and progress reach who asked. The first client is the
 * owner: it makes the handshake for all, and is asked what the server asks, where that belongs to no one of them. What a
 * client leaves behind (calls, tasks, questions, wishes) ends at the server. Nothing is known here of sockets and of time: how
 * clients are reached, and who is let in, is for others to say.
 */
import {
  type ErrorObject,
  internalError,
  invalidParams,
  invalidRequest,
  isObject,
  isRequestId,
  type JsonObject,
  type Message,
  type NotificationMessage,
  relatedTaskKey,
  type RequestId,
  type RequestMessage,
} from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { TransportError } from "../transport/error.ts"
import type { Connection, Receiver } from "../transport/transport.ts"
import * as Calls from "./calls.ts"
import * as Tasks from "./tasks.ts"
import * as Wishes from "./wishes.ts"

/** Requests of one client that may be under way. */
const callLimit = 10_000
/** Questions of the server that may be under way. */
const askedLimit = 1_000
/** What the broker itself has to say while the server does not read. */
const waitingLimit = 10_000

/** A client's place. */
export interface Seat {
  /** As `Connection.send`: `false` where the message was not taken, and `Receiver.writable` is called later. */
  readonly send: (message: Message) => boolean
  /** It has gone. */
  readonly leave: () => void
}

export interface Broker {
  /** What the transport of the server tells. */
  readonly receiver: Receiver
  /** The way to the server. Until it is there, nothing is taken. */
  readonly connect: (send: Connection["send"]) => void
  /** Seats a client; the first is the owner. */
  readonly attach: (to: Receiver) => Seat
  /** How many clients there are. */
  readonly size: () => number
  /** The result of the handshake, once it is over. */
  readonly agreement: () => object | undefined
  /** Calls `listener` when the handshake, or the connection, is over. */
  readonly onSettled: (listener: () => void) => void
  readonly isOver: () => boolean
}

interface Client {
  readonly to: Receiver
}

const paramsOf = (params: unknown): JsonObject => (isObject(params) ? params : {})

export const make = (): Broker => {
  const clients = new Set<Client>()
  const calls = Calls.make<Client>()
  const tasks = Tasks.make<Client>()
  const wishes = Wishes.make(clients)
  /** Who was asked what the server asks. */
  const asked = new Map<RequestId, Client>()
  const settled = new Set<() => void>()
  /** What the broker has to say by itself, while the server has no room for it. */
  const waiting: Array<Message> = []
  let owner: Client | undefined
  let toServer: Connection["send"] = () => false
  let handshake: object | undefined
  let agreement: object | undefined
  let over: TransportError | undefined

  const settle = () => {
    for (const listener of settled) listener()
    settled.clear()
  }
  /** In a turn of its own: no client is called while it calls. */
  const reply = (
    { to }: Client,
    id: RequestId,
    answer: { readonly result: object } | { readonly error: ErrorObject },
  ) =>
    queueMicrotask(() => {
      if (over === undefined) to.message({ jsonrpc: "2.0", id, ...answer })
    })
  const post = (message: Message) => {
    if (over !== undefined || (waiting.length === 0 && toServer(message))) return
    if (waiting.length < waitingLimit) waiting.push(message)
  }
  const ask = (method: string, params: object) => post({ jsonrpc: "2.0", id: calls.own(), method, params })
  const warn = (text: string) => owner?.to.warning(text)

  /** Why a request of a client is not passed on. */
  const refusal = (client: Client, { id, method, params }: RequestMessage): ErrorObject | undefined => {
    if (method === Method.initialize.method && client !== owner)
      return { code: invalidRequest, message: "the session was begun already" }
    if (calls.has(client, id)) return { code: invalidRequest, message: "a request with this id is under way already" }
    if (calls.count(client) >= callLimit) return { code: internalError, message: "too many requests are under way" }
    const { taskId } = paramsOf(params)
    const isForeign = method.startsWith("tasks/") && taskId !== undefined && tasks.ownerOf(taskId) !== client
    return isForeign ? { code: invalidParams, message: "taskId names no task of this client" } : undefined
  }

  /** What is learned from an answer before its client has it. */
  const learn = (call: Calls.Call<Client>, result: unknown): unknown => {
    if (Method.isCreateTaskResult(result)) {
      const { taskId } = result.task
      if (call.client === undefined) ask(Method.cancelTask.method, { taskId })
      else tasks.made(call.client, taskId, calls.keepToken(call))
      tasks.heard(result.task)
    } else if (Method.isTask(result)) tasks.heard(result)
    else if (call.method === Method.taskResult.method) tasks.heard({ taskId: call.taskId ?? "", status: "completed" })
    if (call.method === Method.initialize.method && isObject(result)) handshake = result
    return call.client === undefined ? result : tasks.visible(call.client, call.method, result)
  }

  const request = (client: Client, message: RequestMessage): boolean => {
    const error = refusal(client, message)
    if (error !== undefined) {
      reply(client, message.id, { error })
      return true
    }
    const wish = wishes.of(client, message.method, paramsOf(message.params))
    if (wish?.kind === "granted") {
      reply(client, message.id, { result: {} })
      return true
    }
    const call = calls.begin(client, message)
    call.wish = wish
    const params = wish?.params ?? message.params
    if (toServer({ ...message, id: call.id, ...(params && { params: calls.withToken(call, params) }) })) return true
    calls.end(call)
    return false
  }

  const notification = (client: Client, message: NotificationMessage): boolean => {
    const { method, params } = message
    const isOwner = client === owner
    switch (method) {
      case "notifications/initialized": {
        if (!isOwner || agreement !== undefined) return true
        if (!toServer(message)) return false
        agreement = handshake
        settle()
        return true
      }
      // The roots of all are the same, or they would not share a server.
      case "notifications/roots/list_changed":
        return isOwner ? toServer(message) : true
      case "notifications/cancelled": {
        const call = calls.of(client, paramsOf(params).requestId)
        if (call === undefined) return true
        if (!toServer({ ...message, params: { ...params, requestId: call.id } })) return false
        calls.end(call)
        return true
      }
      default:
        return toServer(message)
    }
  }

  const answer = (client: Client, message: Exclude<Message, RequestMessage | NotificationMessage>): boolean => {
    // It was not asked, or the question was withdrawn.
    if (asked.get(message.id) !== client) return true
    if (!toServer(message)) return false
    asked.delete(message.id)
    if ("result" in message && Method.isCreateTaskResult(message.result)) {
      tasks.took(client, message.result.task.taskId)
    }
    return true
  }

  /** Whom a request of the server is for, as far as that can be told. */
  const whose = (method: string, params: JsonObject): Client | undefined => {
    if (method === "roots/list") return owner
    if (method.startsWith("tasks/")) return tasks.holderOf(params.taskId) ?? owner
    const meta = isObject(params._meta) ? params._meta[relatedTaskKey] : undefined
    const [only, ...others] = calls.callers()
    return (
      (isObject(meta) ? tasks.ownerOf(meta.taskId) : undefined) ?? (others.length === 0 ? only : undefined) ?? owner
    )
  }

  const fromServer = (message: JsonObject, tell: (client: Client, message: unknown) => void) => {
    const { error, id, method } = message
    const params = paramsOf(message.params)
    if (typeof method !== "string") {
      const call = calls.byId(id)
      // A number of ours that is not there is a late answer.
      if (call === undefined) {
        if (!calls.wasOurs(id)) warn(`answered a request that was never made (id ${JSON.stringify(id)})`)
        return
      }
      const isGranted = error === undefined || error === null
      call.wish?.settled(isGranted)
      const result = isGranted ? learn(call, message.result) : undefined
      // Before its client learns of it, which may ask again at once.
      calls.end(call)
      if (call.client === undefined) return
      return tell(call.client, { ...message, id: call.own, ...(result === undefined ? {} : { result }) })
    }
    if (id !== undefined) {
      if (!isRequestId(id)) return owner && tell(owner, message)
      const refuse = (code: number, text: string) => post({ jsonrpc: "2.0", id, error: { code, message: text } })
      if (asked.has(id)) return refuse(invalidRequest, "a request with this id is being answered already")
      if (asked.size >= askedLimit) return refuse(internalError, "too many requests at the same time")
      const client = whose(method, params)
      if (client === undefined || !clients.has(client)) return refuse(internalError, "whom this concerns has gone")
      asked.set(id, client)
      return tell(client, message)
    }
    switch (method) {
      case "notifications/progress": {
        const token = calls.tokenOf(params.progressToken)
        if (token === undefined) return
        return tell(token.client, { ...message, params: { ...params, progressToken: token.own } })
      }
      case "notifications/cancelled": {
        const client = isRequestId(params.requestId) ? asked.get(params.requestId) : undefined
        if (client === undefined || !isRequestId(params.requestId)) return
        asked.delete(params.requestId)
        return tell(client, message)
      }
      case "notifications/tasks/status": {
        const client = tasks.ownerOf(params.taskId)
        if (client !== undefined) tell(client, message)
        if (Method.isTask(params)) tasks.heard(params)
        return
      }
      default:
        for (const client of clients) if (wants(client, method, params)) tell(client, message)
    }
  }
  const wants = (client: Client, method: string, params: JsonObject): boolean => {
    if (method === "notifications/message") return wishes.wantsMessage(client, params.level)
    return method !== "notifications/resources/updated" || wishes.wantsUpdate(client, params.uri)
  }

  const single = (value: unknown, tell: (client: Client, message: unknown) => void) => {
    if (isObject(value))
      fromServer(value, (client, message) => (clients.has(client) ? tell(client, message) : undefined))
    else if (owner !== undefined) tell(owner, value)
  }

  const all = (tell: (to: Receiver) => void) => {
    for (const { to } of clients) tell(to)
  }

  const leave = (client: Client) => {
    if (!clients.delete(client) || over !== undefined) return
    for (const call of calls.leave(client)) {
      const params = { requestId: call.id, reason: "the client that asked has gone" }
      // What asks for a task is never cancelled (Cancellation, Behavior Requirements): the task is, when it is there.
      if (!call.makesTask) post({ jsonrpc: "2.0", method: "notifications/cancelled", params })
    }
    for (const taskId of tasks.leave(client)) ask(Method.cancelTask.method, { taskId })
    for (const { method, params } of wishes.leave(client)) ask(method, params)
    for (const [id, one] of asked) {
      if (one !== client) continue
      asked.delete(id)
      post({ jsonrpc: "2.0", id, error: { code: internalError, message: "the client that was asked has gone" } })
    }
  }

  return {
    receiver: {
      // Whether batches may come is each client's to judge: it gets its own part as one.
      message: (value) =>
        Array.isArray(value)
          ? value.forEach((each) => single(each, ({ to }, message) => to.message([message])))
          : single(value, ({ to }, message) => to.message(message)),
      failed: (id, error) => {
        const call = calls.byId(id)
        if (call === undefined) return
        calls.end(call)
        call.wish?.settled(false)
        call.client?.to.failed(call.own, error)
      },
      writable: () => {
        while (waiting[0] !== undefined) {
          if (!toServer(waiting[0])) return
          waiting.shift()
        }
        all((to) => to.writable())
      },
      ended: (error) => {
        if (over !== undefined) return
        over = error
        all((to) => to.ended(error))
        settle()
      },
      forgotten: (error) => all((to) => to.forgotten(error)),
      stderr: (line) => all((to) => to.stderr(line)),
      warning: (message) => all((to) => to.warning(message)),
    },
    connect: (send) => {
      toServer = send
    },
    attach: (to) => {
      const client: Client = { to }
      owner ??= client
      clients.add(client)
      for (const { method, params } of wishes.join()) ask(method, params)
      return {
        leave: () => leave(client),
        send: (message) => {
          if (over !== undefined || !clients.has(client)) return true
          if (!("method" in message)) return answer(client, message)
          return "id" in message ? request(client, message) : notification(client, message)
        },
      }
    },
    size: () => clients.size,
    agreement: () => agreement,
    onSettled: (listener) => {
      settled.add(listener)
    },
    isOver: () => over !== undefined,
  }
}
