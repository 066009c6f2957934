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
}> {
  override get message(): string {
    return `${this.server} asks for authorization${this.detail === undefined ? "" : `: ${this.detail}`}`
  }
}

/** The call needs a part of the protocol that this client does not have yet: nothing was sent. */
export class NotImplemented extends Data.TaggedError("NotImplemented")<{
  readonly server: string
  readonly feature: string
}> {
  override get message(): string {
    return `${this.server}: ${this.feature} is not implemented yet; nothing was sent`
  }
}

export type McpReason = ServerNotFound | ToolNotFound | NotConnected | AuthRequired | NotImplemented

/** The error of the service itself; what a session reports is a `SessionError`. */
export class McpError extends Data.TaggedError("McpError")<{ readonly reason: McpReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}
