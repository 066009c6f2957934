/**
 * Requests to where a server pointed: metadata, registration, tokens. Guarded at every hop, bounded in size and time,
 * and with nothing of ours in them but what the caller gives.
 *
 * It is not the way of the protocol's messages (`http.ts` is), keeps no connection, and judges no status.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { AnswerTooSlow, HttpError, InvalidBody, InvalidRequest, RedirectRefused, shownUrl } from "./error.ts"
import { check, type Guard, resolve } from "./guard.ts"
import type { Networking } from "./networking.ts"
import * as Redirect from "./redirect.ts"

/** What holds for every request of one server. */
export interface OutboundOptions {
  /** Where requests may go. */
  readonly guard: Guard
  /** TLS and proxy of the server's entry. The pin is for the server itself, and for no other host. */
  readonly networking?: Networking | undefined
}

export interface OutboundRequest extends OutboundOptions {
  readonly method: string
  readonly url: string
  /** For the origin of `url` alone, but for `accept`, `content-type` and `mcp-protocol-version`. */
  readonly headers?: RequestInit["headers"]
  readonly body?: string | undefined
  /** Of `body`, where `headers` does not name it. */
  readonly contentType?: string | undefined
}

export interface OutboundResponse {
  readonly status: number
  /** Without those that say how the body was packed. */
  readonly headers: Headers
  readonly text: string
  /** Where the answer came from, after redirects. */
  readonly url: string
  /** The body parsed. Fails with `InvalidBody` where it is no JSON. */
  readonly json: Effect.Effect<unknown, HttpError>
}

/** Documents of this kind have a few kilobytes. In bytes, after decompression. */
export const bodyLimit = 1024 * 1024

/** For the name, all hops and the whole body. */
export const deadline = Duration.seconds(10)

const kindOfText = (text: string): string => {
  if (text.trim() === "") return "an empty body where JSON was expected"
  return /^\s*</.test(text) ? "a page (HTML or XML) where JSON was expected" : "something else than JSON"
}

const json = (url: string, status: number, text: string): Effect.Effect<unknown, HttpError> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => new HttpError({ reason: new InvalidBody({ url: shownUrl(url), status, detail: kindOfText(text) }) }),
  })

/** Why a redirect is not followed, or where to. Only a GET leaves its origin, and nothing else becomes one. */
const next = (request: OutboundRequest, status: number, location: string | null, hops: number): URL | string => {
  const to = Redirect.target(request.url, location)
  if (typeof to === "string") return to
  if (hops >= Redirect.limit) return `there were ${Redirect.limit} others before it`
  if (request.method === "GET") return to
  if (!Redirect.keepsMethod(status)) return `with this status a ${request.method} becomes a GET`
  if (to.origin === new URL(request.url).origin) return to
  return `a ${request.method} is not sent on to another origin (${to.origin})`
}

const hop = (
  request: OutboundRequest,
  headers: Headers,
  hops: number,
): Effect.Effect<Omit<OutboundResponse, "json">, HttpError> =>
  Effect.gen(function* () {
    const { body, guard, method, networking, url } = request
    const allowed = yield* check(url, guard)
    // Loaded with the first request, and `node:http` with it.
    const { exchange, load, route } = yield* Effect.promise(() => import("./exchange.ts"))
    const proxy = yield* route(networking?.proxy)(allowed)
    const destination = yield* resolve(url, guard, proxy !== undefined)
    const security = yield* load(networking?.tls)
    const own = networking?.url !== undefined && new URL(networking.url).host === allowed.host
    const pin = own ? security.pin : undefined
    const answer = yield* exchange(destination, {
      method,
      headers,
      body,
      limit: bodyLimit,
      security: { ...security, pin },
      proxy,
    })
    if (!Redirect.isRedirect(answer.status)) return { ...answer, url }
    const to = next(request, answer.status, answer.headers.get("location"), hops)
    if (typeof to !== "string") {
      return yield* hop({ ...request, url: to.href }, Redirect.onwards(headers, url, to), hops + 1)
    }
    const reason = new RedirectRefused({ url: shownUrl(url), status: answer.status, detail: to })
    return yield* new HttpError({ reason })
  })

/** `identity` keeps what is small readable; what comes compressed all the same is unpacked. */
const defaults = (contentType: string | undefined): Readonly<Record<string, string>> => ({
  "accept-encoding": "identity",
  "user-agent": "opencode-mcp",
  ...(contentType === undefined ? {} : { "content-type": contentType }),
})

const headersOf = (request: OutboundRequest): Effect.Effect<Headers, HttpError> =>
  Effect.try({
    try: () => {
      const headers = new Headers(request.headers)
      for (const [name, value] of Object.entries(defaults(request.contentType))) {
        if (!headers.has(name)) headers.set(name, value)
      }
      return headers
    },
    // The runtime's message would quote the value.
    catch: () => {
      const detail = "one of its headers holds what HTTP does not allow"
      return new HttpError({ reason: new InvalidRequest({ url: shownUrl(request.url), detail }) })
    },
  })

/**
 * Sends a request and reads its whole answer: at most 1 MiB, in 10 seconds of Effect's clock, over at most five
 * redirects, each through the guard. Interrupting it closes the connection.
 *
 * Fails with `UrlRefused`, `RedirectRefused`, `Unreachable`, `AnswerTooSlow`, `BodyTooLarge`, `InvalidBody` or
 * `InvalidRequest`; a status is never a failure.
 */
export const request = (request: OutboundRequest): Effect.Effect<OutboundResponse, HttpError> =>
  Effect.flatMap(headersOf(request), (headers) => hop(request, headers, 0)).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => {
        const reason = new AnswerTooSlow({ url: shownUrl(request.url), after: Duration.toMillis(deadline) })
        return Effect.fail(new HttpError({ reason }))
      },
    }),
    Effect.map((answer) => ({ ...answer, json: json(answer.url, answer.status, answer.text) })),
  )
