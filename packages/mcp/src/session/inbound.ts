/**
 * Reads what a server sends and takes it where it belongs: answers to `Requests`, notifications to their topics,
 * requests to the handlers of the client.
 *
 * A message that makes no sense is reported a few times and ignored; it never ends the session.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { answering } from "../capability/answering.ts"
import type { Capabilities } from "../capability/capabilities.ts"
import type { Origin } from "../capability/origin.ts"
import type { RequestRefused } from "../capability/refused.ts"
import { related as relatedTo } from "../capability/task.ts"
import { decode, topicOf, type WireTopic } from "../notification/decode.ts"
import type { Notifications } from "../notification/notifications.ts"
import { brief } from "../protocol/json.ts"
import {
  type Incoming,
  internalError,
  invalidParams,
  invalidRequest,
  isObject,
  isRequestId,
  methodNotFound,
  relatedTaskKey,
  type RequestId,
} from "../protocol/jsonrpc.ts"
import type { Adapter } from "../protocol/revision.ts"
import type { Requests } from "./requests.ts"
import * as Trace from "./trace.ts"
import type { UrlElicitations } from "./url-elicitation.ts"

/** Requests of one server that are answered at the same time; more are refused. */
const concurrentRequests = 64

/** How often a server's senseless messages are reported. */
const reportedOddities = 20

export interface Inbound {
  /** `related` is the id of the request on whose stream it came. */
  readonly message: (value: unknown, related?: RequestId) => void
  /** Ends the handlers that still run. */
  readonly close: Effect.Effect<void>
}

/** The task that a request of the server is sent for the sake of (Tasks, Related Task Metadata). */
const relatedTask = (method: string, params: unknown): string | undefined => {
  // A request about a task names it in its parameters, and there alone (Associating Task-Related Messages).
  if (method.startsWith("tasks/")) return undefined
  const meta = isObject(params) && isObject(params._meta) ? params._meta[relatedTaskKey] : undefined
  return isObject(meta) && typeof meta.taskId === "string" ? meta.taskId : undefined
}

/** An answer to such a request names the task, too. */
const withTask = (result: object, taskId: string | undefined): object =>
  taskId === undefined ? result : relatedTo(result, taskId)

/** The reader of one session. `adapter` is asked for each message: it changes when the handshake ends. */
export const make = (options: {
  /** What is the same of all requests of the server. */
  readonly origin: () => Origin
  readonly adapter: () => Adapter
  readonly requests: Requests
  readonly visits: UrlElicitations
  readonly capabilities: Capabilities["Service"]
  readonly notifications: Notifications["Service"]
}): Effect.Effect<Inbound> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)
    const handlers = new Map<RequestId, Fiber.Fiber<object, RequestRefused>>()
    const { notifications, requests } = options
    let oddities = 0
    const odd = (message: () => string) => {
      oddities += 1
      if (oddities <= reportedOddities) notifications.publish("warning", { message: message() })
    }

    const refuse = (id: RequestId, code: number, message: string, data?: unknown) =>
      requests.post({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } })

    const answer = (id: RequestId, taskId: string | undefined, exit: Exit.Exit<object, RequestRefused>) => {
      if (Exit.isSuccess(exit)) return requests.post({ jsonrpc: "2.0", id, result: withTask(exit.value, taskId) })
      const refused = exit.cause.reasons.find(Cause.isFailReason)?.error
      if (refused !== undefined) return refuse(id, refused.code, refused.message, refused.data)
      // A cancelled request is owed no answer (Cancellation, Behavior Requirements).
      if (!Cause.hasInterruptsOnly(exit.cause)) refuse(id, internalError, "the client failed to answer this request")
    }

    const originOf = (related: RequestId | undefined, taskId: string | undefined): Origin => {
      const request = requests.requestOf(related, taskId)
      return {
        ...options.origin(),
        ...(request === undefined ? {} : { request }),
        pause: () => requests.pause(related, taskId),
      }
    }

    const request = (id: RequestId, method: string, params: unknown, related: RequestId | undefined) => {
      if (method === "ping") return requests.post({ jsonrpc: "2.0", id, result: {} })
      if (!options.adapter().serverRequests.has(method)) return refuse(id, methodNotFound, `unknown method ${method}`)
      if (handlers.has(id)) return refuse(id, invalidRequest, "a request with this id is being answered already")
      if (handlers.size >= concurrentRequests) return refuse(id, internalError, "too many requests at the same time")
      // Some servers send null for nothing.
      if (params !== undefined && params !== null && !isObject(params)) {
        return refuse(id, invalidParams, `params must be an object, not ${brief(params)}`)
      }
      const visited = options.visits.asked(method, params)
      const taskId = relatedTask(method, params)
      const origin = originOf(related, taskId)
      const handled = Effect.suspend(() => options.capabilities.handle(method, isObject(params) ? params : {}, origin))
      const fiber = fork(Trace.within(params, answering(handled)))
      handlers.set(id, fiber)
      let isGivenUp = false
      const settled = requests.onGivenUp(related, taskId, () => {
        isGivenUp = true
        fiber.interruptUnsafe()
      })
      fiber.addObserver((exit) => {
        settled()
        handlers.delete(id)
        visited(exit)
        // The server did not take it back, and is owed an answer.
        if (isGivenUp && Exit.isFailure(exit))
          refuse(id, internalError, "the call that this was asked for was cancelled")
        else answer(id, taskId, exit)
      })
    }

    const notification = (method: string, params: unknown) => {
      const topic = topicOf(method)
      if (topic === undefined) return
      if (!deliver(topic, params)) odd(() => `sent ${method}, which makes no sense: ${brief(params)}`)
    }

    const deliver = <T extends WireTopic>(topic: T, params: unknown): boolean => {
      const payload = decode(topic, params)
      if (payload === undefined) return false
      if (topic === "progress" && "progressToken" in payload) requests.progressed(payload)
      if (topic === "cancelled" && "requestId" in payload) handlers.get(payload.requestId)?.interruptUnsafe()
      // Unknown and repeated ids are ignored (Elicitation, Completion Notifications for URL Mode).
      if (topic === "elicitation/complete" && "elicitationId" in payload) {
        if (!options.visits.completed(payload.elicitationId)) return true
      }
      notifications.publish(topic, payload)
      return true
    }

    const single = (value: unknown, related: RequestId | undefined) => {
      if (!isObject(value)) return odd(() => `sent ${brief(value)}, which is no JSON-RPC message`)
      const { error, id, method, params, result }: Incoming = value
      if (typeof method === "string") {
        if (id === undefined) notification(method, params)
        else if (isRequestId(id)) request(id, method, params, related)
        else odd(() => `sent ${method} with an id that is neither a string nor a whole number`)
      } else if (result !== undefined || error !== undefined) {
        if (!requests.answered(id, { result, error })) {
          odd(() => `answered a request that was never made (id ${brief(id)})`)
        }
      } else if (!requests.misanswered(id, "the answer has neither a result nor an error")) {
        odd(() => `sent ${brief(value)}, which is no JSON-RPC message`)
      }
    }

    const batch = (values: ReadonlyArray<unknown>, related: RequestId | undefined) => {
      const { batches, revision } = options.adapter()
      if (batches) return values.forEach((value) => single(value, related))
      odd(() => `sent a batch, which revision ${revision} of the protocol does not have`)
      for (const value of values) {
        if (!isObject(value) || value.method !== undefined) continue
        requests.misanswered(value.id, `the answer came in a batch, which revision ${revision} does not have`)
      }
    }

    return {
      message: (value, related) => (Array.isArray(value) ? batch(value, related) : single(value, related)),
      close: Effect.suspend(() => {
        const running = [...handlers.values()]
        handlers.clear()
        return Effect.sync(() => running.forEach((fiber) => fiber.interruptUnsafe()))
      }),
    }
  })
