/** `oidc-provider`, set up as the settings say. */
import { randomBytes } from "node:crypto"
import { exportJWK, generateKeyPair, type CryptoKey } from "jose"
import type Provider from "oidc-provider"
import type { Configuration } from "oidc-provider"
import { registerGrants } from "./assertions.ts"
import type { AuthorizationOptions, Settings } from "./settings.ts"
import type { Store } from "./store.ts"

export const routes = {
  authorization: "/authorize",
  token: "/token",
  registration: "/register",
  revocation: "/revoke",
  introspection: "/introspect",
  jwks: "/jwks",
  userinfo: "/userinfo",
}

export interface Setup {
  readonly issuer: string
  readonly path: string
  readonly options: AuthorizationOptions
  /** Read anew for each request. */
  readonly settings: () => Settings
  /** The scopes of each resource that the server knows. */
  readonly resources: ReadonlyMap<string, ReadonlyArray<string>>
  /** The resource of those who name none. */
  readonly unnamed: () => string | undefined
  readonly store: Store
}

export interface Made {
  readonly provider: Provider
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
}

const documents = (found: { readonly [url: string]: object }) => (url: string | URL | Request) => {
  const document = found[url instanceof Request ? url.url : String(url)]
  return Promise.resolve(document === undefined ? new Response(null, { status: 404 }) : Response.json(document))
}

export const makeProvider = async (setup: Setup): Promise<Made> => {
  const { options, resources, settings, store } = setup
  const library = await import("oidc-provider")
  const { default: Provider, errors } = library
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true })
  const key = { ...(await exportJWK(privateKey)), use: "sig", alg: "ES256", kid: "es256" }
  const dpop = options.dpop ?? "optional"
  const configuration: Configuration = {
    adapter: store.adapter,
    clients: [...(options.clients ?? [])],
    clientDefaults: {
      id_token_signed_response_alg: "ES256",
      ...(dpop === "required" ? { dpop_bound_access_tokens: true } : {}),
    },
    clockTolerance: 5,
    cookies: { keys: [randomBytes(16).toString("hex")] },
    expiresWithSession: () => false,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      clientIdMetadataDocument: { enabled: options.clientDocuments !== undefined, ack: "draft-02" },
      dPoP: {
        enabled: dpop !== "off",
        ...(dpop === "off" ? {} : { nonceSecret: randomBytes(32) }),
        requireNonce: () => settings().dpopNonce,
      },
      introspection: { enabled: true },
      registration: { enabled: options.registration ?? true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, __, oneOf) => oneOf ?? setup.unnamed() ?? [],
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => {
          const scopes = resources.get(resource)
          if (scopes === undefined) throw new errors.InvalidTarget(`unknown resource ${resource}`)
          return { scope: scopes.join(" "), accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } }
        },
      },
      revocation: { enabled: true },
    },
    fetch: documents(options.clientDocuments ?? {}),
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_, { uid }) => `${setup.path}/interaction/${uid}` },
    issueRefreshToken: (_, client, source) => {
      const who = settings().refreshTokens
      if (who === "never" || !client.grantTypeAllowed("refresh_token")) return false
      return who === "always" || source.scopes.has("offline_access")
    },
    jwks: { keys: [key] },
    pkce: { required: () => true },
    renderError: (ctx, out) => {
      ctx.type = "text/plain"
      ctx.body = `${out.error}: ${out.error_description ?? ""}`
    },
    responseTypes: ["code"],
    rotateRefreshToken: () => settings().rotation,
    routes,
    scopes: ["openid", "offline_access", ...(options.scopes ?? ["tools", "admin"])],
    ttl: {
      AccessToken: () => settings().accessTokenTtl,
      ClientCredentials: () => settings().accessTokenTtl,
      RefreshToken: () => settings().refreshTokenTtl,
      AuthorizationCode: 60,
      Grant: 365 * 24 * 3600,
      IdToken: 3600,
      Interaction: 3600,
      Session: 365 * 24 * 3600,
    },
  }
  const provider = new Provider(setup.issuer, configuration)
  registerGrants(setup, provider, { privateKey, publicKey }, library)
  provider.on("access_token.issued", (token) => store.issue(token.jti, token.grantId))
  provider.on("client_credentials.issued", (token) => store.issue(token.jti, undefined))
  provider.on("grant.revoked", (_, grantId) => store.kill(grantId))
  return { provider, publicKey, privateKey }
}
