/** The messages of a conversation, and what the bus says of them, in OpenCode's shapes. */
import * as Schema from "effect/Schema"
import { define } from "../bus/index.ts"
import { Part } from "./part.ts"

/** An error as the bus and a message have it. */
export const NamedError = Schema.Struct({
  name: Schema.Literals(["ProviderAuthError", "APIError", "MessageAbortedError", "UnknownError"]),
  data: Schema.Struct({
    message: Schema.String,
    providerID: Schema.optionalKey(Schema.String),
    statusCode: Schema.optionalKey(Schema.Number),
    isRetryable: Schema.optionalKey(Schema.Boolean),
  }),
})
export type NamedError = typeof NamedError.Type

const Tokens = Schema.Struct({
  input: Schema.Number,
  output: Schema.Number,
  reasoning: Schema.Number,
  cache: Schema.Struct({ read: Schema.Number, write: Schema.Number }),
})

/** What the person said. Times are milliseconds since 1970. */
export const User = Schema.Struct({
  id: Schema.String,
  sessionID: Schema.String,
  role: Schema.Literal("user"),
  time: Schema.Struct({ created: Schema.Number }),
  model: Schema.Struct({ providerID: Schema.String, modelID: Schema.String }),
  system: Schema.optionalKey(Schema.String),
})
export type User = typeof User.Type

/** One answer of the model: the calls in it are answered before the next. */
export const Assistant = Schema.Struct({
  id: Schema.String,
  sessionID: Schema.String,
  role: Schema.Literal("assistant"),
  /** The message of the person's that it answers. */
  parentID: Schema.String,
  time: Schema.Struct({ created: Schema.Number, completed: Schema.optionalKey(Schema.Number) }),
  providerID: Schema.String,
  modelID: Schema.String,
  /** Why the model ended: `stop`, `tool-calls`, `length`, `content-filter`, `other`. */
  finish: Schema.optionalKey(Schema.String),
  error: Schema.optionalKey(NamedError),
  tokens: Schema.optionalKey(Tokens),
})
export type Assistant = typeof Assistant.Type

export const Info = Schema.Union([User, Assistant])
export type Info = typeof Info.Type

/** What a session does. `next`: when the provider is asked again, in milliseconds since 1970. */
export const Status = Schema.Union([
  Schema.Struct({ type: Schema.Literal("idle") }),
  Schema.Struct({ type: Schema.Literal("busy") }),
  Schema.Struct({
    type: Schema.Literal("retry"),
    attempt: Schema.Number,
    message: Schema.String,
    next: Schema.Number,
  }),
])
export type Status = typeof Status.Type

const sessionID = Schema.String
const place = { sessionID, messageID: Schema.String, partID: Schema.String }

/** A message is there, or changed. */
export const MessageUpdated = define("message.updated", Schema.Struct({ sessionID, info: Info }))
/** A part is there, or changed. */
export const PartUpdated = define("message.part.updated", Schema.Struct({ sessionID, part: Part }))
/** A text grew. */
export const PartDelta = define(
  "message.part.delta",
  Schema.Struct({ ...place, field: Schema.Literal("text"), delta: Schema.String }),
)
/** A part is gone: an answer that broke off is asked for again. */
export const PartRemoved = define("message.part.removed", Schema.Struct(place))
export const StatusChanged = define("session.status", Schema.Struct({ sessionID, status: Status }))
export const Idle = define("session.idle", Schema.Struct({ sessionID }))
export const Failed = define("session.error", Schema.Struct({ sessionID, error: NamedError }))
/** A slash command became a message. */
export const CommandExecuted = define(
  "command.executed",
  Schema.Struct({ name: Schema.String, sessionID, arguments: Schema.String, messageID: Schema.String }),
)
