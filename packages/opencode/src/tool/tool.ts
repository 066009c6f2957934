/** A tool as a session runs it, whoever offers it. */
import type * as Effect from "effect/Effect"
import type { AskInput } from "../permission/index.ts"

/** A file of a result. */
export interface Attachment {
  readonly type: "file"
  /** `image/png` */
  readonly mime: string
  readonly filename?: string
  /** A `data:` URL. */
  readonly url: string
}

/** Content whose audience the model is no part of, and files that it cannot take. */
export interface Shown {
  readonly text: string
  readonly attachments: ReadonlyArray<Attachment>
}

/** What a call gave. */
export interface Result {
  readonly title: string
  /**
   * For whoever shows the call: never sent to the model. `shown`, a `Shown`, is what is for the person alone; `outputPath`
   * is the file that holds the whole of an output that was cut.
   */
  readonly metadata: Readonly<Record<string, unknown>>
  /** What the model reads: never empty. */
  readonly output: string
  /** What the model gets besides. */
  readonly attachments?: ReadonlyArray<Attachment>
}

/** What a call knows of where it is made. */
export interface Context {
  readonly sessionID: string
  readonly messageID: string
  readonly callID: string
  /** Tells who watches how far the call is. */
  readonly metadata: (value: {
    readonly title?: string
    readonly metadata?: Readonly<Record<string, unknown>>
  }) => Effect.Effect<void>
  /** Waits until it may be done: in this session, for this call. */
  readonly ask: (
    question: Pick<AskInput, "permission" | "patterns" | "always" | "metadata">,
  ) => Effect.Effect<void, Error>
}

/** A tool of the host's own. */
export interface Info {
  readonly id: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** The permission that it asks for: where a rule denies all of that, no model is offered the tool. Default: `id`. */
  readonly permission?: string
  /** What it fails with is what the model is told. Interrupting it cancels it. */
  readonly execute: (args: unknown, context: Context) => Effect.Effect<Result, Error>
}
