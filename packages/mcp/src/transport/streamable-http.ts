/**
 * A remote server over Streamable HTTP (2025-11-25, Transports, Streamable HTTP): a POST for each message, whose
 * response carries the answer as JSON or as an event stream, and one GET for what answers nothing.
 *
 * A POST that fails costs its own request; only the Scope ends the connection. Streams are resumed by their event ids,
 * but a request is never sent twice (except after a challenge, where the server said that it did not take it), and a
 * lost session is only reported: beginning anew is the business of whoever built the connection.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Auth } from "../auth/auth.ts"
import { isBounded, readText } from "../http/body.ts"
import { shownUrl } from "../http/error.ts"
import { discard, type Http } from "../http/http.ts"
import { parse } from "../protocol/json.ts"
import { errorObject, isObject, isRequest, isRequestId, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import { Closed, fail, MessageTooLarge, StreamEnded, type TransportError, UnexpectedContent } from "./error.ts"
import { type Cursor, readEvents } from "./event-stream.ts"
import * as Exchange from "./exchange.ts"
import { isMessage, listen, mimeType, resume, unexpectedContent } from "./follow.ts"
import { makeGate } from "./gate.ts"
import { encode } from "./outgoing.ts"
import { answeredId, mayAnswer } from "./oversized.ts"
import type { Connection, Receiver } from "./transport.ts"

/** How a remote server is reached. */
export interface StreamableHttpOptions {
  /** The server's endpoint: http or https, without user name or password. */
  readonly url: string
  /** The largest JSON answer (`body`) and the largest event of a stream (`event`), in bytes. Default: 64 MiB each. */
  readonly limits?: { readonly body?: number | undefined; readonly event?: number | undefined } | undefined
}

/** 64 MiB: ten times what any server was seen to send, and nothing that hurts. */
export const defaultLimit = 64 * 1024 * 1024

/** Requests that may be under way before `send` refuses: each has a socket of its own. */
const requestLimit = 200
/** The same for what needs no answer: a bound of its own, so that the server's own requests can be answered. */
const otherLimit = 1_000

/** Streams that may stay open after their answer came: most servers end them in the same breath, some never. */
const lingerLimit = 8

/** How long what is being sent when the Scope closes may take, and then the end of the session, in milliseconds. */
const lastWords = 500
const farewell = 1_500

/** The session id may hold visible ASCII alone (Transports, Session Management). */
const sessionId = /^[\x21-\x7e]+$/

/** A message under way. */
interface Post extends Cursor {
  readonly id: RequestId | undefined
  readonly method: string
  readonly controller: AbortController
  open: boolean
}

const postOf = (message: Message): Post => ({
  id: isRequest(message) ? message.id : undefined,
  method: "method" in message ? message.method : "an answer",
  controller: new AbortController(),
  open: true,
  lastEventId: undefined,
  retry: undefined,
})

/** What is wrong with JSON that should have been the answer; an error that names no request is still worth its words. */
const strayAnswer = (value: unknown): string =>
  isObject(value) && isObject(value.error)
    ? `answered with an error that names another request, or none: ${errorObject(value.error).message}`
    : "answered with JSON that is not the answer to the request"

/** Opens a Streamable HTTP connection. Nothing is sent before the first message. */
export const open = (
  options: StreamableHttpOptions & { readonly http: Http; readonly auth: Auth["Service"] },
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const { url } = options
    const bodyLimit = options.limits?.body ?? defaultLimit
    const eventLimit = options.limits?.event ?? defaultLimit
    const exchange = yield* Exchange.make(options)
    const requests = new Map<RequestId, Post>()
    const others = new Set<Post>()
    const lingering = new Set<Post>()
    const initialized = yield* Deferred.make<void>()
    let refused = false
    let closing = false
    let onIdle: (() => void) | undefined

    /** Takes a post out of the map; true if it was under way. What is done next may send again. */
    const close = (post: Post): boolean => {
      if (!post.open) return false
      post.open = false
      if (post.id === undefined) others.delete(post)
      else requests.delete(post.id)
      return true
    }
    const afterClose = () => {
      if (others.size === 0) onIdle?.()
      if (!refused || closing || requests.size >= requestLimit || others.size >= otherLimit) return
      refused = false
      receiver.writable()
    }

    const tooLarge = fail(new MessageTooLarge({ limit: eventLimit }))
    const warn = (message: string) => {
      if (!closing) receiver.warning(message)
    }
    const junk = (text: string) => warn(`sent what is not JSON-RPC: ${text.slice(0, 200)}`)

    const lose = (post: Post, error: TransportError) => {
      if (!close(post)) return
      if (post.id === undefined) warn(`${post.method} was not delivered: ${error.message}`)
      else if (!closing) receiver.failed(post.id, error)
      afterClose()
    }

    /** An answer closes the post that it belongs to, on whichever stream it came. */
    const settle = (value: unknown, from: Post | undefined): boolean => {
      if (!isObject(value) || value.method !== undefined || !isRequestId(value.id)) return false
      const post = requests.get(value.id)
      if (post === undefined) return false
      close(post)
      if (post !== from) post.controller.abort()
      return true
    }

    /** Hands on what came for a post, or on the stream of none. */
    const deliver = (value: unknown, from: Post | undefined) => {
      if (closing) return
      const settled = Array.isArray(value) ? value.filter((one) => settle(one, from)).length > 0 : settle(value, from)
      receiver.message(value)
      if (settled) afterClose()
    }

    const deliverText = (text: string, from: Post | undefined) => {
      const value = parse(text)
      if (typeof value === "object" && value !== null) deliver(value, from)
      else junk(text)
    }

    /** What was too large costs the call that it answers; on the stream of a call, its own where it does not show. */
    const loseAnswered = (head: string, tail: string, from: Post | undefined) => {
      const id = answeredId(head, tail)
      const post = id !== undefined ? requests.get(id) : mayAnswer(head) ? from : undefined
      if (post === undefined || !post.open) return warn(tooLarge.message)
      lose(post, tooLarge)
      if (post !== from) post.controller.abort()
    }

    /** An event without end never tells whose it is: it is taken for the answer, unless its beginning says otherwise. */
    const loseEndless = (head: string, from: Post) => {
      const id = answeredId(head, "")
      if (from.open && mayAnswer(head) && (id === undefined || id === from.id)) lose(from, tooLarge)
    }

    const linger = (post: Post) => {
      lingering.add(post)
      if (lingering.size <= lingerLimit) return
      const [oldest] = lingering
      if (oldest === undefined) return
      lingering.delete(oldest)
      oldest.controller.abort()
    }

    const resumed = (post: Post) =>
      resume({
        exchange,
        url,
        cursor: post,
        limit: eventLimit,
        event: (data) => {
          if (post.open) deliverText(data, post)
          return post.open
        },
        oversized: (head, tail) => {
          loseAnswered(head, tail, post)
          return post.open
        },
        endless: (head) => {
          loseEndless(head, post)
          return post.open
        },
      }).pipe(
        Effect.raceFirst(aborted(post.controller.signal)),
        Effect.matchEffect({
          onFailure: (error) => Effect.sync(() => lose(post, error)),
          onSuccess: () => Effect.void,
        }),
      )

    const readStream = (post: Post, response: Response) => {
      const ended = () => {
        lingering.delete(post)
        if (!post.open || closing) return
        if (post.id === undefined) {
          if (close(post)) afterClose()
        } else if (post.lastEventId !== undefined) exchange.fork(resumed(post))
        else lose(post, fail(new StreamEnded({ url: shownUrl(url) })))
      }
      readEvents(response, post, eventLimit, {
        event: (type, data) => {
          if (isMessage(type)) {
            const wasOpen = post.open
            deliverText(data, post)
            if (wasOpen && !post.open) linger(post)
          }
          return true
        },
        oversized: (head, tail) => {
          const wasOpen = post.open
          loseAnswered(head, tail, post)
          return post.open || !wasOpen
        },
        endless: (head) => {
          loseEndless(head, post)
          return post.open
        },
        end: ended,
        failed: ended,
      })
    }

    const readJson = (post: Post, response: Response) => {
      const broken = () => lose(post, fail(new StreamEnded({ url: shownUrl(url) })))
      const unfit = (detail: string) => lose(post, fail(new UnexpectedContent({ url: shownUrl(url), detail })))
      const value = (value: unknown) => {
        deliver(value, post)
        if (post.id !== undefined && post.open) unfit(strayAnswer(value))
        else if (close(post)) afterClose()
      }
      if (isBounded(response, bodyLimit)) {
        response
          .json()
          .then(value, (cause: unknown) =>
            cause instanceof SyntaxError || cause instanceof RangeError
              ? unfit("answered with what is not JSON")
              : broken(),
          )
        return
      }
      readText(response, bodyLimit, {
        text: (text) => {
          const parsed = parse(text)
          if (parsed === undefined) unfit("answered with what is not JSON")
          else value(parsed)
        },
        tooLarge: () => lose(post, fail(new MessageTooLarge({ limit: bodyLimit }))),
        failed: broken,
      })
    }

    const keepSession = (post: Post, response: Response): boolean => {
      const id = response.headers.get("mcp-session-id")
      if (id === null) return true
      if (sessionId.test(id)) exchange.session = id
      else {
        const detail = "gave a session id with characters that it may not have"
        discard(response)
        lose(post, fail(new UnexpectedContent({ url: shownUrl(url), detail })))
      }
      return post.open
    }

    const receive = (post: Post, response: Response) => {
      if (post.method === "initialize" && !keepSession(post, response)) return
      if (post.method === "notifications/initialized") gate.release()
      // What was accepted is not answered, whatever the head calls the nothing that follows: the Python SDK says JSON.
      const type = post.id === undefined && response.status === 202 ? "" : mimeType(response)
      if (type === "application/json") return readJson(post, response)
      if (type === "text/event-stream") return readStream(post, response)
      if (post.id !== undefined) return lose(post, unexpectedContent(url, response, "JSON or an event stream"))
      discard(response)
      if (close(post)) afterClose()
    }

    const transmit = (message: Message) => {
      const body = encode(message, receiver)
      if (body === undefined) return
      const post = postOf(message)
      if (post.id === undefined) others.add(post)
      else requests.set(post.id, post)
      if (post.method === "initialize") exchange.session = exchange.revision = undefined
      exchange.send({
        method: "POST",
        url,
        body,
        signal: post.controller.signal,
        receive: (response) => receive(post, response),
        fail: (error) => {
          if (post.method === "notifications/initialized") gate.release()
          lose(post, error)
        },
      })
    }

    const gate = makeGate(exchange, transmit, () => Deferred.doneUnsafe(initialized, Exit.void))
    const send = (message: Message): boolean => {
      if (isRequest(message) ? requests.size + gate.held() >= requestLimit : others.size >= otherLimit) {
        refused = true
        return false
      }
      if (!closing) gate.pass(message)
      return true
    }

    const listener = yield* Effect.forkScoped(
      Effect.andThen(
        Deferred.await(initialized),
        listen({
          exchange,
          url,
          cursor: { lastEventId: undefined, retry: undefined },
          limit: eventLimit,
          event: (data) => {
            deliverText(data, undefined)
            return true
          },
          oversized: (head, tail) => {
            loseAnswered(head, tail, undefined)
            return true
          },
          warning: warn,
        }),
      ),
    )

    const untilDelivered = Effect.callback<void>((resume) => {
      if (others.size === 0) return resume(Effect.void)
      onIdle = () => resume(Effect.void)
    })
    const endSession = Effect.suspend(() =>
      exchange.session === undefined
        ? Effect.void
        : Effect.ignore(Effect.map(exchange.request({ method: "DELETE", url }), discard)),
    )
    // Timed by the real clock, whatever clock the program runs on: a server does not live in simulated time.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closing = true
        listener.interruptUnsafe()
        for (const post of [...requests.values(), ...lingering]) post.controller.abort()
        receiver.ended(fail(new Closed()))
        return Effect.timeoutOption(untilDelivered, lastWords)
      }).pipe(
        Effect.andThen(Effect.sync(() => others.forEach((post) => post.controller.abort()))),
        Effect.andThen(Effect.timeoutOption(endSession, farewell)),
        Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
      ),
    )
    return {
      send,
      abandoned: (id) => {
        gate.forget(id)
        const post = requests.get(id)
        if (post === undefined) return
        close(post)
        post.controller.abort()
        afterClose()
      },
      negotiated: (revision) => {
        exchange.revision = revision
      },
    }
  })

const aborted = (signal: AbortSignal): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (signal.aborted) return resume(Effect.void)
    const listener = () => resume(Effect.void)
    signal.addEventListener("abort", listener, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", listener))
  })
