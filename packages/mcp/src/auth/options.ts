/** What an entry of the configuration says about authorization. Its defaults are applied by `config.ts`. */
import type * as Redacted from "effect/Redacted"

interface Common {
  /** A registered client, or an `https:` URL: a client ID metadata document. Absent: dynamic registration. */
  readonly clientId?: string
  readonly clientSecret?: Redacted.Redacted<string>
  /** Space-separated (RFC 6749, 3.3): the person's word, asked for whatever a challenge or metadata name. */
  readonly scope?: string
  /** Port of the callback server. */
  readonly callbackPort?: number
  /** The redirect URI that the client is registered with. */
  readonly redirectUri?: string
  readonly store: "file" | "keychain"
}

/** How tokens are got, and what that way needs. */
export type OAuthOptions =
  | (Common & { readonly grant: "authorization_code" | "client_credentials" })
  | (Common & {
      readonly grant: "private_key_jwt"
      /** A file's path or the PEM (PKCS #8) itself. */
      readonly privateKey: Redacted.Redacted<string>
      readonly algorithm: string
      readonly keyId?: string
    })
  | (Common & {
      readonly grant: "workload_identity"
      readonly token?: Redacted.Redacted<string>
      /** Read anew for every exchange. */
      readonly tokenFile?: string
    })
  | (Common & {
      readonly grant: "enterprise"
      readonly idpIssuer: string
      readonly idpClientId: string
      readonly idpClientSecret?: Redacted.Redacted<string>
      readonly idToken?: Redacted.Redacted<string>
    })
