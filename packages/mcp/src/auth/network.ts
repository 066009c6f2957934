/** How the documents and endpoints of an authorization are reached, and which URLs of a server's are gone to at all. */
import * as Effect from "effect/Effect"
import type { AuthError } from "./error.ts"
import type { OAuthOptions } from "./options.ts"

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

/** The network of one server's authorization: the guard knows its own host, and those that the entry names. */
export const make = (_server: { readonly url: string; readonly options: OAuthOptions }): Effect.Effect<Network> =>
  Effect.die("being built")
