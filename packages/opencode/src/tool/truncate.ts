/** Long outputs: cut for the model, whole in a file. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** An output as the model gets it. */
export type Truncated =
  | { readonly content: string; readonly truncated: false }
  /** `outputPath` holds the whole text. */
  | { readonly content: string; readonly truncated: true; readonly outputPath: string }

export interface Interface {
  /** Cuts beyond 2,000 lines or 50 KiB, and says in the output where the rest is. */
  readonly output: (text: string) => Effect.Effect<Truncated>
}

/** What bounds outputs in an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Truncate") {}
