/** How the documents and endpoints of an authorization are reached, and which URLs of a server's are gone to at all. */
import * as Effect from "effect/Effect"
import { shownUrl } from "../http/error.ts"
import * as FetchLike from "../http/fetch-like.ts"
import * as Guard from "../http/guard.ts"
import type { Networking } from "../http/networking.ts"
import { type AuthError, DocumentRefused, fail } from "./error.ts"
import type { OAuthOptions } from "./options.ts"

/** A URL, and which document of a server's names it. */
export interface Named {
  /** As a person calls it: "the authorization server's metadata". */
  readonly document: string
  /** Where the document came from. */
  readonly from: string
  readonly field: string
  readonly url: string
}

export interface Network {
  /** Guarded, bounded at 1 MiB and 10 s; it carries no header of the server's entry. Rejects with an `HttpError`. */
  readonly fetch: FetchLike.FetchLike
  /** The URL, if it is one that a person or this client may be sent to; else `DocumentRefused`. */
  readonly allow: (named: Named) => Effect.Effect<URL, AuthError>
}

/** The network of one server's authorization: the guard lets it go to its own host, and to those that the entry names. */
export const make = (server: {
  readonly url: string
  readonly options: OAuthOptions
  /** TLS and proxy of its entry. */
  readonly networking?: Networking | undefined
}): Effect.Effect<Network> =>
  Effect.gen(function* () {
    const { networking, options, url } = server
    const guard = Guard.make(url, options.grant === "enterprise" ? [options.idpIssuer] : [])
    return {
      fetch: yield* FetchLike.make({ guard, networking }),
      allow: (named) =>
        // A person is sent there, with a browser: not without TLS, whatever the entry says.
        Effect.mapError(
          (named.field === "authorization_endpoint" ? Guard.checkPage : Guard.check)(named.url, guard),
          ({ reason }) =>
            fail(
              new DocumentRefused({
                document: named.document,
                url: shownUrl(named.from),
                field: named.field,
                expected: "a URL that may be gone to",
                received: `${shownUrl(named.url)}: ${"detail" in reason ? reason.detail : reason._tag}`,
                hint: "hint" in reason ? reason.hint : "Ask the operator of the server.",
              }),
            ),
        ),
    }
  })
