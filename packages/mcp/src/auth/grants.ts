/** Tokens that need no person: client credentials, a signed assertion, a workload's identity, an enterprise's. */
import type { OAuthClientProvider } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { shownUrl } from "../http/error.ts"
import { brief, parse } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import { keyOf, sign } from "./assertion.ts"
import { authentication } from "./client-authentication.ts"
import type { Discovered } from "./discovery.ts"
import type { Dpop } from "./dpop.ts"
import { type AuthError, DocumentRefused, fail, Misconfigured, OAuthRefused } from "./error.ts"
import { readSecret } from "./files.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import * as Scopes from "./scopes.ts"
import { attempt, type Sdk, type Step } from "./sdk.ts"
import type { Client, Tokens } from "./store.ts"
import { read } from "./tokens.ts"

type Of<Grant extends OAuthOptions["grant"]> = Extract<OAuthOptions, { readonly grant: Grant }>

/** The grants that nobody signs in for. */
export type Unattended = Exclude<OAuthOptions, { readonly grant: "authorization_code" }>

interface Acquiring<Options> {
  readonly options: Options
  readonly discovered: Discovered
  /** Space-separated. */
  readonly scope: string | undefined
  readonly dpop: Dpop | undefined
  readonly network: Network
}

const clientGrant = "client_credentials"
const assertionGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const wrongClient = `Correct "clientId" and "clientSecret" under "oauth" in the server's entry.`

/** What a person can do about a refusal, where it is not what they could do about their own sign-in. */
const advised = (hints: Readonly<Record<string, string>>) =>
  Effect.mapError((error: AuthError) => {
    const { reason } = error
    const hint = reason._tag === "OAuthRefused" ? hints[reason.error] : undefined
    if (reason._tag !== "OAuthRefused" || hint === undefined) return error
    const { description, error: code, step, url } = reason
    return fail(new OAuthRefused({ step, url, error: code, description, hint }))
  })

/** One request to the token endpoint, with what a grant adds to it. */
const request = (
  { discovered, dpop, network, options, scope }: Acquiring<Unattended>,
  grant: {
    readonly step: string
    readonly parameters: Readonly<Record<string, string>>
    readonly secrets: ReadonlyArray<string>
    /** How the client authenticates; by its secret, if it has one, where it is absent. */
    readonly authenticate?: OAuthClientProvider["addClientAuthentication"]
  },
): Effect.Effect<Tokens, AuthError> => {
  const { issuer, metadata, resource } = discovered
  const { clientId, clientSecret } = options
  const client: Client | undefined =
    clientId === undefined ? undefined : { id: clientId, secret: clientSecret, origin: "configured" }
  const step: Step = {
    step: grant.step,
    url: shownUrl(metadata.token_endpoint),
    secrets: [...grant.secrets, ...(clientSecret === undefined ? [] : [Redacted.value(clientSecret)])],
  }
  const unused = () => undefined
  const provider = (sdk: Sdk): OAuthClientProvider => {
    const authenticate = grant.authenticate ?? (client === undefined ? undefined : authentication(sdk, client))
    return {
      redirectUrl: undefined,
      clientMetadata: { redirect_uris: [] },
      clientInformation: unused,
      prepareTokenRequest: () =>
        new URLSearchParams({ ...grant.parameters, ...(scope === undefined ? {} : { scope }) }),
      ...(authenticate === undefined ? {} : { addClientAuthentication: authenticate }),
      ...(dpop === undefined ? {} : { dpop: () => dpop.session }),
      tokens: unused,
      saveTokens: unused,
      redirectToAuthorization: unused,
      saveCodeVerifier: unused,
      codeVerifier: () => "",
    }
  }
  return attempt(step, (sdk) =>
    sdk.fetchToken(provider(sdk), issuer, { metadata, resource, fetchFn: network.fetch }),
  ).pipe(Effect.flatMap((answer) => read(step, answer, scope)))
}

/** The client's own (RFC 6749, 4.4), which proves itself with its secret. */
const byCredentials = (acquiring: Acquiring<Of<"client_credentials">>) =>
  request(acquiring, {
    step: "the request for the client's own token",
    parameters: { grant_type: clientGrant },
    secrets: [],
  }).pipe(
    advised({
      invalid_client: wrongClient,
      invalid_grant: wrongClient,
    }),
  )

/** The client's own, which proves itself by an assertion that it signs (RFC 7523, 2.2). */
const byKey = (acquiring: Acquiring<Of<"private_key_jwt">>) =>
  Effect.gen(function* () {
    const { discovered, options } = acquiring
    const { algorithm, clientId, keyId } = options
    if (clientId === undefined) {
      return yield* fail(new Misconfigured({ field: "oauth.clientId", detail: "is needed: it is who signs" }))
    }
    const key = yield* keyOf(options.privateKey, algorithm)
    const assertion = yield* sign({ key, algorithm, keyId, subject: clientId, audience: discovered.issuer })
    return yield* request(acquiring, {
      step: "the request for the client's own token",
      parameters: { grant_type: clientGrant },
      secrets: [assertion],
      authenticate: (_headers, parameters) => {
        parameters.set("client_id", clientId)
        parameters.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        parameters.set("client_assertion", assertion)
      },
    })
  }).pipe(
    advised({
      invalid_client:
        `It does not know this key for this client: correct "clientId", "privateKey", "algorithm" or "keyId" ` +
        `under "oauth" in the server's entry, or register the public key there.`,
    }),
  )

/** The workload's own token (RFC 7523, 2.1). */
const byWorkload = (acquiring: Acquiring<Of<"workload_identity">>) =>
  Effect.gen(function* () {
    const { token, tokenFile } = acquiring.options
    const field = tokenFile === undefined ? "oauth.token" : "oauth.tokenFile"
    const assertion =
      tokenFile === undefined
        ? Redacted.value(token ?? Redacted.make("")).trim()
        : yield* readSecret(field, tokenFile, true)
    if (assertion === "") return yield* fail(new Misconfigured({ field, detail: "holds no token" }))
    return yield* request(acquiring, {
      step: "the exchange of the workload's token",
      parameters: { grant_type: assertionGrant, assertion },
      secrets: [assertion],
    }).pipe(
      advised({
        invalid_grant: `The token of "${field}" has expired, or is for another audience or issuer than it trusts: give it another.`,
        invalid_client: `Correct "clientId" under "oauth" in the server's entry.`,
      }),
    )
  })

/** What the SDK says of an answer whose type is not the one that was asked for. */
const isWrongType = ({ reason }: AuthError): boolean =>
  reason._tag === "StepFailed" && reason.detail.startsWith("Invalid token exchange response")

const providerDocument = "the identity provider's metadata"
const providerField = "oauth.idpIssuer"

/** Where an identity provider publishes its metadata (OpenID Connect Discovery 1.0, 4.1; RFC 8414, 3.1 and 5). */
const wellKnown = (issuer: string): ReadonlyArray<string> => {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, "")
  const own = `${origin}${path}/.well-known/openid-configuration`
  const others = ["openid-configuration", "oauth-authorization-server"].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  )
  return [...new Set([own, ...others])]
}

/** Nothing but the token endpoint is looked at: what else an identity provider leaves out is no matter here. */
const tokenEndpointOf = Effect.fnUntraced(function* (network: Network, idpIssuer: string) {
  for (const at of wellKnown(idpIssuer)) {
    const text = yield* attempt({ step: `reading ${providerDocument}`, url: shownUrl(at) }, () =>
      network
        .fetch(at, { headers: { accept: "application/json" } })
        .then((response) => response.text().then((body) => (response.ok ? body : undefined))),
    )
    if (text === undefined) continue
    const document = parse(text)
    const refuse = (field: string, expected: string, received: unknown) =>
      fail(
        new DocumentRefused({
          document: providerDocument,
          url: shownUrl(at),
          field,
          expected,
          received: brief(received),
          hint: `Correct "idpIssuer" under "oauth" in the server's entry, or ask the operator of the identity provider.`,
        }),
      )
    const { issuer, token_endpoint: endpoint } = isObject(document) ? document : {}
    const same = typeof issuer === "string" && issuer.replace(/\/$/, "") === idpIssuer.replace(/\/$/, "")
    if (!same) return yield* refuse("issuer", idpIssuer, issuer)
    if (typeof endpoint !== "string" || !URL.canParse(endpoint)) {
      return yield* refuse("token_endpoint", "a URL", endpoint)
    }
    yield* network.allow({ document: providerDocument, from: at, field: "token_endpoint", url: endpoint })
    return endpoint
  }
  const detail = `names ${shownUrl(idpIssuer)}, which publishes no metadata of an identity provider`
  return yield* fail(new Misconfigured({ field: providerField, detail }))
})

/** The identity provider's word on who the person is, for one authorization server (SEP-990; RFC 8693). */
const identity = Effect.fnUntraced(function* (
  { discovered, network, options, scope }: Acquiring<Of<"enterprise">>,
  idToken: string,
) {
  const { idpClientId, idpClientSecret, idpIssuer } = options
  const tokenEndpoint = yield* tokenEndpointOf(network, idpIssuer)
  const secret = idpClientSecret === undefined ? undefined : Redacted.value(idpClientSecret)
  const step: Step = {
    step: "the exchange of the ID token",
    url: shownUrl(tokenEndpoint),
    secrets: [idToken, ...(secret === undefined ? [] : [secret])],
  }
  const answer = yield* attempt(step, (sdk) =>
    sdk.requestJwtAuthorizationGrant({
      tokenEndpoint,
      audience: discovered.issuer,
      resource: discovered.resource,
      idToken,
      clientId: idpClientId,
      ...(secret === undefined ? {} : { clientSecret: secret }),
      ...(scope === undefined ? {} : { scope }),
      // A refusal is told by its code here, and in a sentence by the SDK.
      fetchFn: (url, init) =>
        network
          .fetch(url, init)
          .then((response) =>
            response.ok ? response : sdk.parseErrorResponse(response).then((error) => Promise.reject(error)),
          ),
    }),
  ).pipe(
    Effect.catchIf(isWrongType, () =>
      Effect.fail(
        fail(
          new DocumentRefused({
            document: `the answer to ${step.step}`,
            url: step.url,
            field: "issued_token_type",
            expected: "an ID-JAG (urn:ietf:params:oauth:token-type:id-jag)",
            received: "something else",
            hint: "Ask the operator of the identity provider whether it offers enterprise-managed authorization.",
          }),
        ),
      ),
    ),
    advised({
      invalid_grant: `The ID token of "oauth.idToken" has expired, or is not this identity provider's: give it a new one.`,
      invalid_request: `It does not take the ID token of "oauth.idToken": give it a new one of that identity provider.`,
      invalid_client: `Correct "idpClientId" and "idpClientSecret" under "oauth" in the server's entry.`,
      invalid_target: "The identity provider does not know this server: ask its operator.",
    }),
  )
  return answer.jwtAuthGrant
})

/** An ID token for a grant of the identity provider, and that for a token (SEP-990). */
const byEnterprise = (acquiring: Acquiring<Of<"enterprise">>) =>
  Effect.gen(function* () {
    const { idToken } = acquiring.options
    if (idToken === undefined || Redacted.value(idToken).trim() === "") {
      const detail = "is needed: it is what the identity provider says who you are by"
      return yield* fail(new Misconfigured({ field: "oauth.idToken", detail }))
    }
    const assertion = yield* identity(acquiring, Redacted.value(idToken).trim())
    return yield* request(acquiring, {
      step: "the exchange of the identity provider's grant",
      parameters: { grant_type: assertionGrant, assertion },
      secrets: [assertion],
    }).pipe(
      advised({
        invalid_grant:
          "The authorization server does not trust this identity provider, or not for this client: ask its operator.",
        invalid_client: wrongClient,
      }),
    )
  })

/**
 * Tokens by the grant of the entry. Fails with `Misconfigured` where what the entry names is not to be had, and with
 * `OAuthRefused` where an authorization server does not take it.
 */
export const acquire = (given: Acquiring<Unattended>): Effect.Effect<Tokens, AuthError> => {
  const { options } = given
  // There is nothing to refresh: the grant itself is there at any time.
  const acquiring =
    options.scope === undefined ? { ...given, scope: Scopes.without("offline_access", given.scope) } : given
  switch (options.grant) {
    case "client_credentials":
      return byCredentials({ ...acquiring, options })
    case "private_key_jwt":
      return byKey({ ...acquiring, options })
    case "workload_identity":
      return byWorkload({ ...acquiring, options })
    case "enterprise":
      return byEnterprise({ ...acquiring, options })
  }
}
