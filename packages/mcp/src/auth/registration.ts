/** Which client this is to an authorization server (Authorization, Client Registration Approaches). */
import type { OAuthClientMetadata } from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { shownUrl } from "../http/error.ts"
import type { Discovered } from "./discovery.ts"
import { type AuthError, DocumentRefused, fail, Misconfigured, RegistrationRequired } from "./error.ts"
import { brief } from "../protocol/json.ts"
import { lastMoment } from "./moment.ts"
import type { Network } from "./network.ts"
import type { OAuthOptions } from "./options.ts"
import { answerRefused, attempt } from "./sdk.ts"
import type { Client } from "./store.ts"

interface Options {
  readonly options: OAuthOptions
  readonly discovered: Discovered
  /** The client that is kept for this issuer. */
  readonly kept: Client | undefined
  /** Where the person comes back to; absent where no person is sent. */
  readonly redirectUri?: string | undefined
  readonly network: Network
}

const isDocument = (clientId: string): boolean => URL.canParse(clientId) && new URL(clientId).protocol === "https:"

const configured = (
  options: OAuthOptions,
  id: string,
  { issuer, metadata }: Discovered,
): Effect.Effect<Client, AuthError> => {
  if (!isDocument(id)) return Effect.succeed({ id, secret: options.clientSecret, origin: "configured" })
  if (new URL(id).pathname === "/") {
    const detail = "is the URL of a client ID metadata document, which needs a path"
    return Effect.fail(fail(new Misconfigured({ field: "oauth.clientId", detail })))
  }
  if (metadata.client_id_metadata_document_supported === true) return Effect.succeed({ id, origin: "document" })
  const detail = `takes no client ID metadata document, such as the configured "clientId"`
  return Effect.fail(fail(new RegistrationRequired({ issuer, detail })))
}

/** `localhost` and `127.0.0.1` are one to a browser, and two to an authorization server: it is told of both. */
const spellings = (redirectUri: string): ReadonlyArray<string> => {
  const url = new URL(redirectUri)
  if (url.hostname !== "127.0.0.1" && url.hostname !== "localhost") return [redirectUri]
  const other = new URL(redirectUri)
  other.hostname = url.hostname === "localhost" ? "127.0.0.1" : "localhost"
  return [redirectUri, other.href]
}

/** How a client that is a program on a person's machine authenticates, if it can choose: not at all. */
const methodFor = ({ metadata }: Discovered): string => {
  const supported = metadata.token_endpoint_auth_methods_supported
  if (supported === undefined || supported.includes("none")) return "none"
  return ["client_secret_basic", "client_secret_post"].find((method) => supported.includes(method)) ?? "none"
}

/** Without `scope`: a client that names some is refused others later, as a step-up asks for them. */
const metadataOf = ({ discovered, redirectUri = "" }: Options): OAuthClientMetadata => ({
  client_name: "OpenCode",
  client_uri: "https://opencode.ai",
  application_type: "native",
  redirect_uris: [...spellings(redirectUri)],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: methodFor(discovered),
})

/** What an identifier of a client consists of (RFC 6749, A.1). */
const visible = /^[\x20-\x7e]+$/

/** Registers the client dynamically (RFC 7591). */
const register = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Client, AuthError> {
  const { discovered, network, redirectUri = "" } = options
  const { isDocumented, issuer, metadata } = discovered
  if (metadata.registration_endpoint === undefined) {
    return yield* fail(new RegistrationRequired({ issuer, detail: "does not register clients by itself" }))
  }
  const url = shownUrl(metadata.registration_endpoint)
  const step = { step: "the registration", url }
  const answer = yield* attempt(step, (sdk, watch) =>
    sdk.registerClient(issuer, { metadata, clientMetadata: metadataOf(options), fetchFn: watch(network.fetch) }),
  ).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "OAuthRefused",
      (error) => {
        const said = error.reason._tag === "OAuthRefused" ? (error.reason.description ?? error.reason.error) : ""
        const detail = isDocumented
          ? `refused to register this client: ${said}`
          : `publishes no metadata of an authorization server, and registers no client at ${url}: ${said}`
        return Effect.fail(fail(new RegistrationRequired({ issuer, detail })))
      },
    ),
  )
  const refuse = (field: string, expected: string, received: unknown) =>
    fail(answerRefused(step, field, expected, brief(received)))
  if (!visible.test(answer.client_id)) return yield* refuse("client_id", "visible characters", answer.client_id)
  if (!answer.redirect_uris.includes(redirectUri)) {
    return yield* refuse("redirect_uris", redirectUri, answer.redirect_uris)
  }
  const expiresAt = answer.client_secret_expires_at
  return {
    id: answer.client_id,
    origin: "registered",
    redirectUris: answer.redirect_uris,
    ...(answer.client_secret === undefined ? {} : { secret: Redacted.make(answer.client_secret) }),
    // In seconds; 0 is never (RFC 7591, 3.2.1).
    ...(expiresAt === undefined || expiresAt === 0 || expiresAt * 1000 > lastMoment
      ? {}
      : { secretExpiresAt: expiresAt * 1000 }),
    ...(answer.token_endpoint_auth_method === undefined ? {} : { method: answer.token_endpoint_auth_method }),
  }
})

/** Whether a client that was registered before will do. */
const fits = (client: Client, redirectUri: string | undefined, now: number): boolean =>
  (client.secretExpiresAt === undefined || client.secretExpiresAt > now) &&
  (redirectUri === undefined || client.redirectUris === undefined || client.redirectUris.includes(redirectUri))

/**
 * The configured client, which may be a client ID metadata document; else the one that was registered before; else a new
 * registration. Fails with `RegistrationRequired` where none of them is to be had.
 */
export const clientFor = (options: Options): Effect.Effect<Client, AuthError> =>
  Effect.gen(function* () {
    const { clientId } = options.options
    if (clientId !== undefined) return yield* configured(options.options, clientId, options.discovered)
    const { kept, redirectUri } = options
    if (kept !== undefined && fits(kept, redirectUri, yield* Clock.currentTimeMillis)) return kept
    // A refresh needs the client that the tokens were issued to: another would be refused.
    return yield* register(options)
  })

/** The client that tokens were granted to, if it is still to be had: another would be refused their refresh. */
export const grantedTo = (granted: {
  readonly options: OAuthOptions
  readonly discovered: Discovered
  readonly kept: Client | undefined
}): Effect.Effect<Client | undefined, AuthError> =>
  Effect.gen(function* () {
    const { discovered, kept, options } = granted
    const { clientId } = options
    if (clientId === undefined) return kept
    return kept === undefined || kept.id === clientId ? yield* configured(options, clientId, discovered) : undefined
  })

/**
 * A secret of the person's own goes to the authorization server that got it first, whatever the server says later.
 * `bound` is the issuer of what is kept.
 */
export const requireIssuer = (bound: string | undefined, { issuer }: Discovered): Effect.Effect<void, AuthError> =>
  bound === undefined || bound === issuer
    ? Effect.void
    : Effect.fail(
        fail(
          new DocumentRefused({
            document: "the server's metadata",
            url: shownUrl(issuer),
            field: "authorization_servers",
            expected: `${bound}, which its credentials were used at before`,
            received: issuer,
            hint: "Nothing was sent there. If its operator has moved it, log out of the server and sign in again.",
          }),
        ),
      )
