/**
 * Which authorization server issues tokens for a server, and what it offers: RFC 9728, RFC 8414, OpenID Connect Discovery.
 */
import type { AuthorizationServerMetadata, OAuthProtectedResourceMetadata } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import type { AuthError } from "./error.ts"
import type { Network } from "./network.ts"

/** What a server's challenge said (RFC 9728, 5.1; RFC 6750, 3). */
export interface Hint {
  readonly resourceMetadata?: string | undefined
  /** Space-separated. */
  readonly scope?: string | undefined
}

/** One document that was asked for, for `debug`. */
export interface Visit {
  /** "the protected resource metadata" */
  readonly document: string
  readonly url: string
  /** The HTTP status; absent where there was no answer. */
  readonly status?: number | undefined
  /** What was made of it, in words. */
  readonly verdict: string
  readonly ok: boolean
}

export interface Discovered {
  readonly issuer: string
  /** As found, or the default endpoints where a server of 2025-03-26 has none. */
  readonly metadata: AuthorizationServerMetadata
  readonly resourceMetadata: OAuthProtectedResourceMetadata | undefined
  /** The `resource` of every authorization and token request (RFC 8707). */
  readonly resource: string
}

export const discover = (_options: {
  /** The server's URL. */
  readonly url: string
  readonly hint: Hint
  readonly network: Network
  readonly onVisit?: ((visit: Visit) => void) | undefined
}): Effect.Effect<Discovered, AuthError> => Effect.die("being built")
