/**
 * The URL of a visit, read: `https:`, or `http:` on this machine, and nothing that hides where it leads (2025-11-25,
 * Elicitation, Safe URL Handling). Nothing is fetched.
 */
import { domainToUnicode } from "node:url"
import { brief } from "../protocol/json.ts"
import type { UrlElicitation } from "./elicitation.ts"

/** The longest id of a visit, in characters. */
export const idLimit = 4_096
/** The longest URL, in characters. */
const urlLimit = 16_384

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname)

const isPunycode = (hostname: string): boolean => hostname.split(".").some((label) => label.startsWith("xn--"))

type Place = Pick<UrlElicitation, "url" | "host" | "unicodeHost" | "warning">

/** Where a URL leads, or what is wrong with it. */
export const readUrl = (value: unknown): Place | string => {
  if (typeof value !== "string") return `url must be a string, not ${brief(value)}`
  if (value.length > urlLimit) return `url has ${value.length} characters, and at most ${urlLimit} are taken`
  if (!URL.canParse(value)) return `url must be an absolute URL, not ${brief(value)}`
  const url = new URL(value)
  const { host, hostname, protocol } = url
  if (protocol !== "https:" && protocol !== "http:")
    return `url must be an https: URL, not one of the scheme ${protocol}`
  if (url.username !== "" || url.password !== "") return `url must not have a user or a password in it (before ${host})`
  if (protocol === "http:" && !isLoopback(hostname)) {
    return `url must be an https: URL: http: is allowed on this machine alone (localhost, 127.0.0.1, [::1]), not on ${host}`
  }
  if (!isPunycode(hostname)) return { url: url.href, host }
  const unicode = domainToUnicode(hostname)
  const shown =
    unicode === "" || unicode === hostname ? undefined : `${unicode}${url.port === "" ? "" : `:${url.port}`}`
  const reads = shown === undefined ? "" : `: a browser may show it as ${JSON.stringify(shown)}`
  return {
    url: url.href,
    host,
    ...(shown === undefined ? {} : { unicodeHost: shown }),
    warning: `the name of the host ${host} is written in Punycode${reads}, and it may be made to look like another name`,
  }
}
