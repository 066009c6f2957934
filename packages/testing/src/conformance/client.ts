/**
 * The program that the referee (`@modelcontextprotocol/conformance`) drives: `client.ts <server-url>`. The scenario comes in
 * `MCP_CONFORMANCE_SCENARIO`, the revision to offer, where there is one, in `MCP_CONFORMANCE_PROTOCOL_VERSION`, what a
 * scenario needs besides (credentials, mostly) as JSON in `MCP_CONFORMANCE_CONTEXT`. It ends with 0 where it could do
 * what the scenario asks; whether the wire was right is for the referee to say.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { pasted } from "@opencode-ai/mcp/auth/callback"
import * as SignIn from "@opencode-ai/mcp/auth/sign-in"
import { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import { StepUp } from "@opencode-ai/mcp/connection/authorize"
import { type CallError, Mcp } from "@opencode-ai/mcp/mcp"
import { errorOfCause } from "../cause.ts"
import { config } from "../client.ts"
import { authorized, type Context, scenarios } from "./scenarios.ts"

const [url = ""] = process.argv.slice(2)
const name = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "initialize"
const revision = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"]
const context: Context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}")

const scenario = scenarios[name] ?? (name.startsWith("auth/") ? authorized : undefined)

/** The referee's authorization server asks nobody: where it redirects to is the callback. */
const follow = (authorizationUrl: URL) =>
  Effect.promise(() => fetch(authorizationUrl, { redirect: "manual" })).pipe(
    Effect.map((response) => pasted(response.headers.get("location") ?? "") ?? {}),
  )

const signIn = Effect.fnUntraced(function* (mcp: Mcp["Service"]) {
  const authorization = yield* mcp.authorization("referee")
  const { authorizationUrl } = yield* authorization.start()
  return yield* authorization.finish(yield* follow(authorizationUrl))
})

/** A call that lacks scopes waits for the person who grants them. */
const stepUp = Layer.succeed(StepUp)(({ oauth, scopes }) =>
  Effect.gen(function* () {
    const { authorizationUrl } = yield* SignIn.start(oauth, scopes)
    yield* SignIn.finish(oauth, yield* follow(authorizationUrl), false)
    return true
  }),
)

/** Whether a server that had asked for nothing before now asks for a person. */
const asksForPerson = (error: CallError): boolean => {
  if (error._tag === "McpError") return error.reason._tag === "AuthRequired"
  if (error._tag !== "SessionError" || error.reason._tag !== "Transport") return false
  const { reason } = error.reason.error
  return reason._tag === "CredentialsFailed" && reason.cause.reason._tag === "SignInRequired"
}

/** Signs in where that is what a call fails for, and calls again: as often as a person would have the patience for. */
const patiently = <A>(mcp: Mcp["Service"], effect: Effect.Effect<A, CallError>) =>
  Effect.retry(effect, {
    times: 3,
    while: (error) => (asksForPerson(error) ? Effect.as(signIn(mcp), true) : Effect.succeed(false)),
  })

const program = Effect.gen(function* () {
  if (scenario === undefined) return yield* Effect.fail(new Error(`The scenario ${name} is not known to this client`))
  const mcp = yield* Mcp
  const entry = { type: "remote", url, ...(revision === undefined ? {} : { protocol: revision }) }
  const first = yield* mcp.add(config("referee", { ...entry, ...scenario.entry?.(context) }))
  const status = first.status === "needs_auth" ? yield* signIn(mcp) : first
  if (status.status !== "connected") return yield* Effect.fail(new Error(JSON.stringify(status)))
  yield* patiently(mcp, scenario.run(mcp, context))
})

const service = Layer.provide(Mcp.layer({ directory: process.cwd() }), stepUp)
const handlers = scenario?.elicitation
const client = handlers === undefined ? service : Layer.provide(service, Layer.succeed(Elicitation)(handlers))

Effect.runPromiseExit(Effect.scoped(Effect.provide(program, client))).then(
  (exit) => {
    if (exit._tag === "Success") process.exit(0)
    console.error(errorOfCause(exit.cause).stack)
    process.exit(1)
  },
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
