/**
 * One typed token per method: the token's type says what goes out and what comes back, its value says what the
 * engine has to know. Sending through a token infers everything; there are no overloads.
 */
import type {
  CallToolRequestParams,
  CallToolResult,
  CompleteRequestParams,
  CompleteResult,
  CreateTaskResult,
  GetPromptRequestParams,
  GetPromptResult,
  InitializeRequestParams,
  InitializeResult,
  ListPromptsResult,
  ListResourcesResult,
  ListResourceTemplatesResult,
  ListTasksResult,
  ListToolsResult,
  LoggingLevel,
  ReadResourceResult,
  Task,
} from "./model.ts"
import { isObject, type JsonObject } from "./jsonrpc.ts"

/** A request of the client: its method's name, whether it can be long, and how an answer is recognised. */
export interface RequestMethod<Params extends object, Result> {
  readonly method: string
  /** Whether the request carries a progress token and may be held alive by progress. */
  readonly long: boolean
  /**
   * The capability that a server must have declared, as a path of member names. A request without it is refused
   * before anything is sent (Lifecycle, Operation).
   */
  readonly capability: ReadonlyArray<string>
  /** Whether a received `result` has the shape that callers rely on. Deeper members are the reader's to check. */
  readonly accepts: (result: unknown) => result is Result
  /** Exists for inference alone. */
  readonly params?: Params
}

/** A page of a list. */
export interface Page {
  readonly cursor?: string
}

const hasArray =
  <Result>(member: string) =>
  (result: unknown): result is Result =>
    isObject(result) && Array.isArray(result[member])

/** Whether a value is the state of a task, as far as it is relied on. */
export const isTask = (value: unknown): value is JsonObject & Task =>
  isObject(value) && typeof value.taskId === "string" && typeof value.status === "string"

/** Whether a value is the result of a tool, as far as it is relied on. */
export const isCallToolResult = (result: unknown): result is CallToolResult =>
  isObject(result) && (Array.isArray(result.content) || "structuredContent" in result)

/** Whether a value says that a task was made. */
export const isCreateTaskResult = (result: unknown): result is CreateTaskResult =>
  isObject(result) && isTask(result.task)

/** Nothing is read of it: some servers answer `null`. */
const isAny = (result: unknown): result is unknown => result !== undefined

/** Begins a session; the session itself sends it (2025-11-25, Lifecycle, Initialization). */
export const initialize: RequestMethod<InitializeRequestParams, InitializeResult> = {
  method: "initialize",
  long: false,
  capability: [],
  accepts: (result): result is InitializeResult => isObject(result) && typeof result.protocolVersion === "string",
}

/** Asks whether the server is there (Ping). */
export const ping: RequestMethod<object, unknown> = { method: "ping", long: false, capability: [], accepts: isAny }

/** One page of the tools (Tools, Listing Tools). */
export const listTools: RequestMethod<Page, ListToolsResult> = {
  method: "tools/list",
  long: false,
  capability: ["tools"],
  accepts: hasArray("tools"),
}

/** Calls a tool (Tools, Calling Tools). */
export const callTool: RequestMethod<CallToolRequestParams, CallToolResult> = {
  method: "tools/call",
  long: true,
  capability: ["tools"],
  accepts: isCallToolResult,
}

/** A call as a task: whoever asks for one gets it at once, and its result with `taskResult` (2025-11-25, Tasks). */
export const callToolAsTask: RequestMethod<
  CallToolRequestParams & { readonly task: { readonly ttl?: number } },
  CallToolResult | CreateTaskResult
> = {
  method: "tools/call",
  long: true,
  capability: ["tasks", "requests", "tools", "call"],
  accepts: (result) => isCreateTaskResult(result) || isCallToolResult(result),
}

/** What identifies a task. */
export interface OfTask {
  readonly taskId: string
}

/** How a task is (Tasks, Getting Tasks). */
export const getTask: RequestMethod<OfTask, Task> = {
  method: "tasks/get",
  long: false,
  capability: ["tasks"],
  accepts: isTask,
}

/** What the request would have been answered with; it waits until the task has ended (Tasks, Result Retrieval). */
export const taskResult: RequestMethod<OfTask, object> = {
  method: "tasks/result",
  long: false,
  capability: ["tasks"],
  accepts: isObject,
}

/** One page of the tasks that the server keeps for this client (Tasks, Listing Tasks). */
export const listTasks: RequestMethod<Page, ListTasksResult> = {
  method: "tasks/list",
  long: false,
  capability: ["tasks", "list"],
  accepts: hasArray("tasks"),
}

/** Ends a task; one that has ended is refused with -32602 (Tasks, Cancelling Tasks). */
export const cancelTask: RequestMethod<OfTask, Task> = {
  method: "tasks/cancel",
  long: false,
  capability: ["tasks", "cancel"],
  accepts: isTask,
}

/** One page of the resources (Resources, Listing Resources). */
export const listResources: RequestMethod<Page, ListResourcesResult> = {
  method: "resources/list",
  long: false,
  capability: ["resources"],
  accepts: hasArray("resources"),
}

/** One page of the templates (Resources, Resource Templates). */
export const listResourceTemplates: RequestMethod<Page, ListResourceTemplatesResult> = {
  method: "resources/templates/list",
  long: false,
  capability: ["resources"],
  accepts: hasArray("resourceTemplates"),
}

/** The contents of a resource (Resources, Reading Resources). */
export const readResource: RequestMethod<{ readonly uri: string }, ReadResourceResult> = {
  method: "resources/read",
  long: true,
  capability: ["resources"],
  accepts: hasArray("contents"),
}

/** Asks to be told when a resource changes (Resources, Subscriptions). */
export const subscribe: RequestMethod<{ readonly uri: string }, unknown> = {
  method: "resources/subscribe",
  long: false,
  capability: ["resources", "subscribe"],
  accepts: isAny,
}

/** Asks to be told no longer (Resources, Subscriptions). */
export const unsubscribe: RequestMethod<{ readonly uri: string }, unknown> = {
  method: "resources/unsubscribe",
  long: false,
  capability: ["resources", "subscribe"],
  accepts: isAny,
}

/** One page of the prompts (Prompts, Listing Prompts). */
export const listPrompts: RequestMethod<Page, ListPromptsResult> = {
  method: "prompts/list",
  long: false,
  capability: ["prompts"],
  accepts: hasArray("prompts"),
}

/** The messages of a prompt (Prompts, Getting a Prompt). */
export const getPrompt: RequestMethod<GetPromptRequestParams, GetPromptResult> = {
  method: "prompts/get",
  long: true,
  capability: ["prompts"],
  accepts: hasArray("messages"),
}

/** What an argument or a variable may be (Completion, Requesting Completions). */
export const complete: RequestMethod<CompleteRequestParams, CompleteResult> = {
  method: "completion/complete",
  long: false,
  capability: ["completions"],
  accepts: (result): result is CompleteResult => isObject(result) && isObject(result.completion),
}

/** The least level of log messages (Logging, Setting Log Level). */
export const setLevel: RequestMethod<{ readonly level: LoggingLevel }, unknown> = {
  method: "logging/setLevel",
  long: false,
  capability: ["logging"],
  accepts: isAny,
}
