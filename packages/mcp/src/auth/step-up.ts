/**
 * More scopes than were granted (Authorization, Step-Up Authorization Flow): by the grant itself, or by a person, once,
 * and not again where they were refused.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { type AuthError, fail, InsufficientScope } from "./error.ts"
import { type Holder, isSame } from "./held.ts"
import type { Renewal } from "./renewal.ts"
import * as Scopes from "./scopes.ts"
import type { CredentialStore, Place } from "./store.ts"

/** Who wants another scope each time is not remembered for ever. */
const most = 1_000

/** Asks a person for more scopes while a call waits; `false` where nobody can be asked, or they do not want to. */
export type StepUp = (scopes: ReadonlyArray<string>) => Effect.Effect<boolean, AuthError>

/** Gets the scopes of a challenge. Fails with `InsufficientScope` where they are not to be had. */
export type Insufficient = (challengeScope: string | undefined) => Effect.Effect<void, AuthError>

export const make = (parts: {
  readonly place: Place
  readonly store: CredentialStore["Service"]
  readonly holder: Holder
  readonly renewal: Renewal
  readonly isUnattended: boolean
  readonly stepUp: StepUp
}): Effect.Effect<Insufficient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { holder, isUnattended, place, renewal, store } = parts
    const scope = yield* Effect.scope
    /** The question that is with the person. */
    let asking: Deferred.Deferred<boolean, AuthError> | undefined
    /** What a person was asked for by this process, or the grant was, and did not give. */
    const declined = new Set<string>()
    const decline = (scopes: ReadonlyArray<string>) => {
      if (declined.size > most) declined.clear()
      for (const one of scopes) declined.add(one)
    }

    const refusal = (challengeScope: string | undefined, missing: ReadonlyArray<string>, refused: boolean) => {
      const scopes = Scopes.union(holder.now()?.tokens.scope, challengeScope)?.split(" ") ?? []
      return fail(new InsufficientScope({ scopes, missing, refused }))
    }

    /** Outlives the call that it was begun for: what the person does then is good for the next. */
    const ask = (scopes: ReadonlyArray<string>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const current = Deferred.makeUnsafe<boolean, AuthError>()
          asking = current
          const conclude = (exit: Exit.Exit<boolean, AuthError>) => {
            asking = undefined
            Deferred.doneUnsafe(current, exit)
          }
          return Effect.forkIn(parts.stepUp(scopes), scope).pipe(
            Effect.tap((fiber) => Effect.sync(() => fiber.addObserver(conclude))),
            Effect.andThen(restore(Deferred.await(current))),
          )
        }),
      )

    const isRefusal = ({ reason }: AuthError): boolean =>
      reason._tag === "SignInAbandoned" || (reason._tag === "OAuthRefused" && reason.error === "access_denied")

    return Effect.fnUntraced(function* (challengeScope) {
      const before = holder.now()?.tokens
      // Whoever else is getting scopes may get these.
      yield* renewal.settled
      for (let other = asking; other !== undefined; other = asking) yield* Effect.exit(Deferred.await(other))
      const missingNow = () => Scopes.missing(challengeScope, holder.now()?.tokens.scope)
      const missing = missingNow()
      if (missing.length === 0 && !isSame(holder.now()?.tokens, before)) return
      const stored = yield* store.read(place)
      // They were granted, and it is not content; or it does not say which it wants.
      if (missing.length === 0) return yield* refusal(challengeScope, missing, true)
      const refusedScopes = new Set(stored?.refusedScope?.split(" "))
      if (missing.some((one) => refusedScopes.has(one))) return yield* refusal(challengeScope, missing, true)
      if (missing.some((one) => declined.has(one))) return yield* refusal(challengeScope, missing, isUnattended)
      const wanted = Scopes.union(holder.now()?.tokens.scope, challengeScope)
      if (isUnattended) {
        // One that is under way would be shared, and has not asked for these.
        yield* renewal.settled
        yield* renewal.renew(holder.now()?.tokens, wanted)
        const left = missingNow()
        if (left.length === 0) return
        decline(left)
        return yield* refusal(challengeScope, left, true)
      }
      yield* store.update(place, (now) => ({ ...now, wantedScope: Scopes.remember(now?.wantedScope, challengeScope) }))
      const granted = yield* Effect.exit(ask(wanted?.split(" ") ?? []))
      if (Exit.isFailure(granted)) {
        const error = granted.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        if (error === undefined || !isRefusal(error)) return yield* granted
        decline(missing)
        return yield* refusal(challengeScope, missing, true)
      }
      if (!granted.value) {
        decline(missing)
        return yield* refusal(challengeScope, missing, false)
      }
      yield* holder.reread
      const left = missingNow()
      if (left.length === 0) return
      yield* store.update(place, (now) => ({
        ...now,
        refusedScope: Scopes.remember(now?.refusedScope, left.join(" ")),
      }))
      return yield* refusal(challengeScope, left, true)
    })
  })
