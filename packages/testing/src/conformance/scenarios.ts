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

/** The same, with members of `oauth` that the referee names in its context. */
const granted = (oauth: (context: Context) => object): Scenario => ({
  ...authorized,
  entry: (context) => ({ oauth: oauth(context) }),
})

/** A client that the referee knows by its secret. */
const registered = ({ client_id, client_secret }: Context) => ({ clientId: client_id, clientSecret: client_secret })

export const scenarios: { readonly [name: string]: Scenario } = {
  initialize: list,
  tools_call: call("add_numbers", { a: 5, b: 3 }),
  "sse-retry": call("test_reconnection"),
  // A schema is listed as it is, and what it refers to is not fetched.
  "json-schema-ref-no-deref": list,
  "json-schema-2020-12-preservation": {
    run: (mcp) =>
      Effect.flatMap(mcp.tools(server), (tools) => {
        const schema = tools.find(({ tool }) => tool.name === "json_schema_2020_12_tool")?.tool.inputSchema
        return mcp.callTool(server, "json_schema_echo", { schema })
      }),
  },
  // Nothing is filled in: the client itself applies the defaults.
  "elicitation-sep1034-client-defaults": {
    ...call("test_client_elicitation_defaults"),
    elicitation: { modes: ["form"], elicit: () => Effect.succeed({ action: "accept", content: {} }) },
  },
  "auth/basic-cimd": granted(() => ({ clientId: "https://conformance-test.local/client-metadata.json" })),
  "auth/pre-registration": granted(registered),
  // The server is asked once more after its authorization server has changed.
  "auth/authorization-server-migration": {
    run: (mcp) => Effect.andThen(mcp.callTool(server, "test-tool"), mcp.callTool(server, "test-tool")),
  },
  "auth/client-credentials-basic": granted((context) => ({ grant: "client_credentials", ...registered(context) })),
  "auth/client-credentials-jwt": granted(({ client_id, private_key_pem, signing_algorithm }) => ({
    grant: "private_key_jwt",
    clientId: client_id,
    privateKey: private_key_pem,
    algorithm: signing_algorithm,
  })),
  "auth/wif-jwt-bearer": granted(({ client_id, valid_jwt }) => ({
    grant: "workload_identity",
    clientId: client_id,
    token: valid_jwt,
  })),
  "auth/enterprise-managed-authorization": granted((context) => ({
    grant: "enterprise",
    ...registered(context),
    idpIssuer: context["idp_issuer"],
    idpClientId: context["idp_client_id"],
    idToken: context["idp_id_token"],
  })),
}
