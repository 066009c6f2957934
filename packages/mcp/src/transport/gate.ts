/**
 * Messages of one connection may travel on different sockets, and a server may refuse a request that overtakes
 * `notifications/initialized`: what is sent after it waits here until the server has taken it.
 */
import * as Effect from "effect/Effect"
import { isRequest, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import type { Exchange } from "./exchange.ts"

export interface Gate {
  /** Transmits the message, now or when the gate opens. */
  readonly pass: (message: Message) => void
  /** The server has taken this `notifications/initialized`, or will not. One of an earlier handshake opens nothing. */
  readonly release: (initialized: Message) => void
  /** Nobody waits for the answer to this request: if it is still here, it is not sent. Returns whether it was. */
  readonly forget: (id: RequestId) => boolean
  /** How many messages wait. */
  readonly held: () => number
}

/** How long messages wait for a server that does not say that it has taken the notification, in milliseconds. */
const bound = 2_000

/** A gate before `transmit`. It closes with each handshake; `opened` is called whenever it opens. */
export const makeGate = (exchange: Exchange, transmit: (message: Message) => void, opened: () => void): Gate => {
  let messages: Array<Message> | undefined
  /** The notification that is waited for. */
  let current: Message | undefined
  const release = (initialized: Message) => {
    if (initialized !== current) return
    current = undefined
    const held = messages
    messages = undefined
    opened()
    held?.forEach((message) => transmit(message))
  }
  return {
    pass: (message) => {
      const method = "method" in message ? message.method : undefined
      // The next session: whether the one before was ever taken is of no interest, and what waits, waits for this one.
      if (method === "initialize") current = undefined
      else if (method === "notifications/initialized") {
        current = message
        messages ??= []
        exchange.fork(
          Effect.andThen(
            Effect.sleep(bound),
            Effect.sync(() => release(message)),
          ),
        )
      } else if (messages !== undefined) return void messages.push(message)
      transmit(message)
    },
    release,
    forget: (id) => {
      const before = messages?.length
      messages = messages?.filter((message) => !isRequest(message) || message.id !== id)
      return messages?.length !== before
    },
    held: () => messages?.length ?? 0,
  }
}
