/**
 * A real authorization server: `oidc-provider`, in this process, in front of it a listener that logs every request and
 * lets a test interfere. Its time passes when the test says so. It holds PKCE (S256) and redirect URIs to the letter.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { type AuthInfo, OAuthError, OAuthErrorCode } from "@modelcontextprotocol/server"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { errors as jose, type JWTPayload, jwtVerify } from "jose"
import type { errors } from "oidc-provider"
import { type Signer, signed } from "./assertions.ts"
import { bodyOf } from "../web-http.ts"
import { type Arrived, arrived, destroy, listening, Log, send } from "./http.ts"
import { interact } from "./pages.ts"
import { type Made, makeProvider, routes } from "./provider.ts"
import {
  type AuthorizationOptions,
  type AuthorizationRequest,
  defaults,
  type Discovery,
  type Endpoint,
  type Settings,
} from "./settings.ts"
import { Store } from "./store.ts"

export interface AuthorizationServer extends Signer {
  readonly issuer: string
  /** Signs what this server says as an identity provider or a platform: an ID token, the identity of a workload. */
  readonly sign: (claims: JWTPayload, typ?: string) => Effect.Effect<string>
  /** Every request, oldest first. */
  readonly requests: ReadonlyArray<AuthorizationRequest>
  readonly of: (endpoint: Endpoint) => ReadonlyArray<AuthorizationRequest>
  /** The first request, past or to come, that fits. */
  readonly first: (fits: (request: AuthorizationRequest) => boolean) => Effect.Effect<AuthorizationRequest>
  /** Changes what may be changed, from the next request on. */
  readonly set: (changes: Partial<Settings>) => Effect.Effect<void>
  /** A resource for which tokens are given, and its scopes; `unnamed`: also to those who name no resource. */
  readonly protect: (
    resource: string,
    options?: { readonly scopes?: ReadonlyArray<string>; readonly unnamed?: boolean },
  ) => Effect.Effect<void>
  /** Lets time pass for this server and those who ask it to verify: what lives shorter has expired. */
  readonly advance: (time: Duration.Input) => Effect.Effect<void>
  /** Makes all access tokens of today invalid, at once; gives their number. Refresh tokens stay. */
  readonly revokeAccessTokens: Effect.Effect<number>
  /** Makes all refresh tokens of today invalid; gives their number. Access tokens stay. */
  readonly revokeRefreshTokens: Effect.Effect<number>
  /** Forgets what anyone allowed, with every token; gives the number of grants. */
  readonly revokeGrants: Effect.Effect<number>
  /** Forgets the clients that registered. */
  readonly forgetClients: Effect.Effect<number>
  /** Every code, token and client secret that was given out, for tests that look for leaks. */
  readonly secrets: ReadonlyArray<string>
  /** What an access token says, for a resource server: rejects with the SDK's `OAuthError`. `extra` has `sub` and `cnf`. */
  readonly verify: (token: string, resource: string) => Promise<AuthInfo>
}

const endpoints: { readonly [path: string]: Endpoint } = {
  [routes.authorization]: "authorization",
  [routes.token]: "token",
  [routes.registration]: "registration",
  [routes.revocation]: "revocation",
  [routes.introspection]: "introspection",
  [routes.jwks]: "jwks",
}

const endpointOf = (path: string): Endpoint => {
  if (path.includes("/.well-known/")) return "metadata"
  if (path.startsWith("/interaction/")) return "interaction"
  if (path.startsWith(`${routes.authorization}/`)) return "authorization"
  return endpoints[path] ?? "other"
}

const basicId = (header: string | undefined) => {
  const [, encoded] = /^Basic (\S+)$/i.exec(header ?? "") ?? []
  return encoded === undefined ? undefined : decodeURIComponent(atob(encoded).split(":")[0] ?? "")
}

const clientAuth = ({ headers, form }: Arrived): AuthorizationRequest["clientAuth"] => {
  if (/^Basic /i.test(headers.authorization ?? "")) return "client_secret_basic"
  if (form.client_assertion !== undefined) return "private_key_jwt"
  if (form.client_secret !== undefined) return "client_secret_post"
  return form.client_id === undefined ? undefined : "none"
}

const told = (request: Arrived, endpoint: Endpoint, nth: number): AuthorizationRequest => ({
  ...request,
  endpoint,
  nth,
  grantType: request.form.grant_type,
  clientId: basicId(request.headers.authorization) ?? request.form.client_id ?? request.query.client_id,
  clientAuth: clientAuth(request),
  resource: request.form.resource ?? request.query.resource,
  scope: request.form.scope ?? request.query.scope,
  status: 0,
})

const wellKnown = (path: string): { readonly [where in Discovery]: string } => ({
  oauth: `/.well-known/oauth-authorization-server${path}`,
  openid: `${path}/.well-known/openid-configuration`,
  "openid-inserted": `/.well-known/openid-configuration${path}`,
})

/** The request once more, its body unread, below the path at which the provider is mounted. */
const again = (incoming: IncomingMessage, body: Buffer, path: string): IncomingMessage => {
  const { headers, httpVersion, method, socket, url: originalUrl = "/" } = incoming
  const url = originalUrl.slice(path.length)
  const request = { headers, httpVersion, method, socket, originalUrl, url: url.startsWith("/") ? url : `/${url}` }
  // What the provider (by way of Koa) reads of a request is here; the rest of the class is not needed.
  const again: unknown = Object.assign(Readable.from(body.length === 0 ? [] : [body], { objectMode: false }), request)
  return again as IncomingMessage
}

const secretNames = ["access_token", "refresh_token", "id_token", "client_secret", "registration_access_token"]

const invalid = (why: string) => new OAuthError(OAuthErrorCode.InvalidToken, why)

const verifier =
  (issuer: string, store: Store, made: Made): AuthorizationServer["verify"] =>
  async (token, audience) => {
    const { payload } = await jwtVerify(token, made.publicKey, {
      issuer,
      audience,
      typ: "at+jwt",
      // Expiry is held against the server's own time below.
      currentDate: new Date(0),
    }).catch((error: unknown) => {
      throw invalid(error instanceof jose.JOSEError ? error.message : "not a token")
    })
    const issued = store.token(payload.jti ?? "")
    if (issued === undefined || issued.dead) throw invalid("The token was revoked")
    const expiresAt = (payload.exp ?? 0) - (store.elapsed - issued.at)
    if (expiresAt <= Date.now() / 1000) throw invalid("The token has expired")
    return {
      token,
      clientId: String(payload.client_id),
      scopes: typeof payload.scope === "string" ? payload.scope.split(" ") : [],
      expiresAt,
      resource: new URL(audience),
      extra: { sub: payload.sub, cnf: payload.cnf },
    }
  }

/** Listens on a free port of 127.0.0.1 as long as the Scope. */
export const authorizationServer = (
  options: AuthorizationOptions = {},
): Effect.Effect<AuthorizationServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const path = options.path ?? ""
    const log = new Log<AuthorizationRequest>()
    const store = new Store()
    const resources = new Map<string, ReadonlyArray<string>>()
    const secrets = new Set<string>()
    const broken: Array<unknown> = []
    const entries = new WeakMap<IncomingMessage, AuthorizationRequest>()
    let unnamed: string | undefined
    let settings: Settings = { ...defaults, ...options }

    const places = new Set((options.discovery ?? ["oauth", "openid"]).map((where) => wellKnown(path)[where]))

    const serve = async (request: AuthorizationRequest, incoming: IncomingMessage, response: ServerResponse) => {
      const replayed = (at: string) => {
        const replay = again(Object.assign(incoming, { url: at }), Buffer.from(request.text), path)
        entries.set(replay, request)
        return replay
      }
      if (request.endpoint === "interaction") {
        return interact(made.provider, request, incoming, response)
      }
      if (request.endpoint === "metadata") {
        if (!places.has(request.path)) return send(response, { status: 404, text: "Not Found" })
        return callback(replayed(`${path}/.well-known/openid-configuration`), response)
      }
      if (!request.path.startsWith(path)) return send(response, { status: 404, text: "Not Found" })
      return callback(replayed(incoming.url ?? "/"), response)
    }

    const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
      const request = arrived(incoming, await bodyOf(incoming))
      const endpoint = endpointOf(request.path.startsWith(path) ? request.path.slice(path.length) : request.path)
      const entry = told(request, endpoint, log.entries.filter((other) => other.endpoint === endpoint).length)
      const end = response.end.bind(response)
      // Noted before the client can have it, so that a test that has the answer finds its status.
      const noting = (...body: ReadonlyArray<unknown>) => {
        entry.status = response.statusCode
        return Reflect.apply(end, response, body)
      }
      Object.assign(response, { end: noting })
      log.add(entry)
      const before = settings.before(entry)
      const step = Effect.isEffect(before) ? await Effect.runPromise(before) : before
      if (step === "lose") Object.assign(response, { end: () => destroy(response) })
      else if (step !== undefined) return send(response, step)
      await serve(entry, incoming, response)
    }

    const origin = yield* listening((incoming, response) => {
      response.on("error", () => undefined)
      handle(incoming, response).catch((error: unknown) => {
        broken.push(error)
        destroy(response)
      })
    })
    const issuer = `${origin}${path}`
    const made = yield* Effect.promise(() =>
      makeProvider({ issuer, path, options, settings: () => settings, resources, unnamed: () => unnamed, store }),
    )
    const { provider } = made
    provider.use(async (ctx, next) => {
      await next()
      if (typeof ctx.body !== "object" || ctx.body === null) return
      const body: { readonly [member: string]: unknown } = { ...ctx.body }
      if (ctx.path.startsWith("/.well-known/")) ctx.body = settings.metadata(body)
      if (ctx.path === routes.token && "access_token" in body) ctx.body = settings.tokens(body)
      for (const name of secretNames) if (typeof body[name] === "string") secrets.add(body[name])
    })
    provider.on("authorization.success", (_, out) => {
      if (typeof out?.code === "string") secrets.add(out.code)
    })
    const refused = ({ req }: { readonly req: IncomingMessage }, error: errors.OIDCProviderError) => {
      const entry = entries.get(req)
      if (entry !== undefined) entry.problem = error.error_detail ?? error.error_description ?? error.message
    }
    provider.on("grant.error", refused)
    provider.on("authorization.error", refused)
    provider.on("registration_create.error", refused)
    provider.on("server_error", (_, error) => broken.push(error))
    const callback = provider.callback()
    yield* Effect.addFinalizer(() =>
      broken.length === 0 ? Effect.void : Effect.die(new AggregateError(broken, "the authorization server broke")),
    )

    return {
      issuer,
      publicKey: made.publicKey,
      sign: (claims, typ) => Effect.promise(() => signed(issuer, made.privateKey, claims, typ)),
      requests: log.entries,
      of: (endpoint) => log.entries.filter((request) => request.endpoint === endpoint),
      first: (fits) => log.first(fits),
      set: (changes) =>
        Effect.sync(() => {
          settings = { ...settings, ...changes }
        }),
      protect: (resource, { scopes = options.scopes ?? ["tools", "admin"], unnamed: also = false } = {}) =>
        Effect.sync(() => {
          resources.set(resource, scopes)
          if (also) unnamed = resource
        }),
      advance: (time) => Effect.sync(() => store.advance(Duration.toSeconds(Duration.fromInputUnsafe(time)))),
      revokeAccessTokens: Effect.sync(() => store.kill()),
      revokeRefreshTokens: Effect.sync(() => store.forget("RefreshToken")),
      revokeGrants: Effect.sync(() => {
        store.kill()
        store.forget("RefreshToken", "AuthorizationCode")
        return store.forget("Grant")
      }),
      forgetClients: Effect.sync(() => store.forget("Client")),
      get secrets() {
        return [...secrets]
      },
      verify: (token, resource) => verifier(issuer, store, made)(token, resource),
    }
  })
