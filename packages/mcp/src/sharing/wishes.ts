/**
 * What several clients wish of one session that the server knows once: its subscriptions, and the level of its log. A
 * resource is subscribed to as long as one of them wants it, and the log has the least grave level that any of them wants.
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

/** A request that the server is sent, whose answer interests nobody. */
interface Told {
  readonly method: string
  readonly params: JsonObject
}

export interface Wishes<Client> {
  /** `undefined` where it is no wish, or one that makes no sense: the server may judge it. Repeating it changes nothing. */
  readonly of: (client: Client, method: string, params: JsonObject) => Wish | undefined
  /** A client has come; gives the requests that tell the server what it wishes without having said it. */
  readonly join: () => ReadonlyArray<Told>
  /** A client has gone; gives the requests that tell the server what nobody wishes any more. */
  readonly leave: (client: Client) => ReadonlyArray<Told>
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

/** `clients`: those that there are. */
export const make = <Client>(clients: ReadonlySet<Client>): Wishes<Client> => {
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

  const levelOf = (client: Client) => levels.get(client) ?? usual
  const least = (): LoggingLevel | undefined => [...clients].map(levelOf).toSorted(compare)[0]

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

  /** Once somebody has named a level, and those that there are want another one by now. */
  const adjustLevel = (): ReadonlyArray<Told> => {
    const level = least()
    if (granted === undefined || level === undefined || level === granted) return []
    granted = level
    return [{ method: Method.setLevel.method, params: { level } }]
  }

  return {
    join: adjustLevel,
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
      return [...unwanted.map((uri) => ({ method: Method.unsubscribe.method, params: { uri } })), ...adjustLevel()]
    },
    wantsUpdate: (client, uri) => {
      const fits = [...uris].filter(([named]) => typeof uri === "string" && uri.startsWith(named))
      // Some servers write it in another way than it was asked for.
      return fits.length === 0 || fits.some(([, { clients }]) => clients.has(client))
    },
    wantsMessage: (client, level) => {
      if (levels.size === 0 || !isLevel(level)) return true
      return isAtLeast(level, levelOf(client))
    },
  }
}
