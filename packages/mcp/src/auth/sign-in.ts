/**
 * A person signs in: from the URL that they are sent to, to tokens (RFC 6749, 4.1; RFC 7636; RFC 9207).
 *
 * A sign-in that was begun is kept in the store, so that it can be finished by another process than began it; what was
 * granted before is kept until it is finished.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import type { Browser } from "./browser.ts"
import { isSame } from "../http/loopback.ts"
import { type Callback, listen } from "./callback.ts"
import { type Discovered, requirePkce } from "./discovery.ts"
import * as Dpop from "./dpop.ts"
import { type AuthError, fail, Misconfigured, SignInAbandoned, StateMismatch } from "./error.ts"
import type { OAuth } from "./oauth.ts"
import { clientFor, requireIssuer } from "./registration.ts"
import * as Scopes from "./scopes.ts"
import { attempt, refusal } from "./sdk.ts"
import type { Client, Pending } from "./store.ts"
import { exchange } from "./tokens.ts"

/** OpenCode's. */
const defaultPort = 19_876
const path = "/mcp/oauth/callback"

/** Where the person is sent. */
export interface Started {
  readonly authorizationUrl: URL
  readonly state: string
}

const redirectUriOf = ({ options }: OAuth): string =>
  options.redirectUri ?? `http://127.0.0.1:${options.callbackPort ?? defaultPort}${path}`

/** Whether the redirect URI is the person's word, or one that a client is registered with by hand. */
const isFixed = ({ options }: OAuth): boolean =>
  options.redirectUri !== undefined || options.callbackPort !== undefined || options.clientId !== undefined

const scopeOf = (oauth: OAuth, found: Discovered, granted: string | undefined, wanted: string | undefined) =>
  Scopes.select({
    configured: oauth.options.scope,
    challenge: oauth.hint().scope,
    discovered: found,
    granted,
    wanted,
  })

const requireCode = (oauth: OAuth): Effect.Effect<void, AuthError> =>
  oauth.options.grant === "authorization_code"
    ? Effect.void
    : Effect.fail(fail(new Misconfigured({ field: "oauth.grant", detail: "names a grant in which nobody signs in" })))

/** Finds the authorization server, is registered there, and makes the URL. */
const begin = Effect.fnUntraced(function* (
  oauth: OAuth,
  redirectUri: string,
  scopes: ReadonlyArray<string> | undefined,
): Effect.fn.Return<{ readonly authorizationUrl: URL; readonly pending: Pending }, AuthError> {
  yield* requireCode(oauth)
  const { network, place, store } = oauth
  const found = yield* oauth.discover
  yield* requirePkce(found)
  const stored = yield* store.read(place)
  const isSameServer = stored?.issuer === undefined || stored.issuer === found.issuer
  if (oauth.options.clientSecret !== undefined) yield* requireIssuer(stored?.issuer, found)
  const scope = scopeOf(
    oauth,
    found,
    isSameServer ? stored?.tokens?.scope : undefined,
    Scopes.union(stored?.wantedScope, scopes?.join(" ")),
  )
  const client = yield* clientFor({
    options: oauth.options,
    discovered: found,
    kept: isSameServer ? stored?.client : undefined,
    redirectUri,
    network,
  })
  const state = randomBytes(32).toString("base64url")
  const step = { step: "the authorization request", url: found.issuer }
  const { authorizationUrl, codeVerifier } = yield* attempt(step, (sdk) =>
    sdk.startAuthorization(found.issuer, {
      metadata: found.metadata,
      clientInformation: { client_id: client.id },
      redirectUrl: redirectUri,
      state,
      resource: found.resource,
      ...(scope === undefined ? {} : { scope }),
    }),
  )
  const allowed = yield* network.allow({
    document: "the authorization server's metadata",
    from: found.issuer,
    field: "authorization_endpoint",
    url: authorizationUrl.href,
  })
  const pending: Pending = {
    state,
    codeVerifier: Redacted.make(codeVerifier),
    redirectUri,
    issuer: found.issuer,
    client,
    ...(scope === undefined ? {} : { scope }),
  }
  return { authorizationUrl: allowed, pending }
})

/** Begins a sign-in that `finish` ends, in this process or another. Opens nothing and listens nowhere. */
export const start = (oauth: OAuth, scopes?: ReadonlyArray<string>): Effect.Effect<Started, AuthError> =>
  Effect.flatMap(begin(oauth, redirectUriOf(oauth), scopes), ({ authorizationUrl, pending }) =>
    Effect.as(
      oauth.store.update(oauth.place, (current) => ({ ...current, pending })),
      { authorizationUrl, state: pending.state },
    ),
  )

const mismatch = (detail: string) => fail(new StateMismatch({ detail }))

/** `trusted`: a person pasted it, so that a code that has lost its state will do. */
const belongs = (pending: Pending, { state }: Callback, trusted: boolean): boolean =>
  state === undefined ? trusted : isSame(state, pending.state)

const unknown = ({ state }: Callback): AuthError =>
  mismatch(
    state === undefined ? "it carries no state, or no sign-in was begun" : "its state is unknown, or was used before",
  )

/**
 * The stored sign-in that a callback belongs to; it is over then, whatever comes of it. A callback of another sign-in, or
 * of nobody's, changes nothing.
 */
const take = (oauth: OAuth, callback: Callback, trusted: boolean): Effect.Effect<Pending, AuthError> =>
  Effect.gen(function* () {
    let taken: Pending | undefined
    yield* oauth.store.update(oauth.place, (current) => {
      const pending = current?.pending
      taken = pending !== undefined && belongs(pending, callback, trusted) ? pending : undefined
      return taken === undefined ? current : { ...current, pending: undefined }
    })
    return taken ?? (yield* unknown(callback))
  })

/** A registration that the authorization server may have forgotten is not used again: the next sign-in registers anew. */
const forget = ({ place, store }: OAuth, { id, origin }: Client): Effect.Effect<void, AuthError> =>
  Effect.asVoid(
    store.update(place, (current) =>
      origin === "registered" && current?.client?.id === id ? { ...current, client: undefined } : current,
    ),
  )

/** Turns what the browser brought into tokens. Nothing that was granted before is lost unless the new tokens are there. */
const redeem = Effect.fnUntraced(function* (
  oauth: OAuth,
  pending: Pending,
  callback: Callback,
  trusted: boolean,
): Effect.fn.Return<void, AuthError> {
  const { network, place, store } = oauth
  const found = yield* oauth.discover
  if (found.issuer !== pending.issuer) {
    return yield* mismatch(`the person was sent to ${pending.issuer}, and the server names ${found.issuer} now`)
  }
  const step = { step: "the sign-in", url: found.issuer }
  // A code that was pasted alone has lost its issuer on the way.
  const isBare = trusted && callback.state === undefined && callback.iss === undefined
  yield* attempt(step, (sdk) =>
    Promise.resolve(
      isBare
        ? undefined
        : sdk.validateAuthorizationResponseIssuer({
            iss: callback.iss,
            expectedIssuer: found.metadata.issuer,
            issParameterSupported: found.metadata.authorization_response_iss_parameter_supported === true,
          }),
    ),
  )
  if (callback.error !== undefined) {
    const { error } = callback
    const asked = Scopes.missing(pending.scope, (yield* store.read(place))?.tokens?.scope).join(" ")
    if (error === "access_denied" || error === "invalid_scope") {
      yield* store.update(place, (current) =>
        current?.tokens === undefined
          ? current
          : { ...current, refusedScope: Scopes.union(current.refusedScope, asked), wantedScope: undefined },
      )
    }
    return yield* fail(refusal(step, error, callback.errorDescription))
  }
  if (callback.code === undefined) return yield* mismatch("it carries neither a code nor an error")
  const dpop = Dpop.wanted(found, oauth.hint()) ? yield* Dpop.generate(found, oauth.hint()) : undefined
  const tokens = yield* exchange({
    discovered: found,
    client: pending.client,
    dpop,
    network,
    code: callback.code,
    iss: isBare ? found.metadata.issuer : callback.iss,
    codeVerifier: pending.codeVerifier,
    redirectUri: pending.redirectUri,
    scope: pending.scope,
  }).pipe(
    Effect.tapError(({ reason }) =>
      reason._tag === "OAuthRefused" && reason.error === "invalid_client" ? forget(oauth, pending.client) : Effect.void,
    ),
  )
  const refusedScope = Scopes.union(Scopes.missing(pending.scope, tokens.scope).join(" "))
  const stored = yield* store.update(place, (current) => ({
    pending: current?.pending,
    issuer: found.issuer,
    client: pending.client,
    tokens,
    ...(dpop === undefined ? {} : { dpopKey: dpop.key }),
    ...(refusedScope === undefined ? {} : { refusedScope }),
  }))
  yield* oauth.adopt(stored)
})

/** Ends the sign-in that `start` began. `trusted`: a person pasted it, so that a code alone will do. */
export const finish = (oauth: OAuth, callback: Callback, trusted: boolean): Effect.Effect<void, AuthError> =>
  Effect.flatMap(take(oauth, callback, trusted), (pending) => redeem(oauth, pending, callback, trusted))

/** How a person is brought to sign in. */
export interface Interaction {
  /** Shows the URL: always, because a browser may open elsewhere or not at all. */
  readonly show: (started: Started, browser: boolean) => Effect.Effect<void>
  /** Opens the URL. Default: the `Browser` of the context that the service was built in. */
  readonly browser?: Browser | undefined
  /** What the person pastes (`pasted` reads it), again where it was refused; it may never come. */
  readonly paste?: Effect.Effect<Callback> | undefined
  /** Tells why what was pasted does not end this sign-in, which goes on. */
  readonly refused?: ((error: AuthError) => Effect.Effect<void>) | undefined
  /** How long the person is waited for, in milliseconds. Default: 300,000. */
  readonly timeout?: number | undefined
  /** Scopes besides those that would be asked for. */
  readonly scopes?: ReadonlyArray<string> | undefined
}

const timedOut = (timeout: number): string => `it timed out: nobody came back within ${timeout / 1_000} s`

/**
 * Signs a person in: listens, opens the browser, waits for the callback or for what is pasted, and redeems it. The port
 * is free when it ends, however it ends.
 */
export const signIn = (oauth: OAuth, interaction: Interaction): Effect.Effect<void, AuthError> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* requireCode(oauth)
      const { paste = Effect.never, refused = () => Effect.void, timeout = 300_000 } = interaction
      const listener = yield* listen({ redirectUri: redirectUriOf(oauth), fixed: isFixed(oauth) })
      const { authorizationUrl, pending } = yield* begin(oauth, listener.redirectUri, interaction.scopes)
      listener.expect(pending.state)
      const { browser = oauth.browser } = interaction
      yield* interaction.show({ authorizationUrl, state: pending.state }, yield* browser.open(authorizationUrl))

      const redeemed = (callback: Callback, trusted: boolean) => redeem(oauth, pending, callback, trusted)
      // A word may be a code, or nothing of the sort: the authorization server knows, and another may follow.
      const isCode = (callback: Callback) =>
        Effect.as(redeemed(callback, true), true).pipe(
          Effect.catchIf(
            ({ reason }) => reason._tag === "OAuthRefused",
            (error) => Effect.as(refused(error), false),
          ),
        )
      const ofPaste = Effect.gen(function* () {
        while (true) {
          const callback = yield* paste
          if (!belongs(pending, callback, true)) yield* refused(unknown(callback))
          else if (callback.state !== undefined) return { callback, trusted: true }
          else if (yield* isCode(callback)) return undefined
        }
      })
      const answer = Effect.raceFirst(
        ofPaste,
        Effect.map(listener.answer, (callback) => ({ callback, trusted: false })),
      )
      const came = yield* Effect.timeoutOrElse(answer, {
        duration: Duration.millis(timeout),
        orElse: () => Effect.fail(fail(new SignInAbandoned({ detail: timedOut(timeout) }))),
      })
      yield* (came === undefined ? Effect.void : redeemed(came.callback, came.trusted)).pipe(
        Effect.tapError((error) => listener.conclude({ ok: false, message: error.message })),
        Effect.tap(() => listener.conclude({ ok: true, message: `You are signed in to ${oauth.place.server}.` })),
      )
    }),
  )
