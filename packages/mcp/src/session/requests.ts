/**
 * Correlates what this client asks with what the server answers.
 *
 * A request is one entry of one map from its sending to its end, whichever comes first: the answer, a JSON-RPC error,
 * its deadline, the loss of its answer, the end of the transport, or the interruption of its caller. An entry leaves
 * the map before its caller is resumed, because the caller runs at once and may ask again. Progress moves the deadline;
 * a deadline or an interruption tells the server with `notifications/cancelled` and leaves the session alive.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { errorObject, isObject, type JsonObject, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import type { RequestMethod } from "../protocol/method.ts"
import { call } from "../notification/listener.ts"
import type { Progress } from "../notification/notifications.ts"
import type { TransportError } from "../transport/error.ts"
import type { Connection } from "../transport/transport.ts"
import * as Deadlines from "./deadlines.ts"
import {
  type Answerable,
  Entry,
  type Owner,
  type Past,
  type Pending,
  type RequestOptions,
  totalFactor,
} from "./entry.ts"
import { InvalidResponse, lost, Protocol, type SessionError, Timeout, Transport } from "./error.ts"
import * as Trace from "./trace.ts"

/** Cancellations and answers that wait for a server to read are bounded by this number; then they are dropped. */
const waitingLimit = 1_000

/** How long the answer of a request with `onLate` is waited for when its caller has gone, in milliseconds: five minutes. */
const lateLimit = 300_000

export type { RequestOptions } from "./entry.ts"

export interface Requests {
  readonly request: <Params extends object, Result>(
    token: RequestMethod<Params, Result>,
    params: Params,
    options?: RequestOptions,
  ) => Effect.Effect<Result, SessionError>
  /** Sends what needs no answer. */
  readonly post: (message: Message) => void
  /** An answer arrived. Returns false where nobody waits for it. */
  readonly answered: (id: unknown, message: { readonly result?: unknown; readonly error?: unknown }) => boolean
  /** What came as an answer is none. Returns false where nobody waits for it. */
  readonly misanswered: (id: unknown, detail: string) => boolean
  readonly progressed: (progress: Progress) => void
  /** Calls `listener` for the progress of a token of its own, until `end`. */
  readonly trackProgress: (listener: (progress: Progress) => void) => Tracked
  /** What the host calls the request that a task is of: messages of the server may name the task. Returns what ends that. */
  readonly trackTask: (taskId: string, request: unknown) => () => void
  /**
   * What the host calls the request that a message of the server was sent for: that of the task that it names, else the
   * one on whose stream it came, else the only one under way.
   */
  readonly requestOf: (related: RequestId | undefined, taskId?: string) => unknown
  /**
   * Stops the clocks of that request, or of all that it may be, until what it returns is called. A task is bounded by its
   * ttl: what is asked for its sake stops no other clock.
   */
  readonly pause: (related: RequestId | undefined, taskId?: string) => () => void
  /**
   * Calls `listener` when the caller of that request gives it up, where it can be told which one it is. Returns what ends
   * that.
   */
  readonly onGivenUp: (related: RequestId | undefined, taskId: string | undefined, listener: () => void) => () => void
  /** The answer of one request is lost. */
  readonly lost: (id: RequestId, error: TransportError) => void
  /** The server cannot answer these any more; every later request fails with the same. */
  readonly end: (error: TransportError) => void
  /** Offers again what the transport had refused. */
  readonly drain: () => void
  /** How many requests wait. */
  readonly size: () => number
  /** Whether one waits for an answer though its caller has gone. */
  readonly hasLate: () => boolean
  /** How many were answered. */
  readonly answers: () => number
}

/** The progress of what outlives the answer of its request. */
export interface Tracked {
  /** For `RequestOptions.progressToken`. */
  readonly token: RequestId
  readonly end: () => void
}

/** `params` with what belongs into `_meta`: the progress token, the trace of the current span (SEP-414), the caller's. */
const withMeta = (params: object, id: RequestId, long: boolean, meta: JsonObject | undefined): object => {
  const trace = Trace.current()
  if (!long && trace === undefined && meta === undefined) return params
  const own: unknown = "_meta" in params ? params._meta : undefined
  // The usual call. What is below takes a tenth of the time of a whole call.
  if (own === undefined && trace === undefined && meta === undefined) return { ...params, _meta: { progressToken: id } }
  const said = { ...(isObject(own) ? own : undefined), ...meta }
  // Whoever names a trace means that one.
  const traced = said.traceparent === undefined ? { ...trace, ...said } : said
  return { ...params, _meta: long ? { ...traced, progressToken: id } : traced }
}

/** The requests of one session over one connection. `timeout` is the default idle timeout in milliseconds. */
export const make = (options: {
  readonly server: string
  readonly timeout: number
  readonly refused: Owner["refused"]
  readonly lost: Owner["lost"]
  readonly generation: Owner["generation"]
  /** What a request waits for before it is sent, the first time and again; `undefined` where there is nothing. */
  readonly underWay: (method: string, timeout: number | undefined) => Effect.Effect<void, SessionError> | undefined
  /** Whether the session with this number is over, and another begun or about to be. */
  readonly isOver: (generation: number) => boolean
  readonly connection: () => Connection | undefined
}): Effect.Effect<Requests, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pending = new Map<number, Pending>()
    /** Who listens to progress beyond the answer of its request. */
    const tracked = new Map<RequestId, { readonly listener: (progress: Progress) => void; request?: Pending }>()
    /** What those who follow a task call the request that it is of. */
    const tasks = new Map<string, Set<{ readonly request: unknown }>>()
    let nextToken = 0
    /** What the transport had no room for, in order. */
    const waiting = new Set<Pending | Message>()
    /** How many of them need no answer. */
    let words = 0
    let nextId = 0
    let answers = 0
    let over: TransportError | undefined

    const offer = (message: Message): boolean => options.connection()?.send(message) ?? false

    const post = (message: Message) => {
      if (over !== undefined) return
      // Waits for its like alone: behind requests, an answer that they wait for would wait for them.
      if (words === 0 && offer(message)) return
      if (waiting.size >= waitingLimit + pending.size) return
      waiting.add(message)
      words += 1
    }

    /** Takes an entry out of everything; true if it was there. */
    const remove = (entry: Pending): boolean => {
      if (!pending.delete(entry.id)) return false
      if (entry.unsent !== undefined) waiting.delete(entry)
      return true
    }

    /** Goes on waiting for an answer when nobody else does, for a while. */
    const leave = (entry: Pending) => {
      if (!entry.late && pending.has(entry.id)) {
        entry.late = true
        entry.deadline = entry.last = deadlines.now() + lateLimit
        deadlines.arm(entry.deadline)
      } else if (remove(entry)) {
        options.connection()?.abandoned(entry.id)
      }
    }

    const abandon = (entry: Pending, reason: string) => {
      const wasSent = entry.unsent === undefined
      if (wasSent && entry.options?.onLate !== undefined) return leave(entry)
      if (!remove(entry)) return
      if (!wasSent) return
      // The one request that is never cancelled (Cancellation, Behavior Requirements).
      if (entry.method === "initialize") return
      if (options.connection()?.abandoned(entry.id) !== true) return
      // The next session has never heard of it.
      if (options.isOver(entry.generation)) return
      post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: entry.id, reason } })
    }

    const cancel = (entry: Pending, reason: string) => {
      abandon(entry, reason)
      if (!pending.has(entry.id)) entry.questions?.forEach((takeBack) => takeBack())
    }

    const deadlines = yield* Deadlines.make((now) => {
      const due: Array<Pending> = []
      let next = Number.POSITIVE_INFINITY
      for (const entry of pending.values()) {
        if (entry.deadline <= now) due.push(entry)
        else if (entry.deadline < next) next = entry.deadline
      }
      // Before others make room for them: they are not worth being sent any more.
      for (const entry of due) if (entry.unsent !== undefined) remove(entry)
      for (const entry of due) {
        const total = entry.deadline === entry.last
        cancel(entry, "timeout")
        entry.fail(
          total
            ? new Timeout({ kind: "total", after: entry.idle * totalFactor })
            : new Timeout({ kind: "idle", after: entry.idle }),
        )
      }
      return next
    })

    const send = <Result>(
      token: Answerable<Result>,
      params: object,
      requestOptions: RequestOptions | undefined,
      past: Past | undefined,
    ): Effect.Effect<Result, SessionError> =>
      Effect.callback<Result, SessionError>((resume) => {
        if (over !== undefined) return resume(Effect.fail(lost(options.server, token.method, over)))
        const first = options.underWay(token.method, requestOptions?.timeout)
        if (first !== undefined) return resume(Effect.andThen(first, send(token, params, requestOptions, past)))
        const id = ++nextId
        const idle = requestOptions?.timeout ?? options.timeout
        const now = deadlines.now()
        const entry = new Entry(id, token, params, owner, past, now, idle, requestOptions, resume)
        const message: Message = {
          jsonrpc: "2.0",
          id,
          method: token.method,
          params: withMeta(params, requestOptions?.progressToken ?? id, token.long, requestOptions?.meta),
        }
        pending.set(id, entry)
        const followed =
          requestOptions?.progressToken === undefined ? undefined : tracked.get(requestOptions.progressToken)
        if (followed !== undefined) followed.request = entry
        deadlines.arm(entry.deadline)
        if (waiting.size > 0 || !offer(message)) {
          entry.unsent = message
          waiting.add(entry)
        }
        return Effect.sync(() => cancel(entry, "the caller no longer waits for it"))
      })
    const owner: Owner = {
      server: options.server,
      refused: options.refused,
      lost: options.lost,
      generation: options.generation,
      again: send,
      now: deadlines.now,
    }

    /** The requests that a message of the server may have been sent for. */
    const meant = (related: RequestId | undefined, taskId?: string): Array<Pending> => {
      const own = typeof related === "number" ? pending.get(related) : undefined
      if (own !== undefined) return [own]
      // That of the stream has been answered: what came on it may outlive it, as a task.
      if (related !== undefined || (taskId !== undefined && tasks.has(taskId))) return []
      return [...pending.values()].filter(({ long }) => long)
    }

    /** The request that an answer is for, which no longer waits then; else whether the id is one of ours. */
    const take = (id: unknown): Pending | boolean => {
      const entry = typeof id === "number" ? pending.get(id) : undefined
      // An id of ours that is no longer in the map is a late answer, or one too many.
      if (entry === undefined) return typeof id === "number" && id > 0 && id <= nextId
      remove(entry)
      return entry
    }

    return {
      request: (token, params, requestOptions) => send(token, params, requestOptions, undefined),
      post,
      answered: (id, { error, result }) => {
        const entry = take(id)
        if (typeof entry === "boolean") return entry
        answers += 1
        if (entry.late) {
          if (result !== undefined) call((late) => entry.options?.onLate?.(late), result)
        } else if (error === undefined || error === null) {
          // Some servers send both members, and null in the one that does not hold.
          entry.settle(result)
        } else {
          const { code, message: text, data } = errorObject(error)
          entry.refused(new Protocol({ code, text, ...(data === undefined ? {} : { data }) }))
        }
        return true
      },
      misanswered: (id, detail) => {
        const entry = take(id)
        if (typeof entry === "boolean") return entry
        entry.fail(new InvalidResponse({ detail }))
        return true
      },
      progressed: (progress) => {
        const { progressToken } = progress
        const followed = tracked.get(progressToken)
        const entry = followed?.request ?? (typeof progressToken === "number" ? pending.get(progressToken) : undefined)
        if (entry?.long === true && entry.paused === 0) {
          entry.deadline = Math.min(deadlines.now() + entry.idle, entry.last)
        }
        const listener = followed?.listener ?? (entry?.long === true ? entry.options?.onProgress : undefined)
        if (listener !== undefined) call(listener, progress)
      },
      trackProgress: (listener) => {
        // A string, so that it is never the id of a request.
        const token = `progress-${++nextToken}`
        tracked.set(token, { listener })
        return { token, end: () => tracked.delete(token) }
      },
      trackTask: (taskId, request) => {
        const followers = tasks.get(taskId) ?? new Set()
        const follower = { request }
        tasks.set(taskId, followers.add(follower))
        return () => {
          if (followers.delete(follower) && followers.size === 0) tasks.delete(taskId)
        }
      },
      requestOf: (related, taskId) => {
        const followers = taskId === undefined ? undefined : tasks.get(taskId)
        if (followers !== undefined) return [...followers].find(({ request }) => request !== undefined)?.request
        const [only, ...others] = meant(related)
        return others.length === 0 ? only?.options?.request : undefined
      },
      pause: (related, taskId) => {
        const entries = meant(related, taskId)
        const since = deadlines.now()
        for (const entry of entries) {
          if (entry.paused === 0) entry.pausedAt = since
          entry.paused += 1
          entry.deadline = Number.POSITIVE_INFINITY
        }
        return () => {
          const now = deadlines.now()
          for (const entry of entries.splice(0)) {
            entry.paused -= 1
            if (entry.paused > 0) continue
            entry.last += now - entry.pausedAt
            entry.deadline = Math.min(now + entry.idle, entry.last)
            if (pending.has(entry.id)) deadlines.arm(entry.deadline)
          }
        }
      },
      onGivenUp: (related, taskId, listener) => {
        const [only, ...others] = meant(related, taskId)
        if (only === undefined || others.length > 0) return () => undefined
        const questions = (only.questions ??= new Set())
        questions.add(listener)
        return () => questions.delete(listener)
      },
      lost: (id, error) => {
        const entry = typeof id === "number" ? pending.get(id) : undefined
        if (entry === undefined) return
        remove(entry)
        entry.fail(new Transport({ error }))
      },
      end: (error) => {
        if (over !== undefined) return
        over = error
        const entries = [...pending.values()]
        pending.clear()
        waiting.clear()
        words = 0
        for (const entry of entries) entry.fail(new Transport({ error }))
      },
      drain: () => {
        let full = false
        for (const item of waiting) {
          if (full && words === 0) return
          if ("unsent" in item) {
            // Another may have less room for requests than for the rest.
            full ||= item.unsent !== undefined && !offer(item.unsent)
            if (full) continue
            item.unsent = undefined
          } else {
            if (!offer(item)) return
            words -= 1
          }
          waiting.delete(item)
        }
      },
      size: () => pending.size,
      hasLate: () => [...pending.values()].some(({ late }) => late),
      answers: () => answers,
    }
  })
