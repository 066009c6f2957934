/**
 * The authorization of one server: which tokens its requests carry, when they are renewed and by whom, and what becomes
 * of a refusal. It outlives the server's sessions. `docs/authorization.md` draws its states.
 *
 * Tokens are renewed before they run out, and when the server refuses them: by one fibre of this process, whoever waits
 * for it, and by one process of those that share the store, which read what it has stored. Only a refusal by the
 * authorization server ends a grant; whatever else goes wrong keeps it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Auth, AuthHeaders, Challenge } from "./auth.ts"
import { Browser } from "./browser.ts"
import { parseChallenge } from "./challenge.ts"
import { type Discovered, discover, type Hint, probe } from "./discovery.ts"
import type { AuthError } from "./error.ts"
import * as Held from "./held.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import * as Renewal from "./renewal.ts"
import { signInRequired } from "./renewal.ts"
import * as StepUp from "./step-up.ts"
import type { CredentialStore, Credentials, Place, Tokens } from "./store.ts"
import * as Unsaved from "./unsaved.ts"

/** A server that refuses so many tokens within so many milliseconds, each as soon as it was issued, is not brought more. */
const tries = 3
const fresh = 10_000

export type AuthStatus = "authenticated" | "expired" | "not_authenticated"

export interface OAuth {
  readonly place: Place
  readonly options: OAuthOptions
  readonly network: Network
  readonly store: CredentialStore["Service"]
  readonly auth: Auth["Service"]
  /** What opens the page of a sign-in. */
  readonly browser: Browser
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

/** What a challenge says for later: what it is silent of stays as it was. */
const hintOf = ({ algs, resourceMetadata, schemes, scope }: ReturnType<typeof parseChallenge>): Hint => ({
  schemes,
  ...(resourceMetadata === undefined ? {} : { resourceMetadata }),
  ...(algs === undefined ? {} : { algs }),
  ...(scope === undefined ? {} : { scope }),
})

/** The authorization of one server, for as long as the Scope lives. */
export const make = (parts: {
  readonly place: Place
  readonly options: OAuthOptions
  /** The entry's own headers, which go with every request. */
  readonly headers: AuthHeaders
  readonly network: Network
  readonly store: CredentialStore["Service"]
  readonly stepUp: StepUp.StepUp
  readonly lost?: Renewal.Lost | undefined
  /** Told of what a person should know, and nothing failed for. Default: it is dropped. */
  readonly warn?: ((message: string) => void) | undefined
}): Effect.Effect<OAuth, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { network, options, place } = parts
    const unsaved = Unsaved.make(parts.store)
    const { store } = unsaved
    const clock = yield* Clock.Clock
    const isUnattended = options.grant !== "authorization_code"
    const holder = yield* Held.make({ place, store, headers: parts.headers, isUnattended })
    let hint: Hint = {}
    /** Whether the server has asked for authorization. */
    let isAsked = false
    let discovered: Discovered | undefined
    /** What refusals by the server have led to lately, and when; the last comes last. */
    let replacements: ReadonlyArray<{ readonly tokens: Tokens; readonly at: number }> = []

    const look = Effect.suspend(() => discover({ url: place.url, hint, network }))
    const lookup = Effect.gen(function* () {
      const found = yield* look
      if (found.resourceMetadata !== undefined || isAsked) return found
      // It may say where its metadata are to those alone who ask.
      const challenge = yield* probe({ url: place.url, headers: parts.headers, network })
      const said = parseChallenge(challenge)
      if (said.resourceMetadata === undefined) return found
      isAsked = true
      hint = { ...hint, ...hintOf(said) }
      return yield* look
    }).pipe(Effect.tap((found) => Effect.sync(() => (discovered = found))))

    const renewal = yield* Renewal.make({
      place,
      options,
      network,
      store,
      unsaved,
      holder,
      hint: () => hint,
      discovered: Effect.suspend(() => (discovered === undefined ? lookup : Effect.succeed(discovered))),
      forget: () => {
        discovered = undefined
      },
      lost: parts.lost,
      warn: parts.warn ?? (() => undefined),
    })
    const insufficient = yield* StepUp.make({ place, store, holder, renewal, isUnattended, stepUp: parts.stepUp })

    const headers = Effect.gen(function* () {
      yield* holder.load
      const using = holder.now()
      // The server is asked first: its challenge says where its metadata are, which scopes and which scheme it wants.
      if (using === undefined) {
        return isUnattended && isAsked ? (yield* renewal.renew(undefined)).headers : parts.headers
      }
      if (holder.isOver(using.tokens)) return (yield* renewal.renew(using.tokens)).headers
      if (clock.currentTimeMillisUnsafe() >= using.renewAt) yield* renewal.ahead(using.tokens)
      return using.headers
    })

    /** Whether the request was sent with what is no longer in use. */
    const wasReplaced = (sent: AuthHeaders): boolean => {
      const using = holder.now()
      return using !== undefined && using.headers.authorization !== sent.authorization
    }

    /** The server refuses every token. What is stored stays: it may be the server that is at fault. */
    const giveUp = (): AuthError => {
      const error = signInRequired(
        `it refuses what ${discovered?.issuer ?? "its authorization server"} issued just now`,
      )
      parts.lost?.(error, Effect.yieldNow)
      return error
    }

    const unauthorized = Effect.fnUntraced(function* (sent: AuthHeaders) {
      const tokens = holder.now()?.tokens
      if (tokens === undefined && !isUnattended) return yield* signInRequired("nobody has signed in")
      replacements = replacements.filter(({ at }) => clock.currentTimeMillisUnsafe() - at < fresh)
      if (replacements.length >= tries) return yield* giveUp()
      const next = yield* renewal.renew(tokens)
      if (!Held.isSame(replacements.at(-1)?.tokens, next.tokens)) {
        replacements = [...replacements, { tokens: next.tokens, at: clock.currentTimeMillisUnsafe() }]
      }
      return wasReplaced(sent)
    })

    const challenged = Effect.fnUntraced(function* (challenge: Challenge) {
      const said = parseChallenge(challenge.header)
      const before = hint
      isAsked = true
      hint = { ...before, ...hintOf(said), scope: said.scope }
      // It names another document now: what was found by the old one does not count any more.
      if (hint.resourceMetadata !== before.resourceMetadata) discovered = undefined
      const dpop = holder.dpop()
      if (said.error === "use_dpop_nonce" && challenge.nonce !== undefined && dpop !== undefined) {
        dpop.nonce(challenge.url, challenge.nonce)
        return true
      }
      // What others have got meanwhile may have run out as well.
      const replaced = challenge.status === 401 ? "replaced" : true
      yield* holder.load
      if (wasReplaced(challenge.sent)) return replaced
      yield* holder.reread
      if (wasReplaced(challenge.sent)) return replaced
      if (challenge.status === 401) return yield* unauthorized(challenge.sent)
      if (said.error !== "insufficient_scope") return false
      yield* insufficient(said.scope)
      return true
    })

    const auth: Auth["Service"] = {
      current: () => {
        const using = holder.now()
        if (using !== undefined) return clock.currentTimeMillisUnsafe() < using.renewAt ? using.headers : undefined
        return holder.isLoaded() && !isUnattended ? parts.headers : undefined
      },
      headers,
      challenged,
      refused: () => void giveUp(),
      sign: (request, sent) => {
        const using = holder.now()
        const dpop = holder.dpop()
        if (dpop === undefined || using?.tokens.type !== "DPoP" || using.headers !== sent) return undefined
        return Effect.map(
          dpop.proof({ method: request.method, url: request.url, access: using.tokens.access }),
          (proof) => ({ dpop: proof }),
        )
      },
      answered: ({ url }, response) => {
        const nonce = response.get("dpop-nonce")
        if (nonce !== null) holder.dpop()?.nonce(url, nonce)
      },
    }

    const keepFresh = Effect.forever(
      Effect.suspend(() => {
        const using = holder.now()
        if (using === undefined || using.renewAt === Number.POSITIVE_INFINITY) return holder.changed
        const at = Math.max(using.renewAt, renewal.notBefore())
        // A timer holds no more than 31 bits.
        const wait = Math.min(Math.max(0, at - clock.currentTimeMillisUnsafe()), 2 ** 31 - 1)
        const due = Effect.suspend(() =>
          holder.now() === using && clock.currentTimeMillisUnsafe() >= at
            ? Effect.andThen(renewal.ahead(using.tokens), renewal.settled)
            : Effect.void,
        )
        return Effect.raceFirst(Effect.andThen(Effect.sleep(wait), due), holder.changed)
      }),
    )

    return {
      place,
      browser: yield* Browser,
      options,
      network,
      store,
      auth,
      keepFresh,
      discover: lookup,
      hint: () => hint,
      remove: Effect.flatMap(
        store.update(place, () => undefined),
        holder.adopt,
      ),
      status: Effect.map(store.read(place), (stored) => {
        if (stored?.tokens === undefined) return "not_authenticated"
        return holder.isOver(stored.tokens) && stored.tokens.refresh === undefined ? "expired" : "authenticated"
      }),
      adopt: holder.adopt,
    }
  })
