/**
 * An MCP server on the SDK v2 (the features of the other peers) behind a gate: who comes without a good token is told
 * where to get one, and a tool may need scopes of its own. In this process.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { type AuthInfo, verifyBearerToken } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { members, schema, structured } from "../features/feature.ts"
import { sdkV2Host } from "../sdk-v2-host.ts"
import { answer, bodyOf } from "../web-http.ts"
import { type Answer, type Arrived, arrived, destroy, listening, Log, send } from "./http.ts"
import { proofs } from "./proof.ts"
import type { AuthorizationServer } from "./server.ts"

export interface McpRequest extends Arrived {
  /** The method of the message in the body, and the name of the tool that it calls. */
  readonly rpcMethod: string | undefined
  readonly tool: string | undefined
  /** How the request was authorized; of a token that was accepted, for whom. */
  readonly auth: AuthInfo | undefined
  /** The status that the gate gave: 401, 403, or 200 for who was let in (what the server then answers may be different). */
  readonly verdict: number
}

/** What a test may change while the server runs. */
export interface ProtectedSettings {
  /** Who gives the tokens; another one has to be told of the resource (`protect`). */
  readonly authorization: AuthorizationServer
  /** Scopes without which nothing is answered; `tools` by default. */
  readonly scopes: ReadonlyArray<string>
  /** Scopes that a tool needs beside those; `{ admin: ["admin"] }` by default. */
  readonly needs: { readonly [tool: string]: ReadonlyArray<string> }
  /** Whether a refusal names scopes: none, those that are needed (the default), or in a step-up only those that are missing. */
  readonly challenge: "none" | "needed" | "missing"
  /** The document of RFC 9728 as it is served; unchanged by default. */
  readonly metadata: (document: { readonly [member: string]: unknown }) => unknown
  /** Takes bearer tokens (the default), DPoP-bound ones alone, or those with a nonce of this server. */
  readonly dpop: "off" | "required" | "nonce"
  /** Answers instead of the gate, of the metadata, of everything. */
  readonly before: (request: Arrived) => Answer | undefined | Effect.Effect<Answer | undefined>
}

export interface ProtectedOptions extends Partial<Omit<ProtectedSettings, "authorization">> {
  /** The path of the MCP endpoint; `/mcp` by default. */
  readonly path?: string
  /**
   * Where the document of RFC 9728 lies: at the well-known URL with the endpoint's path (the default), at the root's, at
   * a URL that only the header tells (`hidden`), or nowhere.
   */
  readonly place?: "path" | "root" | "hidden" | "nowhere"
  /** Whether `WWW-Authenticate` says where it lies; `true` by default. */
  readonly pointed?: boolean
}

export interface ProtectedMcp {
  readonly type: "remote"
  readonly url: string
  /** Every request, oldest first; those for metadata too. */
  readonly requests: ReadonlyArray<McpRequest>
  /** The first request, past or to come, that fits. */
  readonly first: (fits: (request: McpRequest) => boolean) => Effect.Effect<McpRequest>
  /** How often a tool ran, by name. */
  readonly executions: (tool: string) => number
  readonly set: (changes: Partial<ProtectedSettings>) => Effect.Effect<void>
}

const defaults: Omit<ProtectedSettings, "authorization"> = {
  scopes: ["tools"],
  needs: { admin: ["admin"] },
  challenge: "needed",
  metadata: (document) => document,
  dpop: "off",
  before: () => undefined,
}

const NONCE = "nonce-of-the-resource-server"

const tools = {
  admin: [{ description: "Needs a scope of its own", inputSchema: schema() }, () => structured({ done: true })],
  whoami: [
    { description: "Who the server thinks that the caller is", inputSchema: schema() },
    (_: object, call: { readonly auth?: object | undefined }) => {
      const { clientId, scopes, extra } = members(call.auth)
      return structured({ clientId, scopes, subject: members(extra).sub })
    },
  ],
} as const

interface Refusal {
  readonly status: 401 | 403
  readonly error: string | undefined
  readonly description?: string
  readonly scopes: ReadonlyArray<string>
}

type Verdict = Refusal | AuthInfo

/** A quoted parameter of `WWW-Authenticate`; none for what is not there. */
const parameter = (name: string, value: string | undefined) =>
  value === undefined || value === "" ? [] : [`${name}="${value.replace(/[^ -~]|["\\]/g, "'")}"`]

const placeOf = (origin: string, path: string, place: ProtectedOptions["place"]) => {
  if (place === "nowhere") return undefined
  if (place === "hidden") return `${origin}/about-this-resource`
  return `${origin}/.well-known/oauth-protected-resource${place === "root" ? "" : path}`
}

/** Listens on a free port of 127.0.0.1 as long as the Scope; `authorization` gets to know it as a resource. */
export const protectedMcp = (
  authorization: AuthorizationServer,
  options: ProtectedOptions = {},
): Effect.Effect<ProtectedMcp, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { path = "/mcp", place = "path", pointed = true, ...changes } = options
    const log = new Log<McpRequest>()
    const counts = new Map<string, number>()
    const checkProof = proofs()
    let settings: ProtectedSettings = { ...defaults, authorization, ...changes }
    const host = sdkV2Host({ tools, onCall: (name) => counts.set(name, (counts.get(name) ?? 0) + 1) })

    const refuse = (status: 401 | 403, error?: string, scopes = settings.scopes, description?: string): Refusal => ({
      status,
      error,
      scopes: settings.challenge === "none" ? [] : scopes,
      ...(description === undefined ? {} : { description }),
    })

    const judge = async (request: Arrived, tool: string | undefined): Promise<Verdict> => {
      const { authorization: header = "", dpop: proof } = request.headers
      const [scheme = "", token = ""] = header.split(" ")
      if (header === "") return refuse(401)
      const bound = settings.dpop !== "off"
      if (scheme.toLowerCase() !== (bound ? "dpop" : "bearer")) return refuse(401, "invalid_token")
      const verifier = { verifyAccessToken: (it: string) => settings.authorization.verify(it, url) }
      const info = await verifyBearerToken(`Bearer ${token}`, { verifier, expectedResource: new URL(url) }).catch(
        (error: unknown) => refuse(401, "invalid_token", settings.scopes, String(Object(error).message)),
      )
      if ("status" in info) return info
      const { jkt } = members(info.extra?.cnf)
      if (!bound && jkt !== undefined) return refuse(401, "invalid_token", settings.scopes, "bound to a key")
      if (bound) {
        const nonce = settings.dpop === "nonce" ? NONCE : undefined
        const thumbprint = typeof jkt === "string" ? jkt : undefined
        const flaw = await checkProof({ proof, method: request.method, url, token, thumbprint, nonce })
        if (flaw !== undefined) return refuse(401, flaw)
      }
      const needed = [...settings.scopes, ...(settings.needs[tool ?? ""] ?? [])]
      const missing = needed.filter((scope) => !info.scopes.includes(scope))
      if (missing.length === 0) return info
      return refuse(403, "insufficient_scope", settings.challenge === "missing" ? missing : needed, "more is needed")
    }

    const refusal = ({ status, error, description, scopes }: Refusal): Answer => {
      const parameters = [
        ...parameter("error", error),
        ...parameter("error_description", description),
        ...parameter("scope", scopes.join(" ")),
        ...parameter("resource_metadata", pointed ? metadataUrl : undefined),
        ...(settings.dpop === "off" ? [] : ['algs="ES256 EdDSA"']),
      ]
      const scheme = settings.dpop === "off" ? "Bearer" : "DPoP"
      const challenge = parameters.length === 0 ? scheme : `${scheme} ${parameters.join(", ")}`
      const nonce = settings.dpop === "nonce" ? { "dpop-nonce": NONCE } : {}
      return { status, headers: { "www-authenticate": challenge, ...nonce }, json: { error: error ?? "unauthorized" } }
    }

    const metadata = () =>
      settings.metadata({
        resource: url,
        authorization_servers: [settings.authorization.issuer],
        scopes_supported: [...new Set([...settings.scopes, ...Object.values(settings.needs).flat()])],
        bearer_methods_supported: ["header"],
        ...(settings.dpop === "off" ? {} : { dpop_bound_access_tokens_required: true }),
      })

    const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
      const body = await bodyOf(incoming)
      const request = arrived(incoming, body)
      const { method, params } = request.json
      const rpcMethod = typeof method === "string" ? method : undefined
      const { name } = members(params)
      const tool = rpcMethod === "tools/call" && typeof name === "string" ? name : undefined
      const note = (verdict: number, auth?: AuthInfo) => log.add({ ...request, rpcMethod, tool, auth, verdict })
      const before = settings.before(request)
      const instead = Effect.isEffect(before) ? await Effect.runPromise(before) : before
      if (instead !== undefined) {
        note("status" in instead ? (instead.status ?? 200) : 0)
        return send(response, instead)
      }
      if (request.path !== path) {
        const found = metadataUrl === `${origin}${request.path}`
        note(found ? 200 : 404)
        return send(response, found ? { json: metadata() } : { status: 404, text: "Not Found" })
      }
      const verdict = await judge(request, tool)
      if ("status" in verdict) {
        note(verdict.status)
        return send(response, refusal(verdict))
      }
      note(200, verdict)
      await answer((it) => host.http(it, verdict), incoming, body, response)
    }

    const origin = yield* listening((incoming, response) => {
      response.on("error", () => undefined)
      handle(incoming, response).catch(() => destroy(response))
    })
    const url = `${origin}${path}`
    const metadataUrl = placeOf(origin, path, place)
    yield* authorization.protect(url)
    return {
      type: "remote",
      url,
      requests: log.entries,
      first: (fits) => log.first(fits),
      executions: (tool) => counts.get(tool) ?? 0,
      set: (changed) =>
        Effect.sync(() => {
          settings = { ...settings, ...changed }
        }),
    }
  })
