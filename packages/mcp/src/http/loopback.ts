/**
 * Who may ask a listener of ours on loopback: whoever names it by a name of this machine's own loopback interface (no page
 * can reach it by a name of its own that way: DNS rebinding), is no page of somebody else's, and knows what nobody can guess.
 */
import { createHash, timingSafeEqual } from "node:crypto"

/** The names of the loopback interface. */
const names: ReadonlyArray<string> = ["127.0.0.1", "localhost", "[::1]"]

/** What `Host` may be at a port, in lower case. */
export const hostsOf = (port: number): ReadonlySet<string> =>
  new Set(names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])))

/** What is wrong with where a request comes from: the name that it has for us, or the page that sends it. */
export const stranger = (
  hosts: ReadonlySet<string>,
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
): "host" | "origin" | undefined => {
  const host = (headers.host ?? "").toLowerCase()
  if (!hosts.has(host)) return "host"
  const { origin } = headers
  return origin !== undefined && origin.toLowerCase() !== `http://${host}` ? "origin" : undefined
}

/** Equal in constant time, whatever their lengths. */
export const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest())
