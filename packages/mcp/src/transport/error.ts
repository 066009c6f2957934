/**
 * Why a transport could not open, lost one message's answer, or ended.
 *
 * Every ending is a typed error, a clean one too, so that reconnecting is a plain retry around the scoped consume loop.
 */
import * as Data from "effect/Data"
import type { AuthError } from "../auth/error.ts"
import type { HttpReason } from "../http/error.ts"

export { RedirectRefused, Unreachable } from "../http/error.ts"

/** The command could not be started: not found, not executable, or its directory does not exist. */
export class SpawnFailed extends Data.TaggedError("SpawnFailed")<{
  readonly command: string
  readonly detail: string
  readonly hint: string
}> {
  override get message(): string {
    return `could not start ${this.command}: ${this.detail}. ${this.hint}`
  }
}

/** The server's process ended. */
export class ProcessExited extends Data.TaggedError("ProcessExited")<{
  readonly command: string
  /** The exit code, or null where a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  /** The last lines that it wrote to stderr, oldest first. */
  readonly stderr: ReadonlyArray<string>
}> {
  override get message(): string {
    const how = this.signal === null ? `exited with code ${this.code}` : `was ended by ${this.signal}`
    return `${this.command} ${how}${this.stderr.length === 0 ? " and wrote nothing to stderr" : `; its last words:\n${this.stderr.join("\n")}`}`
  }
}

/** The server's process runs on, but it closed its standard output: no answer can come any more. */
export class OutputClosed extends Data.TaggedError("OutputClosed")<{ readonly command: string }> {
  override get message(): string {
    return `${this.command} closed its standard output`
  }
}

/** The program that ran the server for this one, too, does so no longer. */
export class OwnerEnded extends Data.TaggedError("OwnerEnded")<{
  /** The process id of that program. */
  readonly owner: number
  /** What became of it: `ended`, or why it gave the server up. */
  readonly detail: string
}> {
  override get message(): string {
    return `process ${this.owner}, which ran the server for every program of the project, ${this.detail}`
  }
}

/** The program that runs the server for others does not answer them. */
export class OwnerSilent extends Data.TaggedError("OwnerSilent")<{
  /** The process id of that program. */
  readonly owner: number
  /** How long it was waited for, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `process ${this.owner}, which runs the server for every program of the project, has not answered for ${this.after} ms. End it, or set "shared" to false in the server's entry`
  }
}

/** The server did not answer a ping (Ping, Behavior Requirements): the connection is taken for dead. */
export class Unresponsive extends Data.TaggedError("Unresponsive")<{
  /** How long it was waited for, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `no answer to a ping for ${this.after} ms: the connection is taken for dead`
  }
}

/** This side closed the connection. */
export class Closed extends Data.TaggedError("Closed")<{}> {
  override get message(): string {
    return "the connection was closed"
  }
}

/** A message is longer than the configured limit. */
export class MessageTooLarge extends Data.TaggedError("MessageTooLarge")<{
  /** The limit, in bytes. */
  readonly limit: number
}> {
  override get message(): string {
    return `a message is larger than the limit of ${this.limit} bytes; raise "limits" in the server's entry if that is expected`
  }
}

/** A message of this client holds what JSON has not: nothing was sent. */
export class Unsendable extends Data.TaggedError("Unsendable")<{}> {
  override get message(): string {
    return "the parameters cannot be written as JSON (a bigint, or an object that contains itself); nothing was sent"
  }
}

/** The server answered a message with an HTTP status that is none of success. */
export class HttpStatus extends Data.TaggedError("HttpStatus")<{
  readonly status: number
  readonly url: string
  /** The beginning of the body, for the person; at most 2,000 characters. */
  readonly body: string
  /** The JSON-RPC error in the body, where there was one. */
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown } | undefined
  /** Whether the request carried a session id: a 404 to it means that the session is lost. */
  readonly withSession: boolean
  /** The `Retry-After` header, as it came. */
  readonly retryAfter?: string | undefined
}> {
  override get message(): string {
    const text = this.error === undefined ? this.body.trim() : this.error.message
    return `${this.url} answered with HTTP ${this.status}${text === "" ? "" : `: ${text}`}`
  }
}

/** The server wants authorization (HTTP 401), or refuses the one it got (403). */
export class Unauthorized extends Data.TaggedError("Unauthorized")<{
  readonly status: 401 | 403
  readonly url: string
  /** The `WWW-Authenticate` header, as it came. */
  readonly challenge: string | undefined
  /** The beginning of the body, for the person; at most 2,000 characters. */
  readonly body: string
}> {
  override get message(): string {
    const what = this.status === 401 ? "the server asks for authorization" : "the server refuses this client"
    return `${this.url} answered with HTTP ${this.status}: ${what}${this.body === "" ? "" : `: ${this.body}`}`
  }
}

/** The answer to one request ended before the answer came, and cannot be resumed. */
export class StreamEnded extends Data.TaggedError("StreamEnded")<{ readonly url: string }> {
  override get message(): string {
    return `${this.url} ended the response stream without an answer`
  }
}

/** The event stream that carried the connection ended. */
export class Disconnected extends Data.TaggedError("Disconnected")<{ readonly url: string }> {
  override get message(): string {
    return `${this.url} ended the event stream that carried the connection`
  }
}

/** The credentials for a request could not be had. */
export class CredentialsFailed extends Data.TaggedError("CredentialsFailed")<{
  readonly url: string
  readonly cause: AuthError
}> {
  override get message(): string {
    return `${this.url}: ${this.cause.message}`
  }
}

/** The server answered with something that is not this transport's. */
export class UnexpectedContent extends Data.TaggedError("UnexpectedContent")<{
  readonly url: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.url}: ${this.detail}`
  }
}

/** A transport of a plugin author ended with an error of its own. */
export class CustomEnded extends Data.TaggedError("CustomEnded")<{ readonly cause: unknown }> {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

export type TransportReason =
  | SpawnFailed
  | ProcessExited
  | OutputClosed
  | OwnerEnded
  | OwnerSilent
  | Unresponsive
  | Closed
  | MessageTooLarge
  | Unsendable
  | HttpStatus
  | Unauthorized
  | StreamEnded
  | Disconnected
  | CredentialsFailed
  | HttpReason
  | UnexpectedContent
  | CustomEnded

/** The error of every transport. `message` is the reason's. */
export class TransportError extends Data.TaggedError("TransportError")<{ readonly reason: TransportReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** Wraps a reason. */
export const fail = (reason: TransportReason): TransportError => new TransportError({ reason })

/** Whether the server may be reached, and have time, a moment later. */
export const isPassing = ({ reason }: TransportError): boolean =>
  reason._tag === "Unreachable" || (reason._tag === "HttpStatus" && (reason.status >= 500 || reason.status === 429))
