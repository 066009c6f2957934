/** Proof that the client holds the key that its tokens are bound to (RFC 9449). */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { DpopSession } from "@modelcontextprotocol/client"
import type { AuthError } from "./error.ts"
import type { Discovered } from "./discovery.ts"

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

/** Whether tokens of that authorization server are to be bound to a key. */
export const wanted = (_discovered: Discovered): boolean => false

/** With the key that was kept, or a new one. */
export const make = (_kept: Redacted.Redacted<string> | undefined): Effect.Effect<Dpop, AuthError> =>
  Effect.die("being built")
