/** What the client knows, as the page is shown it. Pure. */
import type { Question } from "@opencode-ai/mcp/capability/questions"
import type { HeldTool, ServerState } from "@opencode-ai/mcp/mcp"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CallToolResult, Task, Tool } from "@opencode-ai/mcp/protocol/model"
import type { Action, CallView, HeldView, QuestionView, ServerView, TaskView } from "./model.ts"
import * as Text from "./text.ts"
import type { Call } from "./underway.ts"

type Mask = (text: string) => string

/** What is asked of others about a server. */
export interface About {
  readonly how: string
  readonly review?: string | undefined
  readonly form?: string | undefined
  /** Whether a person signs in to it, and has. */
  readonly auth: "none" | "out" | "in"
}

/** What makes sense in a server's state. */
export const actionsOf = (status: ServerView["status"], { auth, review }: About): ReadonlyArray<Action> => {
  const signOut: ReadonlyArray<Action> = auth === "in" ? ["signOut"] : []
  const signIn: ReadonlyArray<Action> = auth === "none" ? [] : ["signIn"]
  switch (status) {
    case "connected":
      return ["restart", "disconnect", ...signOut]
    case "pending":
      return ["disconnect"]
    case "needs_auth":
      return [...signIn, "connect", ...signOut]
    default:
      return review === undefined ? ["connect", ...signOut] : ["approve"]
  }
}

export const server = (
  mask: Mask,
  { name, serverInfo, status, ...state }: ServerState,
  about: About,
  signIn: Pick<ServerView, "signIn" | "signInFailed">,
): ServerView => {
  const said = (text: string | undefined) => (text === undefined ? undefined : Text.said(mask, text))
  return {
    name,
    type: state.type,
    status: status.status,
    error: "error" in status ? said(status.error) : undefined,
    attempt: "attempt" in status ? status.attempt : undefined,
    how: Text.said(mask, about.how),
    transport: state.transport,
    protocolVersion: state.protocolVersion,
    title: said(serverInfo?.title ?? serverInfo?.name),
    version: said(serverInfo?.version),
    instructions: said(state.instructions),
    pid: state.pid,
    connectMs: state.connectMs,
    tools: state.tools,
    prompts: state.prompts,
    resources: state.resources,
    templates: state.templates,
    actions: actionsOf(status.status, about),
    review: said(about.review),
    form: about.form,
    signIn: signIn.signIn,
    signInFailed: said(signIn.signInFailed),
  }
}

/** When a question was asked, and what is known of it besides. */
export interface Asked {
  readonly asked: number
  readonly until: number
  readonly call: string | undefined
  readonly model: string | undefined
}

const json = (value: object): JsonObject => ({ ...value })

export const question = (mask: Mask, asked: Question, { model, ...times }: Asked): QuestionView => {
  const { id, request } = asked
  const waiting = { id, server: request.server, ...times }
  if (asked.kind === "elicitation") {
    const { request } = asked
    const message = Text.said(mask, request.message)
    if (request.mode === "form") {
      return { ...waiting, kind: "form", message, schema: Text.schema(mask, json(request.requestedSchema)) }
    }
    const { host, unicodeHost, url, warning } = request
    return { ...waiting, kind: "visit", message, url, host, unicodeHost, warning }
  }
  const params = Text.saidIn(mask, asked.request.params)
  switch (asked.kind) {
    case "approval":
      return { ...waiting, kind: "approval", params, model }
    case "sampling":
      return { ...waiting, kind: "sampling", params }
    case "review":
      return { ...waiting, kind: "review", params, result: Text.saidIn(mask, asked.result) }
  }
}

export const call = (mask: Mask, { arguments: args, id, server, since, step, tool }: Call): CallView => ({
  id,
  server,
  tool: Text.said(mask, tool),
  summary: Text.summary(mask, args),
  since,
  progress: step?.progress,
  total: step?.total,
  message: step?.message === undefined ? undefined : Text.said(mask, step.message),
})

export const task = (mask: Mask, server: string, { statusMessage, ...task }: Task): TaskView => ({
  server,
  task: { ...task, ...(statusMessage === undefined ? {} : { statusMessage: Text.said(mask, statusMessage) }) },
})

export const held = (mask: Mask, { difference, form, key, server, tool }: HeldTool): HeldView => ({
  key,
  server,
  tool: tool.name,
  difference: Text.saidIn(mask, difference),
  form,
})

/** A tool: its name and its schemas' names and values are data. */
export const tool = (mask: Mask, { inputSchema, name, outputSchema, ...rest }: Tool): Tool => ({
  ...Text.saidIn(mask, rest),
  name,
  inputSchema: Text.schema(mask, inputSchema),
  ...(outputSchema === undefined ? {} : { outputSchema: Text.schema(mask, outputSchema) }),
})

export const result = (mask: Mask, result: CallToolResult): CallToolResult => Text.saidIn(mask, result)
