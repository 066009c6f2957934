/**
 * Correlates what this client asks with what the server answers.
 *
 * A request is one entry of one map from its sending to its end, whichever comes first: the answer, a JSON-RPC error,
 * its deadline, the loss of its answer, the end of the transport, or the interruption of its caller. An entry leaves
 * the map before its caller is resumed, because the caller runs at once and may ask again. Progress moves the deadline;
 * a deadline or an interruption tells the server with `notifications/cancelled` and leaves the session alive.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { errorObject, isObject, type JsonObject, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import type { RequestMethod } from "../protocol/method.ts"
import { call } from "../notification/listener.ts"
import type { Progress } from "../notification/notifications.ts"
import type { TransportError } from "../transport/error.ts"
import type { Connection } from "../transport/transport.ts"
import * as Deadlines from "./deadlines.ts"
import { InvalidResponse, Protocol, SessionError, type SessionReason, Timeout, Transport } from "./error.ts"

/** How one request is sent. */
export interface RequestOptions {
  /** How long it may be silent, in milliseconds; progress counts as a sign of life. Default: the session's. */
  readonly timeout?: number | undefined
  /** Called for each progress notification of this request. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Members to add to `params._meta`. */
  readonly meta?: JsonObject | undefined
}

/** A request that progress keeps alive may last this many times its idle timeout in all. */
const totalFactor = 10

/** Cancellations and answers that wait for a server to read are bounded by this number; then they are dropped. */
const waitingLimit = 1_000

/** A request that waits, whatever it waits for. */
interface Pending {
  readonly id: number
  readonly method: string
  /** Whether it has a progress token. */
  readonly long: boolean
  readonly idle: number
  /** When it ends however much progress it reports. */
  readonly last: number
  readonly onProgress: ((progress: Progress) => void) | undefined
  deadline: number
  /** The message while it waits to be sent. */
  unsent: Message | undefined
  readonly settle: (result: unknown) => void
  readonly fail: (reason: SessionReason) => void
}

type Answerable<Result> = Pick<RequestMethod<object, Result>, "method" | "long" | "accepts">

/** One is made for each call, so its methods are made once, in a class. */
class Entry<Result> implements Pending {
  readonly id: number
  readonly idle: number
  readonly last: number
  readonly onProgress: ((progress: Progress) => void) | undefined
  deadline: number
  unsent: Message | undefined
  private readonly token: Answerable<Result>
  private readonly server: string
  private readonly resume: (effect: Effect.Effect<Result, SessionError>) => void

  constructor(
    id: number,
    token: Answerable<Result>,
    server: string,
    now: number,
    idle: number,
    onProgress: ((progress: Progress) => void) | undefined,
    resume: (effect: Effect.Effect<Result, SessionError>) => void,
  ) {
    this.id = id
    this.token = token
    this.server = server
    this.idle = idle
    this.last = now + idle * totalFactor
    this.deadline = now + idle
    this.unsent = undefined
    this.onProgress = onProgress
    this.resume = resume
  }

  get method(): string {
    return this.token.method
  }

  get long(): boolean {
    return this.token.long
  }

  settle(result: unknown): void {
    if (this.token.accepts(result)) return this.resume(Effect.succeed(result))
    const detail = `the result of ${this.token.method} has not the shape that the protocol asks for`
    this.fail(new InvalidResponse({ detail }))
  }

  fail(reason: SessionReason): void {
    this.resume(Effect.fail(new SessionError({ server: this.server, method: this.token.method, reason })))
  }
}

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
  /** The answer of one request is lost. */
  readonly lost: (id: RequestId, error: TransportError) => void
  /** The server cannot answer these any more; every later request fails with the same. */
  readonly end: (error: TransportError) => void
  /** Offers again what the transport had refused. */
  readonly drain: () => void
  /** How many requests wait. */
  readonly size: () => number
}

const traceMeta = (): JsonObject | undefined => {
  const span = Fiber.getCurrent()?.cache.span
  return span === undefined
    ? undefined
    : { traceparent: `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}` }
}

/** `params` with what belongs into `_meta`: the progress token, the trace of the current span (SEP-414), the caller's. */
const withMeta = (params: object, id: number, long: boolean, meta: JsonObject | undefined): object => {
  const trace = traceMeta()
  if (!long && trace === undefined && meta === undefined) return params
  const own: unknown = "_meta" in params ? params._meta : undefined
  // The usual call. What is below takes a tenth of the time of a whole call.
  if (own === undefined && trace === undefined && meta === undefined) return { ...params, _meta: { progressToken: id } }
  return {
    ...params,
    _meta: { ...(isObject(own) ? own : undefined), ...trace, ...meta, ...(long ? { progressToken: id } : {}) },
  }
}

/** The error of a request that its transport lost. */
const transportFailure = (server: string, method: string, error: TransportError): SessionError =>
  new SessionError({ server, method, reason: new Transport({ error }) })

/** The requests of one session over one connection. `timeout` is the default idle timeout in milliseconds. */
export const make = (options: {
  readonly server: string
  readonly timeout: number
  readonly connection: () => Connection | undefined
}): Effect.Effect<Requests, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pending = new Map<number, Pending>()
    /** What the transport had no room for, in order. */
    const waiting = new Set<Pending | Message>()
    let nextId = 0
    let over: TransportError | undefined

    const offer = (message: Message): boolean => options.connection()?.send(message) ?? false

    const post = (message: Message) => {
      if (over !== undefined) return
      if (waiting.size === 0 && offer(message)) return
      if (waiting.size < waitingLimit + pending.size) waiting.add(message)
    }

    /** Takes an entry out of everything; true if it was there. */
    const remove = (entry: Pending): boolean => {
      if (!pending.delete(entry.id)) return false
      if (entry.unsent !== undefined) waiting.delete(entry)
      return true
    }

    const cancel = (entry: Pending, reason: string) => {
      const wasSent = entry.unsent === undefined
      if (!remove(entry)) return
      if (!wasSent) return
      // The one request that is never cancelled (Cancellation, Behavior Requirements).
      if (entry.method === "initialize") return
      post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: entry.id, reason } })
      options.connection()?.abandoned(entry.id)
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

    const request: Requests["request"] = <Params extends object, Result>(
      method: RequestMethod<Params, Result>,
      params: Params,
      requestOptions?: RequestOptions,
    ) =>
      Effect.callback<Result, SessionError>((resume) => {
        if (over !== undefined) {
          return resume(Effect.fail(transportFailure(options.server, method.method, over)))
        }
        const id = ++nextId
        const idle = requestOptions?.timeout ?? options.timeout
        const { onProgress } = requestOptions ?? {}
        const entry = new Entry(id, method, options.server, deadlines.now(), idle, onProgress, resume)
        const message: Message = {
          jsonrpc: "2.0",
          id,
          method: method.method,
          params: withMeta(params, id, method.long, requestOptions?.meta),
        }
        pending.set(id, entry)
        deadlines.arm(entry.deadline)
        if (waiting.size > 0 || !offer(message)) {
          entry.unsent = message
          waiting.add(entry)
        }
        return Effect.sync(() => cancel(entry, "the caller no longer waits for it"))
      })

    /** The request that an answer is for, which no longer waits then; else whether the id is one of ours. */
    const take = (id: unknown): Pending | boolean => {
      const entry = typeof id === "number" ? pending.get(id) : undefined
      // An id of ours that is no longer in the map is a late answer, or one too many.
      if (entry === undefined) return typeof id === "number" && id > 0 && id <= nextId
      remove(entry)
      return entry
    }

    return {
      request,
      post,
      answered: (id, { error, result }) => {
        const entry = take(id)
        if (typeof entry === "boolean") return entry
        if (error === undefined || error === null) {
          // Some servers send both members, and null in the one that does not hold.
          entry.settle(result)
        } else {
          const { code, message: text, data } = errorObject(error)
          entry.fail(new Protocol({ code, text, ...(data === undefined ? {} : { data }) }))
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
        const entry = typeof progress.progressToken === "number" ? pending.get(progress.progressToken) : undefined
        if (entry === undefined || !entry.long) return
        entry.deadline = Math.min(deadlines.now() + entry.idle, entry.last)
        if (entry.onProgress !== undefined) call(entry.onProgress, progress)
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
        for (const entry of entries) entry.fail(new Transport({ error }))
      },
      drain: () => {
        for (const item of waiting) {
          const message = "unsent" in item ? item.unsent : item
          if (message !== undefined && !offer(message)) return
          waiting.delete(item)
          if ("unsent" in item) item.unsent = undefined
        }
      },
      size: () => pending.size,
    }
  })
