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
  /** The server has taken `notifications/initialized`, or will not. */
  readonly release: () => void
  /** Nobody waits for the answer to this request: if it is still here, it is not sent. Returns whether it was. */
  readonly forget: (id: RequestId) => boolean
  /** How many messages wait. */
  readonly held: () => number
}

/** How long messages wait for a server that does not say that it has taken the notification, in milliseconds. */
const bound = 2_000

/** A gate before `transmit`. It closes with each `initialize`; `opened` is called whenever it opens. */
export const makeGate = (exchange: Exchange, transmit: (message: Message) => void, opened: () => void): Gate => {
  let messages: Array<Message> | undefined
  let isOpen = false
  let handshakes = 0
  const release = () => {
    if (isOpen) return
    isOpen = true
    const held = messages
    messages = undefined
    opened()
    held?.forEach(transmit)
  }
  return {
    pass: (message) => {
      if (messages !== undefined) messages.push(message)
      else {
        const method = "method" in message ? message.method : undefined
        if (method === "initialize") isOpen = false
        if (!isOpen && method === "notifications/initialized") {
          messages = []
          const own = ++handshakes
          exchange.fork(
            Effect.andThen(
              Effect.sleep(bound),
              Effect.sync(() => {
                if (own === handshakes) release()
              }),
            ),
          )
        }
        transmit(message)
      }
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
