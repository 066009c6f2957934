/**
 * Every error as the command line and the shell tell it: a tag of docs/cli.md, a message, and an exit code.
 *
 * Nothing is printed here, and nothing is masked.
 */
import type { AuthError, AuthReason } from "@opencode-ai/mcp/auth/error"
import type { QuestionError } from "@opencode-ai/mcp/capability/questions"
import type { TemplateError } from "@opencode-ai/mcp/catalog/template"
import { McpError, type McpReason } from "@opencode-ai/mcp/error"
import { SessionError, type SessionReason } from "@opencode-ai/mcp/session/error"
import { TaskError, type TaskReason } from "@opencode-ai/mcp/tasks/error"
import type { TransportError } from "@opencode-ai/mcp/transport/error"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import { ConfigError } from "../config/error.ts"
import type { InboxError } from "@opencode-ai/mcp-inbox/inbox"
import type { TrustError } from "../trust/trust.ts"

/** The names under which errors are told. `Internal` is a defect of this program. */
export type Tag =
  | "Cancelled"
  | "Timeout"
  | "NotConnected"
  | "ServerNotFound"
  | "ToolNotFound"
  | "BadRequest"
  | "Protocol"
  | "InvalidResponse"
  | "Transport"
  | "AuthRequired"
  | "RegistrationRequired"
  | "InsufficientScope"
  | "StateMismatch"
  | "AuthFailed"
  | "ElicitationDeclined"
  | "TaskFailed"
  | "Denied"
  | "Internal"

/** How the program ends. */
export const Exit = {
  done: 0,
  /** The tool or the server answered with an error. */
  answered: 1,
  /** Bad usage or bad configuration. */
  usage: 2,
  /** Could not connect. */
  unreachable: 3,
  unauthorized: 4,
  interrupted: 130,
  terminated: 143,
} as const
export type ExitCode = (typeof Exit)[keyof typeof Exit]

/** What is told of an error: `error` of a shell's reply, and of what a command prints with `--json`. */
export interface Failure {
  readonly tag: Tag
  readonly message: string
  /** The code of a JSON-RPC error. */
  readonly code?: number
  readonly data?: unknown
}

/** An error of the command line's own. */
export class CliFailure extends Data.TaggedError("CliFailure")<{
  readonly tag: Tag
  readonly text: string
  readonly code?: number
  readonly data?: unknown
}> {
  override get message(): string {
    return this.text
  }
}

/** Input of ours that cannot be used. */
export const badRequest = (text: string): CliFailure => new CliFailure({ tag: "BadRequest", text })

const exits: Readonly<Record<Tag, ExitCode>> = {
  Cancelled: Exit.interrupted,
  Timeout: Exit.answered,
  NotConnected: Exit.unreachable,
  ServerNotFound: Exit.usage,
  ToolNotFound: Exit.usage,
  BadRequest: Exit.usage,
  Protocol: Exit.answered,
  InvalidResponse: Exit.answered,
  Transport: Exit.unreachable,
  AuthRequired: Exit.unauthorized,
  RegistrationRequired: Exit.unauthorized,
  InsufficientScope: Exit.unauthorized,
  StateMismatch: Exit.unauthorized,
  AuthFailed: Exit.unauthorized,
  ElicitationDeclined: Exit.answered,
  TaskFailed: Exit.answered,
  Denied: Exit.answered,
  Internal: Exit.answered,
}

/** The exit code of a command that fails so. A server that answered with an HTTP status was reached: 1. */
export const exitCode = (failure: Failure): ExitCode =>
  failure.tag === "Transport" && failure.data !== undefined ? Exit.answered : exits[failure.tag]

/** `code` and `data` where they are known: an absent field stays absent. */
const detail = (code: number | undefined, data: unknown) => ({
  ...(code === undefined ? {} : { code }),
  ...(data === undefined ? {} : { data }),
})

const ofTransport = (message: string, { reason }: TransportError): Failure => {
  if (reason._tag === "HttpStatus" && reason.error !== undefined) {
    return { tag: "Protocol", message, ...detail(reason.error.code, reason.error.data) }
  }
  if (reason._tag === "HttpStatus") {
    const { retryAfter, status } = reason
    return { tag: "Transport", message, data: { status, ...(retryAfter === undefined ? {} : { retryAfter }) } }
  }
  if (reason._tag === "CredentialsFailed") return ofAuth(message, reason.cause.reason)
  if (reason._tag !== "Unauthorized") return { tag: "Transport", message }
  const scopes = insufficientScope(reason.challenge)
  return scopes === undefined
    ? { tag: "AuthRequired", message, data: { status: reason.status } }
    : { tag: "InsufficientScope", message, data: { status: reason.status, scopes } }
}

/** What a person does about a server that nobody has signed in to, or not for enough. */
export const remedy = (server: string): string =>
  `run mcp auth ${/^[\w.@-]+$/.test(server) ? server : JSON.stringify(server)}`

const remedied: ReadonlySet<Tag> = new Set<Tag>(["AuthRequired", "InsufficientScope"])

/** What was said, and what to do about it. */
export const withRemedy = (said: string, server: string): string => `${said.replace(/\.$/, "")}; ${remedy(server)}`

/** The failure, with what to do about it where a sign-in helps. */
const advised = (failure: Failure, server: string): Failure => {
  if (!remedied.has(failure.tag)) return failure
  // Tokens that are refused are told of otherwise: mostly the entry brings what this is about.
  if (failure.tag === "AuthRequired" && statusOf(failure) === 401) {
    return { ...failure, message: `${failure.message}; correct the credentials in its entry, or ${remedy(server)}` }
  }
  return { ...failure, message: withRemedy(failure.message, server) }
}

const statusOf = ({ data }: Failure): unknown =>
  typeof data === "object" && data !== null && "status" in data ? data.status : undefined

const ofAuth = (message: string, reason: AuthReason): Failure => {
  switch (reason._tag) {
    case "SignInRequired":
      return { tag: "AuthRequired", message }
    case "RegistrationRequired":
    case "StateMismatch":
      return { tag: reason._tag, message }
    case "InsufficientScope":
      return { tag: "InsufficientScope", message, data: { scopes: reason.scopes, missing: reason.missing } }
    case "PortUnavailable":
    case "StepFailed":
      return { tag: "Transport", message }
    case "InvalidHeader":
    case "Misconfigured":
      return { tag: "BadRequest", message }
    default:
      return { tag: "AuthFailed", message }
  }
}

/** The scopes that a challenge of RFC 6750 §3.1 asks for; `undefined` where it asks for none. */
const insufficientScope = (challenge: string | undefined): ReadonlyArray<string> | undefined => {
  if (challenge === undefined || !/\berror\s*=\s*"?insufficient_scope\b/i.test(challenge)) return undefined
  const scope = /\bscope\s*=\s*(?:"([^"]*)"|([^\s,]+))/i.exec(challenge)
  return (scope?.[1] ?? scope?.[2] ?? "").split(" ").filter((each) => each !== "")
}

const ofSession = (message: string, reason: SessionReason): Failure => {
  switch (reason._tag) {
    case "Protocol":
      return { tag: "Protocol", message, ...detail(reason.code, reason.data) }
    case "Timeout":
      return { tag: "Timeout", message }
    case "InvalidResponse":
    case "UnsupportedRevision":
      return { tag: "InvalidResponse", message }
    case "NotDeclared":
    case "TooMany":
      return { tag: "BadRequest", message }
    case "ElicitationDeclined":
      return { tag: "ElicitationDeclined", message, ...detail(reason.code, reason.data) }
    case "Transport":
      return ofTransport(message, reason.error)
  }
}

const ofService = (reason: McpReason): Tag => {
  switch (reason._tag) {
    case "TaskUnsupported":
    case "ArgumentsMissing":
    case "BadQuestion":
    case "NotAuthorizable":
      return "BadRequest"
    case "Superseded":
    case "CallCancelled":
      return "Cancelled"
    case "ToolHeld":
    case "ChangedAgain":
      return "Denied"
    default:
      return reason._tag
  }
}

const ofTask = (message: string, reason: TaskReason): Failure => {
  if (reason._tag === "Cancelled") return { tag: "Cancelled", message }
  return { tag: "TaskFailed", message, ...(reason._tag === "Failed" ? detail(reason.code, reason.data) : {}) }
}

const isInboxError = (error: unknown): error is InboxError => error instanceof Error && error.name === "InboxError"

// By its tag: the class would load all of the approvals, for every command.
const isTrustError = (error: unknown): error is TrustError => error instanceof Error && error.name === "TrustError"

// As above: the class would load what checks answers, for every command.
const isQuestionError = (error: unknown): error is QuestionError =>
  error instanceof Error && error.name === "QuestionError"

const isAuthError = (error: unknown): error is AuthError => error instanceof Error && error.name === "AuthError"

// By its tag too: the class would load what expands templates.
const isTemplateError = (error: unknown): error is TemplateError =>
  error instanceof Error && error.name === "TemplateError"

/** What is told of an error, whatever it is. */
export const fromError = (error: unknown): Failure => {
  if (error instanceof CliFailure) {
    return { tag: error.tag, message: error.message, ...detail(error.code, error.data) }
  }
  if (error instanceof McpError) {
    const failure = { tag: ofService(error.reason), message: error.message }
    if ("signsIn" in error.reason && !error.reason.signsIn) return failure
    return "server" in error.reason ? advised(failure, error.reason.server) : failure
  }
  if (isAuthError(error)) return ofAuth(error.message, error.reason)
  if (error instanceof TaskError) return ofTask(error.message, error.reason)
  if (error instanceof SessionError) return advised(ofSession(error.message, error.reason), error.server)
  if (error instanceof ConfigError || isTrustError(error) || isQuestionError(error) || isTemplateError(error))
    return { tag: "BadRequest", message: error.message }
  if (isInboxError(error)) return { tag: "Transport", message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  return { tag: "Internal", message: `this is a defect of the client: ${message}` }
}

/** What is told of a cause: its first error, else its first defect; an interruption is `Cancelled`. */
export const fromCause = (cause: Cause.Cause<unknown>): Failure =>
  Cause.hasInterruptsOnly(cause) ? { tag: "Cancelled", message: "interrupted" } : fromError(Cause.squash(cause))
