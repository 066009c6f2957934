/**
 * What is kept of a server beside OpenCode's file, and what both say together.
 *
 * A record holds the credentials whole, and the fingerprints of what it wrote into OpenCode's file and of what was there
 * before. It is written first: where OpenCode's file still has what was there before, because this process died in
 * between or because OpenCode has written what it had read before, the record counts. Where it has anything else, OpenCode
 * has replaced it, and of the record only what still belongs to that.
 */
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Client, Credentials, Place } from "../store.ts"
import { type Entry, fingerprint, isRecord, type Json } from "./opencode.ts"

const Text = Schema.optional(Schema.String)
const Time = Schema.optional(Schema.Number)
const Secret = Schema.RedactedFromValue(Schema.String)

const TokensKept = Schema.Struct({
  access: Secret,
  refresh: Schema.optional(Secret),
  expiresAt: Time,
  issuedAt: Time,
  scope: Text,
  type: Schema.Literals(["Bearer", "DPoP"]),
})

const ClientKept = Schema.Struct({
  id: Schema.String,
  secret: Schema.optional(Secret),
  secretExpiresAt: Time,
  method: Text,
  redirectUris: Schema.optional(Schema.Array(Schema.String)),
  origin: Schema.Literals(["configured", "document", "registered"]),
})

const PendingKept = Schema.Struct({
  state: Schema.String,
  codeVerifier: Secret,
  redirectUri: Schema.String,
  scope: Text,
  issuer: Schema.String,
  client: ClientKept,
})

/** Credentials as JSON. */
export const Kept = Schema.Struct({
  issuer: Text,
  tokens: Schema.optional(TokensKept),
  client: Schema.optional(ClientKept),
  pending: Schema.optional(PendingKept),
  dpopKey: Schema.optional(Secret),
  wantedScope: Text,
  refusedScope: Text,
})

/** What is kept for one server at one URL. */
const Kind = Schema.Struct({
  server: Schema.String,
  url: Schema.String,
  store: Schema.Literals(["file", "keychain"]),
  /** Absent where they were removed. In the keychain's case they are without secrets. */
  credentials: Schema.optional(Kept),
  /** The credentials with their secrets, under the keychain's key. */
  sealed: Text,
  /** The fingerprint of what was written into OpenCode's file, and of what it took the place of, the latest first. */
  written: Schema.String,
  replaced: Schema.Array(Schema.String),
  /** What OpenCode's file had for other servers then. */
  others: Schema.String,
  /** When it was written there, milliseconds since 1970 by the file system's clock. */
  writtenAt: Schema.Number,
})

export type Record = typeof Kind.Type

const decode = Schema.decodeUnknownOption(Kind)
export const encode = Schema.encodeSync(Kind)
export const encodeKept = Schema.encodeSync(Kept)
export const decodeKept = Schema.decodeUnknownOption(Kept)

/** The records as they lie in their file. Undefined where it is none. */
export const recordsIn = (file: Json): ReadonlyArray<unknown> | undefined =>
  Object.keys(file).length === 0
    ? []
    : file["version"] === 1 && Array.isArray(file["records"])
      ? file["records"]
      : undefined

export const fileOf = (records: ReadonlyArray<unknown>): Json => ({ version: 1, records })

export const isOf =
  ({ server, url }: Pick<Place, "server" | "url">) =>
  (record: unknown): boolean =>
    isRecord(record) && record["server"] === server && record["url"] === url

/** Which server a record is of. */
export const placeIn = (record: unknown): Place | undefined =>
  isRecord(record) && typeof record["server"] === "string" && typeof record["url"] === "string"
    ? { server: record["server"], url: record["url"] }
    : undefined

/** The record of a server. One that makes no sense is none: the person signs in again. */
export const recordOf = (records: ReadonlyArray<unknown>, place: Place): Record | undefined => {
  const found = records.find(isOf(place))
  return found === undefined ? undefined : Option.getOrUndefined(decode(found))
}

/** Without what is configured elsewhere, and told only for the sake of those who ask which client is used. */
export const keepable = (credentials: Credentials): Credentials => {
  const { client } = credentials
  return client?.origin === "configured" ? { ...credentials, client: { ...client, secret: undefined } } : credentials
}

/** Without its secrets. */
export const publicPart = ({ client, issuer, refusedScope, wantedScope }: Credentials): Credentials => ({
  issuer,
  client: client === undefined ? undefined : { ...client, secret: undefined },
  refusedScope,
  wantedScope,
})

/** OpenCode's file, as far as it matters here. */
export interface Seen {
  readonly entry: Entry | undefined
  /** Milliseconds since 1970. */
  readonly modified: number
  /** It is there and has nothing in it: whoever wrote it last has not come to its end. */
  readonly wiped: boolean
  readonly others: string
}

/** How long after a write OpenCode may still write what it had read before, in milliseconds. */
const overlap = 1_000

const isSameSecret = (a: Redacted.Redacted<string> | undefined, b: Redacted.Redacted<string> | undefined): boolean =>
  (a === undefined ? undefined : Redacted.value(a)) === (b === undefined ? undefined : Redacted.value(b))

/** Nothing is there. It was removed, unless it was not there yet when what is there was written or read. */
const isUnseen = (record: Record, { modified, others, wiped }: Seen): boolean =>
  wiped ||
  (modified !== 0 && modified < record.writtenAt) ||
  (record.replaced.includes(fingerprint(undefined)) &&
    modified !== 0 &&
    modified - record.writtenAt < overlap &&
    others !== record.others)

const ofEntry = ({ client, tokens }: Entry): Credentials | undefined =>
  client === undefined && tokens === undefined ? undefined : { client, tokens }

/** What OpenCode has put there, with what of the record still belongs to it. */
const mixed = (entry: Entry, kept: Credentials): Credentials => {
  const { client, tokens } = entry
  const isSameClient = client !== undefined && client.id === kept.client?.id
  const mine =
    tokens !== undefined &&
    isSameSecret(tokens.access, kept.tokens?.access) &&
    isSameSecret(tokens.refresh, kept.tokens?.refresh)
  const keptClient: Client | undefined = kept.client?.origin === "registered" ? undefined : kept.client
  // A registered client is known to one authorization server alone, so what was got by it comes from there as well.
  const isBound = mine || (isSameClient && kept.client?.origin === "registered")
  return {
    issuer: isBound ? kept.issuer : undefined,
    tokens: mine ? kept.tokens : tokens,
    client: isSameClient ? { ...kept.client, ...client, origin: "registered" } : (client ?? keptClient),
    pending: kept.pending,
    dpopKey: mine ? kept.dpopKey : undefined,
    wantedScope: kept.wantedScope,
    refusedScope: kept.refusedScope,
  }
}

/** What is kept in files for a server at `url`. */
export const combine = (url: string, record: Record | undefined, seen: Seen): Credentials | undefined => {
  const { entry } = seen
  const there = entry?.url === url ? entry : undefined
  if (record === undefined) return there === undefined ? undefined : ofEntry(there)
  const { credentials } = record
  if (there !== undefined) {
    const now = fingerprint(there)
    if (now === record.written || record.replaced.includes(now)) return credentials
    return credentials === undefined ? ofEntry(there) : mixed(there, credentials)
  }
  // OpenCode has room for one URL under a name, and another has taken it.
  if (entry?.url !== undefined) return credentials
  return entry === undefined && isUnseen(record, seen) ? credentials : undefined
}
