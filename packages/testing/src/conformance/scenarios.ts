/** What the client does in each scenario of the referee, once it is connected. */
import * as Effect from "effect/Effect"
import type { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import type { CallError, Mcp } from "@opencode-ai/mcp/mcp"

/** The referee's context: an object whose members depend on the scenario. */
export interface Context {
  readonly [member: string]: unknown
}

export interface Scenario {
  /** Members of the server's entry besides its URL. */
  readonly entry?: (context: Context) => object
  readonly run: (mcp: Mcp["Service"], context: Context) => Effect.Effect<unknown, CallError>
  /** What servers are answered with. */
  readonly elicitation?: Elicitation["Service"]
}

const server = "referee"

const list: Scenario = { run: (mcp) => mcp.tools(server) }

const call = (tool: string, args: { readonly [name: string]: unknown } = {}): Scenario => ({
  run: (mcp) => Effect.andThen(mcp.tools(server), mcp.callTool(server, tool, args)),
})

/** What every scenario of authorization asks of the client. */
export const authorized: Scenario = call("test-tool")

export const scenarios: { readonly [name: string]: Scenario } = {
  initialize: list,
  tools_call: call("add_numbers", { a: 5, b: 3 }),
  "sse-retry": call("test_reconnection"),
  // Nothing is filled in: the client itself applies the defaults.
  "elicitation-sep1034-client-defaults": {
    ...call("test_client_elicitation_defaults"),
    elicitation: { modes: ["form"], elicit: () => Effect.succeed({ action: "accept", content: {} }) },
  },
}
