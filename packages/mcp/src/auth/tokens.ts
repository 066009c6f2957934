/** The token endpoint: an authorization code or a refresh token becomes tokens (RFC 6749, RFC 8707, RFC 9449). */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Discovered } from "./discovery.ts"
import type { Dpop } from "./dpop.ts"
import type { AuthError } from "./error.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import type { Client, Tokens } from "./store.ts"

interface Common {
  readonly options: OAuthOptions
  readonly discovered: Discovered
  readonly client: Client
  readonly dpop: Dpop | undefined
  readonly network: Network
}

/** Redeems a code. `scope` is what was asked, for a server that does not repeat it. */
export const exchange = (
  _options: Common & {
    readonly code: string
    /** The callback's `iss` (RFC 9207). */
    readonly iss: string | undefined
    readonly codeVerifier: Redacted.Redacted<string>
    readonly redirectUri: string
    readonly scope: string | undefined
  },
): Effect.Effect<Tokens, AuthError> => Effect.die("being built")

/** Refreshes. What the server does not send again is kept from `tokens`. Fails with `OAuthRefused` where it is over. */
export const refresh = (
  _options: Common & { readonly tokens: Tokens & { readonly refresh: Redacted.Redacted<string> } },
): Effect.Effect<Tokens, AuthError> => Effect.die("being built")
