/** Why an HTTP request got no response, or none that can be read. An unwelcome status is no error here. */
import * as Data from "effect/Data"

/** The server could not be reached: name, connection, TLS. */
export class Unreachable extends Data.TaggedError("Unreachable")<{
  readonly url: string
  readonly detail: string
  readonly hint: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `could not reach ${this.url}: ${this.detail}. ${this.hint}`
  }
}

/** The server redirects to where this client does not go. */
export class RedirectRefused extends Data.TaggedError("RedirectRefused")<{
  readonly url: string
  readonly status: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.url} answered with a redirect (HTTP ${this.status}) that is not followed: ${this.detail}`
  }
}

/** A server named a URL that this client does not go to. Nothing was sent there. */
export class UrlRefused extends Data.TaggedError("UrlRefused")<{
  readonly url: string
  readonly detail: string
  readonly hint: string
}> {
  override get message(): string {
    return `${this.url} is refused: ${this.detail}. ${this.hint}`
  }
}

/** The whole answer did not come in time. */
export class AnswerTooSlow extends Data.TaggedError("AnswerTooSlow")<{
  readonly url: string
  /** The time it had, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `${this.url} did not answer in full within ${this.after / 1000} s. Check the network, or ask the server's operator.`
  }
}

/** The body is larger than it may be; the rest was not read. */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{
  readonly url: string
  /** The limit in bytes, after decompression. */
  readonly limit: number
}> {
  override get message(): string {
    return `${this.url} answered with more than ${this.limit} bytes. Ask the server's operator.`
  }
}

/** The body is not what it should be: no JSON, or compressed in a way that cannot be undone. */
export class InvalidBody extends Data.TaggedError("InvalidBody")<{
  readonly url: string
  readonly status: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.url} answered (HTTP ${this.status}) with ${this.detail}. Is this the right URL? Otherwise ask the server's operator.`
  }
}

/** A request cannot be sent as it is: HTTP has no place for one of its characters. */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<{
  readonly url: string
  readonly detail: string
}> {
  override get message(): string {
    return `the request to ${this.url} cannot be sent: ${this.detail}`
  }
}

export type HttpReason =
  Unreachable | RedirectRefused | UrlRefused | AnswerTooSlow | BodyTooLarge | InvalidBody | InvalidRequest

/** The error of every HTTP request. `message` is the reason's. */
export class HttpError extends Data.TaggedError("HttpError")<{ readonly reason: HttpReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** More of a URL than this is of no use to anybody. */
const shownLength = 200

/** What hides or reorders text: control and format characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A URL as a person may see it: what stands in a query, or before an `@`, is often a secret, and a server wrote it. */
export const shownUrl = (text: string): string => {
  if (!URL.canParse(text)) {
    const bare = text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//")
    return bare.replace(invisible, "�").slice(0, shownLength)
  }
  const url = new URL(text)
  const start = url.origin === "null" ? url.protocol : url.origin
  return `${start}${url.pathname.slice(0, shownLength)}${url.search === "" ? "" : "?…"}`
}

const codeOf = (cause: unknown): string | undefined => {
  for (let at: unknown = cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
  }
  return undefined
}

const timedOut = {
  detail: "the connection timed out",
  hint: "Check the network, a proxy or firewall in between, and the host.",
}
const broke = { detail: "the connection was closed before an answer came", hint: "Look at the server's own log." }
const plain = {
  detail: "it does not speak TLS there",
  hint: `Use http:// instead of https:// in "url", or correct the port.`,
}
const notHttp = { detail: "what answers there is no HTTP server", hint: `Correct the host or the port in "url".` }
const untrusted = {
  detail: "its certificate was issued by an authority that is not trusted here",
  hint: `If that is expected, name the authority's certificate ("tls": { "ca": … }) in the server's entry.`,
}

const explanations: Readonly<Record<string, { readonly detail: string; readonly hint: string }>> = {
  ECONNREFUSED: {
    detail: "nothing listens there",
    hint: `Is the server running? Otherwise correct the port in "url".`,
  },
  ECONNRESET: broke,
  EPIPE: broke,
  UND_ERR_SOCKET: broke,
  ENOTFOUND: { detail: "no such host", hint: `Correct the host in "url", or check the name server and the network.` },
  EAI_AGAIN: { detail: "the name server does not answer", hint: "Check the network." },
  ENETUNREACH: { detail: "the network cannot be reached", hint: "Check the network." },
  EHOSTUNREACH: { detail: "the host cannot be reached", hint: `Check the network, or correct the host in "url".` },
  ETIMEDOUT: timedOut,
  UND_ERR_CONNECT_TIMEOUT: timedOut,
  UND_ERR_HEADERS_TIMEOUT: { detail: "it gave no answer in time", hint: "Look at the server's own log." },
  EPROTO: plain,
  ERR_SSL_WRONG_VERSION_NUMBER: plain,
  Malformed_HTTP_Response: notHttp,
  HPE_INVALID_CONSTANT: notHttp,
  CERT_HAS_EXPIRED: { detail: "its certificate has expired", hint: "The server's owner has to renew it." },
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: { detail: "its certificate is for another host", hint: `Correct the host in "url".` },
}

/** What a failed request means, for a person; `isForeign` where the URL is a server's word and not the entry's. */
export const unreachable = (url: string, cause: unknown, isForeign = false): Unreachable => {
  const code = codeOf(cause)
  const known = code === undefined ? undefined : explanations[code]
  const detail = cause instanceof Error ? cause.message : String(cause)
  const hint = known?.hint ?? `Check "url" in the server's entry.`
  return new Unreachable({
    url: shownUrl(url),
    cause,
    detail: known?.detail ?? (code === undefined ? detail : `${detail} (${code})`),
    hint: isForeign && known !== untrusted ? "A server named it: check the network, or ask its operator." : hint,
  })
}
