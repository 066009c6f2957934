/**
 * The module's public face: every change of state, once, under the name that the Bus, the command line and the plugin
 * know it by. Each is a schema, so a host can publish, document and decode it unchanged.
 */
import * as Schema from "effect/Schema"

/** The state of one server. */
export const Status = Schema.Union([
  Schema.Struct({ status: Schema.Literal("connected") }),
  /** `attempt` and `error`, why the one before ended, while it is connected anew by itself. */
  Schema.Struct({
    status: Schema.Literal("pending"),
    attempt: Schema.optionalKey(Schema.Int),
    error: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({ status: Schema.Literal("disabled") }),
  Schema.Struct({ status: Schema.Literal("failed"), error: Schema.String }),
  Schema.Struct({ status: Schema.Literal("needs_auth"), error: Schema.optionalKey(Schema.String) }),
  Schema.Struct({ status: Schema.Literal("needs_client_registration"), error: Schema.String }),
])
export type Status = typeof Status.Type

const server = { server: Schema.String }
const requestId = Schema.Union([Schema.String, Schema.Number])

const define = <const Type extends string, const Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ type: Schema.Literal(type), data: Schema.Struct({ ...server, ...fields }) })

/** A server's status changed. */
export const StatusChanged = define("mcp.status.changed", {
  status: Schema.Literals(["connected", "pending", "disabled", "failed", "needs_auth", "needs_client_registration"]),
  error: Schema.optionalKey(Schema.String),
  attempt: Schema.optionalKey(Schema.Int),
})
/** The tools of a server changed, and the new list is known. */
export const ToolsChanged = define("mcp.tools.changed", {})
/** The prompts of a server changed, and the new list is known. */
export const PromptsChanged = define("mcp.prompts.changed", {})
/** The resources or the resource templates of a server changed, and the new lists are known. */
export const ResourcesChanged = define("mcp.resources.changed", {})
/** A server says that a resource changed: one that was subscribed to, or another. */
export const ResourceUpdated = define("mcp.resource.updated", { uri: Schema.String })
/** A call reports how far it is. `request` is the id that its caller gave it. */
export const ProgressReported = define("mcp.progress", {
  request: Schema.Unknown,
  progress: Schema.Number,
  total: Schema.optionalKey(Schema.Number),
  message: Schema.optionalKey(Schema.String),
})
/** The server cancelled a request of its own. */
export const Cancelled = define("mcp.cancelled", {
  requestId,
  reason: Schema.optionalKey(Schema.String),
})
/** A log message of the server. */
export const Logged = define("mcp.log", {
  level: Schema.Literals(["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]),
  logger: Schema.optionalKey(Schema.String),
  data: Schema.Unknown,
})
/** A line that a local server wrote to stderr. */
export const StderrWritten = define("mcp.stderr", { line: Schema.String })
/** A task changed its state. */
export const TaskStatusChanged = define("mcp.task.status", {
  task: Schema.Unknown,
  request: Schema.optionalKey(Schema.Unknown),
})
/**
 * A server asks the person. `requestID` is what the answer names; `request` is the call that it belongs to. `host` and
 * `warning` are to be shown with the URL (2025-11-25, Elicitation, Safe URL Handling).
 */
export const ElicitationRequested = define("mcp.elicitation.requested", {
  requestID: Schema.String,
  mode: Schema.Literals(["form", "url"]),
  message: Schema.String,
  requestedSchema: Schema.optionalKey(Schema.Unknown),
  url: Schema.optionalKey(Schema.String),
  host: Schema.optionalKey(Schema.String),
  warning: Schema.optionalKey(Schema.String),
  elicitationId: Schema.optionalKey(Schema.String),
  request: Schema.optionalKey(Schema.Unknown),
})
/** A server asks the model, and whoever answers for it. */
export const SamplingRequested = define("mcp.sampling.requested", {
  requestID: Schema.String,
  params: Schema.Unknown,
})
/** A question that a server asked waits for no answer any more. `requestID` is what it was asked under. */
export const QuestionClosed = define("mcp.question.closed", {
  requestID: Schema.String,
  outcome: Schema.Literals(["answered", "withdrawn", "late"]),
})
/** A URL elicitation was completed outside. */
export const ElicitationCompleted = define("mcp.elicitation.completed", { elicitationId: Schema.String })
/** A tool is held back: it has another form than the one that a person knows. `difference` says where. */
export const ToolHeld = define("mcp.tool.held", {
  key: Schema.String,
  difference: Schema.Array(
    Schema.Struct({
      path: Schema.String,
      before: Schema.optionalKey(Schema.Unknown),
      after: Schema.optionalKey(Schema.Unknown),
    }),
  ),
})
/** A person has to sign in: to the server, or for more than was granted. */
export const AuthorizationRequired = define("mcp.auth.required", { reason: Schema.String })
/** The page of a sign-in was opened in no browser: `url` is for the person to open. */
export const BrowserOpenFailed = define("mcp.browser.open.failed", { url: Schema.String })
/** Something was ignored or worked around that a person may want to know of. */
export const Warning = define("mcp.warning", { message: Schema.String })

/** Every event, as one schema. */
export const Event = Schema.Union([
  StatusChanged,
  ToolsChanged,
  PromptsChanged,
  ResourcesChanged,
  ResourceUpdated,
  ProgressReported,
  Cancelled,
  Logged,
  StderrWritten,
  TaskStatusChanged,
  ElicitationRequested,
  SamplingRequested,
  QuestionClosed,
  ElicitationCompleted,
  ToolHeld,
  AuthorizationRequired,
  BrowserOpenFailed,
  Warning,
])
export type Event = typeof Event.Type
