/** The authorization of a server as OpenCode asks for it: by its name, in strings. */
import { type AuthError, fail, StateMismatch } from "@opencode-ai/mcp/auth/error"
import type { Browser } from "@opencode-ai/mcp/auth/browser"
import type { AuthStatus } from "@opencode-ai/mcp/auth/oauth"
import type { McpError } from "@opencode-ai/mcp/error"
import type { Authorization, Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { NotFoundError } from "./error.ts"
import type { Status } from "./status.ts"

/** Why a person could not be signed in. */
export type Refused = NotFoundError | McpError | AuthError

export interface Authorizing {
  /** Where the person is to be sent. Opens no browser and listens nowhere: `finishAuth` is told what came of it. */
  readonly startAuth: (
    name: string,
  ) => Effect.Effect<{ readonly authorizationUrl: string; readonly oauthState: string }, Refused>
  /** Opens a browser, waits for the person, and connects. `onAuthorization` has the address before it is opened. */
  readonly authenticate: (
    name: string,
    onAuthorization?: (authorizationUrl: string) => void,
  ) => Effect.Effect<Status, Refused>
  /** Ends what `startAuth` began, with the code or the address that the browser was sent back to, and connects. */
  readonly finishAuth: (name: string, code: string) => Effect.Effect<Status, Refused>
  readonly removeAuth: (name: string) => Effect.Effect<void, NotFoundError | AuthError>
  /** Whether a person can sign in to it: not to a local server, nor where the entry forbids it or brings credentials. */
  readonly supportsOAuth: (name: string) => Effect.Effect<boolean, NotFoundError>
  readonly hasStoredTokens: (name: string) => Effect.Effect<boolean>
  readonly getAuthStatus: (name: string) => Effect.Effect<AuthStatus>
}

/** Fails with `NotFoundError` where no server has this name. */
export const found = <A, E>(
  name: string,
  effect: Effect.Effect<A, E | McpError>,
): Effect.Effect<A, E | McpError | NotFoundError> =>
  Effect.mapError(effect, (error) =>
    isMcpError(error) && error.reason._tag === "ServerNotFound" ? new NotFoundError({ name }) : error,
  )

const isMcpError = (error: unknown): error is McpError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "McpError"

/** What it takes to sign a person in. */
export interface Parts {
  readonly mcp: Mcp["Service"]
  readonly browser: Browser
  /** Sees to it that nothing is asked of a server that has to be approved first. */
  readonly admit: (name: string) => Effect.Effect<unknown>
  /** The status of a server once it is not being connected. */
  readonly status: (name: string) => Effect.Effect<Status, NotFoundError>
}

export const make = ({ admit, browser, mcp, status: settled }: Parts): Authorizing => {
  const through = <A>(
    name: string,
    use: (authorization: Authorization) => Effect.Effect<A, AuthError>,
  ): Effect.Effect<A, Refused> => Effect.flatMap(found(name, mcp.authorization(name)), use)

  const admitted: typeof through = (name, use) => Effect.andThen(admit(name), through(name, use))

  /** What `use` gives, or `otherwise` where nobody signs in to the server. */
  const where = <A>(
    name: string,
    use: (authorization: Authorization) => Effect.Effect<A, AuthError>,
    otherwise: A,
  ): Effect.Effect<A, NotFoundError | AuthError> =>
    Effect.catchTag(through(name, use), "McpError", () => Effect.succeed(otherwise))

  const status = (name: string): Effect.Effect<AuthStatus> =>
    Effect.orElseSucceed(
      where<AuthStatus>(name, (authorization) => authorization.status, "not_authenticated"),
      () => "not_authenticated" as const,
    )

  return {
    startAuth: (name) =>
      admitted(name, (authorization) =>
        Effect.map(authorization.start(), ({ authorizationUrl, state }) => ({
          authorizationUrl: authorizationUrl.href,
          oauthState: state,
        })),
      ),
    authenticate: (name, onAuthorization) => {
      const signedIn = admitted(name, (authorization) =>
        authorization.signIn({
          show: () => Effect.void,
          browser: {
            open: (url) =>
              Effect.suspend(() => {
                onAuthorization?.(url.href)
                return browser.open(url)
              }),
          },
        }),
      )
      return Effect.andThen(signedIn, settled(name))
    },
    finishAuth: (name, code) => {
      const signedIn = admitted(name, (authorization) =>
        Effect.gen(function* () {
          const { pasted } = yield* Effect.promise(() => import("@opencode-ai/mcp/auth/callback"))
          const callback = pasted(code)
          if (callback === undefined) {
            return yield* fail(new StateMismatch({ detail: "it is neither a code nor the address of a callback" }))
          }
          return yield* authorization.finish(callback, true)
        }),
      )
      return Effect.andThen(signedIn, settled(name))
    },
    removeAuth: (name) => where(name, (authorization) => authorization.remove, undefined),
    supportsOAuth: (name) =>
      Effect.catch(
        where(name, () => Effect.succeed(true), false),
        (error) => (error._tag === "AuthError" ? Effect.succeed(false) : Effect.fail(error)),
      ),
    hasStoredTokens: (name) => Effect.map(status(name), (known) => known !== "not_authenticated"),
    getAuthStatus: status,
  }
}
