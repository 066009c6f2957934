/** Why an HTTP request got no response. A response with an unwelcome status is no error here. */
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

export type HttpReason = Unreachable | RedirectRefused

/** The error of every HTTP request. `message` is the reason's. */
export class HttpError extends Data.TaggedError("HttpError")<{ readonly reason: HttpReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** A URL as a person may see it: what stands in a query, or before an `@`, is often a secret. */
export const shownUrl = (text: string): string => {
  if (!URL.canParse(text)) return text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//")
  const url = new URL(text)
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`
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

/** What a failed `fetch` means, for a person. */
export const unreachable = (url: string, cause: unknown): Unreachable => {
  const code = codeOf(cause)
  const known = code === undefined ? undefined : explanations[code]
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new Unreachable({
    url: shownUrl(url),
    cause,
    ...(known ?? {
      detail: code === undefined ? detail : `${detail} (${code})`,
      hint: `Check "url" in the server's entry.`,
    }),
  })
}
