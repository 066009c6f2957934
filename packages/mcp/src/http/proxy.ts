/** Which proxy a request goes through: what the entry says, or the environment. It connects to nothing. */
import ipaddr from "ipaddr.js"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { kindOf } from "./address.ts"
import { HttpError, InvalidSetting } from "./error.ts"

/** A proxy, and who named it. */
export interface Proxy {
  /** `http:` or `https:`, without user name and password. */
  readonly url: URL
  /** For `Proxy-Authorization`. */
  readonly authorization: Redacted.Redacted<string> | undefined
  /** The entry's `proxy`, or the name of a variable. */
  readonly field: string
}

/** The proxy for a URL, `undefined` for a direct connection. Fails with `InvalidSetting`. */
export type Route = (url: URL) => Effect.Effect<Proxy | undefined, HttpError>

type Environment = Readonly<Record<string, string | undefined>>

/** The lower case comes first, as in curl. What is empty is not set. */
const variable = (environment: Environment, name: string) => {
  for (const spelling of [name, name.toUpperCase()]) {
    const value = environment[spelling]?.trim()
    if (value !== undefined && value !== "") return { field: spelling, value }
  }
  return undefined
}

/** User name and password stand percent-encoded in a URL; what is not, stands for itself. */
const decoded = (text: string): string =>
  Result.getOrElse(
    Result.try(() => decodeURIComponent(text)),
    () => text,
  )

const authorizationOf = ({ password, username }: URL): Redacted.Redacted<string> | undefined => {
  if (username === "" && password === "") return undefined
  return Redacted.make(`Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`)
}

const refuse = (field: string, detail: string) =>
  Effect.fail(
    new HttpError({
      reason: new InvalidSetting({
        field,
        detail,
        hint: `Expected http://host:port or https://host:port, or "proxy": false in the server's entry for none.`,
      }),
    }),
  )

const parse = (field: string, value: string): Effect.Effect<Proxy, HttpError> => {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(text)) return refuse(field, "is no URL of a proxy")
  const url = new URL(text)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse(field, `names a proxy of a kind that is not spoken here (${url.protocol}//)`)
  }
  const authorization = authorizationOf(url)
  url.username = url.password = url.hash = url.search = ""
  url.pathname = "/"
  return Effect.succeed({ url, authorization, field })
}

const bare = (host: string): string => host.replace(/^\[|\]$|\.$/g, "").toLowerCase()

/** An IPv4 address inside an IPv6 one is that address. */
const addressOf = (host: string) => (ipaddr.isValid(host) ? ipaddr.process(host) : undefined)

const contains = (range: string, host: string): boolean => {
  const address = addressOf(host)
  if (address === undefined || !ipaddr.isValidCIDR(range)) return false
  const [network, bits] = ipaddr.parseCIDR(range)
  return network.kind() === address.kind() && address.match([network, bits])
}

/** One word of `NO_PROXY`: `*`, a host with its subdomains, an address, a range of addresses; each with or without a port. */
const excepts = (word: string, host: string, port: string): boolean => {
  if (word === "*") return true
  if (word.includes("/")) return contains(word.replace(/[[\]]/g, ""), host)
  const [, name = word, only] = /^(\[.*\]|[^:]*):(\d+)$/.exec(word) ?? []
  if (only !== undefined && only !== port) return false
  const wanted = bare(name.replace(/^\*?\./, ""))
  if (wanted === "") return false
  const address = addressOf(host)
  if (address !== undefined) return addressOf(wanted)?.toString() === address.toString()
  return host === wanted || host.endsWith(`.${wanted}`)
}

const here: ReadonlySet<string | undefined> = new Set(["loopback", "unspecified"])

const isLoopback = (host: string): boolean => /^(.+\.)?localhost$/.test(host) || here.has(kindOf(host))

/** Whether the environment keeps this URL from its proxies. This machine is never asked for through one. */
const isDirect = (url: URL, environment: Environment): boolean => {
  const host = bare(url.hostname)
  if (isLoopback(host)) return true
  const port = url.port || (url.protocol === "https:" ? "443" : "80")
  const words =
    variable(environment, "no_proxy")
      ?.value.toLowerCase()
      .split(/[\s,]+/) ?? []
  return words.some((word) => word !== "" && excepts(word, host, port))
}

/**
 * The route of one server's requests. A proxy of its entry's takes all of them; `false` takes none. Otherwise the
 * environment decides: `http_proxy` or `https_proxy` by the URL, then `all_proxy`, unless `no_proxy` excepts it.
 */
export const route = (
  own: Redacted.Redacted<string> | false | undefined,
  environment: Environment = process.env,
): Route => {
  if (own === false) return () => Effect.succeed(undefined)
  if (own !== undefined) {
    const proxy = parse("proxy", Redacted.value(own).trim())
    return () => proxy
  }
  return (url) => {
    if (isDirect(url, environment)) return Effect.succeed(undefined)
    const found =
      variable(environment, url.protocol === "https:" ? "https_proxy" : "http_proxy") ??
      variable(environment, "all_proxy")
    return found === undefined ? Effect.succeed(undefined) : parse(found.field, found.value)
  }
}
