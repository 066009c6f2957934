/**
 * The HTTP routes of MCP: what is asked and answered, as schemas. Paths, bodies, statuses and errors are OpenCode's.
 *
 * Nothing listens here, and nobody is let in or kept out: the server that these are mounted in does that.
 */
import { decode } from "@opencode-ai/mcp/config"
import { Local, Remote } from "@opencode-ai/mcp/config/entry"
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Bus from "../../bus/index.ts"
import * as McpEvent from "../../mcp/event.ts"
import { Status } from "../../mcp/status.ts"

const named = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })

/** No server of this name is configured. */
export class McpServerNotFoundError extends Schema.TaggedError<McpServerNotFoundError>()(
  "McpServerNotFoundError",
  { name: Schema.String, message: Schema.String },
  { httpApiStatus: 404 },
) {}

/** Nobody signs in to this server. */
export class McpUnsupportedOAuthError extends Schema.Error<McpUnsupportedOAuthError>("McpUnsupportedOAuthError")(
  { error: Schema.String },
  { httpApiStatus: 400 },
) {}

/** The request is not what the route takes, or a sign-in failed (`kind` is `Authorization` then). `field` is where, in dots. */
export class InvalidRequestError extends Schema.TaggedError<InvalidRequestError>()(
  "InvalidRequestError",
  { message: Schema.String, kind: Schema.optionalKey(Schema.String), field: Schema.optionalKey(Schema.String) },
  { httpApiStatus: 400 },
) {}

/** Says what is wrong with a request that a schema does not allow. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("@opencode/server/Validation", {
  error: InvalidRequestError,
}) {}

/** An entry as it stands in opencode.json, in either of OpenCode's spellings: it is kept as it was written. */
const McpConfig = Schema.Record(Schema.String, Schema.Unknown)
  .check(
    Schema.makeFilter((entry) =>
      (decode("config", entry).problems ?? []).map((problem) => ({
        path: problem.path,
        issue: `Expected ${problem.expected}`,
      })),
    ),
  )
  .annotate({ identifier: "McpConfig" })

/** What the document says of it. */
const entries = [
  Local.annotate({ identifier: "McpLocalConfig" }),
  Remote.annotate({ identifier: "McpRemoteConfig" }),
] as const

/** A resource of a connected server. */
export const McpResource = Schema.Struct({
  name: Schema.String,
  uri: Schema.String,
  description: Schema.optionalKey(Schema.String),
  mimeType: Schema.optionalKey(Schema.String),
  client: Schema.String,
}).annotate({ identifier: "McpResource" })

const Statuses = Schema.Record(Schema.String, Status)
const Success = Schema.Struct({ success: Schema.Literal(true) })
const params = { name: Schema.String }

const about = (identifier: string, summary: string, description: string) =>
  OpenApi.annotations({ identifier, summary, description })

const group = HttpApiGroup.make("mcp")
  .add(
    HttpApiEndpoint.get("status", "/mcp", { success: named(Statuses, "The status of each server") }).annotateMerge(
      about(
        "mcp.status",
        "Get MCP status",
        "The status of every server. Servers that are being connected are waited for.",
      ),
    ),
    HttpApiEndpoint.post("add", "/mcp", {
      payload: Schema.Struct({ name: Schema.String, config: McpConfig }),
      success: named(Statuses, "The server was added"),
    })
      .annotate(HttpApi.PayloadParseOptions, { errors: "all" })
      .annotateMerge(
        about(
          "mcp.add",
          "Add MCP server",
          "Adds a server, or replaces the one of its name, and waits for the outcome.",
        ),
      ),
    HttpApiEndpoint.delete("remove", "/mcp/:name", {
      params,
      success: named(Success, "The server was removed"),
      error: McpServerNotFoundError,
    }).annotateMerge(
      about("mcp.remove", "Remove MCP server", "Closes a server and forgets it, until the configuration is read anew."),
    ),
    HttpApiEndpoint.post("authStart", "/mcp/:name/auth", {
      params,
      success: named(
        Schema.Struct({ authorizationUrl: Schema.String, oauthState: Schema.String }),
        "Where the person is to be sent",
      ),
      error: [McpUnsupportedOAuthError, InvalidRequestError, McpServerNotFoundError],
    }).annotateMerge(
      about("mcp.auth.start", "Start MCP OAuth", "Begins a sign-in. No browser is opened, and nothing listens."),
    ),
    HttpApiEndpoint.post("authCallback", "/mcp/:name/auth/callback", {
      params,
      payload: Schema.Struct({ code: Schema.String }),
      success: Status,
      error: [McpUnsupportedOAuthError, InvalidRequestError, McpServerNotFoundError],
    }).annotateMerge(
      about(
        "mcp.auth.callback",
        "Complete MCP OAuth",
        "Ends a sign-in with the code, or with the whole address that the browser was sent back to, and connects.",
      ),
    ),
    HttpApiEndpoint.post("authAuthenticate", "/mcp/:name/auth/authenticate", {
      params,
      success: Status,
      error: [McpUnsupportedOAuthError, InvalidRequestError, McpServerNotFoundError],
    }).annotateMerge(
      about("mcp.auth.authenticate", "Authenticate MCP OAuth", "Opens a browser, waits for the person, and connects."),
    ),
    HttpApiEndpoint.delete("authRemove", "/mcp/:name/auth", {
      params,
      success: named(Success, "The sign-in was forgotten"),
      error: [InvalidRequestError, McpServerNotFoundError],
    }).annotateMerge(about("mcp.auth.remove", "Remove MCP OAuth", "Forgets the tokens and the client of a server.")),
    HttpApiEndpoint.post("connect", "/mcp/:name/connect", {
      params,
      success: named(Schema.Boolean, "The server was connected, or its status says why not"),
      error: McpServerNotFoundError,
    }).annotateMerge(about("mcp.connect", "Connect MCP server", "Connects a server, and waits for the outcome.")),
    HttpApiEndpoint.post("disconnect", "/mcp/:name/disconnect", {
      params,
      success: named(Schema.Boolean, "The server was disconnected"),
      error: McpServerNotFoundError,
    }).annotateMerge(about("mcp.disconnect", "Disconnect MCP server", "Closes a server until it is connected again.")),
  )
  .annotateMerge(OpenApi.annotations({ title: "mcp", description: "The MCP servers of an instance." }))

const experimental = HttpApiGroup.make("experimental")
  .add(
    HttpApiEndpoint.get("resource", "/experimental/resource", {
      success: named(Schema.Record(Schema.String, McpResource), "The resources of connected servers"),
    }).annotateMerge(
      about(
        "experimental.resource.list",
        "Get MCP resources",
        "The resources of all connected servers, by their keys.",
      ),
    ),
  )
  .annotateMerge(OpenApi.annotations({ title: "experimental" }))

/** An event of the bus, as it is told to a client. */
const eventOf = ({ properties, type }: Bus.Definition) =>
  Schema.Struct({ id: Schema.String, type: Schema.Literal(type), properties }).annotate({ identifier: `Event.${type}` })

const events = [...Object.values(McpEvent.ofClient), McpEvent.ToastShow, Bus.Dropped].map(eventOf)

/** The routes, and the events of the bus as schemas beside them. */
export const Api = HttpApi.make("opencode")
  .add(group)
  .add(experimental)
  .middleware(Validation)
  .annotate(HttpApi.AdditionalSchemas, [...entries, ...events])
  .annotateMerge(
    OpenApi.annotations({
      title: "opencode MCP",
      version: "1.0.0",
      description: "The MCP routes of OpenCode, and the events that its bus tells of MCP.",
    }),
  )
