/**
 * Grants that `oidc-provider` has no handlers for, and is made to be given them: an assertion of a trusted issuer for an
 * access token (RFC 7523: enterprise-managed authorization, workload identity), and, at an identity provider, an ID token
 * for such an assertion (RFC 8693, ID-JAG).
 */
import { randomUUID } from "node:crypto"
import { type CryptoKey, type JWTPayload, jwtVerify, SignJWT } from "jose"
import type Provider from "oidc-provider"
import type { TokenEndpointGrantContext } from "oidc-provider"
import type { Setup } from "./provider.ts"

/** Whoever signs assertions: another authorization server of the tests, for one. */
export interface Signer {
  readonly issuer: string
  readonly publicKey: CryptoKey
}

export const grantTypes = {
  bearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
}

const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"

/** Signs what an issuer says; it holds for five minutes from now, unless it says otherwise. */
export const signed = (issuer: string, key: CryptoKey, claims: JWTPayload, typ = "JWT"): Promise<string> =>
  new SignJWT({ iss: issuer, jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + 300, ...claims })
    .setProtectedHeader({ alg: "ES256", typ, kid: "es256" })
    .setIssuedAt()
    .sign(key)

const claim = (payload: JWTPayload, name: string) => {
  const value = payload[name]
  return typeof value === "string" ? value : undefined
}

/** The claims of the first signer whose signature they bear. */
const verified = async (assertion: string, signers: ReadonlyArray<Signer>, audience: ReadonlyArray<string>) => {
  for (const { issuer, publicKey } of signers) {
    const checked = await jwtVerify(assertion, publicKey, { issuer, audience: [...audience] }).catch(() => undefined)
    if (checked !== undefined) return checked
  }
  return undefined
}

interface Asked {
  readonly assertion?: string
  readonly subject_token?: string
  readonly requested_token_type?: string
  readonly audience?: string
  readonly resource?: string
  readonly scope?: string
}

const bearer = (setup: Setup, provider: Provider, { errors }: typeof import("oidc-provider")) => {
  const seen = new Set<string>()
  return async (ctx: TokenEndpointGrantContext<Asked>) => {
    const { client, params } = ctx.oidc
    const audience = [setup.issuer, `${setup.issuer}/token`]
    const checked = await verified(params.assertion ?? "", setup.options.trusts ?? [], audience)
    if (checked === undefined) throw new errors.InvalidGrant("the assertion is of no issuer that is trusted here")
    const { payload, protectedHeader } = checked
    const isIdJag = protectedHeader.typ === "oauth-id-jag+jwt"
    if (isIdJag && payload.client_id !== client.clientId)
      throw new errors.InvalidGrant("the assertion is for another client")
    if (seen.has(payload.jti ?? "")) throw new errors.InvalidGrant("the assertion was used before")
    seen.add(payload.jti ?? "")
    const resource = claim(payload, "resource") ?? params.resource ?? setup.unnamed() ?? ""
    const known = setup.resources.get(resource)
    if (known === undefined) throw new errors.InvalidTarget(`unknown resource ${resource}`)
    const asked = params.scope ?? claim(payload, "scope") ?? known.join(" ")
    const scope = asked
      .split(" ")
      .filter((name) => known.includes(name))
      .join(" ")
    const grant = new provider.Grant({ accountId: payload.sub ?? "", clientId: client.clientId })
    grant.addResourceScope(resource, scope)
    const token = new provider.AccessToken({
      accountId: payload.sub ?? "",
      client,
      grantId: await grant.save(),
      gty: "jwt_bearer",
      scope,
    })
    token.resourceServer = new provider.ResourceServer(resource, {
      scope: known.join(" "),
      accessTokenFormat: "jwt",
      jwt: { sign: { alg: "ES256" } },
    })
    ctx.body = { access_token: await token.save(), token_type: "Bearer", expires_in: token.expiration, scope }
  }
}

const exchange =
  (setup: Setup, key: CryptoKey, publicKey: CryptoKey, { errors }: typeof import("oidc-provider")) =>
  async (ctx: TokenEndpointGrantContext<Asked>) => {
    const { client, params } = ctx.oidc
    const own: Signer = { issuer: setup.issuer, publicKey }
    const checked = await verified(params.subject_token ?? "", [own], [client.clientId])
    if (checked === undefined) throw new errors.InvalidGrant("the subject token is not an ID token of this client")
    if (params.requested_token_type !== ID_JAG) throw new errors.InvalidRequest("only an ID-JAG is given here")
    const { audience, resource, scope } = params
    const claims = { sub: checked.payload.sub ?? "", aud: audience ?? "", client_id: client.clientId, resource, scope }
    ctx.body = {
      issued_token_type: ID_JAG,
      access_token: await signed(setup.issuer, key, claims, "oauth-id-jag+jwt"),
      token_type: "N_A",
      expires_in: 300,
    }
  }

/** Registers the grants that the options ask for. */
export const registerGrants = (
  setup: Setup,
  provider: Provider,
  keys: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey },
  library: typeof import("oidc-provider"),
): void => {
  if (setup.options.trusts !== undefined)
    provider.registerGrantType(grantTypes.bearer, bearer(setup, provider, library), ["assertion", "resource", "scope"])
  if (setup.options.exchange === true) {
    const names = ["subject_token", "subject_token_type", "requested_token_type", "audience", "resource", "scope"]
    const handler = exchange(setup, keys.privateKey, keys.publicKey, library)
    provider.registerGrantType(grantTypes.exchange, handler, names)
  }
}
