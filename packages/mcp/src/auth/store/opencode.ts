/**
 * OpenCode's own file: an object by server name, times in seconds. What is not known of it is kept as it is. OpenCode
 * replaces it whole, writes in place, and knows no lock.
 */
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { lastMoment } from "../moment.ts"
import type { Client, Credentials, Tokens } from "../store.ts"

export interface Json {
  readonly [name: string]: unknown
}

export const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const recordIn = (value: Json, name: string): Json | undefined => {
  const member = Object.hasOwn(value, name) ? value[name] : undefined
  return isRecord(member) ? member : undefined
}

const textIn = (value: Json | undefined, name: string): string | undefined => {
  const member = value?.[name]
  return typeof member === "string" && member !== "" ? member : undefined
}

const secondsIn = (value: Json | undefined, name: string): number | undefined => {
  const member = value?.[name]
  return typeof member === "number" && member > 0 && member * 1000 <= lastMoment ? Math.round(member * 1000) : undefined
}

/** A URL as it is compared: OpenCode keeps it as the configuration spells it. */
export const plainUrl = (url: string): string => {
  if (!URL.canParse(url)) return url
  const parsed = new URL(url)
  parsed.hash = ""
  return parsed.href
}

/** What OpenCode keeps for one server. */
export interface Entry {
  readonly raw: Json
  /** Of the server that it is for; without one it is nobody's. */
  readonly url: string | undefined
  readonly tokens: Tokens | undefined
  readonly client: Client | undefined
}

const tokensOf = (raw: Json): Tokens | undefined => {
  const tokens = recordIn(raw, "tokens")
  const access = textIn(tokens, "accessToken")
  if (access === undefined) return undefined
  const refresh = textIn(tokens, "refreshToken")
  return {
    access: Redacted.make(access),
    refresh: refresh === undefined ? undefined : Redacted.make(refresh),
    expiresAt: secondsIn(tokens, "expiresAt"),
    scope: textIn(tokens, "scope"),
    type: "Bearer",
  }
}

const clientOf = (raw: Json): Client | undefined => {
  const client = recordIn(raw, "clientInfo")
  const id = textIn(client, "clientId")
  if (id === undefined) return undefined
  const secret = textIn(client, "clientSecret")
  return {
    id,
    secret: secret === undefined ? undefined : Redacted.make(secret),
    secretExpiresAt: secondsIn(client, "clientSecretExpiresAt"),
    origin: "registered",
  }
}

/** What the file has for a server. */
export const entryOf = (file: Json, server: string): Entry | undefined => {
  const raw = recordIn(file, server)
  if (raw === undefined) return undefined
  const url = textIn(raw, "serverUrl")
  return {
    raw,
    url: url === undefined ? undefined : plainUrl(url),
    tokens: tokensOf(raw),
    client: clientOf(raw),
  }
}

/** `known` over what is there, without what it has no value for. */
const over = (there: Json | undefined, known: Json): Json =>
  Object.fromEntries(Object.entries({ ...there, ...known }).filter(([, value]) => value !== undefined))

const valueOf = (secret: Redacted.Redacted<string> | undefined): string | undefined =>
  secret === undefined ? undefined : Redacted.value(secret)

const seconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : milliseconds / 1000

/** An entry with what OpenCode knows of `credentials`. `was` is what was kept before: of a sign-in, that is taken out. */
export const write = (
  entry: Entry | undefined,
  url: string,
  credentials: Credentials,
  was: Credentials | undefined,
): Json => {
  const isSame = entry?.url === url
  // Of another server only what nobody knows is kept.
  const raw: Json = entry === undefined ? {} : entry.raw
  const { pending, tokens } = credentials
  const client = credentials.client?.origin === "registered" ? credentials.client : undefined
  const keptClient = isSame && entry.client?.id === client?.id ? recordIn(raw, "clientInfo") : undefined
  const isStale = !isSame || (was?.pending !== undefined && textIn(raw, "oauthState") === was.pending.state)
  return over(raw, {
    tokens:
      tokens === undefined
        ? undefined
        : over(isSame ? recordIn(raw, "tokens") : undefined, {
            accessToken: Redacted.value(tokens.access),
            refreshToken: valueOf(tokens.refresh),
            expiresAt: seconds(tokens.expiresAt),
            scope: tokens.scope,
          }),
    clientInfo:
      client === undefined
        ? undefined
        : over(keptClient, {
            clientId: client.id,
            clientSecret: valueOf(client.secret),
            ...(client.secretExpiresAt === undefined && keptClient?.["clientSecretExpiresAt"] === 0
              ? {}
              : { clientSecretExpiresAt: seconds(client.secretExpiresAt) }),
          }),
    ...(pending !== undefined
      ? { codeVerifier: Redacted.value(pending.codeVerifier), oauthState: pending.state }
      : isStale
        ? { codeVerifier: undefined, oauthState: undefined }
        : {}),
    ...(isSame ? {} : { serverUrl: url }),
  })
}

/** The secrets of an entry as one short text: whether they are those that were written. Nothing is told by it. */
export const fingerprint = (entry: Entry | undefined): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        valueOf(entry?.tokens?.access),
        valueOf(entry?.tokens?.refresh),
        entry?.client?.id,
        valueOf(entry?.client?.secret),
      ]),
    )
    .digest("base64url")

/** What the file has for all others, as one short text. */
export const othersOf = (file: Json, server: string): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(file).filter(([name]) => name !== server)))
    .digest("base64url")
