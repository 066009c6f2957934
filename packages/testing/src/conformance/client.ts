/**
 * The program that the referee (`@modelcontextprotocol/conformance`) drives: `client.ts <server-url>`. The scenario comes in
 * `MCP_CONFORMANCE_SCENARIO`, the revision to offer, where there is one, in `MCP_CONFORMANCE_PROTOCOL_VERSION`, what a
 * scenario needs besides (credentials, mostly) as JSON in `MCP_CONFORMANCE_CONTEXT`. It ends with 0 where it could do
 * what the scenario asks; whether the wire was right is for the referee to say.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { errorOfCause } from "../cause.ts"
import { config } from "../client.ts"
import { type Context, scenarios } from "./scenarios.ts"

const [url = ""] = process.argv.slice(2)
const name = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "initialize"
const revision = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"]
const context: Context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}")

const scenario = scenarios[name]

const program = Effect.gen(function* () {
  if (scenario === undefined) return yield* Effect.fail(new Error(`The scenario ${name} is not known to this client`))
  const mcp = yield* Mcp
  const entry = { type: "remote", url, ...(revision === undefined ? {} : { protocol: revision }) }
  const status = yield* mcp.add(config("referee", { ...entry, ...scenario.entry?.(context) }))
  if (status.status !== "connected") return yield* Effect.fail(new Error(JSON.stringify(status)))
  yield* scenario.run(mcp, context)
})

const service = Mcp.layer({ directory: process.cwd() })
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
