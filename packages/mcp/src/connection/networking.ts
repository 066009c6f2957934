/** What a server's entry says about the way to it. */
import type { RemoteServer } from "../config.ts"
import type { Networking } from "../http/networking.ts"

/** `undefined` where the entry has neither `tls` nor `proxy`. Paths are relative to `directory`. */
export const networkingOf = (config: RemoteServer, directory: string): Networking | undefined => {
  const { proxy, tls, url } = config
  if (tls === undefined && proxy === undefined) return undefined
  return { url: url.href, proxy, tls: tls === undefined ? undefined : { ...tls, directory } }
}
