/**
 * A remote server over Streamable HTTP (2025-11-25, Transports, Streamable HTTP): a POST for each message, whose
 * response carries the answer as JSON or as an event stream, and one GET for what answers nothing.
 *
 * A POST that fails costs its own request; only the Scope ends the connection. Streams are resumed by their event ids,
 * but a request is never sent twice (except after a challenge, where the server said that it did not take it), and a
 * lost session is only reported. A new `initialize` begins the next one over the same connection.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Auth } from "../auth/auth.ts"
import { shownUrl } from "../http/error.ts"
import { discard, type Http } from "../http/http.ts"
import type { Message } from "../protocol/jsonrpc.ts"
import { makeAnswers } from "./answers.ts"
import { fail, type TransportError, UnexpectedContent } from "./error.ts"
import * as Exchange from "./exchange.ts"
import { listen } from "./follow.ts"
import { makeGate } from "./gate.ts"
import { encode } from "./outgoing.ts"
import { type Post, Posts } from "./posts.ts"
import { isSessionLost } from "./session-lost.ts"
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

/** How long what is being sent when the Scope closes may take, and then the end of the session, in milliseconds. */
const lastWords = 500
const farewell = 1_500

/** The session id may hold visible ASCII alone (Transports, Session Management). */
const sessionId = /^[\x21-\x7e]+$/

/** Opens a Streamable HTTP connection. Nothing is sent before the first message. */
export const open = (
  options: StreamableHttpOptions & { readonly http: Http; readonly auth: Auth["Service"] },
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const { url } = options
    const limits = { body: options.limits?.body ?? defaultLimit, event: options.limits?.event ?? defaultLimit }
    const exchange = yield* Exchange.make(options)
    const posts = new Posts(receiver)
    const reached = Latch.makeUnsafe()
    const answers = makeAnswers({ url, limits, exchange, posts })

    const keepSession = (post: Post, response: Response): boolean => {
      const id = response.headers.get("mcp-session-id")
      if (id === null) return true
      if (sessionId.test(id)) exchange.session = post.session = id
      else {
        const detail = "gave a session id with characters that it may not have"
        discard(response)
        posts.lose(post, fail(new UnexpectedContent({ url: shownUrl(url), detail })))
      }
      return post.open
    }

    const transmit = (message: Message) => {
      const body = encode(message, receiver)
      if (body === undefined) return
      const post = posts.begin(message)
      if (post.method === "initialize") exchange.session = exchange.revision = undefined
      const { session } = exchange
      exchange.send({
        method: "POST",
        url,
        body,
        signal: post.controller.signal,
        flight: post,
        insistent: post.id === undefined,
        receive: (response) => {
          reached.openUnsafe()
          if (post.method === "initialize" && !keepSession(post, response)) return
          if (post.method === "notifications/initialized") gate.release(message)
          answers.receive(post, response)
        },
        fail: (error) => {
          if (post.method === "notifications/initialized") gate.release(message)
          posts.lose(post, error)
          // Nobody waits for the answer to a notification.
          if (post.id === undefined && isSessionLost(error.reason)) forgotten(error, session)
        },
      })
    }
    const warning = (message: string) => posts.warn(message)
    /** `session`: the one that the refused request named; another may have begun since. */
    const forgotten = (error: TransportError, session: string | undefined) => {
      if (!posts.closing && exchange.session === session) receiver.forgotten(error)
    }
    /** A stream of the session before, and its place in it, are of no use to this one. */
    const unasked = Effect.suspend(() => {
      const cursor = { lastEventId: undefined, retry: undefined }
      const { session } = exchange
      return listen({
        exchange,
        url,
        cursor,
        limit: limits.event,
        ...answers.unasked,
        warning,
        reached,
        forgotten: (error) => forgotten(error, session),
      })
    })
    const listener = yield* FiberHandle.make<void>()
    const follow = yield* FiberHandle.runtime(listener)()
    const gate = makeGate(exchange, transmit, () => follow(unasked))

    const endSession = Effect.suspend(() =>
      exchange.session === undefined
        ? Effect.void
        : Effect.ignore(Effect.map(exchange.request({ method: "DELETE", url }), discard)),
    )
    // Timed by the real clock, whatever clock the program runs on: a server does not live in simulated time.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        posts.stop()
        return Effect.andThen(FiberHandle.clear(listener), Effect.timeoutOption(posts.delivered, lastWords))
      }).pipe(
        Effect.andThen(Effect.sync(() => posts.drop())),
        Effect.andThen(Effect.timeoutOption(endSession, farewell)),
        Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
      ),
    )

    return {
      send: (message) => {
        if (!posts.admits(message, gate.held())) return false
        if (!posts.closing) gate.pass(message)
        return true
      },
      abandoned: (id) => {
        gate.forget(id)
        const told = posts.abandon(id)
        if (told) exchange.afterCancellation(() => posts.forget(id))
        return told
      },
      negotiated: (revision) => {
        exchange.revision = revision
      },
    }
  })
