/**
 * The one trait that every transport implements: open, send, receive, close.
 *
 * A transport turns bytes into parsed JSON values and back. It knows nothing of sessions: it does not correlate, does
 * not time out and does not retry a message. It is written with plain callbacks, because a message must not cost a
 * fibre; a plugin author who has a `Stream` uses `TransportLayer.custom`, which adapts it to this.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Message, RequestId } from "../protocol/jsonrpc.ts"
import type { Revision } from "../protocol/revision.ts"
import type { TransportError } from "./error.ts"

/** What a session gives to its transport. Each is called synchronously and never throws. */
export interface Receiver {
  /**
   * One parsed JSON value: a message, or an array of them. `related` is the id of the request on whose own stream it
   * came, where the transport has such streams.
   */
  readonly message: (value: unknown, related?: RequestId) => void
  /** The request will get no answer. The connection lives on. */
  readonly failed: (id: RequestId, error: TransportError) => void
  /** `send` accepts messages again. */
  readonly writable: () => void
  /** The connection is over; called once, and nothing is called after it. */
  readonly ended: (error: TransportError) => void
  /** The server has forgotten the session, as a refusal of what no caller waits for tells (`session-lost.ts`). */
  readonly forgotten: (error: TransportError) => void
  /** A line that the server wrote to stderr. */
  readonly stderr: (line: string) => void
  /** Something was ignored that a person may want to know of. */
  readonly warning: (message: string) => void
}

/** An open connection. Closing its Scope is the only way to close it. */
export interface Connection {
  /**
   * Hands a message to the transport. `false` means that too much waits to be written: the message was not taken, and
   * `writable` is called when it can be offered again.
   */
  readonly send: (message: Message) => boolean
  /**
   * Nobody waits for this answer any longer. `false`: the request never left, was refused or is over, so the server is
   * told nothing of it. `true`: the server may have it, and `notifications/cancelled` comes next; what was opened for the
   * request alone may be closed once that has arrived, and not before, or it would name a request that nobody has seen.
   */
  readonly abandoned: (id: RequestId) => boolean
  /** The handshake is over: from here on the revision is named where the transport names it. */
  readonly negotiated: (revision: Revision) => void
  /** What the connection turned out to be, where the transport's own `kind` leaves that open. */
  readonly kind?: string | undefined
  /** The process id of a local server. */
  readonly pid?: number | undefined
  /** Whether others use what is behind the connection, and would lose it with this one. Default: nobody does. */
  readonly serves?: (() => boolean) | undefined
}

/**
 * The transport of one server.
 *
 * @example
 * ```ts
 * const mute = Layer.succeed(Transport)({
 *   kind: "mute",
 *   open: () => Effect.succeed({ send: () => true, abandoned: () => true, negotiated: () => undefined }),
 * })
 * ```
 */
export class Transport extends Context.Service<
  Transport,
  {
    /** `stdio`, `streamable-http`, `sse`, `in-memory`, or the name of a custom one. */
    readonly kind: string
    /** Opens the connection; it lives as long as the Scope. */
    readonly open: (receiver: Receiver) => Effect.Effect<Connection, TransportError, Scope.Scope>
  }
>()("@opencode/mcp/Transport") {}
