/**
 * A remote server over HTTP+SSE, the transport of revision 2024-11-05 (Transports, HTTP with SSE): one event stream
 * that names an endpoint and then carries every answer, and a POST to that endpoint for each message.
 *
 * The stream is the connection: when it ends, so does the connection. A POST that fails costs its own request.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Auth } from "../auth/auth.ts"
import { shownUrl } from "../http/error.ts"
import { discard, type Http } from "../http/http.ts"
import { parse } from "../protocol/json.ts"
import { isRequest, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import { Closed, Disconnected, fail, MessageTooLarge, type TransportError, UnexpectedContent } from "./error.ts"
import { readEvents } from "./event-stream.ts"
import * as Exchange from "./exchange.ts"
import { isEventStream, isMessage, unexpectedContent } from "./follow.ts"
import { makeGate } from "./gate.ts"
import { encode } from "./outgoing.ts"
import { answeredId } from "./oversized.ts"
import { defaultLimit } from "./streamable-http.ts"
import { cancelledBy } from "./posts.ts"
import type { Connection, Receiver } from "./transport.ts"

/** How a remote server is reached. */
export interface SseOptions {
  /** The URL of the event stream: http or https, without user name or password. */
  readonly url: string
  /** The largest event of the stream, in bytes. Default: 64 MiB. */
  readonly limits?: { readonly event?: number | undefined } | undefined
}

/** A message under way. */
interface Post extends Exchange.Flight {
  readonly controller: AbortController
  open: boolean
}

/** Messages that may be under way, or wait for the endpoint, before `send` refuses. */
const underwayLimit = 200

/** Opens an HTTP+SSE connection. What is sent before the server has named its endpoint waits for it. */
export const open = (
  options: SseOptions & {
    readonly http: Http
    readonly auth: Auth["Service"]
    /** Called when the server has named its endpoint. */
    readonly opened?: () => void
  },
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const { url } = options
    const limit = options.limits?.event ?? defaultLimit
    const exchange = yield* Exchange.make(options)
    const underway = new Map<Message, Post>()
    /** Requests that nobody waits for and that may still be on their way, until the server has been told. */
    const abandoned = new Map<RequestId, Post>()
    let waiting: Array<Message> = []
    let endpoint: string | undefined
    let refused = false
    let over = false

    const end = (error: TransportError) => {
      if (over) return
      over = true
      for (const { controller } of [...underway.values(), ...abandoned.values()]) controller.abort()
      receiver.ended(error)
    }
    const unexpected = (detail: string) => end(fail(new UnexpectedContent({ url: shownUrl(url), detail })))

    const leave = (message: Message) => {
      underway.delete(message)
      if (!refused || over || underway.size >= underwayLimit) return
      refused = false
      receiver.writable()
    }

    /** Ends the POST of a request that was abandoned. */
    const forget = (id: RequestId) => {
      abandoned.get(id)?.controller.abort()
      abandoned.delete(id)
    }

    const transmit = (message: Message) => {
      if (endpoint === undefined) {
        waiting.push(message)
        return
      }
      const body = encode(message, receiver)
      if (body === undefined) return
      const post: Post = { controller: new AbortController(), open: true, at: "held", session: undefined }
      const method = "method" in message ? message.method : "an answer"
      const cancels = cancelledBy(message)
      underway.set(message, post)
      const settle = () => {
        if (method === "notifications/initialized") gate.release(message)
        if (cancels !== undefined) forget(cancels)
        leave(message)
      }
      exchange.send({
        method: "POST",
        url: endpoint,
        body,
        signal: post.controller.signal,
        flight: post,
        insistent: !isRequest(message),
        receive: (response) => {
          discard(response)
          settle()
        },
        fail: (error) => {
          if (!post.open) return
          if (isRequest(message)) receiver.failed(message.id, error)
          else receiver.warning(`${method} was not delivered: ${error.message}`)
          settle()
        },
      })
    }
    const gate = makeGate(exchange, transmit, () => undefined)

    const begin = (location: string) => {
      if (!URL.canParse(location, url)) return unexpected("named an endpoint that is no URL")
      const to = new URL(location, url)
      // The credentials are for this origin alone, and so is what is said.
      if (to.origin !== new URL(url).origin) {
        return unexpected(`named an endpoint on another origin, ${to.origin}: nothing is sent there`)
      }
      endpoint = to.href
      options.opened?.()
      const messages = waiting
      waiting = []
      messages.forEach(transmit)
    }

    const event = (type: string, data: string): boolean => {
      if (over) return false
      if (type === "endpoint") {
        if (endpoint === undefined) begin(data)
      } else if (isMessage(type)) {
        const value = parse(data)
        if (typeof value === "object" && value !== null) receiver.message(value)
        else receiver.warning(`sent what is not JSON-RPC: ${data.slice(0, 200)}`)
      }
      return !over
    }

    const read = (response: Response) =>
      Effect.callback<void, TransportError>((resume) => {
        const disconnected = () => resume(Effect.fail(fail(new Disconnected({ url: shownUrl(url) }))))
        const close = readEvents(response, { lastEventId: undefined, retry: undefined }, limit, {
          event,
          oversized: (head, tail) => {
            if (over) return false
            const error = fail(new MessageTooLarge({ limit }))
            const id = answeredId(head, tail)
            if (id === undefined) receiver.warning(error.message)
            else receiver.failed(id, error)
            return true
          },
          end: disconnected,
          failed: disconnected,
        })
        return Effect.sync(close)
      })

    yield* Effect.forkScoped(
      exchange.request({ method: "GET", url, insistent: true }).pipe(
        Effect.flatMap((response) =>
          isEventStream(response) ? read(response) : Effect.fail(unexpectedContent(url, response, "an event stream")),
        ),
        Effect.catch((error) => Effect.sync(() => end(error))),
      ),
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => end(fail(new Closed()))))
    return {
      send: (message) => {
        if (underway.size + waiting.length + gate.held() < underwayLimit) {
          gate.pass(message)
          return true
        }
        refused = true
        return false
      },
      abandoned: (id) => {
        const waited = waiting.length
        waiting = waiting.filter((message) => !isRequest(message) || message.id !== id)
        const unsent = gate.forget(id) || waiting.length < waited
        if (unsent) return false
        for (const [message, post] of underway) {
          if (!isRequest(message) || message.id !== id) continue
          post.open = false
          if (post.at === "given") {
            // A POST that the server never answers would hold its place for good.
            abandoned.set(id, post)
            exchange.afterCancellation(() => forget(id))
          } else post.controller.abort()
          leave(message)
          return post.at !== "held"
        }
        // Its POST was taken; the answer was to come on the stream.
        return !over
      },
      negotiated: (revision) => {
        exchange.revision = revision
      },
    }
  })
