/** Why the service refused a call before it reached a server, or could not reach it. */
import * as Data from "effect/Data"
import type { Status } from "./events.ts"

const offer = (nearest: ReadonlyArray<string>, all: ReadonlyArray<string>): string => {
  if (nearest.length > 0) return `; did you mean ${nearest.map((name) => JSON.stringify(name)).join(" or ")}?`
  if (all.length === 0) return "; there is none"
  const shown = all.slice(0, 10).map((name) => JSON.stringify(name))
  return `; there is ${shown.join(", ")}${all.length > shown.length ? ` and ${all.length - shown.length} more` : ""}`
}

/** No server of this name is configured. */
export class ServerNotFound extends Data.TaggedError("ServerNotFound")<{
  readonly server: string
  readonly nearest: ReadonlyArray<string>
  readonly all: ReadonlyArray<string>
}> {
  override get message(): string {
    return `no server ${JSON.stringify(this.server)} is configured${offer(this.nearest, this.all)}`
  }
}

/** The server offers no tool of this name. */
export class ToolNotFound extends Data.TaggedError("ToolNotFound")<{
  readonly server: string
  readonly tool: string
  readonly nearest: ReadonlyArray<string>
  readonly all: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${this.server} offers no tool ${JSON.stringify(this.tool)}${offer(this.nearest, this.all)}`
  }
}

/** The tool changed since it was reviewed: it is held back until its present form is approved. */
export class ToolHeld extends Data.TaggedError("ToolHeld")<{
  readonly server: string
  readonly tool: string
  /** Where its forms differ. */
  readonly changed: ReadonlyArray<string>
}> {
  override get message(): string {
    const { changed, server, tool } = this
    const where = `${changed.slice(0, 5).join(", ")}${changed.length > 5 ? ` and ${changed.length - 5} more` : ""}`
    return `${JSON.stringify(tool)} of ${server} changed since it was reviewed (${where}), and is held back until its present form is approved; nothing was sent`
  }
}

/** What a person approved is not what they were shown: it has changed since. */
export class ChangedAgain extends Data.TaggedError("ChangedAgain")<{
  readonly server: string
  /** Of a tool; otherwise the server itself. */
  readonly tool?: string | undefined
}> {
  override get message(): string {
    const { server, tool } = this
    const what = tool === undefined ? `server ${JSON.stringify(server)}` : `${JSON.stringify(tool)} of ${server}`
    return `${what} changed again since it was shown: nothing was approved; look at it as it is now`
  }
}

/** The server is not connected. */
export class NotConnected extends Data.TaggedError("NotConnected")<{
  readonly server: string
  readonly status: Status
}> {
  override get message(): string {
    const why = "error" in this.status && this.status.error !== undefined ? `: ${this.status.error}` : ""
    return `${this.server} is not connected (${this.status.status})${why}`
  }
}

/** The server asks for authorization first. */
export class AuthRequired extends Data.TaggedError("AuthRequired")<{
  readonly server: string
  readonly detail: string | undefined
  /** Whether a person can sign in to it; otherwise its entry brings the credentials. */
  readonly signsIn: boolean
}> {
  override get message(): string {
    return `${this.server} asks for authorization${this.detail === undefined ? "" : `: ${this.detail}`}`
  }
}

/** The server is not authorized by tokens: it is local, or its entry says otherwise. */
export class NotAuthorizable extends Data.TaggedError("NotAuthorizable")<{
  readonly server: string
  readonly detail: string
}> {
  override get message(): string {
    return `nobody signs in to ${this.server}: ${this.detail}`
  }
}

/** The tool never runs as a task: nothing was sent. */
export class TaskUnsupported extends Data.TaggedError("TaskUnsupported")<{
  readonly server: string
  readonly tool: string
}> {
  override get message(): string {
    return `${this.server} does not offer to run ${JSON.stringify(this.tool)} as a task; nothing was sent. Call it without "task".`
  }
}

/** A prompt needs arguments that were not given: nothing was sent. */
export class ArgumentsMissing extends Data.TaggedError("ArgumentsMissing")<{
  readonly server: string
  readonly prompt: string
  readonly missing: ReadonlyArray<{ readonly name: string; readonly description?: string | undefined }>
}> {
  override get message(): string {
    const shown = this.missing
      .slice(0, 10)
      .map(({ description, name }) => JSON.stringify(name) + (description ? ` (${description.slice(0, 200)})` : ""))
    const rest = this.missing.length > shown.length ? ` and ${this.missing.length - shown.length} more` : ""
    const what = this.missing.length === 1 ? "the argument" : "the arguments"
    return `the prompt ${JSON.stringify(this.prompt)} of ${this.server} needs ${what} ${shown.join(", ")}${rest}; nothing was sent`
  }
}

/** A question for completions that makes no sense: nothing was sent. */
export class BadQuestion extends Data.TaggedError("BadQuestion")<{
  readonly server: string
  /** The member that is wrong, and what it should be. */
  readonly detail: string
}> {
  override get message(): string {
    return `${this.server} cannot be asked for completions so: ${this.detail}; nothing was sent`
  }
}

/** A newer question for the same argument took the place of this one. */
export class Superseded extends Data.TaggedError("Superseded")<{
  readonly server: string
  readonly argument: string
}> {
  override get message(): string {
    return `a newer question for ${JSON.stringify(this.argument)} was put to ${this.server}; this one is cancelled`
  }
}

/** Somebody else than its caller cancelled the call, and the server was told. What it has done already is done. */
export class CallCancelled extends Data.TaggedError("CallCancelled")<{
  readonly server: string
  readonly tool: string
}> {
  override get message(): string {
    return `the person cancelled this call of ${JSON.stringify(this.tool)} of ${this.server}; what it had done by then is done`
  }
}

export type McpReason =
  | ServerNotFound
  | ToolNotFound
  | ToolHeld
  | ChangedAgain
  | NotConnected
  | AuthRequired
  | NotAuthorizable
  | TaskUnsupported
  | ArgumentsMissing
  | BadQuestion
  | Superseded
  | CallCancelled

/** The error of the service itself; what a session reports is a `SessionError`. */
export class McpError extends Data.TaggedError("McpError")<{ readonly reason: McpReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}
