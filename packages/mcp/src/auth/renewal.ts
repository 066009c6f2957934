/**
 * New tokens for old ones: by one fibre of this process, whoever waits for it, and by one process of those that share the
 * store, which read what it has stored. Only a refusal by the authorization server ends a grant; whatever else goes wrong
 * keeps it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Discovered, Hint } from "./discovery.ts"
import * as Dpop from "./dpop.ts"
import { AuthError, fail, SignInRequired } from "./error.ts"
import { acquire } from "./grants.ts"
import { type Held, type Holder, isSame, isUnchanged } from "./held.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import { grantedTo, requireIssuer } from "./registration.ts"
import * as Scopes from "./scopes.ts"
import type { CredentialStore, Credentials, Place, Tokens } from "./store.ts"
import { refresh } from "./tokens.ts"
import type { Unsaved } from "./unsaved.ts"

/** A server that wants to be left alone for longer than this, in seconds, is not waited for. */
const longestWait = 10
/** What it asks for beyond this, in seconds, is not believed. */
const longestRest = 300
/** How long tokens that could not be renewed are used as they are before it is tried again, in milliseconds. */
const pause = 30_000

export const signInRequired = (detail: string): AuthError => fail(new SignInRequired({ detail }))

/** A failed network, a server that is being restarted: it may be better in a moment. */
const isPassing = (error: AuthError): boolean =>
  error.reason._tag === "StepFailed" &&
  (error.reason.reason === undefined ||
    error.reason.reason._tag === "Unreachable" ||
    error.reason.reason._tag === "AnswerTooSlow")

const retryAfterOf = (error: unknown): number =>
  error instanceof AuthError && error.reason._tag === "StepFailed" ? (error.reason.retryAfter ?? 0) : 0

/** Three more attempts within seconds, or when the server wants them. */
const patience = Schedule.max([Schedule.exponential("500 millis").pipe(Schedule.jittered), Schedule.recurs(3)]).pipe(
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(Duration.max(duration, Duration.seconds(retryAfterOf(input)))),
  ),
)

/** What the authorization server says of a grant that is over (RFC 6749, 5.2); what else it refuses may be put right. */
const ended: ReadonlySet<string> = new Set(["invalid_grant", "invalid_client", "unauthorized_client"])

/** What was granted is over: a person has to sign in. `told` ends when those who waited for it know. */
export type Lost = (error: AuthError, told: Effect.Effect<void>) => void

export interface Renewal {
  /** Replaces `stale`, once for all who wait; `wanted` are scopes that the new tokens should have. */
  readonly renew: (stale: Tokens | undefined, wanted?: string) => Effect.Effect<Held, AuthError>
  /** The same for tokens that are good for a while still: nobody waits, and what fails is tried again later. */
  readonly ahead: (stale: Tokens) => Effect.Effect<void>
  /** When `ahead` may be tried, in milliseconds since 1970. */
  readonly notBefore: () => number
  /** Waits for a renewal that is under way, however it ends. */
  readonly settled: Effect.Effect<void>
}

export const make = (parts: {
  readonly place: Place
  readonly options: OAuthOptions
  readonly network: Network
  readonly store: CredentialStore["Service"]
  readonly unsaved: Unsaved
  readonly holder: Holder
  readonly hint: () => Hint
  /** What discovery found, at some time. */
  readonly discovered: Effect.Effect<Discovered, AuthError>
  /** What was found may be at fault: the next attempt looks again. */
  readonly forget: () => void
  readonly lost: Lost | undefined
  /** Told of what a person should know, and nothing failed for. */
  readonly warn: (message: string) => void
}): Effect.Effect<Renewal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { discovered, holder, network, options, place, store } = parts
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    let renewing: Deferred.Deferred<Held, AuthError> | undefined
    /** Until when the authorization server wants to be left alone, and what it said. */
    let resting: { readonly until: number; readonly error: AuthError } | undefined
    let notBefore = 0

    /** Writes down new tokens in place of the old ones, unless these were replaced or forgotten meanwhile. */
    const save = (stored: Credentials | undefined, tokens: Tokens, issuer: string) => {
      const dpop = holder.dpop()
      const old = stored?.tokens
      const renewed = (current: Credentials | undefined): Credentials => ({
        ...current,
        issuer,
        tokens,
        ...(dpop === undefined ? {} : { dpopKey: dpop.key }),
      })
      return Effect.catch(
        store.update(place, (current) => (isSame(current?.tokens, old) ? renewed(current) : current)),
        (error) =>
          Effect.sync(() => {
            parts.warn(`new tokens could not be kept, and are lost when this process ends: ${error.message}`)
            return parts.unsaved.keep(old, renewed(stored))
          }),
      )
    }

    /** What is left after the authorization server has refused: what another program stored meanwhile, or no tokens. */
    const drop = Effect.fnUntraced(function* (tokens: Tokens, error: AuthError) {
      const code = error.reason._tag === "OAuthRefused" ? error.reason.error : ""
      parts.forget()
      if (!ended.has(code)) return yield* signInRequired(error.message)
      const left = yield* store.update(place, (current) => {
        if (!isSame(current?.tokens, tokens)) return current
        return { ...current, tokens: undefined, ...(code === "invalid_client" ? { client: undefined } : {}) }
      })
      yield* holder.adopt(left)
      if (left?.tokens === undefined || holder.isOver(left.tokens)) return yield* signInRequired(error.message)
      return left
    })

    const refreshed = Effect.fnUntraced(function* (stored: Credentials, tokens: Tokens) {
      if (tokens.refresh === undefined) return yield* signInRequired("what was granted has run out")
      if (tokens.type === "DPoP") yield* holder.adoptKey(stored.dpopKey)
      const found = yield* discovered
      if (stored.issuer !== undefined && stored.issuer !== found.issuer) {
        return yield* signInRequired(
          `its authorization server is ${found.issuer} now, and what is stored was issued by ${stored.issuer}`,
        )
      }
      const client = yield* grantedTo({ options, discovered: found, kept: stored.client })
      if (client === undefined) {
        return yield* signInRequired(
          "the client that it was granted to is not there any more, or not the configured one",
        )
      }
      const renewed = refresh({
        discovered: found,
        client,
        dpop: tokens.type === "DPoP" ? holder.dpop() : undefined,
        tokens: { ...tokens, refresh: tokens.refresh },
        network,
      })
      // A server that rotates refresh tokens has forgotten the old one by then.
      return yield* Effect.uninterruptible(
        Effect.matchEffect(renewed, {
          onSuccess: (next) => save(stored, next, found.issuer),
          onFailure: (error) => (error.reason._tag === "OAuthRefused" ? drop(tokens, error) : Effect.fail(error)),
        }),
      )
    })

    /** By a grant that needs no person. */
    const acquired = Effect.fnUntraced(function* (stored: Credentials | undefined, wanted: string | undefined) {
      if (options.grant === "authorization_code") return yield* signInRequired("nobody has signed in")
      const found = yield* discovered
      yield* requireIssuer(stored?.issuer, found)
      const hint = parts.hint()
      if (holder.dpop() === undefined && Dpop.wanted(found, hint)) holder.useKey(yield* Dpop.generate(found, hint))
      const asked = Scopes.select({
        configured: options.scope,
        challenge: hint.scope,
        discovered: found,
        granted: stored?.tokens?.scope,
        wanted,
      })
      const tokens = yield* acquire({ options, discovered: found, scope: asked, dpop: holder.dpop(), network })
      return yield* save(stored, tokens, found.issuer)
    })

    const next = Effect.fnUntraced(function* (stale: Tokens | undefined, wanted: string | undefined) {
      const stored = yield* store.read(place)
      const tokens = stored?.tokens
      // Somebody was quicker: what they got is what is used.
      const isNew = tokens !== undefined && !holder.isOver(tokens) && !isUnchanged(tokens, stale)
      if (isNew && Scopes.missing(wanted, tokens.scope).length === 0) return stored
      if (options.grant !== "authorization_code") return yield* acquired(stored, wanted)
      if (stored === undefined || tokens === undefined) return yield* signInRequired("nobody has signed in")
      return yield* refreshed(stored, tokens)
    })

    const work = (stale: Tokens | undefined, wanted: string | undefined): Effect.Effect<Held, AuthError> =>
      store.exclusively(place, next(stale, wanted)).pipe(
        Effect.retry({
          schedule: patience,
          while: (error) => isPassing(error) && retryAfterOf(error) <= longestWait,
        }),
        Effect.flatMap(holder.adopt),
        Effect.flatMap(() => {
          const held = holder.now()
          return held === undefined ? Effect.fail(signInRequired("nobody has signed in")) : Effect.succeed(held)
        }),
      )

    const conclude = (exit: Exit.Exit<Held, AuthError>): void => {
      const current = renewing
      renewing = undefined
      const error = Exit.isFailure(exit)
        ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        : undefined
      const now = clock.currentTimeMillisUnsafe()
      const rest = Math.min(retryAfterOf(error), longestRest) * 1000
      resting = error === undefined || rest === 0 ? undefined : { until: now + rest, error }
      notBefore = now + Math.max(pause, rest)
      if (current === undefined) return
      const told = Effect.andThen(Effect.exit(Deferred.await(current)), Effect.yieldNow)
      if (error?.reason._tag === "SignInRequired") parts.lost?.(error, told)
      Deferred.doneUnsafe(current, exit)
    }

    const renew: Renewal["renew"] = (stale, wanted) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          if (renewing !== undefined) return restore(Deferred.await(renewing))
          if (resting !== undefined && clock.currentTimeMillisUnsafe() < resting.until)
            return Effect.fail(resting.error)
          const current = Deferred.makeUnsafe<Held, AuthError>()
          renewing = current
          return Effect.forkIn(work(stale, wanted), scope).pipe(
            // An observer is told of a fibre that was interrupted before it began, too.
            Effect.tap((fiber) => Effect.sync(() => fiber.addObserver(conclude))),
            Effect.andThen(restore(Deferred.await(current))),
          )
        }),
      )

    return {
      renew,
      ahead: (stale) =>
        Effect.suspend(() =>
          renewing !== undefined || clock.currentTimeMillisUnsafe() < notBefore
            ? Effect.void
            : Effect.asVoid(Effect.forkIn(Effect.ignore(renew(stale)), scope)),
        ),
      notBefore: () => notBefore,
      settled: Effect.suspend(() =>
        renewing === undefined ? Effect.void : Effect.asVoid(Effect.exit(Deferred.await(renewing))),
      ),
    }
  })
