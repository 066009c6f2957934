/** The token endpoint: an authorization code or a refresh token becomes tokens (RFC 6749, RFC 8707, RFC 9449). */
import type { OAuthTokens } from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { shownUrl } from "../http/error.ts"
import { authentication } from "./client-authentication.ts"
import type { Discovered } from "./discovery.ts"
import type { Dpop } from "./dpop.ts"
import { type AuthError, fail } from "./error.ts"
import { lastMoment } from "./moment.ts"
import type { Network } from "./network.ts"
import { answerRefused, attempt, type Step, withoutSecrets } from "./sdk.ts"
import type { Client, Tokens } from "./store.ts"

interface Common {
  readonly discovered: Discovered
  readonly client: Client
  readonly dpop: Dpop | undefined
  readonly network: Network
}

const secretsOf = (...secrets: ReadonlyArray<Redacted.Redacted<string> | undefined>): ReadonlyArray<string> =>
  secrets.flatMap((secret) => (secret === undefined ? [] : [Redacted.value(secret)]))

/** What a header can carry as a token (RFC 6750, 2.1, and what servers send besides). */
const sendable = /^[\x21-\x7e]+$/

/** The answer of a token endpoint, read. `scope` is what was asked for: a server need not repeat it. */
export const read = (step: Step, answer: OAuthTokens, scope: string | undefined): Effect.Effect<Tokens, AuthError> =>
  Effect.gen(function* () {
    const refuse = (field: string, expected: string, received: string) =>
      fail(answerRefused(step, field, expected, received))
    if (!sendable.test(answer.access_token)) {
      return yield* refuse("access_token", "visible ASCII characters", "what no header can carry")
    }
    const type = answer.token_type.toLowerCase()
    if (type !== "bearer" && type !== "dpop") {
      const secrets = [...(step.secrets ?? []), answer.access_token, answer.refresh_token ?? ""]
      return yield* refuse("token_type", "Bearer or DPoP", withoutSecrets(answer.token_type, secrets))
    }
    const issuedAt = yield* Clock.currentTimeMillis
    const { expires_in: life = 0 } = answer
    const expiresAt = issuedAt + life * 1000
    return {
      access: Redacted.make(answer.access_token),
      ...(answer.refresh_token === undefined ? {} : { refresh: Redacted.make(answer.refresh_token) }),
      // What has no life, or none left, is taken for what does not say: the server refuses it soon enough.
      ...(life > 0 && expiresAt <= lastMoment ? { expiresAt } : {}),
      issuedAt,
      scope: answer.scope ?? scope,
      type: type === "dpop" ? "DPoP" : "Bearer",
    }
  })

const endpointOf = ({ metadata }: Discovered): string => shownUrl(metadata.token_endpoint)

/** Redeems a code. `scope` is what was asked, for a server that does not repeat it. */
export const exchange = (
  options: Common & {
    readonly code: string
    /** The callback's `iss` (RFC 9207). */
    readonly iss: string | undefined
    readonly codeVerifier: Redacted.Redacted<string>
    readonly redirectUri: string
    readonly scope: string | undefined
  },
): Effect.Effect<Tokens, AuthError> => {
  const { client, code, codeVerifier, discovered, dpop, iss, network, redirectUri, scope } = options
  const step = {
    step: "the exchange of the code",
    url: endpointOf(discovered),
    secrets: [code, ...secretsOf(codeVerifier, client.secret)],
  }
  return Effect.flatMap(
    attempt(step, (sdk, watch) =>
      sdk.exchangeAuthorization(discovered.issuer, {
        metadata: discovered.metadata,
        clientInformation: { client_id: client.id },
        addClientAuthentication: authentication(sdk, client),
        authorizationCode: code,
        codeVerifier: Redacted.value(codeVerifier),
        redirectUri,
        resource: discovered.resource,
        fetchFn: watch(network.fetch),
        ...(iss === undefined ? {} : { iss }),
        ...(dpop === undefined ? {} : { dpop: dpop.session }),
      }),
    ),
    (answer) => read(step, answer, scope),
  )
}

/** Refreshes. What the server does not send again is kept from `tokens`. Fails with `OAuthRefused` where it is over. */
export const refresh = (
  options: Common & { readonly tokens: Tokens & { readonly refresh: Redacted.Redacted<string> } },
): Effect.Effect<Tokens, AuthError> => {
  const { client, discovered, dpop, network, tokens } = options
  const step = {
    step: "the refresh",
    url: endpointOf(discovered),
    secrets: secretsOf(tokens.refresh, tokens.access, client.secret),
  }
  return Effect.flatMap(
    attempt(step, (sdk, watch) =>
      sdk.refreshAuthorization(discovered.issuer, {
        metadata: discovered.metadata,
        clientInformation: { client_id: client.id },
        addClientAuthentication: authentication(sdk, client),
        refreshToken: Redacted.value(tokens.refresh),
        resource: discovered.resource,
        fetchFn: watch(network.fetch),
        ...(dpop === undefined ? {} : { dpop: dpop.session }),
      }),
    ),
    (answer) => read(step, answer, tokens.scope),
  )
}
