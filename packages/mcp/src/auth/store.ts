/**
 * What is kept of the authorizations of servers: tokens, clients, sign-ins that were begun.
 *
 * A record belongs to one URL under one name, and its tokens and client to the one authorization server that issued
 * them: another URL under the same name finds nothing, and another issuer is never sent what is in here.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import type { AuthError } from "./error.ts"
import { make as makeFile } from "./store/file.ts"
import { platform } from "./store/keychain.ts"

/** A server as credentials are kept for it: its name, and its URL without fragment. */
export interface Place {
  readonly server: string
  readonly url: string
  /** Where, if there is a choice. */
  readonly store?: "file" | "keychain" | undefined
}

export interface Tokens {
  readonly access: Redacted.Redacted<string>
  readonly refresh?: Redacted.Redacted<string> | undefined
  /** Milliseconds since 1970; absent where the server did not say. */
  readonly expiresAt?: number | undefined
  /** When it was issued, milliseconds since 1970: what the margin before `expiresAt` is measured by. */
  readonly issuedAt?: number | undefined
  /** What was granted, space-separated; absent where it is what was asked. */
  readonly scope?: string | undefined
  readonly type: "Bearer" | "DPoP"
}

/** A client that an authorization server knows. */
export interface Client {
  readonly id: string
  readonly secret?: Redacted.Redacted<string> | undefined
  /** Milliseconds since 1970, where the secret expires. */
  readonly secretExpiresAt?: number | undefined
  /** How it authenticates at the token endpoint, where its registration says so. */
  readonly method?: string | undefined
  /** What it was registered with; a client with others has to be registered anew. */
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** `configured` ones are not kept; they are here for those who ask which client is used. */
  readonly origin: "configured" | "document" | "registered"
}

/** A sign-in that was begun and waits for its callback. */
export interface Pending {
  readonly state: string
  readonly codeVerifier: Redacted.Redacted<string>
  readonly redirectUri: string
  readonly scope?: string | undefined
  /** The authorization server that the person was sent to, and its client: a callback of another is refused. */
  readonly issuer: string
  readonly client: Client
}

export interface Credentials {
  /** The authorization server of `tokens` and `client`. Absent in records that another program wrote. */
  readonly issuer?: string | undefined
  readonly tokens?: Tokens | undefined
  readonly client?: Client | undefined
  readonly pending?: Pending | undefined
  /** The private key of DPoP, a JWK as JSON: it lives as long as the tokens that are bound to it. */
  readonly dpopKey?: Redacted.Redacted<string> | undefined
  /** Scopes that the server asked for beyond what was granted, space-separated: the next sign-in asks for them. */
  readonly wantedScope?: string | undefined
  /** Scopes that were asked for and refused, space-separated: not asked for again by itself. */
  readonly refusedScope?: string | undefined
}

/**
 * Where credentials are kept.
 *
 * @example
 * ```ts
 * const forgetful = Layer.succeed(CredentialStore)({
 *   read: () => Effect.succeed(undefined),
 *   update: (_place, change) => Effect.succeed(change(undefined)),
 *   exclusively: (_place, effect) => effect,
 *   list: Effect.succeed([]),
 * })
 * ```
 */
export class CredentialStore extends Context.Service<
  CredentialStore,
  {
    /** What is kept for a server at this moment: also what another process has written. */
    readonly read: (place: Place) => Effect.Effect<Credentials | undefined, AuthError>
    /**
     * Replaces it by what `change` makes of what is there, atomically among all processes; `undefined` removes it.
     * Returns what is kept then.
     */
    readonly update: (
      place: Place,
      change: (current: Credentials | undefined) => Credentials | undefined,
    ) => Effect.Effect<Credentials | undefined, AuthError>
    /**
     * Runs an Effect while no other process or fibre runs one for the same place: a refresh. It waits for its turn, and a
     * holder that died does not keep it waiting. `read` and `update` work inside.
     */
    readonly exclusively: <A, E, R>(place: Place, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | AuthError, R>
    /** Every server that something is kept for. */
    readonly list: Effect.Effect<ReadonlyArray<Place & { readonly credentials: Credentials }>, AuthError>
  }
>()("@opencode/mcp/CredentialStore") {
  /**
   * In memory: gone with the process. The default.
   *
   * @example
   * ```ts
   * const stores = { tests: CredentialStore.memory }
   * ```
   */
  static readonly memory: Layer.Layer<CredentialStore> = Layer.sync(this)(() => makeMemory())

  /**
   * In OpenCode's `mcp-auth.json` at `path`, in its own shape, and in a second file beside it for what OpenCode does not
   * know; both are for this person alone (0600), and are replaced at once or not at all. Processes take turns by a lock;
   * what OpenCode writes without one is merged. Everything fails with `StoreFailed`: of a file that cannot be used or
   * makes no sense, which is then left as it is, or of a lock that was not given back for 15 seconds (3 minutes for
   * `exclusively`).
   *
   * @example
   * ```ts
   * const kept = CredentialStore.file({ path: "/home/ada/.local/share/opencode/mcp-auth.json" })
   * ```
   */
  static readonly file = (options: { readonly path: string }): Layer.Layer<CredentialStore> =>
    Layer.sync(this)(() => makeFile({ path: options.path }))

  /**
   * Like `file`, and in the system keychain for servers whose entries say `"store": "keychain"` (`Place.store`): then the
   * files have names, URLs, scopes and what is sealed by a key that only the keychain has. On macOS that is `security`,
   * on Linux `secret-tool`; where there is none, those servers fail with `StoreFailed`, and the others go on.
   *
   * @example
   * ```ts
   * const kept = CredentialStore.layer({ path: "/home/ada/.local/share/opencode/mcp-auth.json" })
   * ```
   */
  static readonly layer = (options: { readonly path: string }): Layer.Layer<CredentialStore> =>
    Layer.sync(this)(() => makeFile({ path: options.path, keychain: platform() }))
}

const keyOf = (place: Place): string => JSON.stringify([place.server, place.url])

/** A store in memory, outside of a Layer. */
export const makeMemory = (): CredentialStore["Service"] => {
  const kept = new Map<string, Place & { readonly credentials: Credentials }>()
  const turns = new Map<string, Semaphore.Semaphore>()
  const turnOf = (place: Place) => {
    const key = keyOf(place)
    const turn = turns.get(key) ?? Semaphore.makeUnsafe(1)
    turns.set(key, turn)
    return turn
  }
  return {
    read: (place) => Effect.sync(() => kept.get(keyOf(place))?.credentials),
    update: (place, change) =>
      Effect.sync(() => {
        const credentials = change(kept.get(keyOf(place))?.credentials)
        if (credentials === undefined) kept.delete(keyOf(place))
        else kept.set(keyOf(place), { ...place, credentials })
        return credentials
      }),
    exclusively: (place, effect) => Effect.suspend(() => turnOf(place).withPermits(1)(effect)),
    list: Effect.sync(() => [...kept.values()]),
  }
}
