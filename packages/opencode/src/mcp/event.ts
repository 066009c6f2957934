/** What the bus tells of MCP: every event of the client under its own name with its own data, and the toast. */
import * as Events from "@opencode-ai/mcp/events"
import * as Schema from "effect/Schema"
import { define, type Definition } from "../bus/index.ts"

const of = <Type extends string, Data extends Schema.Top>({
  fields: { data, type },
}: Schema.Struct<{ readonly type: Schema.Literal<Type>; readonly data: Data }>): Definition<Type, Data> =>
  define(type.literal, data)

export const StatusChanged = of(Events.StatusChanged)
export const ToolsChanged = of(Events.ToolsChanged)
export const PromptsChanged = of(Events.PromptsChanged)
export const ResourcesChanged = of(Events.ResourcesChanged)
export const ResourceUpdated = of(Events.ResourceUpdated)
export const ProgressReported = of(Events.ProgressReported)
export const Cancelled = of(Events.Cancelled)
export const Logged = of(Events.Logged)
export const StderrWritten = of(Events.StderrWritten)
export const TaskStatusChanged = of(Events.TaskStatusChanged)
export const ElicitationRequested = of(Events.ElicitationRequested)
export const SamplingRequested = of(Events.SamplingRequested)
export const QuestionClosed = of(Events.QuestionClosed)
export const ElicitationCompleted = of(Events.ElicitationCompleted)
export const ToolHeld = of(Events.ToolHeld)
export const AuthorizationRequired = of(Events.AuthorizationRequired)
export const BrowserOpenFailed = of(Events.BrowserOpenFailed)
export const Warning = of(Events.Warning)

/** The definition of each event of the client. */
export const ofClient = {
  "mcp.status.changed": StatusChanged,
  "mcp.tools.changed": ToolsChanged,
  "mcp.prompts.changed": PromptsChanged,
  "mcp.resources.changed": ResourcesChanged,
  "mcp.resource.updated": ResourceUpdated,
  "mcp.progress": ProgressReported,
  "mcp.cancelled": Cancelled,
  "mcp.log": Logged,
  "mcp.stderr": StderrWritten,
  "mcp.task.status": TaskStatusChanged,
  "mcp.elicitation.requested": ElicitationRequested,
  "mcp.sampling.requested": SamplingRequested,
  "mcp.question.closed": QuestionClosed,
  "mcp.elicitation.completed": ElicitationCompleted,
  "mcp.tool.held": ToolHeld,
  "mcp.auth.required": AuthorizationRequired,
  "mcp.browser.open.failed": BrowserOpenFailed,
  "mcp.warning": Warning,
} satisfies { readonly [Type in Events.Event["type"]]: Definition<Type> }

/** OpenCode's: a short message over its screen. `duration` in milliseconds, 5,000 where it is absent. */
export const ToastShow = define(
  "tui.toast.show",
  Schema.Struct({
    title: Schema.optionalKey(Schema.String),
    message: Schema.String,
    variant: Schema.Literals(["info", "success", "warning", "error"]),
    duration: Schema.optionalKey(Schema.Int),
  }),
)
/** A toast. */
export type Toast = (typeof ToastShow)["properties"]["Type"]
