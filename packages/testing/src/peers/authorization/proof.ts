/** The proof of possession that comes with a token of DPoP (RFC 9449, section 4.3), checked by a resource server. */
import { createHash } from "node:crypto"
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from "jose"

export interface Proven {
  readonly proof: string | undefined
  readonly method: string
  /** Without query and fragment. */
  readonly url: string
  readonly token: string
  /** The thumbprint of the key to which the token is bound. */
  readonly thumbprint: string | undefined
  readonly nonce: string | undefined
}

/** What is wrong with a proof. */
export type Flaw = "invalid_dpop_proof" | "use_dpop_nonce"

/** Checks proofs; one checker takes each proof once. */
export const proofs = () => {
  const seen = new Set<string>()
  return async (proven: Proven): Promise<Flaw | undefined> => {
    const checked = await jwtVerify(proven.proof ?? "", EmbeddedJWK, {
      typ: "dpop+jwt",
      algorithms: ["ES256", "EdDSA"],
      maxTokenAge: "5 minutes",
    }).catch(() => undefined)
    const { jwk } = checked?.protectedHeader ?? {}
    if (checked === undefined || jwk === undefined) return "invalid_dpop_proof"
    const { ath, htm, htu, jti = "", nonce } = checked.payload
    if (proven.nonce !== undefined && nonce !== proven.nonce) return "use_dpop_nonce"
    const hash = createHash("sha256").update(proven.token).digest("base64url")
    const holds =
      htm === proven.method &&
      htu === proven.url &&
      ath === hash &&
      !seen.has(jti) &&
      (await calculateJwkThumbprint(jwk)) === proven.thumbprint
    seen.add(jti)
    return holds ? undefined : "invalid_dpop_proof"
  }
}
