/**
 * A `Fetch` over `node:http`, the same on every runtime: with TLS and a proxy of a server's own, connections of its own,
 * and no deadline. It follows no redirect, keeps no cookie and caches nothing.
 */
import { type ClientRequest, type IncomingMessage, request } from "node:http"
import type { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { circumstancesOf, Connections, isForwarded, type Target, unauthorized } from "./connector.ts"
import { decoded, encodings } from "./decode.ts"
import { HttpError, InvalidBody, shownUrl } from "./error.ts"
import { failureOf } from "./failure.ts"
import type { Fetch, FetchInit } from "./http.ts"
import type { Networking } from "./networking.ts"
import { type Route, route } from "./proxy.ts"
import { load, type Security } from "./tls.ts"

/** A `Fetch`, and how its connections are closed. */
export interface Wire {
  readonly fetch: Fetch
  readonly close: () => void
}

/** Statuses that have no body (Fetch, 2.2.3). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

const headersOf = (target: Target, url: URL, { body, headers }: FetchInit): Record<string, string> => {
  const { proxy } = target
  const sent: Record<string, string> = {
    accept: "*/*",
    "accept-encoding": encodings,
    "user-agent": "opencode-mcp",
    ...Object.fromEntries(headers),
    host: url.host,
  }
  if (body !== null) sent["content-length"] = String(Buffer.byteLength(body))
  if (proxy?.authorization !== undefined && isForwarded(target)) {
    sent["proxy-authorization"] = Redacted.value(proxy.authorization)
  }
  return sent
}

const responseHeaders = ({ rawHeaders }: IncomingMessage): Headers => {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "")
  return headers
}

const cutOff = (): Error => Object.assign(new Error("closed"), { code: "ECONNRESET" })

/** The body as `fetch` gives it: read as it is asked for, ended by `close`. */
const streamOf = (message: IncomingMessage, body: Readable, close: () => void): ReadableStream<Uint8Array> => {
  let over = false
  const once = (act: () => void) => {
    if (over) return
    over = true
    act()
  }
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      const fail = (cause: unknown) =>
        once(() => {
          controller.error(cause)
          close()
        })
      body.on("data", (bytes: Buffer) => {
        if (over) return
        controller.enqueue(bytes)
        if ((controller.desiredSize ?? 0) <= 0) body.pause()
      })
      body.on("end", () => once(() => controller.close()))
      body.on("error", fail)
      if (body !== message) message.on("error", fail)
      message.on("close", () => (message.complete ? undefined : fail(cutOff())))
    },
    pull: () => {
      body.resume()
    },
    cancel: () => once(close),
  })
}

const responseOf = (url: URL, message: IncomingMessage, close: () => void): Response => {
  const status = message.statusCode ?? 0
  const invalid = (detail: string) =>
    new HttpError({ reason: new InvalidBody({ url: shownUrl(url.href), status, detail }) })
  if (status < 200 || status > 599) throw invalid("a status that HTTP does not have")
  const headers = responseHeaders(message)
  if (bodiless.has(status)) {
    message.resume()
    return new Response(null, { status, headers })
  }
  const body = decoded(message)
  if (body === undefined) throw invalid("a compression that this client does not know")
  return new Response(
    streamOf(message, body, () => {
      close()
      // Otherwise what has come is unpacked to its end.
      body.destroy()
    }),
    { status, headers },
  )
}

const send = (target: Target, agent: Connections, url: URL, init: FetchInit): Promise<Response> =>
  new Promise((resolve, reject) => {
    const { signal } = init
    const forwarded = isForwarded(target)
    // What throws here rejects: HTTP has no place for a character.
    const client: ClientRequest = request({
      agent,
      host: url.hostname,
      path: forwarded ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
      method: init.method,
      headers: headersOf(target, url, init),
    })
    const abort = () => client.destroy(Object.assign(new Error("aborted"), { name: "AbortError" }))
    const failed = (cause: unknown) =>
      reject(new HttpError({ reason: failureOf(url.href, cause, circumstancesOf(target)) }))
    signal.addEventListener("abort", abort, { once: true })
    client.on("error", failed)
    client.on("close", () => {
      signal.removeEventListener("abort", abort)
      failed(cutOff())
    })
    client.on("upgrade", (_message, socket) => {
      failed("it switches to another protocol, which nobody asked for")
      socket.destroy()
    })
    client.on("response", (message) => {
      const close = () => client.destroy()
      if (message.statusCode === 407 && target.proxy !== undefined && forwarded) {
        reject(unauthorized(target, target.proxy))
        return close()
      }
      // At once: an empty body may be over before a promise is heard.
      const response = Result.try(() => responseOf(url, message, close))
      if (Result.isSuccess(response)) return resolve(response.success)
      failed(response.failure)
      close()
    })
    if (signal.aborted) abort()
    else client.end(init.body ?? undefined)
  })

/** What holds for all requests, once it was read. */
interface Ready {
  readonly security: Security
  readonly route: Route
}

/** The way of one server's messages. Nothing is read or opened before the first request. */
export const make = ({ proxy, tls, url: own }: Networking): Wire => {
  const { host } = own === undefined ? { host: undefined } : new URL(own)
  const connections = new Map<string, readonly [Target, Connections]>()
  let ready: Promise<Ready> | undefined
  let closed = false

  const prepared = (): Promise<Ready> => {
    const reading = Effect.runPromise(Effect.map(load(tls), (security) => ({ security, route: route(proxy) })))
    // What could not be read is read anew by the next request.
    reading.catch(() => {
      ready = undefined
    })
    return reading
  }

  const open = ({ route, security }: Ready, url: URL): Promise<readonly [Target, Connections]> =>
    Effect.runPromise(
      Effect.map(route(url), (proxy) => {
        const identity = url.host === host ? security.identity : undefined
        const target: Target = { url: new URL(url.origin), proxy, trust: security.trust, identity, pin: security.pin }
        const opened = connections.get(url.origin) ?? ([target, new Connections(target, { keep: true })] as const)
        connections.set(url.origin, opened)
        return opened
      }),
    )

  return {
    fetch: (text, init) => {
      const url = new URL(text)
      const opened = connections.get(url.origin)
      if (opened !== undefined) return send(...opened, url, init)
      ready ??= prepared()
      return ready
        .then((ready) => (closed ? Promise.reject(cutOff()) : open(ready, url)))
        .then((opened) => send(...opened, url, init))
    },
    close: () => {
      closed = true
      for (const [, agent] of connections.values()) agent.destroy()
      connections.clear()
    },
  }
}
