/**
 * One request and its whole answer, over a connection to addresses that were checked: no name is resolved here, but by a
 * proxy. The name in the URL is what `Host`, SNI and the certificate are about.
 *
 * Over `node:http` on both runtimes, because `fetch` resolves names by itself. Each request has a connection of its own:
 * one that another request opened was checked for that one.
 */
import { type IncomingMessage, request as startRequest } from "node:http"
import type { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { circumstancesOf, Connections, isForwarded, type Target, unauthorized } from "./connector.ts"
import { decoded } from "./decode.ts"
import { BodyTooLarge, HttpError, type HttpReason, InvalidBody, InvalidRequest, shownUrl } from "./error.ts"
import { failureOf } from "./failure.ts"
import type { Destination } from "./guard.ts"
import type { Proxy } from "./proxy.ts"
import type { Security } from "./tls.ts"

export { route } from "./proxy.ts"
export { load } from "./tls.ts"

export interface ExchangeRequest {
  readonly method: string
  readonly headers: Headers
  readonly body: string | undefined
  /** In bytes, after decompression. */
  readonly limit: number
  readonly security: Security
  readonly proxy: Proxy | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** What is true of the body as it was sent, and not of the text. */
const dropped: ReadonlySet<string> = new Set(["content-encoding", "content-length", "transfer-encoding"])

const headersOf = ({ rawHeaders }: IncomingMessage): Headers | undefined => {
  const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []))
  const kept = pairs.filter(([name]) => !dropped.has(name.toLowerCase())).map(([name, value]) => [name, value])
  return Result.getOrUndefined(Result.try(() => new Headers(kept)))
}

/** A client certificate is for hosts that the person configured, and the pinned key for the pinned server. */
const targetOf = (destination: Destination, { proxy, security }: ExchangeRequest): Target => ({
  url: destination.url,
  addresses: destination.addresses,
  proxy,
  trust: security.trust,
  identity: destination.configured ? security.identity : undefined,
  pin: security.pin,
  foreign: !destination.configured,
})

const decoder = new TextDecoder()

/** Sends the request and reads the answer. Interrupting it closes the connection. */
export const exchange = (destination: Destination, request: ExchangeRequest): Effect.Effect<Answer, HttpError> =>
  Effect.callback((resume) => {
    const { url } = destination
    const { proxy } = request
    const shown = shownUrl(url.href)
    const target = targetOf(destination, request)
    const forwarded = isForwarded(target)
    const connections = new Connections(target, { keep: false })
    const fail = (reason: HttpReason) => {
      resume(Effect.fail(new HttpError({ reason })))
    }
    const path = `${url.pathname}${url.search}`
    const started = Result.try({
      try: () =>
        startRequest({
          agent: connections,
          host: url.hostname,
          path: forwarded ? `${url.origin}${path}` : path,
          method: request.method,
          headers: {
            ...Object.fromEntries(request.headers),
            host: url.host,
            ...(forwarded && proxy?.authorization !== undefined
              ? { "proxy-authorization": Redacted.value(proxy.authorization) }
              : {}),
          },
        }),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause)),
    })
    if (Result.isFailure(started)) return fail(new InvalidRequest({ url: shown, detail: started.failure }))
    const client = started.success
    let body: Readable | undefined
    const close = () => {
      client.destroy()
      connections.destroy()
      // Otherwise what has come is unpacked to its end.
      body?.destroy()
    }
    const give = (reason: HttpReason) => {
      fail(reason)
      close()
    }
    const lost = (cause: unknown) => give(failureOf(url.href, cause, circumstancesOf(target)))
    const closed = Object.assign(new Error("closed"), { code: "ECONNRESET" })
    client.on("error", lost)
    // What is unpacked may end after the connection did.
    let answering = false
    client.on("close", () => (answering ? undefined : lost(closed)))
    client.on("response", (message) => {
      answering = true
      const status = message.statusCode ?? 0
      const tooLarge = () => give(new BodyTooLarge({ url: shown, limit: request.limit }))
      const invalid = (detail: string) => give(new InvalidBody({ url: shown, status, detail }))
      if (status === 407 && forwarded && proxy !== undefined) return give(unauthorized(target, proxy).reason)
      if (status < 200 || status > 599) return invalid("a status that HTTP does not have")
      message.on("error", lost)
      message.on("close", () => (message.complete ? undefined : lost(closed)))
      if (Number(message.headers["content-length"] ?? 0) > request.limit) return tooLarge()
      body = decoded(message)
      if (body === undefined) return invalid("a compression that this client does not know")
      const parts: Array<Buffer> = []
      let length = 0
      body.on("data", (bytes: Buffer) => {
        length += bytes.length
        if (length <= request.limit) parts.push(bytes)
        else tooLarge()
      })
      if (body !== message) body.on("error", () => invalid("a broken compression"))
      body.on("end", () => {
        const headers = headersOf(message)
        if (headers === undefined) return invalid("headers that HTTP does not allow")
        resume(Effect.succeed({ status, headers, text: decoder.decode(Buffer.concat(parts, length)) }))
      })
    })
    client.end(request.body)
    return Effect.sync(close)
  })
