/** Long outputs: cut for the model, whole in a file. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** An output as the model gets it. */
export type Truncated =
  | { readonly content: string; readonly truncated: false }
  /** `outputPath` holds the whole text; it is absent where none could be written. */
  | { readonly content: string; readonly truncated: true; readonly outputPath?: string }

/** A part of an output. */
export interface Piece {
  readonly text: string
  /** From 0 to 1: what matters least is cut first. Default: 0.5. */
  readonly priority?: number | undefined
}

export interface Interface {
  /** Cuts beyond 2,000 lines or 50 KiB, and says in the output where the rest is. Pieces are parted by an empty line. */
  readonly output: (text: string | ReadonlyArray<Piece>) => Effect.Effect<Truncated>
  /** Keeps what no model can be given in a file; `undefined` where none can be written. */
  readonly keep: (content: string | Uint8Array, extension: string) => Effect.Effect<string | undefined>
}

/** What bounds outputs in an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Truncate") {}
