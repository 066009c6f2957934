/** The text in which a message leaves. */
import { write } from "../protocol/json.ts"
import { isRequest, type Message } from "../protocol/jsonrpc.ts"
import { fail, Unsendable } from "./error.ts"
import type { Receiver } from "./transport.ts"

/** A message as JSON. One that cannot be written costs its own request, and `undefined` is returned. */
export const encode = (message: Message, receiver: Receiver): string | undefined => {
  const text = write(message)
  if (text !== undefined) return text
  const error = fail(new Unsendable())
  if (isRequest(message)) receiver.failed(message.id, error)
  else receiver.warning(`${"method" in message ? message.method : "an answer"} was not sent: ${error.message}`)
  return undefined
}
