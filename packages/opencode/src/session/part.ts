/** The parts of a conversation, as OpenCode has them: what the person writes, what the model says, what it calls. */
import * as Schema from "effect/Schema"

const metadata = Schema.Record(Schema.String, Schema.Unknown)
/** What the provider wants to have back with a part: a signature, an id. */
const kept = { metadata: Schema.optionalKey(metadata) }

/** A text. `synthetic`: the host's own, not the person's. */
export const TextPart = Schema.Struct({
  type: Schema.Literal("text"),
  text: Schema.String,
  synthetic: Schema.optionalKey(Schema.Boolean),
  ...kept,
})
export type TextPart = typeof TextPart.Type

/** A file that the person attaches: by its content, or a resource of a server, which is read when the session needs it. */
export const FilePart = Schema.Struct({
  type: Schema.Literal("file"),
  /** `image/png` */
  mime: Schema.String,
  filename: Schema.optionalKey(Schema.String),
  /** A `data:` URL, unless `source` says where the content is. */
  url: Schema.String,
  source: Schema.optionalKey(
    Schema.Struct({ type: Schema.Literal("resource"), clientName: Schema.String, uri: Schema.String }),
  ),
})
export type FilePart = typeof FilePart.Type

/** What a prompt is made of. */
export const InputPart = Schema.Union([TextPart, FilePart])
export type InputPart = typeof InputPart.Type

/** What the model thinks aloud. */
export const ReasoningPart = Schema.Struct({ type: Schema.Literal("reasoning"), text: Schema.String, ...kept })
export type ReasoningPart = typeof ReasoningPart.Type

/** A file of a result. */
const Attachment = Schema.Struct({
  type: Schema.Literal("file"),
  mime: Schema.String,
  filename: Schema.optionalKey(Schema.String),
  url: Schema.String,
})

/** A call of a tool, as it stands. */
export const ToolPart = Schema.Struct({
  type: Schema.Literal("tool"),
  callID: Schema.String,
  /** The key that the model knows it by. */
  tool: Schema.String,
  /** The tool by which the model called it, where that is another one: `mcp_call`. */
  via: Schema.optionalKey(Schema.String),
  ...kept,
  state: Schema.Union([
    Schema.Struct({
      status: Schema.Literal("running"),
      input: Schema.Unknown,
      title: Schema.optionalKey(Schema.String),
      metadata: Schema.optionalKey(metadata),
    }),
    Schema.Struct({
      status: Schema.Literal("completed"),
      input: Schema.Unknown,
      output: Schema.String,
      title: Schema.String,
      metadata,
      attachments: Schema.optionalKey(Schema.Array(Attachment)),
    }),
    Schema.Struct({
      status: Schema.Literal("error"),
      input: Schema.Unknown,
      /** What the model is told. */
      error: Schema.String,
      metadata: Schema.optionalKey(metadata),
    }),
  ]),
})
export type ToolPart = typeof ToolPart.Type

/** A part of either. */
export const Content = Schema.Union([TextPart, FilePart, ReasoningPart, ToolPart])
export type Content = typeof Content.Type

const place = { id: Schema.String, sessionID: Schema.String, messageID: Schema.String }

/** A part where it stands. Parts and messages that are made later have greater ids. */
export const Part = Schema.Union([
  Schema.Struct({ ...place, ...TextPart.fields }),
  Schema.Struct({ ...place, ...FilePart.fields }),
  Schema.Struct({ ...place, ...ReasoningPart.fields }),
  Schema.Struct({ ...place, ...ToolPart.fields }),
])
export type Part = typeof Part.Type
