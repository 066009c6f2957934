/** What a request that failed on its way means for a person: what was wrong, where, and what to do. */
import { HttpError, type HttpReason, shownUrl, Unreachable } from "./error.ts"

interface Explanation {
  readonly detail: string
  readonly hint: string
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
const nameAuthority = `If that is expected, name the authority's certificate ("tls": { "ca": … }) in the server's entry.`
const untrusted = {
  detail: "its certificate was issued by an authority that is not trusted here",
  hint: nameAuthority,
}
const selfSigned = {
  detail: "its certificate is self-signed, and not trusted here",
  hint: `If that is expected, name that certificate ("tls": { "ca": … }) in the server's entry.`,
}
const asksForCertificate = {
  detail: "it asks for a client certificate",
  hint: `Name one with its key ("tls": { "cert": …, "key": … }) in the server's entry.`,
}
const noCommonTls = {
  detail: "it speaks no version of TLS, or no cipher, that this client accepts",
  hint: "The server's owner has to renew it.",
}

const explanations: Readonly<Record<string, Explanation>> = {
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
  ERR_SSL_HTTP_REQUEST: plain,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plain,
  Malformed_HTTP_Response: notHttp,
  HPE_INVALID_CONSTANT: notHttp,
  CERT_HAS_EXPIRED: {
    detail: "its certificate has expired",
    hint: "The server's owner has to renew it. Is this machine's clock right?",
  },
  CERT_NOT_YET_VALID: { detail: "its certificate is not valid yet", hint: "Is this machine's clock right?" },
  CERT_REVOKED: { detail: "its certificate was revoked", hint: "Ask the server's owner." },
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  // An authority of the same name as one that is trusted.
  CERT_SIGNATURE_FAILURE: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: { detail: "its certificate is for another host", hint: `Correct the host in "url".` },
}

/** The alerts by which a server ends a handshake (RFC 8446, 6.2), as OpenSSL and BoringSSL spell their codes. */
const alerts: ReadonlyArray<readonly [RegExp, Explanation]> = [
  [/ALERT_CERTIFICATE_REQUIRED$/, asksForCertificate],
  [
    /ALERT_(?:NO|BAD|UNSUPPORTED)_CERTIFICATE$|ALERT_CERTIFICATE_(?:UNKNOWN|EXPIRED|REVOKED)$|ALERT_UNKNOWN_CA$|ALERT_ACCESS_DENIED$|ALERT_DECRYPT_ERROR$/,
    {
      detail: "it refused the client certificate",
      hint: `Is the certificate in "tls" valid, and of an authority that the server trusts?`,
    },
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    {
      detail: "it refused the TLS handshake",
      hint: `If it asks for a client certificate, name one with its key ("tls": { "cert": …, "key": … }) in the server's entry; otherwise its TLS is too old, or its ciphers are.`,
    },
  ],
  [/PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$|NO_SHARED_CIPHER$|INSUFFICIENT_SECURITY$/, noCommonTls],
  [/UNRECOGNI[SZ]ED_NAME$/, { detail: "it does not know that host name", hint: `Correct the host in "url".` }],
]

const explain = (code: string | undefined): Explanation | undefined =>
  code === undefined ? undefined : (explanations[code] ?? alerts.find(([pattern]) => pattern.test(code))?.[1])

/** Under which circumstances a request failed. */
export interface Circumstances {
  /** The URL is a server's word and not the entry's. */
  readonly foreign?: boolean | undefined
  /** The proxy that the request went through, as a person may see it. */
  readonly proxy?: string | undefined
  /** A client certificate was shown. */
  readonly identified?: boolean | undefined
}

/** What to try, where a connection ended in a way that says nothing by itself. */
const further = (url: string, known: Explanation, { identified = false }: Circumstances): string => {
  if (known !== broke && known !== notHttp) return ""
  if (/^http:/i.test(url)) return ` If it speaks TLS there, use https:// in "url".`
  return known === broke && identified ? ` It may have refused the client certificate in "tls".` : ""
}

/** What a failed request means, for a person. A cause that was explained already stays what it is. */
export const failureOf = (url: string, cause: unknown, circumstances: Circumstances = {}): HttpReason => {
  if (cause instanceof HttpError) return cause.reason
  return unreachable(url, cause, circumstances)
}

const unreachable = (url: string, cause: unknown, circumstances: Circumstances): Unreachable => {
  const { foreign = false, proxy } = circumstances
  const code = codeOf(cause)
  const known = explain(code)
  const said = cause instanceof Error ? cause.message : String(cause)
  const detail = known?.detail ?? (code === undefined ? said : `${said} (${code})`)
  const hint =
    known === undefined ? `Check "url" in the server's entry.` : known.hint + further(url, known, circumstances)
  return new Unreachable({
    url: shownUrl(url),
    cause,
    detail: proxy === undefined ? detail : `${detail} (through the proxy ${proxy})`,
    hint:
      foreign && known !== untrusted && known !== selfSigned
        ? "A server named it: check the network, or ask its operator."
        : hint,
  })
}

/** What failed between this machine and a proxy; a hint where it is not the proxy's address that is wrong. */
export const proxyFailureOf = (cause: unknown): { readonly detail: string; readonly hint: string | undefined } => {
  const code = codeOf(cause)
  const known = explain(code)
  const said = cause instanceof Error ? cause.message : String(cause)
  return {
    detail: known?.detail ?? (code === undefined ? said : `${said} (${code})`),
    hint: known === untrusted || known === selfSigned ? known.hint : undefined,
  }
}
