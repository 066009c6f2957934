/**
 * One request and its whole answer, over a connection to addresses that were checked: no name is resolved here. The
 * name in the URL is what `Host`, SNI and the certificate are about.
 *
 * Over `node:http` and `node:https` on both runtimes, because `fetch` resolves names by itself. Each request has a
 * connection of its own: one that another request opened was checked for that one.
 */
import { type IncomingMessage, request as plainRequest } from "node:http"
import { request as secureRequest } from "node:https"
import { isIP, type LookupFunction } from "node:net"
import { getCACertificates } from "node:tls"
import { createBrotliDecompress, createUnzip } from "node:zlib"
import type { Readable, Transform } from "node:stream"
import { pipeline } from "node:stream"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  BodyTooLarge,
  HttpError,
  type HttpReason,
  InvalidBody,
  InvalidRequest,
  shownUrl,
  unreachable,
} from "./error.ts"
import { type Destination, hostOf } from "./guard.ts"

/** TLS of one server's own. PEM texts. */
export interface Tls {
  /** Authorities that are trusted beside the system's. */
  readonly ca?: ReadonlyArray<string> | undefined
  /** A client certificate and its key: shown to hosts that the person configured, and to no others. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
}

export interface ExchangeRequest {
  readonly method: string
  readonly headers: Headers
  readonly body: string | undefined
  /** In bytes, after decompression. */
  readonly limit: number
  readonly tls: Tls | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const authorities = ({ ca }: Tls) => (ca === undefined ? {} : { ca: [...getCACertificates("default"), ...ca] })

const identity = ({ cert, key, passphrase }: Tls) => ({
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(passphrase === undefined ? {} : { passphrase }),
})

/** Milliseconds that an address has to answer before the next one is tried too; the last one has until the deadline. */
const attempt = 1_000

/** Answers with what was checked, whatever is asked for. */
const lookupOf = (addresses: ReadonlyArray<string>): LookupFunction => {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, done) => {
    const [first] = all
    if (options.all === true || first === undefined) done(null, all)
    else done(null, first.address, first.family)
  }
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createUnzip,
  "x-gzip": createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
}

/** The body as it was before compression, or `undefined` for a compression that is not known. */
const decoded = (message: IncomingMessage): Readable | undefined => {
  const encoding = message.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
  if (encoding === "identity" || encoding === "") return message
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined
  // What fails is told by the decoder's "error".
  return decoder === undefined ? undefined : pipeline(message, decoder(), () => undefined)
}

/** What is true of the body as it was sent, and not of the text. */
const dropped: ReadonlySet<string> = new Set(["content-encoding", "content-length", "transfer-encoding"])

const headersOf = ({ rawHeaders }: IncomingMessage): Headers | undefined => {
  const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []))
  const kept = pairs.filter(([name]) => !dropped.has(name.toLowerCase())).map(([name, value]) => [name, value])
  return Result.getOrUndefined(Result.try(() => new Headers(kept)))
}

const decoder = new TextDecoder()

/** Sends the request and reads the answer. Interrupting it closes the connection. */
export const exchange = (destination: Destination, request: ExchangeRequest): Effect.Effect<Answer, HttpError> =>
  Effect.callback((resume) => {
    const { addresses, configured, url } = destination
    const shown = shownUrl(url.href)
    const host = hostOf(url)
    const tls = request.tls ?? {}
    const fail = (reason: HttpReason) => {
      resume(Effect.fail(new HttpError({ reason })))
    }
    const secure = url.protocol === "https:"
    const options = {
      protocol: url.protocol,
      hostname: host,
      port: url.port === "" ? undefined : url.port,
      path: `${url.pathname}${url.search}`,
      method: request.method,
      headers: { ...Object.fromEntries(request.headers), host: url.host },
      agent: false,
      lookup: lookupOf(addresses),
      autoSelectFamilyAttemptTimeout: attempt,
      // An address is no name for SNI (RFC 6066, 3).
      ...(secure && isIP(host) === 0 ? { servername: host } : {}),
      ...authorities(tls),
      ...(configured ? identity(tls) : {}),
    }
    const started = Result.try({
      try: () => (secure ? secureRequest : plainRequest)(options),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause)),
    })
    if (Result.isFailure(started)) return fail(new InvalidRequest({ url: shown, detail: started.failure }))
    const client = started.success
    let body: Readable | undefined
    const close = () => {
      client.destroy()
      // Otherwise what has come is unpacked to its end.
      body?.destroy()
    }
    const give = (reason: HttpReason) => {
      fail(reason)
      close()
    }
    const lost = (cause: unknown) => give(unreachable(url.href, cause, !configured))
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
