/**
 * The one place where it is decided what carries a server's messages: the runtime's own `fetch`, or `wire.ts`, which
 * knows TLS and proxies of a server's own. The latter is loaded when it is first needed.
 */
import type * as Redacted from "effect/Redacted"
import type { Fetch } from "./http.ts"
import type { TlsSettings } from "./tls.ts"
import type { Wire } from "./wire.ts"

/** What an entry says about the way to its server. */
export interface Networking {
  /** The server's own: a client certificate is shown to its host and port alone. */
  readonly url?: string | undefined
  readonly tls?: TlsSettings | undefined
  /** A proxy's URL, `false` for none. Absent: what the environment says. */
  readonly proxy?: Redacted.Redacted<string> | false | undefined
}

/** A `Fetch` by `wire.ts`. */
export const overWire = (networking: Networking): Wire => {
  let wire: Promise<Wire> | undefined
  let opened: Wire | undefined
  const load = (): Promise<Wire> => {
    wire ??= import("./wire.ts").then(({ make }) => (opened = make(networking)))
    return wire
  }
  return {
    fetch: (url, init) =>
      opened === undefined ? load().then(({ fetch }) => fetch(url, init)) : opened.fetch(url, init),
    close: () => {
      // What was never loaded has nothing open.
      if (opened === undefined) wire?.then(({ close }) => close()).then(undefined, () => undefined)
      else opened.close()
    },
  }
}

const proxies = ["http_proxy", "https_proxy", "all_proxy"]

/**
 * Whether the runtime's own `fetch` is as good. Node's gives up on an answer after five silent minutes, and no option
 * changes that; Bun's can be told not to, but knows of proxies less than `proxy.ts`.
 */
const suffices = (): boolean =>
  process.versions["bun"] !== undefined &&
  proxies.every((name) => !process.env[name]?.trim() && !process.env[name.toUpperCase()]?.trim())

/** What carries the messages of servers that want nothing of their own. */
export const standard = (): Fetch => (suffices() ? (url, init) => globalThis.fetch(url, init) : overWire({}).fetch)
