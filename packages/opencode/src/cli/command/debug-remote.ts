/** `debug` of a remote server: its first answer, and where and for what a person signs in. */
import { parseChallenge } from "@opencode-ai/mcp/auth/challenge"
import { type Discovered, discover, requirePkce, type Visit } from "@opencode-ai/mcp/auth/discovery"
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import { readHeaders } from "@opencode-ai/mcp/auth/headers"
import type { OAuth } from "@opencode-ai/mcp/auth/oauth"
import * as Scopes from "@opencode-ai/mcp/auth/scopes"
import type { Credentials } from "@opencode-ai/mcp/auth/store"
import type { RemoteServer } from "@opencode-ai/mcp/config"
import { networkingOf } from "@opencode-ai/mcp/connection/networking"
import { type HttpError, shownUrl } from "@opencode-ai/mcp/http/error"
import { discard, Http, type HttpRequest, layerNetworking } from "@opencode-ai/mcp/http/http"
import { latest } from "@opencode-ai/mcp/protocol/revision"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import * as Text from "../text.ts"
import { version } from "../version.ts"
import type { Report } from "./debug-report.ts"

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: latest, capabilities: {}, clientInfo: { name: "opencode", version } },
})

/** How much of a header of the server's is shown, in columns. */
const shownHeader = 400

const send = (request: HttpRequest): Effect.Effect<Response, HttpError> =>
  Effect.flatMap(Http, (http) =>
    Effect.callback<Response, HttpError>((resume) => {
      const controller = new AbortController()
      http.send(
        request,
        controller.signal,
        (response) => {
          discard(response)
          resume(Effect.succeed(response))
        },
        (error) => resume(Effect.fail(error)),
      )
      return Effect.sync(() => controller.abort())
    }),
  )

/** What the first message is answered with, without any token: what a server asks for stands in its refusal. */
export interface First {
  readonly status: number
  /** The `WWW-Authenticate` header. */
  readonly challenge: string | undefined
  /** The `Date` header. */
  readonly date: string | undefined
}

const meaning = (status: number): string => {
  if (status >= 200 && status < 300) return "it answers without a sign-in"
  if (status === 401) return "it asks for authorization"
  if (status === 403) return "it refuses what was sent"
  if (status === 404 || status === 405)
    return "nothing answers a POST there: an older server (HTTP+SSE), or a wrong URL"
  return "it answers with an error"
}

/**
 * Sends the first message of a session, with the entry's own headers alone and on the way that it names, and ends the
 * session where one begins. Files of the entry are relative to `directory`.
 */
export const first = (config: RemoteServer, directory: string, report: Report) => {
  const networking = networkingOf(config, directory)
  const asked = ask(config, report)
  return networking === undefined ? asked : Effect.provide(asked, layerNetworking(networking))
}

const ask = (config: RemoteServer, report: Report) =>
  Effect.gen(function* () {
    const step = "the first message (initialize)"
    const url = config.url.href
    const at = { step, url: shownUrl(url), method: "POST" }
    const own = yield* Effect.exit(readHeaders(Object.fromEntries(config.headers)))
    if (Exit.isFailure(own)) {
      yield* report.tell({ step, ok: false, verdict: "a configured header cannot be sent; see below" })
      return undefined
    }
    const headers = new Headers({
      ...own.value,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": latest,
    })
    const sent = send({ method: "POST", url, headers, body: initialize })
    const exit = yield* Effect.exit(Effect.timeoutOption(sent, config.timeout.startup))
    if (Exit.isFailure(exit)) {
      const [reason] = exit.cause.reasons
      const error = reason?._tag === "Fail" ? reason.error.message : "no answer"
      yield* report.tell({ ...at, ok: false, verdict: error })
      return undefined
    }
    const response = Option.getOrUndefined(exit.value)
    if (response === undefined) {
      yield* report.tell({ ...at, ok: false, verdict: `no answer within ${config.timeout.startup} ms` })
      return undefined
    }
    const challenge = response.headers.get("www-authenticate") ?? undefined
    const said = parseChallenge(challenge)
    const session = response.headers.get("mcp-session-id")
    yield* report.tell({
      ...at,
      status: response.status,
      ok: response.ok ? true : response.status === 401 ? undefined : false,
      verdict: meaning(response.status),
      details: {
        "mcp-protocol-version": latest,
        "mcp-session-id": session === null ? "none" : "***",
        "content-type": response.headers.get("content-type") ?? "none",
        "www-authenticate": challenge === undefined ? undefined : Text.cut(Text.oneLine(challenge), shownHeader),
        error: said.error,
        "error description": said.errorDescription,
        scope: said.scope,
        "resource metadata": said.resourceMetadata,
      },
    })
    if (session !== null) {
      headers.set("mcp-session-id", session)
      yield* Effect.ignore(Effect.timeoutOption(send({ method: "DELETE", url, headers }), config.timeout.startup))
    }
    const date = response.headers.get("date") ?? undefined
    const answered: First = { status: response.status, challenge, date }
    return answered
  })

/** By which client a person would sign in. */
const registrationOf = (config: RemoteServer, { metadata }: Discovered, kept: Credentials | undefined): string => {
  const clientId = config.oauth === false ? undefined : config.oauth.clientId
  if (clientId !== undefined && clientId.startsWith("https:")) {
    return metadata.client_id_metadata_document_supported === true
      ? `the client ID metadata document ${clientId}`
      : `none: it takes no client ID metadata document, such as the configured ${clientId}`
  }
  if (clientId !== undefined) return `the configured client ${clientId}`
  if (kept?.client !== undefined) return `the client ${kept.client.id}, which was registered before`
  return metadata.registration_endpoint === undefined
    ? `none: it registers no clients by itself; register one by hand and configure "oauth": { "clientId": … }`
    : "one that is registered dynamically"
}

const found = (
  config: RemoteServer,
  discovered: Discovered,
  kept: Credentials | undefined,
  challenge: string | undefined,
) => {
  const { isDocumented, issuer, metadata, resource } = discovered
  const own = kept?.issuer === undefined || kept.issuer === issuer ? kept : undefined
  const scopes = Scopes.select({
    configured: config.oauth === false ? undefined : config.oauth.scope,
    challenge: parseChallenge(challenge).scope,
    discovered,
    granted: own?.tokens?.scope,
    wanted: own?.wantedScope,
  })
  const url = (value: string | undefined) => (value === undefined ? "none" : shownUrl(value))
  return {
    issuer,
    resource: shownUrl(resource),
    documented: isDocumented ? "yes" : "no: the endpoints that revision 2025-03-26 gives a server without metadata",
    "authorization endpoint": url(metadata.authorization_endpoint),
    "token endpoint": url(metadata.token_endpoint),
    "registration endpoint": url(metadata.registration_endpoint),
    PKCE: metadata.code_challenge_methods_supported ?? "not offered",
    "issuer in the callback": metadata.authorization_response_iss_parameter_supported === true ? "yes" : "not promised",
    client: registrationOf(config, discovered, own),
    "scopes to ask for": scopes ?? "none",
  }
}

const visited = ({ document, ok, status, url, verdict }: Visit) => ({
  step: document,
  url,
  status,
  // One of several places is enough.
  ok: ok ? true : status === 404 ? undefined : false,
  verdict,
})

/** Looks for the authorization server, each document told as it comes. What a sign-in would fail for is the failure. */
export const authorization = (
  config: RemoteServer,
  oauth: OAuth,
  kept: Credentials | undefined,
  { challenge }: First,
  report: Report,
): Effect.Effect<Readonly<Record<string, unknown>>, AuthError> =>
  Effect.gen(function* () {
    const turn = Semaphore.makeUnsafe(1)
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const telling: Array<Fiber.Fiber<void>> = []
    const said = parseChallenge(challenge)
    const discovered = yield* discover({
      url: oauth.place.url,
      hint: { resourceMetadata: said.resourceMetadata, scope: said.scope },
      network: oauth.network,
      onVisit: (visit) => void telling.push(fork(turn.withPermits(1)(report.tell(visited(visit))))),
    }).pipe(Effect.ensuring(Effect.suspend(() => Fiber.awaitAll(telling))))
    const details = found(config, discovered, kept, challenge)
    const pkce = yield* Effect.exit(requirePkce(discovered))
    yield* report.tell({
      step: "the authorization server",
      ok: Exit.isSuccess(pkce),
      verdict: Exit.isSuccess(pkce) ? "a person can be sent there" : "a sign-in there is refused; see below",
      details,
    })
    yield* pkce
    return details
  })
