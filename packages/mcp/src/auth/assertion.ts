/** The assertion by which a client proves that it holds a private key (RFC 7523, 2.2 and 3). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto"
import { type AuthError, fail, Misconfigured } from "./error.ts"
import { readSecret } from "./files.ts"

/** How long an assertion holds, in seconds: it is used at once, and clocks differ. */
const life = 300

const field = "oauth.privateKey"

/** The kind of key that an algorithm signs with (RFC 7518, 3.1; RFC 8037, 3.1; RFC 9864). */
const keyTypes: Readonly<Record<string, ReadonlyArray<string>>> = {
  ES256: ["prime256v1"],
  ES384: ["secp384r1"],
  ES512: ["secp521r1"],
  RS256: ["rsa"],
  RS384: ["rsa"],
  RS512: ["rsa"],
  PS256: ["rsa", "rsa-pss"],
  PS384: ["rsa", "rsa-pss"],
  PS512: ["rsa", "rsa-pss"],
  EdDSA: ["ed25519"],
  Ed25519: ["ed25519"],
}

const refuse = (detail: string, at = field): AuthError => fail(new Misconfigured({ field: at, detail }))

/** What is in the PEM, where it is one. */
const labelOf = (pem: string): string | undefined => /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1]

/** The key of an entry: the PEM itself, or the path of a file that holds it. */
export const keyOf = (privateKey: Redacted.Redacted<string>, algorithm: string): Effect.Effect<KeyObject, AuthError> =>
  Effect.gen(function* () {
    const types = Object.hasOwn(keyTypes, algorithm) ? keyTypes[algorithm] : undefined
    if (types === undefined) {
      const detail = `is ${JSON.stringify(algorithm)}, and has to be one of ${Object.keys(keyTypes).join(", ")}`
      return yield* refuse(detail, "oauth.algorithm")
    }
    const given = Redacted.value(privateKey).trim()
    // A PEM in an environment variable often has its line ends written out.
    const pem = labelOf(given) === undefined ? yield* readSecret(field, given, false) : given.replaceAll("\\n", "\n")
    const label = labelOf(pem)
    if (label === undefined || !label.endsWith("PRIVATE KEY")) {
      const found = label === undefined ? "holds no PEM" : `holds a PEM of another kind (${label})`
      return yield* refuse(`${found}; it has to begin with "-----BEGIN PRIVATE KEY-----", or be a file that does`)
    }
    if (label.startsWith("ENCRYPTED") || pem.includes("ENCRYPTED")) {
      return yield* refuse("holds a key with a passphrase, which is not taken; decrypt it, and let nobody else read it")
    }
    const key = yield* Effect.try({
      try: () => createPrivateKey(pem),
      catch: () => refuse(`holds a PEM (${label}) that cannot be read as a private key`),
    })
    const type = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? "unknown"
    if (!types.includes(type)) {
      return yield* refuse(
        `holds a key of the type ${type}, and "oauth.algorithm" ${algorithm} signs with ${types.join(" or ")}`,
      )
    }
    return key
  })

/** An assertion about `subject` by itself, for one audience. */
export const sign = (options: {
  readonly key: KeyObject
  readonly algorithm: string
  /** Which of the client's keys it is. */
  readonly keyId: string | undefined
  readonly subject: string
  readonly audience: string
}): Effect.Effect<string, AuthError> =>
  Effect.gen(function* () {
    const { algorithm, audience, key, keyId, subject } = options
    const { SignJWT } = yield* Effect.promise(() => import("jose"))
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    return yield* Effect.tryPromise({
      try: () =>
        new SignJWT({ jti: randomUUID() })
          .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) })
          .setIssuer(subject)
          .setSubject(subject)
          .setAudience(audience)
          .setIssuedAt(now)
          .setExpirationTime(now + life)
          .sign(key),
      catch: () => refuse(`holds a key that cannot sign by ${algorithm}`),
    })
  })
