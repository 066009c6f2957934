/** The server that a person's browser comes back to, and what a person pastes instead. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AuthError } from "./error.ts"

/** What an authorization server says through the person's browser. */
export interface Callback {
  readonly code?: string | undefined
  readonly state?: string | undefined
  readonly iss?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

export interface Listener {
  /** What the authorization server redirects to. */
  readonly redirectUri: string
  /** The callback with that state, once it came; others are answered with a page that says so. */
  readonly answer: Effect.Effect<Callback, AuthError>
  /** Which state it waits for: nothing is accepted before. */
  readonly expect: (state: string) => void
  /** Shows the outcome on the page that waits for it. */
  readonly conclude: (outcome: { readonly ok: boolean; readonly message: string }) => Effect.Effect<void>
}

/** Listens until its Scope ends. Fails with `PortUnavailable` where `fixed` and the port is taken. */
export const listen = (_options: {
  readonly redirectUri: string
  /** Whether it has to be that port; otherwise another free one is taken. */
  readonly fixed: boolean
}): Effect.Effect<Listener, AuthError, Scope.Scope> => Effect.die("being built")

/** Reads what a person pasted: the URL that the browser was sent to, its query, or the code alone. */
export const pasted = (_text: string): Callback | undefined => undefined
