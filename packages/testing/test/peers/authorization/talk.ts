/** OAuth by hand, as the tests of the peers speak it. */
import { createHash, randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import type { AuthorizationServer } from "../../../src/peers/authorization/server.ts"
import { type Person, type PersonOptions, person } from "../../../src/person.ts"

export const redirectUri = "http://127.0.0.1:1/callback"

export interface Tokens {
  readonly status: number
  readonly error?: string
  readonly error_description?: string
  readonly access_token: string
  readonly refresh_token?: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope: string
}

/** The JSON of an answer, taken for what it should be: the tests look at its members. */
export const taken = async <T>(response: Response): Promise<T> => (await response.json()) as T

export const get = (url: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, { headers })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text }
  })

export const document = (url: string) => Effect.map(get(url), ({ text }) => JSON.parse(text))

export const register = (server: AuthorizationServer, metadata: object = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.issuer}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "a client",
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
        application_type: "native",
        ...metadata,
      }),
    })
    const client = await taken<{ readonly client_id: string; readonly error?: string }>(response)
    return { status: response.status, ...client }
  })

export const token = (
  server: AuthorizationServer,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Effect.Effect<Tokens> =>
  Effect.promise(async () => {
    const response = await fetch(`${server.issuer}/token`, { method: "POST", headers, body: new URLSearchParams(form) })
    const tokens = await taken<Omit<Tokens, "status">>(response)
    return { status: response.status, ...tokens }
  })

export interface Asked {
  readonly clientId: string
  readonly resource?: string
  readonly scope?: string
  readonly prompt?: string
}

export const pkce = () => {
  const verifier = randomBytes(32).toString("base64url")
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") }
}

export const authorizationUrl = (server: AuthorizationServer, { clientId, ...asked }: Asked, challenge?: string) => {
  const url = new URL(`${server.issuer}/authorize`)
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    state: "st",
    ...(challenge === undefined ? {} : { code_challenge: challenge, code_challenge_method: "S256" }),
    ...asked,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** A login from end to end, with a person of one's own. */
export const logIn = (server: AuthorizationServer, asked: Asked, options?: PersonOptions, who: Person = person()) =>
  Effect.gen(function* () {
    const { challenge, verifier } = pkce()
    const callback = new URL(yield* who.authorize(authorizationUrl(server, asked, challenge), options))
    return yield* token(server, {
      grant_type: "authorization_code",
      client_id: asked.clientId,
      code: callback.searchParams.get("code") ?? "",
      code_verifier: verifier,
      redirect_uri: redirectUri,
      ...(asked.resource === undefined ? {} : { resource: asked.resource }),
    })
  })
