/**
 * Tokens that could not be written down, because a disk is full or a lock is not given back. What they took the place of
 * may be used up, so they are kept in memory until a write succeeds, or somebody has stored others.
 */
import * as Effect from "effect/Effect"
import type { AuthError } from "./error.ts"
import { isSame } from "./held.ts"
import type { CredentialStore, Credentials, Tokens } from "./store.ts"

export interface Unsaved {
  /** The store of one server, with what could not be written into it. */
  readonly store: CredentialStore["Service"]
  /** Keeps `now` in memory, for as long as the store has `was`. */
  readonly keep: (was: Tokens | undefined, now: Credentials) => Credentials
}

export const make = (store: CredentialStore["Service"]): Unsaved => {
  let kept: { readonly was: Tokens | undefined; readonly now: Credentials } | undefined
  const over = (stored: Credentials | undefined): Credentials | undefined => {
    if (kept !== undefined && !isSame(stored?.tokens, kept.was)) kept = undefined
    return kept?.now ?? stored
  }
  const orKept = (error: AuthError) => (kept === undefined ? Effect.fail(error) : Effect.succeed(kept.now))
  return {
    store: {
      ...store,
      read: (place) =>
        Effect.matchEffect(store.read(place), {
          onSuccess: (stored) => Effect.succeed(over(stored)),
          onFailure: orKept,
        }),
      update: (place, change) =>
        Effect.tap(
          store.update(place, (current) => change(over(current))),
          () => Effect.sync(() => (kept = undefined)),
        ),
    },
    keep: (was, now) => {
      kept = { was, now }
      return now
    },
  }
}
