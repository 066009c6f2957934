/** What is kept of sign-ins, as the commands show it. No secret leaves this module. */
import type { AuthStatus } from "@opencode-ai/mcp/auth/oauth"
import { CredentialStore, type Credentials, type Place } from "@opencode-ai/mcp/auth/store"
import { placeOf } from "@opencode-ai/mcp/connection/authorize"
import * as Effect from "effect/Effect"
import type { Snapshot } from "../config/config.ts"

export { layer } from "../mcp/credentials.ts"

/** What is known of the authorization of one server, without asking anybody. */
export interface Known {
  readonly place: Place
  readonly credentials: Credentials | undefined
  /** Whether the configuration has this server at this URL. */
  readonly configured: boolean
  /** How it is authorized: by a person, or by a grant of its own. */
  readonly grant: string
}

const keyOf = ({ server, url }: Place) => JSON.stringify([server, url])

/** Every server that can be signed in to, in the order of the configuration; then whatever else something is kept for. */
export const known = ({ servers }: Snapshot) =>
  Effect.gen(function* () {
    const store = yield* CredentialStore
    const stored = new Map((yield* store.list).map((each) => [keyOf(each), each]))
    const all: Array<Known> = []
    for (const { config } of servers) {
      const place = config === undefined ? undefined : placeOf(config)
      if (place === undefined || config?.type !== "remote" || config.oauth === false) continue
      // Asked for by itself: it may be kept elsewhere than what is listed.
      const credentials = yield* store.read(place)
      stored.delete(keyOf(place))
      all.push({ place, credentials, configured: true, grant: config.oauth.grant })
    }
    for (const { credentials, server, store: where, url } of stored.values()) {
      const place = { server, url, store: where }
      all.push({ place, credentials, configured: false, grant: "authorization_code" })
    }
    return all
  })

/** Whether there are tokens, and whether they are good for anything still. */
export const statusOf = (credentials: Credentials | undefined, now: number): AuthStatus => {
  const tokens = credentials?.tokens
  if (tokens === undefined) return "not_authenticated"
  const isOver = tokens.expiresAt !== undefined && tokens.expiresAt <= now
  return isOver && tokens.refresh === undefined ? "expired" : "authenticated"
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const

const span = (milliseconds: number): string => {
  const [size, unit] = units.find(([each]) => milliseconds >= each) ?? [1_000, "s"]
  return `${Math.floor(milliseconds / size)} ${unit}`
}

/** When the tokens run out, in words; nothing where that is not known. */
export const expiry = (credentials: Credentials | undefined, now: number): string => {
  const { expiresAt, refresh } = credentials?.tokens ?? {}
  if (credentials?.tokens === undefined) return ""
  if (expiresAt === undefined) return "not said"
  const when = expiresAt > now ? `in ${span(expiresAt - now)}` : `${span(now - expiresAt)} ago`
  return refresh === undefined ? when : `${when}, renewed by itself`
}

/** As `auth list --json` and `debug --json` have it. */
export const shown = ({ configured, credentials, grant, place }: Known, now: number) => {
  const tokens = credentials?.tokens
  return {
    server: place.server,
    url: place.url,
    configured,
    grant,
    status: statusOf(credentials, now),
    store: place.store ?? "file",
    ...(credentials?.issuer === undefined ? {} : { issuer: credentials.issuer }),
    ...(credentials?.client === undefined ? {} : { clientId: credentials.client.id }),
    ...(tokens?.scope === undefined ? {} : { scopes: tokens.scope.split(" ") }),
    ...(tokens?.expiresAt === undefined ? {} : { expiresAt: new Date(tokens.expiresAt).toISOString() }),
    ...(tokens === undefined ? {} : { renewable: tokens.refresh !== undefined, type: tokens.type }),
    ...(credentials?.wantedScope === undefined ? {} : { wantedScopes: credentials.wantedScope.split(" ") }),
    ...(credentials?.refusedScope === undefined ? {} : { refusedScopes: credentials.refusedScope.split(" ") }),
  }
}
