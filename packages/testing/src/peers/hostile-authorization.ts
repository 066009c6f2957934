/**
 * An MCP server and its authorization server at one origin, by hand: each document and endpoint answers what a test says,
 * right or wrong, and every request is kept. What a test says nothing of is answered rightly, at its shortest: whoever
 * comes is signed in at once, codes and tokens are names that count up, and nothing is checked but that a bearer token
 * was given out here.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Answer, type Arrived, arrived, destroy, listening, Log, send } from "./authorization/http.ts"
import { members } from "./features/feature.ts"
import { type Rpc, standardAnswer } from "./raw-answer.ts"
import { write } from "./raw-http.ts"
import { bodyOf } from "./web-http.ts"

/** What can be asked of it, and where. */
export type HostileEndpoint =
  /** `/mcp` */
  | "mcp"
  /** `/.well-known/oauth-protected-resource`, with or without a path behind. */
  | "protected-resource"
  /** `/.well-known/oauth-authorization-server`, with or without a path behind. */
  | "oauth"
  /** `/.well-known/openid-configuration`, with or without a path around; 404 by default. */
  | "openid"
  /** `/register` */
  | "registration"
  /** `/authorize` */
  | "authorization"
  /** `/token` */
  | "token"
  /** Everything else. */
  | "other"

export interface HostileRequest extends Arrived {
  readonly endpoint: HostileEndpoint
  /** How many requests for the same endpoint came before it. */
  readonly nth: number
}

/** What else may come in place of an answer: a body without an end to it, piece by piece as the client reads. */
export type HostileAnswer =
  | Answer
  | {
      readonly status?: number
      readonly headers?: { readonly [name: string]: string }
      readonly body: Iterable<string | Uint8Array>
    }

/** The right answer to a request, for handlers that change as little as they like. */
export interface Right {
  readonly answer: Answer
  /** Its JSON; empty where it has none. */
  readonly json: { readonly [member: string]: unknown }
  /** Where it redirects to; empty where it does not. */
  readonly redirect: string
}

/** Answers a request. An Effect holds it until it ends, and is interrupted when the client goes away. */
export type HostileHandler = (request: HostileRequest, right: Right) => HostileAnswer | Effect.Effect<HostileAnswer>

export type HostileScript = { readonly [endpoint in HostileEndpoint]?: HostileHandler }

export interface HostileAuthorization {
  readonly type: "remote"
  /** Of the MCP server. */
  readonly url: string
  readonly origin: string
  /** Every request, oldest first. */
  readonly requests: ReadonlyArray<HostileRequest>
  readonly of: (endpoint: HostileEndpoint) => ReadonlyArray<HostileRequest>
  /** The first request, past or to come, that fits. */
  readonly first: (fits: (request: HostileRequest) => boolean) => Effect.Effect<HostileRequest>
  /** How many clients went away before they had all of an answer. */
  readonly abandoned: () => number
  /** Other handlers, from the next request on. */
  readonly set: (changes: HostileScript) => Effect.Effect<void>
}

const endpointOf = (path: string): HostileEndpoint => {
  if (path.startsWith("/.well-known/oauth-protected-resource")) return "protected-resource"
  if (path.startsWith("/.well-known/oauth-authorization-server")) return "oauth"
  if (path.includes("/.well-known/openid-configuration")) return "openid"
  if (path === "/register") return "registration"
  if (path === "/authorize") return "authorization"
  if (path === "/token") return "token"
  return path === "/mcp" ? "mcp" : "other"
}

const rpcOf = ({ json }: Arrived): Rpc => json

/** The right answers. */
const standard = (origin: string) => {
  const given = new Set<string>()
  const counts = new Map<string, number>()
  const next = (kind: string) => {
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return `${kind}-${count}`
  }

  const metadata = {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    authorization_response_iss_parameter_supported: true,
  }

  const callback = ({ query }: HostileRequest): Answer => {
    const to = new URL(query.redirect_uri ?? "about:blank")
    to.searchParams.set("code", next("code"))
    if (query.state !== undefined) to.searchParams.set("state", query.state)
    to.searchParams.set("iss", origin)
    return { redirect: to.href }
  }

  const tokens = ({ form }: HostileRequest): Answer => {
    const access = next("access")
    given.add(access)
    const refresh = form.grant_type === "client_credentials" ? {} : { refresh_token: next("refresh") }
    return { json: { access_token: access, token_type: "Bearer", expires_in: 3600, ...refresh } }
  }

  const mcp = (request: HostileRequest): Answer => {
    const [, token = ""] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "") ?? []
    if (!given.has(token)) {
      const where = `${origin}/.well-known/oauth-protected-resource/mcp`
      return { status: 401, headers: { "www-authenticate": `Bearer resource_metadata="${where}"` }, text: "" }
    }
    if (request.method !== "POST") return { status: 405, headers: { allow: "POST" }, text: "" }
    const rpc = rpcOf(request)
    return rpc.method === undefined || rpc.id === undefined
      ? { status: 202, text: "" }
      : { json: standardAnswer({}, rpc) }
  }

  const nothing = (): Answer => ({ status: 404, text: "Not Found" })

  const answers: { readonly [endpoint in HostileEndpoint]: (request: HostileRequest) => Answer } = {
    mcp,
    "protected-resource": () => ({ json: { resource: `${origin}/mcp`, authorization_servers: [origin] } }),
    oauth: () => ({ json: metadata }),
    openid: nothing,
    registration: ({ json }) => ({ status: 201, json: { ...json, client_id: next("client") } }),
    authorization: callback,
    token: tokens,
    other: nothing,
  }
  return answers
}

const rightOf = (answer: Answer): Right => ({
  answer,
  json: "json" in answer ? members(answer.json) : {},
  redirect: "redirect" in answer ? answer.redirect : "",
})

const stream = async (response: ServerResponse, answer: Extract<HostileAnswer, { body: unknown }>) => {
  response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers })
  for (const piece of answer.body) {
    if (response.destroyed) return
    await write(response, piece)
  }
  response.end()
}

/** Listens on a free port of 127.0.0.1 as long as the Scope. */
export const hostileAuthorization = (
  script: HostileScript = {},
): Effect.Effect<HostileAuthorization, never, Scope.Scope> =>
  Effect.gen(function* () {
    const log = new Log<HostileRequest>()
    let handlers = script
    let abandoned = 0

    const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
      const left = new AbortController()
      let dropped = false
      response.on("close", () => {
        if (response.writableEnded || dropped) return
        abandoned++
        left.abort()
      })
      const request = arrived(incoming, await bodyOf(incoming))
      const endpoint = endpointOf(request.path)
      const entry = { ...request, endpoint, nth: log.entries.filter((other) => other.endpoint === endpoint).length }
      log.add(entry)
      const right = answers[endpoint](entry)
      const said = handlers[endpoint]?.(entry, rightOf(right)) ?? right
      const answer = Effect.isEffect(said) ? await Effect.runPromise(said, { signal: left.signal }) : said
      if ("body" in answer) return stream(response, answer)
      dropped = "drop" in answer
      send(response, answer)
    }

    const origin = yield* listening((incoming, response) => {
      response.on("error", () => undefined)
      handle(incoming, response).catch(() => destroy(response))
    })
    const answers = standard(origin)
    return {
      type: "remote",
      url: `${origin}/mcp`,
      origin,
      requests: log.entries,
      of: (endpoint) => log.entries.filter((request) => request.endpoint === endpoint),
      first: (fits) => log.first(fits),
      abandoned: () => abandoned,
      set: (changes) =>
        Effect.sync(() => {
          handlers = { ...handlers, ...changes }
        }),
    }
  })
