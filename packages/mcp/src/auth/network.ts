/** How the documents and endpoints of an authorization are reached, and which URLs of a server's are gone to at all. */
import type * as Effect from "effect/Effect"
import type { AuthError } from "./error.ts"

export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>

export interface Network {
  /** Guarded, bounded at 1 MiB and 10 s; it carries no header of the server's entry. Rejects with an `HttpError`. */
  readonly fetch: FetchLike
  /** A URL that a document names, if it is one that a person or this client may be sent to. */
  readonly allow: (named: {
    /** "the authorization server's metadata" */
    readonly document: string
    /** Where the document came from. */
    readonly from: string
    readonly field: string
    readonly url: string
  }) => Effect.Effect<URL, AuthError>
}
