/**
 * Where this client goes when a server says so: to public addresses over https, and to the hosts that the person has
 * configured. A name is judged by the addresses that it resolves to, and only those are connected to.
 *
 * It guards the URLs that metadata, redirects and answers contain. It does not judge who may ask, or what comes back.
 */
import * as Effect from "effect/Effect"
import { type AddressKind, isAddress, kindOf } from "./address.ts"
import { HttpError, shownUrl, UrlRefused } from "./error.ts"
import { failureOf } from "./failure.ts"
import { Resolver } from "./resolver.ts"

/** What the person has configured, and what follows from it. */
export interface Guard {
  /** Host names and addresses that may be anywhere, in canonical spelling. */
  readonly hosts: ReadonlySet<string>
  /** Origins that the person wrote with `http:`: those alone are spoken to without TLS. */
  readonly plain: ReadonlySet<string>
  /** Whether this machine itself may be gone to, without TLS too: only where the server's own URL is there. */
  readonly loopback: boolean
}

/** The host of a URL as names and addresses are compared: no brackets, no dot at the end, lower case. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase()

/** Names of this machine (RFC 6761, 6.3), and its addresses. */
const isLoopback = (host: string): boolean => /^(.+\.)?localhost$/.test(host) || kindOf(host) === "loopback"

/**
 * The guard of one server: `url` is its own, `configured` are others that the person wrote into its entry (an issuer).
 * What is no URL is left out.
 */
export const make = (url: string, configured: ReadonlyArray<string> = []): Guard => {
  const urls = [url, ...configured].filter((text) => URL.canParse(text)).map((text) => new URL(text))
  return {
    hosts: new Set(urls.map(hostOf)),
    plain: new Set(urls.filter(({ protocol }) => protocol === "http:").map(({ origin }) => origin)),
    loopback: URL.canParse(url) && isLoopback(hostOf(new URL(url))),
  }
}

const refuse = (url: string, detail: string, hint: string): HttpError =>
  new HttpError({ reason: new UrlRefused({ url: shownUrl(url), detail, hint }) })

const askOperator = "A server sent it: ask its operator to correct it."
const configure = "If you trust that host, name it in the server's entry."

/** What is wrong with the URL itself, before any name is resolved; `plain` are the origins that need no TLS. */
const fault = (url: URL, guard: Guard, plain: ReadonlySet<string>): HttpError | undefined => {
  const host = hostOf(url)
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return refuse(url.href, `it is a ${url.protocol} URL, expected https:`, askOperator)
  }
  if (url.username !== "" || url.password !== "") {
    return refuse(url.href, "it holds a user name or a password, expected none", askOperator)
  }
  if (host === "") return refuse(url.href, "it has no host", askOperator)
  if (isLoopback(host) && !guard.loopback && !guard.hosts.has(host)) {
    return refuse(url.href, `${host} is this machine, expected a public host`, askOperator)
  }
  if (url.protocol === "http:" && !plain.has(url.origin) && !(guard.loopback && isLoopback(host))) {
    return refuse(url.href, "it is an http: URL, expected https:", askOperator)
  }
  return undefined
}

/** The kinds of address that a host which nobody configured may have. */
const kindsFor = (url: URL, guard: Guard): ReadonlyArray<AddressKind> => {
  if (isLoopback(hostOf(url))) return ["loopback"]
  return guard.loopback ? ["public", "loopback"] : ["public"]
}

const refuseAddress = (url: URL, guard: Guard, what: string, kind: AddressKind | undefined): HttpError =>
  refuse(url.href, `${what} (${kind}), expected a ${kindsFor(url, guard).join(" or ")} address`, configure)

const allows = (guard: Guard, url: URL, kind: AddressKind | undefined): boolean =>
  kindsFor(url, guard).some((allowed) => allowed === kind)

const judge = (text: string, guard: Guard, plain: ReadonlySet<string>): Effect.Effect<URL, HttpError> => {
  if (!URL.canParse(text)) return Effect.fail(refuse(text, "it is no URL, expected an https: URL", askOperator))
  const url = new URL(text)
  const wrong = fault(url, guard, plain)
  if (wrong !== undefined) return Effect.fail(wrong)
  const host = hostOf(url)
  const kind = kindOf(host)
  return kind === undefined || guard.hosts.has(host) || allows(guard, url, kind)
    ? Effect.succeed(url)
    : Effect.fail(refuseAddress(url, guard, `it leads to ${host}`, kind))
}

/**
 * The URL, if this client may send a request there by what the URL itself says. A host that is an address is judged, a
 * name is not resolved: `resolve` does so before a connection. Fails with `UrlRefused`.
 */
export const check = (text: string, guard: Guard): Effect.Effect<URL, HttpError> => judge(text, guard, guard.plain)

const none: ReadonlySet<string> = new Set()

/**
 * The URL, if a person may be sent there, with a browser: as `check`, but without TLS this machine alone can be gone to,
 * whatever was configured (OAuth 2.1, 1.5). Fails with `UrlRefused`.
 */
export const checkPage = (text: string, guard: Guard): Effect.Effect<URL, HttpError> => judge(text, guard, none)

/** Where a request goes: these addresses and no others, one of them at least. */
export interface Destination {
  readonly url: URL
  /** `undefined`: a proxy finds them. */
  readonly addresses: ReadonlyArray<string> | undefined
  /** Whether the person configured this host. */
  readonly configured: boolean
}

/**
 * The addresses to connect to for a URL: each of them is allowed, or none is used. Fails with `UrlRefused`, or with
 * `Unreachable` where the name does not resolve. The caller connects to what this returns, and does not resolve again.
 *
 * A proxy (`proxied`) resolves by itself. A name that leads somewhere else here is refused all the same; one that means
 * nothing here is left to it, as behind many proxies no name of the internet is known.
 */
export const resolve = (text: string, guard: Guard, proxied = false): Effect.Effect<Destination, HttpError> =>
  Effect.gen(function* () {
    const url = yield* check(text, guard)
    const host = hostOf(url)
    const configured = guard.hosts.has(host)
    if (isAddress(host)) return { url, addresses: [host], configured }
    if (proxied && configured) return { url, addresses: undefined, configured }
    const resolver = yield* Resolver
    const lost = (cause: unknown) => new HttpError({ reason: failureOf(url.href, cause, { foreign: !configured }) })
    const found = Effect.mapError(resolver.addresses(host), lost)
    const addresses = yield* proxied ? Effect.orElseSucceed(found, () => undefined) : found
    if (addresses === undefined) return { url, addresses, configured }
    if (addresses.length === 0 || !addresses.every(isAddress)) return yield* lost("its name resolves to no address")
    if (configured) return { url, addresses, configured }
    const bad = addresses.find((address) => !allows(guard, url, kindOf(address)))
    if (bad === undefined) return { url, addresses, configured }
    return yield* refuseAddress(url, guard, `${host} resolves to ${bad}`, kindOf(bad))
  })
