/** Which servers of a configuration are authorized by tokens, and what the authorizations of all of them share. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AuthError } from "../auth/error.ts"
import { readHeaders } from "../auth/headers.ts"
import * as Network from "../auth/network.ts"
import * as OAuth from "../auth/oauth.ts"
import type { Lost } from "../auth/renewal.ts"
import type { CredentialStore, Place } from "../auth/store.ts"
import type { ServerConfig } from "../config.ts"
import { networkingOf } from "./networking.ts"

/** A call that lacks scopes, and how a person can grant them. */
export interface StepUpRequest {
  readonly server: string
  /** What was granted, and what is needed besides. */
  readonly scopes: ReadonlyArray<string>
  readonly oauth: OAuth.OAuth
}

type Ask = (request: StepUpRequest) => Effect.Effect<boolean, AuthError>

/**
 * Asks a person, while a call waits, to grant more scopes; `true` where they did. The default asks nobody: the call fails
 * with `InsufficientScope`, and the next sign-in asks for them.
 *
 * @example
 * ```ts
 * const never = Layer.succeed(StepUp)(() => Effect.succeed(false))
 * ```
 */
export const StepUp: Context.Reference<Ask> = Context.Reference<Ask>("@opencode/mcp/StepUp", {
  defaultValue: () => () => Effect.succeed(false),
})

/** The authorization of a server, where it has one: its entry neither forbids it nor brings credentials of its own. */
export type Authorize = (config: ServerConfig, lost: Lost) => Effect.Effect<OAuth.OAuth | undefined, never, Scope.Scope>

/** Where the credentials of a server are kept; `undefined` where it is not authorized by tokens. */
export const placeOf = (config: ServerConfig): Place | undefined => {
  if (config.type === "local" || config.oauth === false || config.headersHelper !== undefined) return undefined
  if ([...config.headers.keys()].some((name) => name.toLowerCase() === "authorization")) return undefined
  const url = new URL(config.url)
  url.hash = ""
  return { server: config.name, url: url.href, store: config.oauth.store }
}

/** `asks` tells that a call fails for scopes that a person has to grant; files of an entry are relative to `directory`. */
export const make = (
  store: CredentialStore["Service"],
  asks: (server: string, reason: string) => void,
  directory: string,
): Effect.Effect<Authorize> =>
  Effect.map(StepUp, (stepUp): Authorize =>
    Effect.fnUntraced(function* (config, lost) {
      const place = placeOf(config)
      if (place === undefined || config.type === "local" || config.oauth === false) return undefined
      const { name, oauth: options } = config
      const { url } = place
      const headers = yield* Effect.orElseSucceed(readHeaders(Object.fromEntries(config.headers)), () => undefined)
      // What is wrong with them is told when the layer is built.
      if (headers === undefined) return undefined
      const oauth: OAuth.OAuth = yield* OAuth.make({
        place,
        options,
        headers,
        network: yield* Network.make({ url, options, networking: networkingOf(config, directory) }),
        store,
        stepUp: (scopes) =>
          Effect.tap(stepUp({ server: name, scopes, oauth }), (granted) =>
            Effect.sync(() => {
              if (!granted) asks(name, `a call needs the scopes ${scopes.join(" ")}`)
            }),
          ),
        lost,
      })
      return oauth
    }),
  )
