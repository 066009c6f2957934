/** What a test says of an authorization server, and what the server tells of its requests. */
import type * as Effect from "effect/Effect"
import type { ClientMetadata } from "oidc-provider"
import type { Signer } from "./assertions.ts"
import type { Answer, Arrived } from "./http.ts"

/** What a request was for, by its path. */
export type Endpoint =
  | "metadata"
  | "registration"
  | "authorization"
  | "interaction"
  | "token"
  | "revocation"
  | "introspection"
  | "jwks"
  | "other"

export interface AuthorizationRequest extends Arrived {
  readonly endpoint: Endpoint
  /** How many requests for the same endpoint came before it. */
  readonly nth: number
  readonly grantType: string | undefined
  readonly clientId: string | undefined
  readonly clientAuth: "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt" | undefined
  /** Parameters of the query or of the body; several values joined with blanks. */
  readonly resource: string | undefined
  readonly scope: string | undefined
  /** The HTTP status of its answer; 0 as long as there is none. */
  status: number
  /** Why it was refused, in more words than the server gives to a client. */
  problem?: string
}

/**
 * What happens to a request before the server sees it: another answer instead, `"lose"` (it is served and takes effect,
 * and its answer is lost on the way), or nothing. An Effect holds the request until it ends.
 */
export type Step = Answer | "lose" | undefined

/** What a test may change while the server runs. */
export interface Settings {
  /** Lifetime of access tokens in seconds; 3600 by default. `advance` makes them expire. */
  readonly accessTokenTtl: number
  /** Lifetime of refresh tokens in seconds; two weeks by default. */
  readonly refreshTokenTtl: number
  /** Who gets a refresh token: everyone (the default), those who asked for `offline_access`, no one. */
  readonly refreshTokens: "always" | "offline_access" | "never"
  /**
   * Each refresh gives a new refresh token, and the use of an old one revokes the whole grant; `true` by default.
   * Without it a refresh token stays what it is.
   */
  readonly rotation: boolean
  /** A DPoP proof has to bear a nonce of this server; `false` by default. */
  readonly dpopNonce: boolean
  /** Every metadata document as it is served; unchanged by default. */
  readonly metadata: (document: { readonly [member: string]: unknown }) => unknown
  /** Every answer of the token endpoint that gives tokens, as it is sent; unchanged by default. */
  readonly tokens: (answer: { readonly [member: string]: unknown }) => unknown
  readonly before: (request: AuthorizationRequest) => Step | Effect.Effect<Step>
}

/** Where the metadata of an issuer with a path lies. */
export type Discovery =
  /** RFC 8414: `/.well-known/oauth-authorization-server<path>`. */
  | "oauth"
  /** OpenID Connect Discovery: `<path>/.well-known/openid-configuration`. */
  | "openid"
  /** The same with the path behind: `/.well-known/openid-configuration<path>`. */
  | "openid-inserted"

export interface AuthorizationOptions extends Partial<Settings> {
  /** The path of the issuer, such as `/tenant1`; none by default. */
  readonly path?: string
  /** Where metadata is served; `["oauth", "openid"]` by default. */
  readonly discovery?: ReadonlyArray<Discovery>
  /** Dynamic client registration (RFC 7591); `true` by default. */
  readonly registration?: boolean
  /** Clients that need no registration. */
  readonly clients?: ReadonlyArray<ClientMetadata>
  /** Client ID metadata documents by their `https:` URL: what the server finds there. Without any, it knows none. */
  readonly clientDocuments?: { readonly [url: string]: object }
  /** Scopes beside `openid` and `offline_access`; `tools` and `admin` by default. */
  readonly scopes?: ReadonlyArray<string>
  /** DPoP (RFC 9449): `off`, `optional` (the default), or `required` of every client. */
  readonly dpop?: "off" | "optional" | "required"
  /** Whose assertions are taken for access tokens (`jwt-bearer`); without any, there is no such grant. */
  readonly trusts?: ReadonlyArray<Signer>
  /** An identity provider, that gives an ID-JAG for an ID token (`token-exchange`); `false` by default. */
  readonly exchange?: boolean
}

export const defaults: Settings = {
  accessTokenTtl: 3600,
  refreshTokenTtl: 14 * 24 * 3600,
  refreshTokens: "always",
  rotation: true,
  dpopNonce: false,
  metadata: (document) => document,
  tokens: (answer) => answer,
  before: () => undefined,
}
