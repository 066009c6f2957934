/** What the page stands on: the client, its questions, and what only the host of both knows. */
import type { Questions } from "@opencode-ai/mcp/capability/questions"
import type { SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import type { Mcp } from "@opencode-ai/mcp/mcp"
import type * as Effect from "effect/Effect"

/** Something that the person asked for was not done. */
export interface Refusal {
  readonly tag: string
  readonly message: string
  readonly hint?: string | undefined
}

export interface Host {
  /** With the calls of everybody seen: `Underway.layer` in its way. */
  readonly mcp: Mcp["Service"]
  readonly questions: Questions["Service"]
  /** The project's directory, to be shown. */
  readonly directory: string
  readonly version: string
  /** Hides the secrets of the configuration. */
  readonly mask: (text: string) => string
  /** How long a question waits, in milliseconds. */
  readonly interactionTimeout: number
  /**
   * What a server runs or reaches; of one that waits for approval, everything that the person has to see first, and what
   * stands for exactly that.
   */
  readonly describe: (
    server: string,
  ) => Effect.Effect<{ readonly how: string; readonly review?: string | undefined; readonly form?: string | undefined }>
  readonly connect: (server: string) => Effect.Effect<void, Refusal>
  readonly disconnect: (server: string) => Effect.Effect<void, Refusal>
  /** Approves a server that a project's files define, in the form that `form` stands for and no other, and connects it. */
  readonly trust: (server: string, form: string) => Effect.Effect<void, Refusal>
  /** Which model would be asked, where that can be told. */
  readonly model: (request: SamplingRequest) => Effect.Effect<string | undefined>
}
