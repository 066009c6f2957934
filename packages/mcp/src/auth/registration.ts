/** Which client this is to an authorization server (Authorization, Client Registration Approaches). */
import * as Effect from "effect/Effect"
import type { Discovered } from "./discovery.ts"
import type { AuthError } from "./error.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import type { Client } from "./store.ts"

/**
 * The configured client, else a client ID metadata document, else the one that was registered before, else a new
 * registration. Fails with `RegistrationRequired` where none of them is to be had.
 */
export const clientFor = (_options: {
  readonly options: OAuthOptions
  readonly discovered: Discovered
  /** The client that is kept for this issuer. */
  readonly kept: Client | undefined
  readonly redirectUri: string
  readonly scope: string | undefined
  readonly network: Network
}): Effect.Effect<Client, AuthError> => Effect.die("being built")
