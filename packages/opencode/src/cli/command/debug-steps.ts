/** The steps of connecting to one server, which `debug` tells one by one and `doctor` draws its conclusions from. */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import type { Status } from "@opencode-ai/mcp/events"
import { broughtBy } from "@opencode-ai/mcp/connection/authorize"
import { shownUrl } from "@opencode-ai/mcp/http/error"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit_ from "effect/Exit"
import type { Server, Snapshot } from "../../config/config.ts"
import { commandLine } from "../../mcp/shown.ts"
import * as Credentials from "../credentials.ts"
import { type ExitCode, Exit, fromCause } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import type { First } from "./debug-remote.ts"
import type { Report } from "./debug-report.ts"

/** What the entry says. Values of headers and of variables are not shown. */
export const factsOf = ({ config, origins }: Server, { directory }: Snapshot): Readonly<Record<string, unknown>> => {
  const files = [...new Set(origins.map(({ file }) => file))]
  if (config === undefined) return { configured: files }
  if (config.type === "local") {
    return {
      configured: files,
      command: commandLine(config.command),
      directory: config.cwd ?? directory,
      environment: [...config.environment].map(([name]) => name),
      inherits: config.inheritEnvironment ? "the whole environment" : "PATH, HOME and the locale",
    }
  }
  const { headersHelper, oauth, proxy, tls } = config
  const brought = broughtBy(config)
  return {
    configured: files,
    url: shownUrl(config.url.href),
    headers: [...config.headers.keys()].map((name) => `${name}: ***`),
    helper: headersHelper?.join(" "),
    tls: tls === undefined ? undefined : Object.keys(tls),
    proxy: proxy === undefined ? undefined : proxy === false ? "none" : "***",
    grant: oauth === false ? `none ("oauth": false)` : brought === undefined ? oauth.grant : `none (${brought})`,
    store: oauth === false || brought !== undefined ? undefined : oauth.store,
  }
}

/** What was found out about the authorization of a server. */
export interface Found {
  /** How the first message was answered; absent where it was not. */
  readonly first?: First | undefined
  readonly authorization?: Readonly<Record<string, unknown>>
  readonly credentials?: ReturnType<typeof Credentials.shown>
  /** Why a sign-in would fail. */
  readonly problem?: string
  /** What is to be done before anybody can sign in. */
  readonly before?: string
}

export const examine = (config: ServerConfig, directory: string, report: Report) =>
  Effect.gen(function* () {
    const nothing: Found = {}
    if (config.type === "local") return nothing
    const output = yield* Output
    const mcp = yield* Mcp
    const Remote = yield* Effect.promise(() => import("./debug-remote.ts"))
    const first = yield* Remote.first(config, directory, report)
    const { oauth } = yield* mcp.connection(config.name)
    if (oauth === undefined) {
      const brought = broughtBy(config)
      return brought === undefined ? { first } : { first, before: `Correct ${brought} in the server's entry.` }
    }
    const now = yield* Clock.currentTimeMillis
    const reading = yield* Effect.exit(oauth.store.read(oauth.place))
    if (Exit_.isFailure(reading)) {
      const problem = fromCause(reading.cause).message
      yield* report.tell({ step: whatIsKept, ok: false, verdict: problem })
      return { first, problem } satisfies Found
    }
    const kept = reading.value
    const known = { place: oauth.place, credentials: kept, configured: true, grant: oauth.options.grant }
    const credentials = Credentials.shown(known, now)
    let found: Found = kept === undefined ? { first } : { first, credentials }
    const isRefused = first !== undefined && (first.status === 401 || first.status === 403)
    if (first !== undefined && (isRefused || kept !== undefined)) {
      const exit = yield* Effect.exit(
        spinner(
          output,
          "Looking for its authorization server",
          Remote.authorization(config, oauth, kept, first, report),
        ),
      )
      if (Exit_.isSuccess(exit)) {
        found = { ...found, authorization: exit.value }
        if (oauth.options.grant === "authorization_code" && String(exit.value["client"]).startsWith("none")) {
          found = { ...found, before: register }
        }
      } else {
        const problem = fromCause(exit.cause).message
        yield* report.tell({ step: "authorization", ok: false, verdict: problem })
        found = { ...found, problem }
      }
    }
    if (isRefused || kept !== undefined) yield* report.tell(storedStep(credentials, Credentials.expiry(kept, now)))
    return found
  })

const whatIsKept = "what is kept of a sign-in"

const storedStep = (credentials: ReturnType<typeof Credentials.shown>, expires: string) => ({
  step: whatIsKept,
  ok: credentials.status === "authenticated" ? true : credentials.status === "expired" ? false : undefined,
  verdict: {
    authenticated: "tokens are there",
    expired: "the tokens have run out, and cannot be renewed",
    not_authenticated: credentials.grant === "authorization_code" ? "nobody has signed in" : "no tokens yet",
  }[credentials.status],
  details: {
    issuer: credentials.issuer,
    client: credentials.clientId,
    scopes: credentials.scopes,
    expires,
    wanted: credentials.wantedScopes,
    refused: credentials.refusedScopes,
    store: credentials.store,
  },
})

/** Connects as every other command does. */
export const connect = (name: string, report: Report) =>
  Effect.gen(function* () {
    const output = yield* Output
    const mcp = yield* Mcp
    const status = yield* spinner(output, `Connecting to ${Text.oneLine(name)}`, mcp.connect(name))
    const state = (yield* mcp.servers).find((each) => each.name === name)
    const ok = status.status === "connected"
    yield* report.tell({
      step: "connecting",
      ok,
      verdict: ok ? "connected" : `${status.status}${"error" in status && status.error ? `: ${status.error}` : ""}`,
      details: ok
        ? {
            server:
              state?.serverInfo === undefined ? undefined : `${state.serverInfo.name} ${state.serverInfo.version}`,
            revision: state?.protocolVersion,
            transport: state?.transport,
            pid: state?.pid === undefined ? undefined : String(state.pid),
            capabilities: Object.keys(state?.capabilities ?? {}),
            offers: `${state?.tools} tools, ${state?.prompts} prompts, ${state?.resources} resources, ${state?.templates} templates`,
            time: `${state?.connectMs} ms`,
          }
        : {},
    })
    return status
  })

const register = `Register a client by hand, and configure "oauth": { "clientId": … } in the server's entry.`

export const conclude = (
  server: string,
  status: Status,
  { before, credentials, problem }: Found,
): { readonly code: ExitCode; readonly verdict: string; readonly advice?: string | undefined } => {
  const name = Text.oneLine(server)
  const signIn = `Run: mcp auth ${name}`
  switch (status.status) {
    case "connected": {
      const wanted = credentials?.wantedScopes
      const more = wanted === undefined ? {} : { advice: `A call wanted more (${wanted.join(" ")}). ${signIn}` }
      return { code: Exit.done, verdict: `${name} works.`, ...more }
    }
    case "needs_auth": {
      if (before !== undefined)
        return { code: Exit.unauthorized, verdict: `${name} needs authorization.`, advice: before }
      const why = credentials?.status === "expired" ? "what was granted has run out" : "a person has to sign in"
      return problem === undefined
        ? { code: Exit.unauthorized, verdict: `${name} needs authorization: ${why}.`, advice: signIn }
        : { code: Exit.unauthorized, verdict: `${name} needs authorization, and a sign-in would fail: ${problem}` }
    }
    case "needs_client_registration":
      return {
        code: Exit.unauthorized,
        verdict: `${name} needs a client that is registered by hand.`,
        advice: register,
      }
    default:
      return { code: Exit.unreachable, verdict: `${name} could not be connected (${status.status}).` }
  }
}
