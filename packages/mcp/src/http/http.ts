/**
 * One guarded `fetch`: the way of the protocol's messages to the server that the person configured. Requests to where a
 * server pointed go another one (`outbound.ts`).
 *
 * It follows redirects by hand, because a redirect must neither turn a POST into a GET, nor leave https, nor carry what
 * is meant for one origin to another. It sets no deadline, caps no body (`body.ts` does) and judges no status. What
 * differs from server to server (TLS, proxy, a guard on addresses) is a `Fetch` of its own below it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HttpError, RedirectRefused, shownUrl } from "./error.ts"
import { failureOf } from "./failure.ts"
import { type Networking, overWire, standard } from "./networking.ts"
import * as Redirect from "./redirect.ts"

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE"
  readonly url: string
  /** All but a few are for the origin of `url` alone (`redirect.ts`). Not changed here, so one object may serve many requests. */
  readonly headers: Headers
  readonly body?: string | undefined
  /**
   * Whether it gets a connection of its own. On one that was idle Bun asks again, on the next, where the server closes it at
   * once: what is repeated by a schedule would be repeated besides. Default: false.
   */
  readonly fresh?: boolean | undefined
}

/**
 * What `fetch` is called with. `timeout` is Bun's: without it a silent connection is closed after five minutes. Without
 * `keepalive` a connection is used once.
 */
export interface FetchInit {
  readonly method: string
  readonly headers: Headers
  readonly body: string | null
  readonly signal: AbortSignal
  readonly redirect: "manual"
  readonly timeout: false
  readonly keepalive: boolean
}

/** How bytes travel. Rejects where no response came; never throws. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

/** Where a redirect leads, or why it is not followed. */
const target = (request: HttpRequest, response: Response): URL | string => {
  const to = Redirect.target(request.url, response.headers.get("location"))
  if (typeof to === "string" || request.method === "GET" || Redirect.keepsMethod(response.status)) return to
  return `with this status a ${request.method} becomes a GET; set "url" to ${shownUrl(to.href)} if that is the server`
}

const onwards = (request: HttpRequest, to: URL): HttpRequest => ({
  ...request,
  url: to.href,
  headers: Redirect.onwards(request.headers, request.url, to),
})

/** Requests over HTTP. */
export interface Http {
  /**
   * Sends a request: exactly one of the functions is called once, or none after `signal` was aborted. By callbacks,
   * because on the message path a fibre for each request would cost more than the request.
   */
  readonly send: (
    request: HttpRequest,
    signal: AbortSignal,
    receive: (response: Response) => void,
    fail: (error: HttpError) => void,
  ) => void
}

const make = (fetch: Fetch): Http => {
  const send = (
    request: HttpRequest,
    signal: AbortSignal,
    receive: (response: Response) => void,
    fail: (error: HttpError) => void,
    hops = 0,
  ): void => {
    const { body = null, headers, method, url } = request
    const keepalive = request.fresh !== true
    fetch(url, { method, headers, body, signal, redirect: "manual", timeout: false, keepalive }).then(
      (response) => {
        if (signal.aborted) return discard(response)
        if (!Redirect.isRedirect(response.status)) return receive(response)
        discard(response)
        const to = hops < Redirect.limit ? target(request, response) : `there were ${Redirect.limit} others before it`
        if (typeof to !== "string") return send(onwards(request, to), signal, receive, fail, hops + 1)
        fail(
          new HttpError({
            reason: new RedirectRefused({ url: shownUrl(url), status: response.status, detail: to }),
          }),
        )
      },
      (cause: unknown) => {
        if (!signal.aborted) fail(new HttpError({ reason: failureOf(url, cause) }))
      },
    )
  }
  return { send }
}

/**
 * Gives a connection back: its body is of no interest.
 *
 * @example
 * ```ts
 * const insistent = Http.layerFetch(async (url, init) => {
 *   const response = await globalThis.fetch(url, init)
 *   if (response.status !== 421) return response
 *   Http.discard(response)
 *   return globalThis.fetch(url, init)
 * })
 * ```
 */
export const discard = (response: Response): void => {
  response.body?.cancel().then(undefined, () => undefined)
}

/**
 * The service in force, unless the host provides another: over Bun's own `fetch`, or over `node:http` where that does not
 * do (on Node, and where the environment names a proxy).
 *
 * @example
 * ```ts
 * const answers = Layer.succeed(Http.Http)({
 *   send: (_request, _signal, receive) => receive(new Response("", { status: 503 })),
 * })
 * ```
 */
export const Http: Context.Reference<Http> = Context.Reference<Http>("@opencode/mcp/Http", {
  defaultValue: () => make(standard()),
})

/**
 * The service over a `fetch` of the host's: a proxy, TLS of its own, a guard, a recorder.
 *
 * @example
 * ```ts
 * let requests = 0
 * const counted = Http.layerFetch((url, init) => {
 *   requests += 1
 *   return globalThis.fetch(url, init)
 * })
 * ```
 */
export const layerFetch = (fetch: Fetch): Layer.Layer<never> => Layer.succeed(Http)(make(fetch))

/**
 * The service of one server with TLS or a proxy of its own, over connections that only it uses and that are closed with
 * the layer. Files are read with the first request: what is wrong with them is its failure (`InvalidSetting`).
 *
 * @example
 * ```ts
 * const pinned = Http.layerNetworking({
 *   url: "https://example.com/mcp",
 *   tls: { ca: "certificates/authority.pem", pin: "sha256/UmruAmlTc8pKKk4gKQRUgNhhRppZVrKur8e0twuxkfo=" },
 *   proxy: false,
 * })
 * ```
 */
export const layerNetworking = (networking: Networking): Layer.Layer<never> =>
  Layer.effect(Http)(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => overWire(networking)),
        (wire) => Effect.sync(wire.close),
      ),
      ({ fetch }) => make(fetch),
    ),
  )
