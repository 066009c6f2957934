/**
 * A server in the same process: a plugin's own, or a test's.
 *
 * Messages are handed over as they are, not copied: JSON values are not changed by whoever receives them. Each is
 * delivered in a turn of its own, so that neither side is called while it is calling.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Message } from "../protocol/jsonrpc.ts"
import { Closed, CustomEnded, fail } from "./error.ts"
import type { Connection, Receiver } from "./transport.ts"

/** The client, as an in-memory server sees it. */
export interface InMemoryClient {
  /** Sends a message, or an array of them. */
  readonly send: (message: unknown) => void
  /** Ends the connection; `cause` is what the client learns. */
  readonly end: (cause?: unknown) => void
}

/**
 * An in-memory server: run once for each connection, in its Scope, it gives the function that takes the client's
 * messages.
 */
export type InMemoryPeer<R = never> = (
  client: InMemoryClient,
) => Effect.Effect<(message: Message) => void, never, R | Scope.Scope>

/** Connects to an in-memory server. */
export const open = <R>(peer: InMemoryPeer<R>, receiver: Receiver): Effect.Effect<Connection, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    let over = false
    const later = (deliver: () => void) =>
      queueMicrotask(() => {
        if (!over) deliver()
      })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (over) return
        over = true
        receiver.ended(fail(new Closed()))
      }),
    )
    const end = (cause: unknown) => {
      over = true
      receiver.ended(fail(new CustomEnded({ cause })))
    }
    const take = yield* peer({
      send: (message) => later(() => receiver.message(message)),
      end: (cause = "the server ended the connection") => later(() => end(cause)),
    })
    const deliver = (message: Message) => {
      // A server that throws ends as a process would, not the client.
      const exit = Effect.runSyncExit(Effect.sync(() => take(message)))
      if (Exit.isFailure(exit) && !over) end(Cause.squash(exit.cause))
    }
    return {
      send: (message) => {
        later(() => deliver(message))
        return true
      },
      abandoned: () => true,
      negotiated: () => undefined,
    }
  })
