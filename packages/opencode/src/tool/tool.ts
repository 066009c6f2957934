/** A tool as a session runs it, whoever offers it. */
import type * as Effect from "effect/Effect"

/** A file of a result. */
export interface Attachment {
  readonly type: "file"
  /** `image/png` */
  readonly mime: string
  readonly filename?: string
  /** A `data:` URL. */
  readonly url: string
}

/** What a call gave. */
export interface Result {
  readonly title: string
  /** For whoever shows the call: never sent to the model. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** What the model reads. */
  readonly output: string
  readonly attachments?: ReadonlyArray<Attachment>
}

/** What a call knows of where it is made. */
export interface Context {
  readonly sessionID: string
  readonly messageID: string
  readonly callID: string
  /** Tells who watches how far the call is. */
  readonly metadata: (value: { readonly title?: string; readonly metadata?: object }) => Effect.Effect<void>
}

/** A tool of the host's own. */
export interface Info {
  readonly id: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** What it fails with is what the model is told. Interrupting it cancels it. */
  readonly execute: (args: unknown, context: Context) => Effect.Effect<Result, Error>
}
