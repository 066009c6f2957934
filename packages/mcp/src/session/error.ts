/** Why a request of a session failed. Each reason names what happened and what can be done. */
import * as Data from "effect/Data"
import { Closed, fail, isPassing as isPassingError, type TransportError } from "../transport/error.ts"
import { isSessionLost } from "../transport/session-lost.ts"

/** The server answered with a JSON-RPC error. */
export class Protocol extends Data.TaggedError("Protocol")<{
  readonly code: number
  readonly text: string
  readonly data?: unknown
}> {
  override get message(): string {
    return `${this.text} (code ${this.code})`
  }
}

/**
 * Nothing came for as long as the request may be silent, or it lasted longer than it may in all, or the server was not
 * there for it in time.
 */
export class Timeout extends Data.TaggedError("Timeout")<{
  readonly kind: "idle" | "total" | "connect"
  /** The bound that was passed, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    if (this.kind === "connect") {
      return `the server was not connected, and what it offers not listed, within ${this.after} ms; nothing was sent`
    }
    return this.kind === "idle"
      ? `no answer and no progress for ${this.after} ms; raise "timeout" in the server's entry if it needs longer`
      : `still not answered after ${this.after} ms, the most that a request may last however much progress it reports`
  }
}

/** The server answered with what the protocol does not allow. */
export class InvalidResponse extends Data.TaggedError("InvalidResponse")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** The server did not declare the capability: nothing was sent. */
export class NotDeclared extends Data.TaggedError("NotDeclared")<{ readonly capability: string }> {
  override get message(): string {
    return `the server did not declare the capability "${this.capability}"; nothing was sent`
  }
}

/** As many are kept as may be: nothing was sent. */
export class TooMany extends Data.TaggedError("TooMany")<{ readonly what: string; readonly limit: number }> {
  override get message(): string {
    return `there are ${this.limit} ${this.what} already, the most for one server; give one up first`
  }
}

/** Neither side knows a revision that the other speaks. */
export class UnsupportedRevision extends Data.TaggedError("UnsupportedRevision")<{
  readonly offered: string
  readonly answered: string
}> {
  override get message(): string {
    return `the server speaks revision ${JSON.stringify(this.answered)} of the protocol, which is not ${JSON.stringify(this.offered)} that was offered nor one that this client knows; update the server, or set "protocol" in its entry`
  }
}

/** The server asked for URL elicitations first (-32042), and the person declined one of them. */
export class ElicitationDeclined extends Data.TaggedError("ElicitationDeclined")<{
  readonly code: number
  readonly data: unknown
  /** The answer: `decline` or `cancel`. */
  readonly action: string
  readonly url: string
}> {
  override get message(): string {
    return `the server asks for a visit to ${this.url} first, and the answer was ${this.action}`
  }
}

/** The connection ended, or lost this request. */
export class Transport extends Data.TaggedError("Transport")<{ readonly error: TransportError }> {
  /** Whether one answer was refused or lost, and nothing else. A lost session is more than that. */
  get isOneAnswer(): boolean {
    const { reason } = this.error
    if (reason._tag === "HttpStatus") return !isSessionLost(reason)
    return reason._tag === "MessageTooLarge" || reason._tag === "StreamEnded" || reason._tag === "UnexpectedContent"
  }
  /** Whether the same request may be answered a moment later: the server is down or busy, or its stream broke. */
  get isPassing(): boolean {
    return this.error.reason._tag === "StreamEnded" || isPassingError(this.error)
  }
  override get message(): string {
    return this.error.message
  }
}

export type SessionReason =
  Protocol | Timeout | InvalidResponse | NotDeclared | TooMany | UnsupportedRevision | ElicitationDeclined | Transport

/** Whether the same may succeed a moment later: nothing was answered, or that the server is down or busy. */
export const isPassing = (reason: SessionReason): boolean =>
  reason._tag === "Timeout" || (reason._tag === "Transport" && reason.isPassing)

/** The error of every request of a session. */
export class SessionError extends Data.TaggedError("SessionError")<{
  /** The server's name in the configuration. */
  readonly server: string
  /** The method of the request that failed. */
  readonly method: string
  readonly reason: SessionReason
}> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return `${this.server}: ${this.method}: ${this.reason.message}`
  }
}

/** The error of a request whose transport ended, or lost it. */
export const lost = (server: string, method: string, error: TransportError): SessionError =>
  new SessionError({ server, method, reason: new Transport({ error }) })

/** The error of a request whose connection this side closed. */
export const closed = (server: string, method: string): SessionError => lost(server, method, fail(new Closed()))
