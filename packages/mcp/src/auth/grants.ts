/** Tokens that need no person: client credentials, a signed assertion, a workload's identity, an enterprise's. */
import * as Effect from "effect/Effect"
import type { Discovered } from "./discovery.ts"
import type { Dpop } from "./dpop.ts"
import type { AuthError } from "./error.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import type { Tokens } from "./store.ts"

export type Unattended = Exclude<OAuthOptions, { readonly grant: "authorization_code" }>

export const acquire = (_options: {
  readonly options: OAuthOptions
  readonly discovered: Discovered
  readonly scope: string | undefined
  readonly dpop: Dpop | undefined
  readonly network: Network
}): Effect.Effect<Tokens, AuthError> => Effect.die("being built")
