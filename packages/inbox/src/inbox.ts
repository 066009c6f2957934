/** The page's server: listens on loopback as long as the Scope, and lets in who knows the secret of the run. */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Host } from "./host.ts"
import type { Underway } from "./underway.ts"

/** The page cannot be served. */
export class InboxError extends Data.TaggedError("InboxError")<{ readonly detail: string; readonly cause?: unknown }> {
  override get message(): string {
    return this.detail
  }
}

export interface Inbox {
  /** Where the page is, with the secret: for the person's eyes. */
  readonly url: string
  /** An address for a browser's command line, where others on the machine may read it: good once, for a minute. */
  readonly ticket: Effect.Effect<string>
  /** Whether a page is open somewhere. */
  readonly isWatched: () => boolean
}

export interface Options {
  /** The page, one HTML document with its script and style inside (`page.ts`). */
  readonly html: string
  /** Default: any that is free. */
  readonly port?: number | undefined
}

export declare const listen: (host: Host, options: Options) => Effect.Effect<Inbox, InboxError, Scope.Scope | Underway>
