/** A request of the server that is answered with an error. */
import * as Data from "effect/Data"
import { invalidParams } from "../protocol/jsonrpc.ts"

/** A request of the server is refused: it becomes the JSON-RPC error of the answer. */
export class RequestRefused extends Data.TaggedError("RequestRefused")<{
  readonly code: number
  readonly message: string
  readonly data?: unknown
}> {}

/** The request makes no sense. `message` names the field, and what was expected there. */
export const malformed = (message: string): RequestRefused => new RequestRefused({ code: invalidParams, message })
