/**
 * The authorization of one server: which tokens its requests carry, when they are renewed and by whom, and what becomes
 * of a refusal. It outlives the server's sessions. `docs/authorization.md` draws its states.
 *
 * Tokens are renewed before they run out, and when the server refuses them: by one fibre of this process, whoever waits
 * for it, and by one process of those that share the store, which read what it has stored. Only a refusal by the
 * authorization server ends a grant; whatever else goes wrong keeps it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Auth, AuthHeaders, Challenge } from "./auth.ts"
import { parseChallenge } from "./challenge.ts"
import { type Discovered, discover, type Hint } from "./discovery.ts"
import * as Dpop from "./dpop.ts"
import { type AuthError, fail, InsufficientScope, SignInRequired } from "./error.ts"
import { acquire } from "./grants.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import { clientFor } from "./registration.ts"
import * as Scopes from "./scopes.ts"
import type { CredentialStore, Credentials, Place, Tokens } from "./store.ts"
import { refresh } from "./tokens.ts"

/** Tokens are renewed this long before they run out, in milliseconds, or a fifth of their life where that is less. */
const margin = 60_000
/** Tokens that were renewed so lately, in milliseconds, are not renewed again because the server refuses them. */
const fresh = 5_000
/** How long tokens that could not be renewed are used as they are before it is tried again, in milliseconds. */
const pause = 30_000

/** A failed network, a server that is being restarted: three more attempts within seconds. */
const patience = Schedule.max([Schedule.exponential("500 millis").pipe(Schedule.jittered), Schedule.recurs(3)])

const isPassing = (error: AuthError): boolean => error.reason._tag === "StepFailed"

/** Tokens in use. */
interface Held {
  readonly tokens: Tokens
  /** The same object as long as they are the same. */
  readonly headers: AuthHeaders
  /** When they are to be renewed, in milliseconds since 1970. */
  renewAt: number
}

/** Asks a person for more scopes while a call waits; `false` where nobody can be asked. */
export type StepUp = (scopes: ReadonlyArray<string>) => Effect.Effect<boolean, AuthError>

export type AuthStatus = "authenticated" | "expired" | "not_authenticated"

export interface OAuth {
  readonly place: Place
  readonly options: OAuthOptions
  readonly network: Network
  readonly store: CredentialStore["Service"]
  readonly auth: Auth["Service"]
  /** Renews tokens in time, for as long as it runs. */
  readonly keepFresh: Effect.Effect<never>
  /** What discovery finds now. */
  readonly discover: Effect.Effect<Discovered, AuthError>
  /** What the last challenge of the server asked for. */
  readonly hint: () => Hint
  /** Forgets everything that is kept for the server. */
  readonly remove: Effect.Effect<void, AuthError>
  /** Whether there are tokens, and whether they are good for anything still. */
  readonly status: Effect.Effect<AuthStatus, AuthError>
  /** Takes what was stored for the tokens of the next request. */
  readonly adopt: (credentials: Credentials | undefined) => Effect.Effect<void>
}

/** The authorization of one server, for as long as the Scope lives. */
export const make = (parts: {
  readonly place: Place
  readonly options: OAuthOptions
  /** The entry's own headers, which go with every request. */
  readonly headers: AuthHeaders
  readonly network: Network
  readonly store: CredentialStore["Service"]
  readonly stepUp: StepUp
  /** What was granted is over: a person has to sign in. */
  readonly lost?: ((error: AuthError) => void) | undefined
}): Effect.Effect<OAuth, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { network, options, place, store } = parts
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope

    let held: Held | undefined
    /** Whether the store was read. */
    let known = false
    let dpop: Dpop.Dpop | undefined
    let hint: Hint = {}
    /** Whether the server has asked for authorization. */
    let isAsked = false
    let discovered: Discovered | undefined
    let renewing: Deferred.Deferred<Held, AuthError> | undefined
    let changed = Deferred.makeUnsafe<void>()

    const isUnattended = options.grant !== "authorization_code"
    const isOver = (tokens: Tokens) =>
      tokens.expiresAt !== undefined && tokens.expiresAt <= clock.currentTimeMillisUnsafe()

    /** Tokens are of use only with the key that they are bound to: another sign-in has another. */
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
      known = true
      const tokens = credentials?.tokens
      if (tokens === undefined) {
        held = undefined
      } else if (held === undefined || Redacted.value(held.tokens.access) !== Redacted.value(tokens.access)) {
        // Not all clients of one server at the same moment.
        const jitter = yield* Random.nextBetween(1, 1.5)
        const life =
          tokens.expiresAt === undefined ? 0 : tokens.expiresAt - (tokens.issuedAt ?? tokens.expiresAt - 5 * margin)
        held = {
          tokens,
          headers: { ...parts.headers, authorization: `${tokens.type} ${Redacted.value(tokens.access)}` },
          renewAt:
            tokens.expiresAt === undefined
              ? Number.POSITIVE_INFINITY
              : tokens.expiresAt - Math.min(margin, life / 5) * jitter,
        }
        if (tokens.type === "DPoP") yield* adoptKey(credentials?.dpopKey)
      }
      const waiting = changed
      changed = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Effect.void)
    })

    const lookup = Effect.suspend(() =>
      Effect.tap(discover({ url: place.url, hint, network }), (found) => Effect.sync(() => (discovered = found))),
    )
    const discoveredOnce = Effect.suspend(() => (discovered === undefined ? lookup : Effect.succeed(discovered)))

    const signInRequired = (detail: string) => fail(new SignInRequired({ detail }))

    /** Gives up the grant, if it is still the one that was refused: another process may have a new one. */
    const drop = (tokens: Tokens, forgetClient: boolean) =>
      store
        .update(place, (current) => {
          if (current?.tokens === undefined) return current
          if (Redacted.value(current.tokens.access) !== Redacted.value(tokens.access)) return current
          return { ...current, tokens: undefined, ...(forgetClient ? { client: undefined } : {}) }
        })
        .pipe(Effect.flatMap(adopt))

    /** New tokens by the refresh token of what is stored. */
    const refreshed = Effect.fnUntraced(function* (stored: Credentials, tokens: Tokens) {
      const refreshToken = tokens.refresh
      if (refreshToken === undefined) return yield* signInRequired("what was granted has run out")
      if (tokens.type === "DPoP") yield* adoptKey(stored.dpopKey)
      const found = yield* discoveredOnce
      if (stored.issuer !== undefined && stored.issuer !== found.issuer) {
        return yield* signInRequired(
          `its authorization server is ${found.issuer} now, and what is stored was issued by ${stored.issuer}`,
        )
      }
      const client = yield* clientFor({
        options,
        discovered: found,
        kept: stored.client,
        network,
      })
      return yield* refresh({
        discovered: found,
        client,
        dpop: tokens.type === "DPoP" ? dpop : undefined,
        tokens: { ...tokens, refresh: refreshToken },
        network,
      }).pipe(
        Effect.retry({ schedule: patience, while: isPassing }),
        Effect.catchIf(
          (error) => error.reason._tag === "OAuthRefused",
          (error) =>
            Effect.andThen(
              drop(tokens, error.reason._tag === "OAuthRefused" && error.reason.error === "invalid_client"),
              // What was found may be at fault: the next attempt looks again.
              Effect.suspend(() => {
                discovered = undefined
                return signInRequired(error.message)
              }),
            ),
        ),
      )
    })

    /** New tokens by a grant that needs no person. */
    const acquired = Effect.fnUntraced(function* (wanted: string | undefined) {
      if (options.grant === "authorization_code") return yield* signInRequired("nobody has signed in")
      const found = yield* discoveredOnce
      if (dpop === undefined && Dpop.wanted(found, hint)) dpop = yield* Dpop.generate(found, hint)
      const asked = Scopes.select({
        configured: options.scope,
        challenge: hint.scope,
        discovered: found,
        granted: held?.tokens.scope,
        wanted,
      })
      return yield* Effect.retry(acquire({ options, discovered: found, scope: asked, dpop, network }), {
        schedule: patience,
        while: isPassing,
      })
    })

    const nextTokens = Effect.fnUntraced(function* (stale: Tokens | undefined, wanted: string | undefined) {
      const stored = yield* store.read(place)
      const tokens = stored?.tokens
      // Somebody was quicker: what they got is what is used.
      if (tokens !== undefined && !isOver(tokens)) {
        const isNew = stale === undefined || Redacted.value(tokens.access) !== Redacted.value(stale.access)
        if (isNew && Scopes.missing(wanted, tokens.scope).length === 0) return stored
      }
      const renewed = isUnattended
        ? yield* acquired(wanted)
        : stored === undefined || tokens === undefined
          ? yield* signInRequired("nobody has signed in")
          : yield* refreshed(stored, tokens)
      const issuer = discovered?.issuer
      return yield* store.update(place, (current) => ({
        ...current,
        ...(issuer === undefined ? {} : { issuer }),
        tokens: renewed,
        ...(dpop === undefined ? {} : { dpopKey: dpop.key }),
      }))
    })

    /**
     * Replaces `stale`, once for all who wait. Not interrupted half-way, because a server that rotates refresh tokens
     * has forgotten the old one by then; each of its requests has a deadline of its own.
     */
    const renew = (stale: Tokens | undefined, wanted?: string): Effect.Effect<Held, AuthError> =>
      Effect.suspend(() => {
        if (renewing !== undefined) return Deferred.await(renewing)
        const current = Deferred.makeUnsafe<Held, AuthError>()
        renewing = current
        const work = store.exclusively(place, nextTokens(stale, wanted)).pipe(
          Effect.flatMap(adopt),
          Effect.flatMap(() => (held === undefined ? signInRequired("nobody has signed in") : Effect.succeed(held))),
          Effect.uninterruptible,
          Effect.tapError((error) =>
            Effect.sync(() => {
              if (error.reason._tag === "SignInRequired") parts.lost?.(error)
            }),
          ),
          Effect.onExit((exit) =>
            Effect.sync(() => {
              renewing = undefined
              Deferred.doneUnsafe(current, exit)
            }),
          ),
        )
        return Effect.andThen(Effect.forkIn(work, scope), Deferred.await(current))
      })

    const load = Effect.suspend(() => (known ? Effect.void : Effect.flatMap(store.read(place), adopt)))

    const headers = Effect.gen(function* () {
      yield* load
      // The server is asked first: its challenge says where its metadata are, which scopes and which scheme it wants.
      if (held === undefined) return isUnattended && isAsked ? (yield* renew(undefined)).headers : parts.headers
      const using = held
      if (clock.currentTimeMillisUnsafe() < using.renewAt) return using.headers
      return yield* Effect.catch(
        Effect.map(renew(using.tokens), (next) => next.headers),
        (error) => {
          if (isOver(using.tokens) || !isPassing(error)) return Effect.fail(error)
          using.renewAt = clock.currentTimeMillisUnsafe() + pause
          return Effect.succeed(using.headers)
        },
      )
    })

    /** Whether the request was sent with what is no longer in use. */
    const wasReplaced = (sent: AuthHeaders): boolean =>
      held !== undefined && held.headers.authorization !== sent.authorization

    const unauthorized = Effect.fnUntraced(function* (challenge: Challenge) {
      const using = held
      if (using === undefined && !isUnattended) return yield* signInRequired("nobody has signed in")
      const age = clock.currentTimeMillisUnsafe() - (using?.tokens.issuedAt ?? 0)
      if (using !== undefined && age < fresh) {
        return yield* signInRequired(
          `it refuses what ${discovered?.issuer ?? "its authorization server"} issued just now`,
        )
      }
      yield* renew(using?.tokens)
      return wasReplaced(challenge.sent)
    })

    /** More scopes: by the grant itself, or by a person, once, and not again where they were refused. */
    const insufficient = Effect.fnUntraced(function* (challengeScope: string | undefined) {
      const tokens = held?.tokens
      const asked = Scopes.union(tokens?.scope, challengeScope)
      const missing = Scopes.missing(challengeScope, tokens?.scope)
      const scopes = asked?.split(" ") ?? []
      const stored = yield* store.read(place)
      const refused = (yes: boolean) => fail(new InsufficientScope({ scopes, missing, refused: yes }))
      // They were granted, and it is not content.
      if (missing.length === 0) return yield* refused(true)
      if (missing.some((scope) => stored?.refusedScope?.split(" ").includes(scope) === true))
        return yield* refused(true)
      if (isUnattended) {
        const next = yield* renew(tokens, asked)
        if (Scopes.missing(challengeScope, next.tokens.scope).length === 0) return true
        yield* store.update(place, (now) => ({ ...now, refusedScope: Scopes.union(now?.refusedScope, challengeScope) }))
        return yield* refused(true)
      }
      yield* store.update(place, (now) => ({ ...now, wantedScope: Scopes.union(now?.wantedScope, challengeScope) }))
      return (yield* parts.stepUp(scopes)) ? true : yield* refused(false)
    })

    const challenged = Effect.fnUntraced(function* (challenge: Challenge) {
      const said = parseChallenge(challenge.header)
      const before = hint
      isAsked = true
      hint = {
        resourceMetadata: said.resourceMetadata ?? before.resourceMetadata,
        scope: said.scope,
        schemes: said.schemes,
        algs: said.algs ?? before.algs,
      }
      // It names another document now: what was found by the old one does not count any more.
      if (hint.resourceMetadata !== before.resourceMetadata) discovered = undefined
      if (said.error === "use_dpop_nonce" && challenge.nonce !== undefined && dpop !== undefined) {
        dpop.nonce(challenge.url, challenge.nonce)
        return true
      }
      yield* load
      if (wasReplaced(challenge.sent)) return true
      yield* Effect.flatMap(store.read(place), adopt)
      if (wasReplaced(challenge.sent)) return true
      if (challenge.status === 401) return yield* unauthorized(challenge)
      return said.error === "insufficient_scope" ? yield* insufficient(said.scope) : false
    })

    const auth: Auth["Service"] = {
      current: () => {
        if (held !== undefined) return clock.currentTimeMillisUnsafe() < held.renewAt ? held.headers : undefined
        return known && !isUnattended ? parts.headers : undefined
      },
      headers,
      challenged,
      sign: (request, sent) => {
        const using = held
        if (dpop === undefined || using?.tokens.type !== "DPoP" || using.headers !== sent) return undefined
        return Effect.map(
          dpop.proof({ method: request.method, url: request.url, access: using.tokens.access }),
          (proof) => ({ dpop: proof }),
        )
      },
      answered: ({ url }, response) => {
        const nonce = response.get("dpop-nonce")
        if (nonce !== null) dpop?.nonce(url, nonce)
      },
    }

    const keepFresh = Effect.forever(
      Effect.suspend(() => {
        const using = held
        const other = Deferred.await(changed)
        if (using === undefined || using.renewAt === Number.POSITIVE_INFINITY) return other
        // A timer holds no more than 31 bits.
        const wait = Math.min(Math.max(0, using.renewAt - clock.currentTimeMillisUnsafe()), 2 ** 31 - 1)
        const due = Effect.suspend(() => {
          if (held !== using || clock.currentTimeMillisUnsafe() < using.renewAt) return Effect.void
          using.renewAt = clock.currentTimeMillisUnsafe() + pause
          return Effect.ignore(renew(using.tokens))
        })
        return Effect.raceFirst(Effect.andThen(Effect.sleep(wait), due), other)
      }),
    )

    return {
      place,
      options,
      network,
      store,
      auth,
      keepFresh,
      discover: lookup,
      hint: () => hint,
      remove: Effect.flatMap(
        store.update(place, () => undefined),
        adopt,
      ),
      status: Effect.map(store.read(place), (stored) => {
        if (stored?.tokens === undefined) return "not_authenticated"
        return isOver(stored.tokens) && stored.tokens.refresh === undefined ? "expired" : "authenticated"
      }),
      adopt,
    }
  })
