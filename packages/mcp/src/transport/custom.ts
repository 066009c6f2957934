/**
 * A transport of a plugin author's: anything that has a stream of messages and a way to send one.
 *
 * Messages are sent one after another, in order; what waits is bounded, and a message that cannot be sent costs its own
 * request. The connection ends when the stream does.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { parse } from "../protocol/json.ts"
import { isRequest, type Message } from "../protocol/jsonrpc.ts"
import { Closed, CustomEnded, fail, type TransportError } from "./error.ts"
import type { Connection, Receiver } from "./transport.ts"

/** An open connection of a custom transport. */
export interface CustomConnection<E> {
  /** Sends one message; done when it was taken. */
  readonly send: (message: Message) => Effect.Effect<void, E>
  /** What the server sends: parsed JSON, or its text. */
  readonly messages: Stream.Stream<unknown, E>
}

export interface CustomOptions<E, R> {
  /** Its name in status and logs. */
  readonly kind: string
  /** Opens a connection, which lives as long as its Scope. */
  readonly open: Effect.Effect<CustomConnection<E>, E, R | Scope.Scope>
}

/** Messages that may wait to be sent before `send` refuses. */
const waitingLimit = 1_000

const custom = (cause: unknown) => fail(new CustomEnded({ cause }))

/** Opens a connection of a custom transport. */
export const open = <E, R>(
  options: CustomOptions<E, R>,
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.mapError(options.open, custom)
    const queue = yield* Queue.unbounded<Message>()
    let waiting = 0
    let refused = false
    let over = false
    const end = (error: TransportError) =>
      Effect.sync(() => {
        if (over) return
        over = true
        receiver.ended(error)
      })
    const lose = (message: Message, cause: unknown) => {
      if (over) return
      if (isRequest(message)) receiver.failed(message.id, custom(cause))
      else receiver.warning(`a message was not delivered: ${custom(cause).message}`)
    }
    const receive = (value: unknown) =>
      Effect.sync(() => {
        if (over) return
        const message = typeof value === "string" ? parse(value) : value
        if (typeof message === "object" && message !== null) receiver.message(message)
        else receiver.warning(`sent what is not JSON-RPC: ${String(value).slice(0, 200)}`)
      })
    const sendNext = Effect.flatMap(Queue.take(queue), (message) =>
      Effect.map(Effect.exit(Effect.suspend(() => connection.send(message))), (exit) => {
        waiting -= 1
        if (Exit.isFailure(exit)) lose(message, Cause.squash(exit.cause))
        if (!refused || over || waiting > waitingLimit / 2) return
        refused = false
        receiver.writable()
      }),
    )
    yield* Effect.addFinalizer(() => end(fail(new Closed())))
    yield* Effect.forkScoped(Effect.forever(sendNext))
    yield* Effect.forkScoped(
      Stream.runForEach(connection.messages, receive).pipe(
        Effect.matchCauseEffect({
          onFailure: (cause) => end(custom(Cause.squash(cause))),
          onSuccess: () => end(custom("the stream of messages ended")),
        }),
      ),
    )
    return {
      send: (message) => {
        if (waiting >= waitingLimit) {
          refused = true
          return false
        }
        waiting += 1
        Queue.offerUnsafe(queue, message)
        return true
      },
      abandoned: () => true,
      negotiated: () => undefined,
    }
  })
