/**
 * JSON-RPC 2.0 envelopes as MCP uses them (Base Protocol, Messages).
 *
 * A received value is told apart by the members it has, once, without copying it; what is in `params` or `result` is
 * not looked at here.
 */

/** The id of a request. Ours are numbers; a server may use strings. */
export type RequestId = string | number

/** A JSON object whose members are not known. */
export interface JsonObject {
  readonly [key: string]: unknown
}

/** The `error` member of an answer. */
export interface ErrorObject {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export interface RequestMessage {
  readonly jsonrpc: "2.0"
  readonly id: RequestId
  readonly method: string
  readonly params?: object | undefined
}

export interface NotificationMessage {
  readonly jsonrpc: "2.0"
  readonly method: string
  readonly params?: object | undefined
}

export interface ResultMessage {
  readonly jsonrpc: "2.0"
  readonly id: RequestId
  readonly result: object
}

export interface ErrorMessage {
  readonly jsonrpc: "2.0"
  readonly id: RequestId
  readonly error: ErrorObject
}

/** A message that this client sends. */
export type Message = RequestMessage | NotificationMessage | ResultMessage | ErrorMessage

export const isRequest = (message: Message): message is RequestMessage => "method" in message && "id" in message

/** A received object with the members that tell its kind, none of them trusted yet. */
export interface Incoming {
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

export const invalidRequest = -32600
export const methodNotFound = -32601
export const invalidParams = -32602
export const internalError = -32603
/** The request waits for URL elicitations (2025-11-25, Elicitation, URL Elicitation Required Error). */
export const urlElicitationRequired = -32042
/** A person said no (Sampling, Error Handling). */
export const userRejected = -1

/** The member of `_meta` that says which task a message belongs to (2025-11-25, Tasks, Related Task Metadata). */
export const relatedTaskKey = "io.modelcontextprotocol/related-task"

/** Whether a value is a JSON object (not null, not an array). */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A string or a whole number: JSON-RPC discourages others, the schemas of MCP do not have them. */
export const isRequestId = (value: unknown): value is RequestId => typeof value === "string" || Number.isInteger(value)

/** Reads an `error` member, however incomplete. */
export const errorObject = (value: unknown): ErrorObject =>
  isObject(value)
    ? {
        code: typeof value.code === "number" ? value.code : internalError,
        message: typeof value.message === "string" ? value.message : "the server gave no message",
        ...("data" in value ? { data: value.data } : {}),
      }
    : { code: internalError, message: "the server answered with an error that is not an object" }
