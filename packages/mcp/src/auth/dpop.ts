/** Proof that the client holds the key that its tokens are bound to (RFC 9449). */
import type { DpopAlg, DpopSession } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { shownUrl } from "../http/error.ts"
import { parse } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import type { Discovered, Hint } from "./discovery.ts"
import { type AuthError, DocumentRefused, fail, StoreFailed } from "./error.ts"
import { attempt } from "./sdk.ts"

export interface Dpop {
  /** For the SDK's token requests. */
  readonly session: DpopSession
  /** The private key, a JWK as JSON, to be kept with the tokens. */
  readonly key: Redacted.Redacted<string>
  readonly proof: (request: {
    readonly method: string
    readonly url: string
    readonly access: Redacted.Redacted<string>
  }) => Effect.Effect<string, AuthError>
  /** Takes note of the nonce that a server sent. */
  readonly nonce: (url: string, nonce: string) => void
}

/** In the order of our liking: what everybody has first, then what is quick, then what is not. */
const algorithms: ReadonlyArray<DpopAlg> = [
  "ES256",
  "EdDSA",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
]

const listOf = (document: object | undefined): ReadonlyArray<string> | undefined => {
  const list: unknown = isObject(document) ? document.dpop_signing_alg_values_supported : undefined
  return Array.isArray(list) ? list.filter((one) => typeof one === "string") : undefined
}

const requires = ({ resourceMetadata }: Discovered): boolean =>
  isObject(resourceMetadata) && resourceMetadata.dpop_bound_access_tokens_required === true

/**
 * Whether tokens for a server are to be bound to a key: where its metadata demand it, where it challenges for nothing
 * else, and where the authorization server offers it and the server takes it.
 */
export const wanted = (discovered: Discovered, hint: Hint): boolean => {
  if (requires(discovered)) return true
  const asked = hint.schemes?.includes("dpop") === true
  if (asked && hint.schemes?.includes("bearer") !== true) return true
  const isOffered = (listOf(discovered.metadata)?.length ?? 0) > 0
  return isOffered && (asked || (listOf(discovered.resourceMetadata)?.length ?? 0) > 0)
}

/** What both sides can check. */
const algorithmFor = (
  { issuer, metadata, resourceMetadata }: Discovered,
  { algs }: Hint,
): Effect.Effect<DpopAlg, AuthError> => {
  const lists = [listOf(metadata), listOf(resourceMetadata), algs?.split(" ")].filter((list) => list !== undefined)
  const algorithm = algorithms.find((one) => lists.every((list) => list.includes(one)))
  if (algorithm !== undefined) return Effect.succeed(algorithm)
  return Effect.fail(
    fail(
      new DocumentRefused({
        document: "the metadata of the server and of its authorization server",
        url: shownUrl(issuer),
        field: "dpop_signing_alg_values_supported",
        expected: `one of ${algorithms.join(", ")} that both take`,
        received: lists.map((list) => JSON.stringify(list).slice(0, 100)).join(" and "),
        hint: "Ask the operator of the authorization server.",
      }),
    ),
  )
}

const of = (session: DpopSession, key: Redacted.Redacted<string>): Dpop => ({
  session,
  key,
  proof: ({ access, method, url }) =>
    attempt({ step: "the proof of DPoP", url: shownUrl(url) }, () =>
      session.buildProof({ htm: method, htu: url, accessToken: Redacted.value(access) }),
    ),
  nonce: (url, nonce) => session.rememberNonce(url, nonce),
})

/** With a new key, of an algorithm that both the server and its authorization server can check. */
export const generate = (discovered: Discovered, hint: Hint): Effect.Effect<Dpop, AuthError> =>
  Effect.flatMap(algorithmFor(discovered, hint), (alg) =>
    attempt({ step: "making a key for DPoP", url: "" }, ({ DpopSession, generateDpopKeyPair }) =>
      generateDpopKeyPair({ alg, extractable: true }).then((keyPair) =>
        Promise.all([DpopSession.create({ keyPair }), crypto.subtle.exportKey("jwk", keyPair.privateKey)]),
      ),
    ).pipe(Effect.map(([session, jwk]) => of(session, Redacted.make(JSON.stringify({ ...jwk, alg }))))),
  )

/** The members of a JWK that are no secret (RFC 7518, 6; RFC 8037, 2). */
const publicMembers: ReadonlySet<string> = new Set(["kty", "crv", "x", "y", "n", "e"])

/** With the key that was kept; fails with `StoreFailed` where what was kept is none. */
export const restore = (kept: Redacted.Redacted<string>): Effect.Effect<Dpop, AuthError> =>
  Effect.gen(function* () {
    const jose = yield* Effect.promise(() => import("jose"))
    const jwk = parse(Redacted.value(kept))
    const unusable = fail(
      new StoreFailed({ place: "the kept key of DPoP", detail: "are no private key", hint: "Sign in again." }),
    )
    const alg = isObject(jwk) ? algorithms.find((one) => one === jwk.alg) : undefined
    if (!isObject(jwk) || alg === undefined) return yield* unusable
    const publicJwk = Object.fromEntries(Object.entries(jwk).filter(([name]) => publicMembers.has(name)))
    const key = (from: object) => Effect.tryPromise({ try: () => jose.importJWK(from, alg), catch: () => unusable })
    const privateKey = yield* key(jwk)
    const publicKey = yield* key(publicJwk)
    if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return yield* unusable
    const session = yield* attempt({ step: "reading the kept key of DPoP", url: "" }, ({ DpopSession }) =>
      jose
        .calculateJwkThumbprint(publicJwk, "sha256")
        .then((thumbprint) => DpopSession.create({ keyPair: { privateKey, publicKey, publicJwk, thumbprint, alg } })),
    )
    return of(session, kept)
  })
