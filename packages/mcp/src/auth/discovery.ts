/**
 * Which authorization server issues tokens for a server, and what it offers (Authorization, Authorization Server
 * Discovery; RFC 9728, RFC 8414, OpenID Connect Discovery 1.0).
 */
import type { AuthorizationServerMetadata, OAuthProtectedResourceMetadata } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import { shownUrl } from "../http/error.ts"
import { type AuthError, DocumentRefused, fail } from "./error.ts"
import type { Network } from "./network.ts"
import { attempt } from "./sdk.ts"

/** What a server's challenge said (RFC 9728, 5.1; RFC 6750, 3). */
export interface Hint {
  readonly resourceMetadata?: string | undefined
  /** Space-separated. */
  readonly scope?: string | undefined
  /** The schemes that it takes tokens by, in lower case. */
  readonly schemes?: ReadonlyArray<string> | undefined
  /** The algorithms of DPoP proofs that it takes, space-separated. */
  readonly algs?: string | undefined
}

/** One document that was asked for, for `debug`. */
export interface Visit {
  /** As a person calls it: "the protected resource metadata". */
  readonly document: string
  readonly url: string
  /** The HTTP status; absent where there was no answer. */
  readonly status?: number | undefined
  /** What was made of it, in words. */
  readonly verdict: string
  readonly ok: boolean
}

export interface Discovered {
  readonly issuer: string
  /** As found; where a server of 2025-03-26 has none, the endpoints that it has by default. */
  readonly metadata: AuthorizationServerMetadata
  /** Whether `metadata` is a document, and not what 2025-03-26 says in its absence. */
  readonly isDocumented: boolean
  readonly resourceMetadata: OAuthProtectedResourceMetadata | undefined
  /** The `resource` of every authorization and token request (RFC 8707). */
  readonly resource: string
}

interface Options {
  /** The server's URL. */
  readonly url: string
  readonly hint: Hint
  readonly network: Network
  readonly onVisit?: ((visit: Visit) => void) | undefined
}

const resourceDocument = "the protected resource metadata"
const serverDocument = "the authorization server's metadata"

const askOperator = "Ask the operator of the server."

const refuse = (
  document: string,
  url: string,
  field: string | undefined,
  expected: string,
  received: string,
  hint = askOperator,
): AuthError => fail(new DocumentRefused({ document, url: shownUrl(url), field, expected, received, hint }))

/** A `fetch` that tells of each answer. */
const watched = ({ network, onVisit }: Options, document: string): Network["fetch"] =>
  onVisit === undefined
    ? network.fetch
    : (url, init) =>
        network.fetch(url, init).then(
          (response) => {
            const { ok, status } = response
            const verdict = ok ? "found" : status === 404 ? "there is none" : `HTTP ${status} is no document`
            onVisit({ document, url: shownUrl(String(url)), status, verdict, ok })
            return response
          },
          (error: unknown) => {
            const verdict = error instanceof Error ? error.message : String(error)
            onVisit({ document, url: shownUrl(String(url)), verdict, ok: false })
            return Promise.reject<Response>(error)
          },
        )

/** Where the metadata of a resource may be (RFC 9728, 3.1): below its path, and at the root. */
const wellKnown = (url: string): ReadonlyArray<string> => {
  const { origin, pathname, search } = new URL(url)
  const path = pathname.replace(/\/$/, "")
  const root = `${origin}/.well-known/oauth-protected-resource`
  return path === "" ? [`${root}${search}`] : [`${root}${path}${search}`, root]
}

/** The metadata at one URL: `undefined` where there is none. */
const resourceAt = (options: Options, at: string) =>
  attempt({ step: `reading ${resourceDocument}`, url: shownUrl(at) }, (sdk, watch) =>
    sdk.discoverOAuthProtectedResourceMetadata(
      options.url,
      { resourceMetadataUrl: at },
      watch(watched(options, resourceDocument)),
    ),
  ).pipe(
    Effect.map((metadata) => ({ at, metadata })),
    // The SDK tells of a status in words alone; whatever else is wrong with the document is told.
    Effect.catchIf(isAbsent, () => Effect.succeed(undefined)),
  )

/** Whether an error says that there is no document, and not that there is a bad one, or no network. */
const isAbsent = ({ reason }: AuthError): boolean =>
  reason._tag === "StepFailed" &&
  reason.reason === undefined &&
  /does not implement|HTTP 4\d\d trying/.test(reason.detail)

/** Whether it is about this server: of its origin, and at or above its path (RFC 9728, 3.3; RFC 8707, 2). */
const isOwn = (resource: string, url: string): boolean => {
  if (!URL.canParse(resource)) return false
  const named = new URL(resource)
  const own = new URL(url)
  const above = `${named.pathname.replace(/\/$/, "")}/`
  return named.origin === own.origin && `${own.pathname.replace(/\/$/, "")}/`.startsWith(above)
}

const findResource = Effect.fnUntraced(function* (options: Options) {
  const { hint, network, url } = options
  const named: Array<string> = []
  if (hint.resourceMetadata !== undefined && URL.canParse(hint.resourceMetadata, url)) {
    const at = new URL(hint.resourceMetadata, url)
    const isElsewhere = at.origin !== new URL(url).origin
    const challenge = "the challenge of the server"
    if (isElsewhere && at.protocol !== "https:") {
      const isLocal = yield* Effect.isSuccess(
        network.allow({ document: challenge, from: url, field: "resource_metadata", url: at.href }),
      )
      if (!isLocal) {
        return yield* refuse(challenge, url, "resource_metadata", "an https URL, or one of its own origin", at.origin)
      }
    }
    yield* network.allow({ document: challenge, from: url, field: "resource_metadata", url: at.href })
    named.push(at.href)
  }
  for (const at of [...named, ...wellKnown(url).filter((known) => !named.includes(known))]) {
    const found = yield* resourceAt(options, at)
    if (found === undefined) continue
    const { metadata } = found
    if (!isOwn(metadata.resource, url)) {
      return yield* refuse(
        resourceDocument,
        at,
        "resource",
        `${shownUrl(url)}, or what is above it`,
        shownUrl(metadata.resource),
      )
    }
    return found
  }
  return undefined
})

const endpoints = ["authorization_endpoint", "token_endpoint", "registration_endpoint"] as const

/** The metadata of one issuer: `undefined` where there is none. */
const serverAt = Effect.fnUntraced(function* (options: Options, issuer: string) {
  const metadata = yield* attempt({ step: `reading ${serverDocument}`, url: shownUrl(issuer) }, (sdk, watch) =>
    sdk.discoverAuthorizationServerMetadata(issuer, { fetchFn: watch(watched(options, serverDocument)) }),
  )
  if (metadata === undefined) return undefined
  for (const field of endpoints) {
    const url = metadata[field]
    if (url !== undefined) yield* options.network.allow({ document: serverDocument, from: issuer, field, url })
  }
  return metadata
})

/** What a server has that publishes nothing (2025-03-26, Authorization, Fallbacks for Servers without Metadata Discovery). */
const byDefault = (origin: string): AuthorizationServerMetadata => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  response_types_supported: ["code"],
  code_challenge_methods_supported: ["S256"],
})

/**
 * Finds the authorization server: by the document that the challenge names, else by the well-known ones; a server without
 * any is its own. Fails with `DocumentRefused` where a document is not what the standards say, or not about this server,
 * and with `StepFailed` where it could not be read.
 */
export const discover = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Discovered, AuthError> {
  const { network, url } = options
  const found = yield* findResource(options)
  // Its query is not for others (RFC 8707, 2): it may hold a key.
  const resource = found?.metadata.resource ?? url.replace(/[?#].*$/s, "")
  const { origin } = new URL(url)
  const [issuer] = found?.metadata.authorization_servers ?? []
  if (found !== undefined && issuer !== undefined) {
    yield* network.allow({ document: resourceDocument, from: found.at, field: "authorization_servers", url: issuer })
  }
  const metadata = yield* serverAt(options, issuer ?? origin)
  if (metadata !== undefined) {
    return { issuer: metadata.issuer, metadata, isDocumented: true, resourceMetadata: found?.metadata, resource }
  }
  if (issuer !== undefined) {
    return yield* refuse(serverDocument, issuer, undefined, "a document at a well-known place", "none at any of them")
  }
  return {
    issuer: origin,
    metadata: byDefault(origin),
    isDocumented: false,
    resourceMetadata: found?.metadata,
    resource,
  }
})

/** The challenge of a server that is asked for nothing in particular, without tokens; `undefined` where there is none. */
export const probe = (options: {
  readonly url: string
  /** The entry's own. */
  readonly headers: Readonly<Record<string, string>>
  readonly network: Network
}): Effect.Effect<string | undefined> => {
  const { headers, network, url } = options
  const ask = () =>
    network.fetch(url, {
      method: "POST",
      headers: { ...headers, accept: "application/json, text/event-stream", "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "ping" }),
    })
  return Effect.tryPromise(ask).pipe(
    Effect.map((response) => response.headers.get("www-authenticate") ?? undefined),
    Effect.orElseSucceed(() => undefined),
  )
}

/** A code is redeemed only where nobody else can redeem it (Authorization, Authorization Code Protection; RFC 7636). */
export const requirePkce = ({ issuer, metadata }: Discovered): Effect.Effect<void, AuthError> => {
  const methods = metadata.code_challenge_methods_supported
  return methods?.includes("S256") === true
    ? Effect.void
    : refuse(
        serverDocument,
        issuer,
        "code_challenge_methods_supported",
        `a list with "S256"`,
        methods === undefined ? "nothing" : JSON.stringify(methods).slice(0, 100),
        "Without PKCE a code can be stolen; ask the operator of the authorization server.",
      )
}
