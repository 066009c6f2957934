/**
 * Who this client is to one server: the headers of its requests, and what is done when the server asks for others.
 *
 * The headers go to the origin of the server's URL and nowhere else; keeping that is the transport's part, by way of
 * `Http`. How credentials are got and kept is the layer's.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AuthError } from "./error.ts"

/** Headers, names in lower case. */
export type AuthHeaders = Readonly<Record<string, string>>

/** A server's answer that asks for other credentials (HTTP 401, or 403). */
export interface Challenge {
  readonly status: 401 | 403
  readonly url: string
  /** The `WWW-Authenticate` header, as it came. */
  readonly header: string | undefined
  /** What the refused request was sent with: they may have been replaced meanwhile. */
  readonly sent: AuthHeaders
  /** The `DPoP-Nonce` header (RFC 9449, 8). */
  readonly nonce?: string | undefined
}

/** A request that is about to be sent. */
export interface Signable {
  readonly method: string
  readonly url: string
}

/**
 * The credentials for one server.
 *
 * @example
 * ```ts
 * class Vault extends Context.Service<
 *   Vault,
 *   { readonly token: Effect.Effect<string>; readonly forget: Effect.Effect<void> }
 * >()("Vault") {}
 *
 * const fromVault = Layer.effect(Auth)(
 *   Effect.gen(function* () {
 *     const vault = yield* Vault
 *     return {
 *       current: () => undefined,
 *       headers: Effect.map(vault.token, (token) => ({ authorization: `Bearer ${token}` })),
 *       challenged: () => Effect.as(vault.forget, true),
 *     }
 *   }),
 * )
 * ```
 */
export class Auth extends Context.Service<
  Auth,
  {
    /**
     * The headers of the next request where they are known at once, `undefined` where `headers` has to be run. The same
     * object as long as they are the same.
     */
    readonly current: () => AuthHeaders | undefined
    /** The headers of the next request, however long it takes to get them. */
    readonly headers: Effect.Effect<AuthHeaders, AuthError>
    /**
     * The server refused a request: `true` if it is worth sending once more, with new headers; `"replaced"` if those were
     * got without a look at this challenge, so that the same challenge to them is worth an answer of its own.
     */
    readonly challenged: (challenge: Challenge) => Effect.Effect<boolean | "replaced", AuthError>
    /**
     * Told that the server refuses (401) whatever `challenged` brings: several requests in a row, each with what was new, and
     * nothing was accepted in between. The last of them has not failed yet.
     */
    readonly refused?: (() => void) | undefined
    /**
     * Headers of one request alone, besides those it is sent with: a proof that the client holds a key (RFC 9449).
     * `undefined` where there are none.
     */
    readonly sign?:
      ((request: Signable, headers: AuthHeaders) => Effect.Effect<AuthHeaders, AuthError> | undefined) | undefined
    /** Told of each response to a request that was signed. */
    readonly answered?: ((request: Signable, response: Headers) => void) | undefined
  }
>()("@opencode/mcp/Auth") {}
