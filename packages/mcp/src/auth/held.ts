/** The tokens in use: what the requests of one server carry, and when it is to be renewed. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { AuthHeaders } from "./auth.ts"
import * as Dpop from "./dpop.ts"
import type { AuthError } from "./error.ts"
import type { CredentialStore, Credentials, Place, Tokens } from "./store.ts"

/** Tokens are renewed this long before they run out, in milliseconds, or a fifth of their life where that is less. */
const margin = 60_000

export interface Held {
  readonly tokens: Tokens
  /** The same object as long as they are the same. */
  readonly headers: AuthHeaders
  /** When they are to be renewed, in milliseconds since 1970; those that cannot be, when they have run out. */
  readonly renewAt: number
}

export interface Holder {
  readonly now: () => Held | undefined
  /** The key of tokens that are bound to one. */
  readonly dpop: () => Dpop.Dpop | undefined
  readonly useKey: (dpop: Dpop.Dpop) => void
  /** Takes the key that tokens are bound to. */
  readonly adoptKey: (key: Redacted.Redacted<string> | undefined) => Effect.Effect<void>
  /** Takes what is stored for the tokens of the next request. */
  readonly adopt: (credentials: Credentials | undefined) => Effect.Effect<void>
  /** Reads the store, if nobody did before. */
  readonly load: Effect.Effect<void, AuthError>
  readonly isLoaded: () => boolean
  /** Takes what the store has now, also what another process wrote. */
  readonly reread: Effect.Effect<void, AuthError>
  /** Waits until something is adopted. */
  readonly changed: Effect.Effect<void>
  /** Whether tokens have run out. */
  readonly isOver: (tokens: Tokens) => boolean
}

export const isSame = (a: Tokens | undefined, b: Tokens | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Redacted.value(a.access) === Redacted.value(b.access))

/** Also what is said about them is the same: a refresh may prolong the token that there was. */
export const isUnchanged = (a: Tokens, b: Tokens | undefined): boolean =>
  b !== undefined &&
  isSame(a, b) &&
  a.expiresAt === b.expiresAt &&
  a.scope === b.scope &&
  (a.refresh === undefined) === (b.refresh === undefined)

/** `isUnattended`: whether tokens can be had without a refresh token. */
export const make = (parts: {
  readonly place: Place
  readonly store: CredentialStore["Service"]
  readonly headers: AuthHeaders
  readonly isUnattended: boolean
}): Effect.Effect<Holder> =>
  Effect.gen(function* () {
    const { isUnattended, place, store } = parts
    const clock = yield* Clock.Clock
    let held: Held | undefined
    let isLoaded = false
    let dpop: Dpop.Dpop | undefined
    let changed = Deferred.makeUnsafe<void>()

    const renewAtOf = Effect.fnUntraced(function* ({ expiresAt, issuedAt, refresh }: Tokens) {
      if (expiresAt === undefined) return Number.POSITIVE_INFINITY
      if (refresh === undefined && !isUnattended) return expiresAt
      const life = Math.max(0, expiresAt - (issuedAt ?? expiresAt - 5 * margin))
      // Not all clients of one server at the same moment.
      const jitter = yield* Random.nextBetween(1, 1.5)
      return expiresAt - Math.min(margin, life / 5) * jitter
    })

    const adoptKey = (key: Redacted.Redacted<string> | undefined): Effect.Effect<void> =>
      key === undefined || (dpop !== undefined && Redacted.value(dpop.key) === Redacted.value(key))
        ? Effect.void
        : Effect.map(
            Effect.orElseSucceed(Dpop.restore(key), () => undefined),
            (restored) => {
              dpop = restored
            },
          )

    const adopt = Effect.fnUntraced(function* (credentials: Credentials | undefined) {
      const tokens = credentials?.tokens
      if (tokens !== undefined && !isUnchanged(tokens, held?.tokens)) {
        const renewAt = yield* renewAtOf(tokens)
        // Tokens are of use only with the key that they are bound to: another sign-in has another.
        if (tokens.type === "DPoP") yield* adoptKey(credentials?.dpopKey)
        const authorization = `${tokens.type} ${Redacted.value(tokens.access)}`
        const headers = held?.headers.authorization === authorization ? held.headers : undefined
        held = { tokens, headers: headers ?? { ...parts.headers, authorization }, renewAt }
      } else if (tokens === undefined) {
        held = undefined
      }
      isLoaded = true
      const waiting = changed
      changed = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Effect.void)
    })

    const reread = Effect.suspend(() => {
      const before = changed
      // What was adopted meanwhile is newer than what is being read.
      return Effect.flatMap(store.read(place), (stored) => (changed === before ? adopt(stored) : Effect.void))
    })

    return {
      now: () => held,
      dpop: () => dpop,
      useKey: (key) => {
        dpop = key
      },
      adoptKey,
      adopt,
      load: Effect.suspend(() => (isLoaded ? Effect.void : reread)),
      isLoaded: () => isLoaded,
      reread,
      changed: Effect.suspend(() => Deferred.await(changed)),
      isOver: ({ expiresAt }) => expiresAt !== undefined && expiresAt <= clock.currentTimeMillisUnsafe(),
    }
  })
