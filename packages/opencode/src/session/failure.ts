/** Why a prompt has no answer. */
import * as Data from "effect/Data"
import type { CallError } from "@opencode-ai/mcp/mcp"
import type { ProviderError } from "../provider/provider.ts"
import type { NamedError } from "./message.ts"

/** The session is answering another prompt. */
export class Busy extends Data.TaggedClass("Busy")<{ readonly sessionID: string }> {
  get message(): string {
    return `the session ${this.sessionID} is busy; wait until it is idle, or cancel it`
  }
}

/** There is no model to ask. */
export class NoModel extends Data.TaggedClass("NoModel")<{ readonly cause: ProviderError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The provider gave no answer, after all attempts. Secrets are masked in `text`. */
export class ProviderFailed extends Data.TaggedClass("ProviderFailed")<{
  /** `provider/model` */
  readonly model: string
  readonly text: string
  readonly status?: number
  readonly isRetryable: boolean
  /** When the provider wants to be asked again, in milliseconds from now. */
  readonly retryAfter?: number
  readonly cause: unknown
}> {
  get message(): string {
    const { model, status, text } = this
    const advice = status === 401 || status === 403 ? `; look at "options.apiKey" of its provider in opencode.json` : ""
    return `${model} gave no answer${status === undefined ? "" : ` (HTTP ${status})`}: ${text}${advice}`
  }
}

/** A resource that was attached cannot be read. */
export class ResourceUnreadable extends Data.TaggedClass("ResourceUnreadable")<{
  readonly server: string
  readonly uri: string
  readonly cause: CallError
}> {
  get message(): string {
    return `the resource ${this.uri} of ${this.server} cannot be read: ${this.cause.message}`
  }
}

/** No server offers a prompt by this name. */
export class CommandUnknown extends Data.TaggedClass("CommandUnknown")<{
  readonly command: string
  readonly nearest: ReadonlyArray<string>
  readonly all: ReadonlyArray<string>
}> {
  get message(): string {
    const { all, command, nearest } = this
    const offer =
      nearest.length > 0
        ? `; did you mean ${nearest.map((each) => `/${each}`).join(" or ")}?`
        : all.length === 0
          ? "; no connected server offers prompts"
          : `; there is ${all
              .slice(0, 10)
              .map((each) => `/${each}`)
              .join(", ")}`
    return `there is no command /${command}${offer}`
  }
}

/** A command's prompt cannot be had: arguments are missing, or the server refused it. */
export class CommandFailed extends Data.TaggedClass("CommandFailed")<{
  readonly command: string
  readonly detail: string
  readonly cause?: CallError
}> {
  get message(): string {
    return `/${this.command}: ${this.detail}`
  }
}

export type SessionReason = Busy | NoModel | ProviderFailed | ResourceUnreadable | CommandUnknown | CommandFailed

/** The error of this room. */
export class SessionError extends Data.TaggedError("SessionPromptError")<{ readonly reason: SessionReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** As the bus has it. */
export const named = ({ message, reason }: SessionError): NamedError => {
  if (reason._tag === "NoModel") return { name: "UnknownError", data: { message } }
  if (reason._tag !== "ProviderFailed") return { name: "UnknownError", data: { message } }
  const { isRetryable, model, status } = reason
  if (status === 401 || status === 403) {
    return { name: "ProviderAuthError", data: { message, providerID: model.slice(0, model.indexOf("/")) } }
  }
  return { name: "APIError", data: { message, isRetryable, ...(status === undefined ? {} : { statusCode: status }) } }
}
