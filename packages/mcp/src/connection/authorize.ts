/** Which servers of a configuration are authorized by tokens, and what the authorizations of all of them share. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Browser } from "../auth/browser.ts"
import type { AuthError } from "../auth/error.ts"
import { readHeaders } from "../auth/headers.ts"
import * as Network from "../auth/network.ts"
import * as OAuth from "../auth/oauth.ts"
import type { Lost } from "../auth/renewal.ts"
import type { CredentialStore, Place } from "../auth/store.ts"
import type { ServerConfig } from "../config.ts"
import type { Event } from "../events.ts"
import { Resolver } from "../http/resolver.ts"
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

/** What an entry brings credentials of its own by, so that nobody signs in; `undefined` where it brings none. */
export const broughtBy = (config: ServerConfig): string | undefined => {
  if (config.type === "local") return undefined
  if (config.headersHelper !== undefined) return `"headersHelper"`
  const name = [...config.headers.keys()].find((each) => each.toLowerCase() === "authorization")
  return name === undefined ? undefined : `the header ${JSON.stringify(name)}`
}

/** Where the credentials of a server are kept; `undefined` where it is not authorized by tokens. */
export const placeOf = (config: ServerConfig): Place | undefined => {
  if (config.type === "local" || config.oauth === false || broughtBy(config) !== undefined) return undefined
  const url = new URL(config.url)
  url.hash = ""
  return { server: config.name, url: url.href, store: config.oauth.store }
}

/**
 * `publish` tells of calls that fail for scopes that a person has to grant; files of an entry are relative to `directory`.
 * `StepUp`, `Browser` and `Resolver` are those of the context that this is built in, whoever adds a server later.
 */
export const make = (
  store: CredentialStore["Service"],
  publish: (event: Event) => void,
  directory: string,
): Effect.Effect<Authorize> =>
  Effect.gen(function* () {
    const stepUp = yield* StepUp
    const browser = yield* Browser
    const resolver = yield* Resolver
    const authorize: Authorize = Effect.fnUntraced(function* (config, lost) {
      const place = placeOf(config)
      if (place === undefined || config.type === "local" || config.oauth === false) return undefined
      const { name, oauth: options } = config
      const { url } = place
      const headers = yield* Effect.orElseSucceed(readHeaders(Object.fromEntries(config.headers)), () => undefined)
      // What is wrong with them is told when the layer is built.
      if (headers === undefined) return undefined
      const asks = (reason: string) => publish({ type: "mcp.auth.required", data: { server: name, reason } })
      const oauth: OAuth.OAuth = yield* OAuth.make({
        place,
        options,
        headers,
        network: yield* Effect.provideService(
          Network.make({ url, options, networking: networkingOf(config, directory) }),
          Resolver,
          resolver,
        ),
        store,
        stepUp: (scopes) =>
          Effect.tap(stepUp({ server: name, scopes, oauth }), (granted) =>
            Effect.sync(() => {
              if (!granted) asks(`a call needs the scopes ${scopes.join(" ")}`)
            }),
          ),
        lost,
        warn: (message) => publish({ type: "mcp.warning", data: { server: name, message } }),
      }).pipe(Effect.provideService(Browser, browser))
      return oauth
    })
    return authorize
  })
