/**
 * What several clients wish of one session that the server knows once: its subscriptions, and the level of its log. A
 * resource is subscribed to as long as one of them wants it, and the log has the least grave level that any of them named.
 */
import { compare, isAtLeast, isLevel } from "../notification/level.ts"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { LoggingLevel } from "../protocol/model.ts"

/** What becomes of a request. */
export type Wish =
  /** The server has granted it already, to another: it is not asked. */
  | { readonly kind: "granted" }
  /** The server is asked, with these parameters. */
  | {
      readonly kind: "asked"
      readonly params: JsonObject
      /** Its answer came. */
      readonly settled: (isGranted: boolean) => void
    }

export interface Wishes<Client> {
  /** `undefined` where it is no wish, or one that makes no sense: the server may judge it. Repeating it changes nothing. */
  readonly of: (client: Client, method: string, params: JsonObject) => Wish | undefined
  /** A client has gone; gives the requests that tell the server what nobody wishes any more. */
  readonly leave: (client: Client) => ReadonlyArray<{ readonly method: string; readonly params: JsonObject }>
  /** Whether a client wants to hear of a resource that has changed, which may be part of the one that it named. */
  readonly wantsUpdate: (client: Client, uri: unknown) => boolean
  /** Whether a client wants a message of the log. */
  readonly wantsMessage: (client: Client, level: unknown) => boolean
}

interface Subscription<Client> {
  readonly clients: Set<Client>
  isGranted: boolean
}

/** What clients hear that named no level, as soon as another has named one. */
const usual: LoggingLevel = "info"

export const make = <Client>(): Wishes<Client> => {
  const uris = new Map<string, Subscription<Client>>()
  const levels = new Map<Client, LoggingLevel>()
  /** The level that the server has granted last. */
  let granted: LoggingLevel | undefined

  const subscribe = (client: Client, uri: string, params: JsonObject): Wish => {
    const one = uris.get(uri) ?? { clients: new Set(), isGranted: false }
    uris.set(uri, one)
    one.clients.add(client)
    if (one.isGranted) return { kind: "granted" }
    const settled = (isGranted: boolean) => {
      one.isGranted ||= isGranted
      if (!one.isGranted) one.clients.delete(client)
      if (one.clients.size === 0 && uris.get(uri) === one) uris.delete(uri)
    }
    return { kind: "asked", params, settled }
  }

  /** Whether nobody wants it any more. */
  const drop = (client: Client, uri: string): boolean => {
    const one = uris.get(uri)
    one?.clients.delete(client)
    if (one !== undefined && one.clients.size > 0) return false
    uris.delete(uri)
    return true
  }

  const least = (): LoggingLevel | undefined => [...levels.values()].toSorted(compare)[0]

  const setLevel = (client: Client, level: LoggingLevel): Wish => {
    const before = levels.get(client)
    levels.set(client, level)
    const asked = least() ?? level
    if (asked === granted) return { kind: "granted" }
    const settled = (isGranted: boolean) => {
      if (isGranted) granted = asked
      else if (levels.get(client) !== level) return
      else if (before === undefined) levels.delete(client)
      else levels.set(client, before)
    }
    return { kind: "asked", params: { level: asked }, settled }
  }

  return {
    of: (client, method, params) => {
      const { level, uri } = params
      if (method === Method.setLevel.method) return isLevel(level) ? setLevel(client, level) : undefined
      if (typeof uri !== "string") return undefined
      if (method === Method.subscribe.method) return subscribe(client, uri, params)
      if (method !== Method.unsubscribe.method) return undefined
      return drop(client, uri) ? { kind: "asked", params, settled: () => undefined } : { kind: "granted" }
    },
    leave: (client) => {
      const mine = [...uris].filter(([, { clients }]) => clients.has(client)).map(([uri]) => uri)
      const unwanted = mine.filter((uri) => drop(client, uri))
      levels.delete(client)
      const level = least()
      const isQuieter = level !== undefined && level !== granted
      if (isQuieter) granted = level
      return [
        ...unwanted.map((uri) => ({ method: Method.unsubscribe.method, params: { uri } })),
        ...(isQuieter ? [{ method: Method.setLevel.method, params: { level } }] : []),
      ]
    },
    wantsUpdate: (client, uri) => {
      const fits = [...uris].filter(([named]) => typeof uri === "string" && uri.startsWith(named))
      // Some servers write it in another way than it was asked for.
      return fits.length === 0 || fits.some(([, { clients }]) => clients.has(client))
    },
    wantsMessage: (client, level) => {
      if (levels.size === 0 || !isLevel(level)) return true
      return isAtLeast(level, levels.get(client) ?? usual)
    },
  }
}
