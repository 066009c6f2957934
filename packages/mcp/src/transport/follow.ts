/**
 * Event streams that are opened by GET: the one for messages that answer nothing, and those that resume the answer to a
 * POST (2025-11-25, Transports, Listening for Messages, Resumability). How often they are opened is bounded here.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import { discard } from "../http/http.ts"
import { shownUrl } from "../http/error.ts"
import { fail, isPassing, StreamEnded, type TransportError, UnexpectedContent } from "./error.ts"
import { type Cursor, readEvents } from "./event-stream.ts"
import type { Exchange } from "./exchange.ts"
import { delays, Patience, rest } from "./patience.ts"
import { isSessionLost } from "./session-lost.ts"

/** Where streams are opened, and what is done with what they hold. */
export interface FollowOptions {
  readonly exchange: Exchange
  readonly url: string
  readonly cursor: Cursor
  /** The largest event, in characters. */
  readonly limit: number
  /** The data of one event; `false` ends the following. */
  readonly event: (data: string) => boolean
  /** An event was larger than the limit (see `EventHandler`); `false` ends the following. */
  readonly oversized: (head: string, tail: string) => boolean
  readonly endless?: (head: string) => boolean
}

/** Where the server does not say how long to wait, in milliseconds (as the SDKs do). */
const defaultRetry = 1_000

/** Whether an event of this type carries a message. */
export const isMessage = (type: string): boolean => type === "" || type === "message"

/** The media type of a response, without its parameters; empty where it has none, or nothing that could be of one. */
export const mimeType = (response: Response): string => {
  const type = response.headers.get("content-length") === "0" ? null : response.headers.get("content-type")
  // As servers write them: nothing to take apart.
  if (type === null || type === "application/json" || type === "text/event-stream") return type ?? ""
  return type.split(";", 1)[0]?.trim().toLowerCase() ?? ""
}

export const isEventStream = (response: Response): boolean => mimeType(response) === "text/event-stream"

/** What a response is that should have been something else. */
export const unexpectedContent = (url: string, response: Response, wanted: string): TransportError => {
  discard(response)
  const type = mimeType(response)
  return fail(
    new UnexpectedContent({
      url: shownUrl(url),
      detail: `answered with HTTP ${response.status} and ${type === "" ? "no content" : type}, where ${wanted} belongs; is "url" that of an MCP server?`,
    }),
  )
}

/** What one connection of a stream brought. */
interface Visit {
  readonly events: number
  /** Whether the handler had enough. */
  readonly done: boolean
}

/**
 * Opens the stream once and reads it to its end. Where it is opened again it gets a connection of its own. The first time it
 * takes one that is there, so that it is at the server before the first call: what a server asks then, it asks on it.
 */
const visit = (options: FollowOptions, fresh: boolean): Effect.Effect<Visit, TransportError> => {
  const { cursor, exchange, limit, url } = options
  return exchange.request({ method: "GET", url, lastEventId: cursor.lastEventId, fresh }).pipe(
    Effect.flatMap((response) =>
      isEventStream(response)
        ? Effect.callback<Visit>((resume) => {
            let events = 0
            let open = true
            const finish = (done: boolean) => {
              open = false
              resume(Effect.succeed({ events, done }))
            }
            const close = readEvents(response, cursor, limit, {
              event: (type, data) => {
                events += 1
                if (open && isMessage(type) && !options.event(data)) finish(true)
                return open
              },
              oversized: (head, tail) => {
                if (open && !options.oversized(head, tail)) finish(true)
                return open
              },
              endless: (head) => {
                if (open && options.endless?.(head) === false) finish(true)
                return open
              },
              end: () => finish(false),
              failed: () => finish(false),
            })
            return Effect.sync(() => {
              open = false
              close()
            })
          })
        : Effect.fail(unexpectedContent(url, response, "an event stream")),
    ),
  )
}

/** A session has one such stream: after a network was gone, the server may not have noticed yet that this one is too. */
const isTaken = ({ reason }: TransportError): boolean => reason._tag === "HttpStatus" && reason.status === 409

/** A connection that lasted this long was no mistake: what follows it is not slowed down. */
const lastingVisit = 5_000

/**
 * Keeps the stream for messages that answer nothing open. Ends where the server offers none (405), or refuses it for
 * good, which is a warning. A stream that ends at once is opened again after ever longer pauses; where the server could not
 * be reached, when it answers something else.
 */
export const listen = (
  options: FollowOptions & {
    readonly warning: (message: string) => void
    /** The server has forgotten the session: nothing comes on this stream any more. */
    readonly forgotten: (error: TransportError) => void
    /** Open since the server has answered anything; closed here. */
    readonly reached: Latch.Latch
  },
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const pauses = delays((yield* Patience).stream)
    let wasHurried: boolean = false
    for (let times = 0; ; times += 1) {
      const began = yield* Clock.currentTimeMillis
      const result = yield* Effect.result(visit(options, times > 0))
      if (Result.isFailure(result) && !isPassing(result.failure) && !isTaken(result.failure)) {
        const { reason } = result.failure
        if (reason._tag === "HttpStatus" && reason.status === 405) return
        if (isSessionLost(reason)) return options.forgotten(result.failure)
        return options.warning(`no messages outside of calls are received: ${result.failure.message}`)
      }
      const now = yield* Clock.currentTimeMillis
      const retry = options.cursor.retry ?? defaultRetry
      if (Result.isSuccess(result)) {
        wasHurried = false
        const hasLasted = now - began >= lastingVisit
        if (hasLasted || result.success.events > 0) pauses.reset()
        const pause = hasLasted ? 0 : yield* pauses.next(undefined)
        if (pause === undefined) return
        yield* Effect.sleep(Math.max(retry, pause))
        continue
      }
      const { reason } = result.failure
      if (now - began >= lastingVisit) pauses.reset()
      const pause = yield* pauses.next(undefined)
      if (pause === undefined) return
      const wait = Effect.sleep(Math.max(retry, pause, rest(reason, now)))
      if (reason._tag !== "Unreachable") {
        yield* wait
        continue
      }
      options.reached.closeUnsafe()
      const back = options.reached.await
      // A server that answers calls, and never this, is not asked for each of them.
      const hurry: Effect.Effect<void> = wasHurried ? Effect.andThen(Effect.sleep(lastingVisit), back) : back
      wasHurried = yield* Effect.raceFirst(Effect.as(wait, false), Effect.as(hurry, true))
    }
  })

/** Resumptions in a row that may fail to reach the server, and those that may bring nothing before they slow down. */
const resumeFailures = 3
const unslowedResumptions = 3
const longestResumePause = 5_000

/**
 * Resumes a stream until its handler has had enough. The server says when to come back, and may send it away as often
 * as it likes: the deadline of the request is the bound. Fails where the server cannot or will not resume.
 */
export const resume = (
  options: FollowOptions & {
    /** Whether another session has begun than the one that took the request: it knows nothing of the stream. */
    readonly isOver: () => boolean
  },
): Effect.Effect<void, TransportError> =>
  Effect.gen(function* () {
    const ended = fail(new StreamEnded({ url: shownUrl(options.url) }))
    let empty = 0
    let failures = 0
    /** For how long a busy server wants to be left alone. */
    let wanted = 0
    for (;;) {
      const pause = empty < unslowedResumptions ? 0 : Math.min(longestResumePause, 250 * 2 ** (empty - 1))
      yield* Effect.sleep(Math.max(options.cursor.retry ?? defaultRetry, pause, wanted))
      if (options.isOver()) return yield* ended
      wanted = 0
      const result = yield* Effect.result(visit(options, true))
      if (Result.isSuccess(result)) {
        if (result.success.done) return
        failures = 0
        empty = result.success.events > 0 ? 0 : empty + 1
        continue
      }
      failures += 1
      empty += 1
      const { reason } = result.failure
      // A session that is forgotten meanwhile refuses the stream, and not the request: that was taken, and is not sent again.
      const cannot = (reason._tag === "HttpStatus" && reason.status === 405) || isSessionLost(reason)
      if (cannot || (isPassing(result.failure) && failures >= resumeFailures)) {
        return yield* ended
      }
      if (!isPassing(result.failure)) return yield* result.failure
      wanted = rest(reason, yield* Clock.currentTimeMillis)
    }
  })
