/** Where a redirect may lead, whoever follows it. */
import { shownUrl } from "./error.ts"

/** More hops than this are a loop. */
export const limit = 5

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export const isRedirect = (status: number): boolean => statuses.has(status)

/** Those that keep the method and the body. */
export const keepsMethod = (status: number): boolean => status === 307 || status === 308

/** Headers that may follow a redirect to another origin: they say nothing that the body does not. */
const crossing: ReadonlySet<string> = new Set(["accept", "content-type", "mcp-protocol-version"])

/** The headers for the next hop: the same, or those that may cross to another origin. */
export const onwards = (headers: Headers, from: string, to: URL): Headers =>
  to.origin === new URL(from).origin ? headers : new Headers([...headers].filter(([name]) => crossing.has(name)))

/** The URL that a `Location` header at `url` names, or what is wrong with it. */
export const target = (url: string, location: string | null): URL | string => {
  if (location === null || !URL.canParse(location, url)) return "it does not say where to"
  const from = new URL(url)
  const to = new URL(location, from)
  if (to.protocol !== "https:" && to.protocol !== "http:") return `it leads to a ${to.protocol} URL`
  if (from.protocol === "https:" && to.protocol === "http:") return `it leads from https to ${shownUrl(to.href)}`
  if (to.username !== "" || to.password !== "") return "it leads to a URL with a user name or a password"
  return to
}
