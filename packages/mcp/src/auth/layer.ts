/** The constructors of `AuthLayer`: one for each way to be known to a server. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { Auth, type AuthHeaders } from "./auth.ts"
import type { AuthError } from "./error.ts"
import { readHeaders } from "./headers.ts"
import * as Helper from "./helper.ts"
import { make as makeNetwork } from "./network.ts"
import * as OAuth from "./oauth.ts"
import type { OAuthOptions } from "./options.ts"
import type { StepUp } from "./step-up.ts"
import { CredentialStore } from "./store.ts"

const constant = (headers: AuthHeaders): Auth["Service"] => ({
  current: () => headers,
  headers: Effect.succeed(headers),
  challenged: () => Effect.succeed(false),
})

/**
 * No credentials: a server that asks for some answers with `Unauthorized`.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.remote({ url: "https://example.com/mcp" }).pipe(Layer.provide(AuthLayer.none))
 * ```
 */
export const none: Layer.Layer<Auth> = Layer.succeed(Auth)(constant({}))

/**
 * The same headers with every request to the server: a key, a tenant. They never cross to another origin and stand in
 * no error. Fails with `InvalidHeader` for what HTTP cannot carry; a header that the protocol itself sets is left out.
 *
 * @example
 * ```ts
 * const auth = AuthLayer.headers({ authorization: Redacted.make("Bearer 123"), "x-tenant": "blue" })
 * ```
 */
export const headers = (
  record: Readonly<Record<string, string | Redacted.Redacted<string>>>,
): Layer.Layer<Auth, AuthError> => Layer.effect(Auth)(Effect.map(readHeaders(record), constant))

/** What `AuthLayer.helper` is told. */
export interface HelperLayerOptions extends Omit<Helper.HelperOptions, "headers"> {
  /** Headers of every request, besides; those that the program prints replace them. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
}

/**
 * The headers that a program prints, as one JSON object of strings: once for each connection, and again when the server
 * answers 401 or 403. It is started without a shell, with none of this process's environment but what programs need to
 * run, and has 10 s. Fails with `HelperFailed`, which tells nothing of what it printed on its standard output.
 *
 * @example
 * ```ts
 * const auth = AuthLayer.helper({ server: "blue", command: ["vault-headers", "--role", "reader"] })
 * ```
 */
export const helper = (options: HelperLayerOptions): Layer.Layer<Auth, AuthError> =>
  Layer.effect(Auth)(
    Effect.flatMap(readHeaders(options.headers ?? {}), (headers) => Helper.make({ ...options, headers })),
  )

/**
 * The credentials of an authorization that lives elsewhere; they are renewed in time while the layer is in use.
 *
 * @example
 * ```ts
 * const withTokensOrNothing = Layer.effect(Assembly)(
 *   Effect.map(Assembly, (standard) => ({
 *     ...standard,
 *     auth: (_config, _surroundings, oauth) => (oauth === undefined ? AuthLayer.none : AuthLayer.of(oauth)),
 *   })),
 * )
 * ```
 */
export const of = (oauth: OAuth.OAuth): Layer.Layer<Auth> =>
  Layer.effect(Auth)(Effect.as(Effect.forkScoped(oauth.keepFresh), oauth.auth))

/** What `AuthLayer.oauth` is told of a server. */
export interface OAuthLayerOptions {
  /** Under which name its credentials are kept. */
  readonly server: string
  /** The server's URL: credentials belong to it, and go to its origin alone. */
  readonly url: string
  /** How tokens are got. Default: a person signs in, the client is registered dynamically, tokens are kept in the file. */
  readonly options?: OAuthOptions | undefined
  /** Headers of every request, besides. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  /** Asks a person for more scopes while a call waits. Default: nobody is asked, and the call fails. */
  readonly stepUp?: StepUp | undefined
}

/**
 * Tokens of an authorization server (Authorization; RFC 6749, 8414, 8707, 9728): those of the store, renewed before they
 * run out and where the server refuses them. A request fails with `SignInRequired` where a person has to sign in first.
 *
 * @example
 * ```ts
 * const auth = AuthLayer.oauth({ server: "issues", url: "https://example.com/mcp" }).pipe(
 *   Layer.provide(CredentialStore.memory),
 * )
 * ```
 */
export const oauth = (options: OAuthLayerOptions): Layer.Layer<Auth, AuthError, CredentialStore> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { options: own = { grant: "authorization_code", store: "file" }, server, url } = options
      return of(
        yield* OAuth.make({
          place: { server, url, store: own.store },
          options: own,
          headers: yield* readHeaders(options.headers ?? {}),
          network: yield* makeNetwork({ url, options: own }),
          store: yield* CredentialStore,
          stepUp: options.stepUp ?? (() => Effect.succeed(false)),
        }),
      )
    }),
  )

/**
 * Tokens that no person is needed for: the client's own (RFC 6749, 4.4), with a secret, a signed assertion (RFC 7523) or
 * the identity of a workload.
 *
 * @example
 * ```ts
 * const auth = AuthLayer.clientCredentials({
 *   server: "reports",
 *   url: "https://example.com/mcp",
 *   options: { grant: "client_credentials", clientId: "ci", clientSecret: Redacted.make("secret"), store: "file" },
 * }).pipe(Layer.provide(CredentialStore.memory))
 * ```
 */
export const clientCredentials = (
  options: OAuthLayerOptions & {
    readonly options: Extract<
      OAuthOptions,
      { readonly grant: "client_credentials" | "private_key_jwt" | "workload_identity" }
    >
  },
): Layer.Layer<Auth, AuthError, CredentialStore> => oauth(options)

/**
 * Enterprise-managed authorization: the identity provider's ID token becomes a grant for the server's authorization
 * server (SEP-990; RFC 8693, RFC 7523).
 *
 * @example
 * ```ts
 * const auth = AuthLayer.enterprise({
 *   server: "payroll",
 *   url: "https://example.com/mcp",
 *   options: {
 *     grant: "enterprise",
 *     idpIssuer: "https://login.example.com",
 *     idpClientId: "opencode",
 *     idToken: Redacted.make("…"),
 *     store: "file",
 *   },
 * }).pipe(Layer.provide(CredentialStore.memory))
 * ```
 */
export const enterprise = (
  options: OAuthLayerOptions & { readonly options: Extract<OAuthOptions, { readonly grant: "enterprise" }> },
): Layer.Layer<Auth, AuthError, CredentialStore> => oauth(options)
