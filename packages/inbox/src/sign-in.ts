/** Sign-ins that were begun on the page: the person follows the URL there, nothing is opened here. */
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import type { McpError } from "@opencode-ai/mcp/error"
import type { Mcp } from "@opencode-ai/mcp/mcp"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ServerView } from "./model.ts"

export interface SignIns {
  /** Begins one, or joins the one that is under way: until the person can be told where to go. */
  readonly begin: (server: string) => Effect.Effect<void, McpError | AuthError>
  readonly of: (server: string) => Pick<ServerView, "signIn" | "signInFailed">
}

interface Begun {
  readonly shown: Deferred.Deferred<void, McpError | AuthError>
  url?: URL
}

/** As long as the Scope. `changed` is called whenever `of` gives something else. */
export const make = (
  mcp: Mcp["Service"],
  changed: (server: string) => void,
): Effect.Effect<SignIns, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const begun = new Map<string, Begun>()
    const failed = new Map<string, string>()

    const run = (server: string, one: Begun) =>
      Effect.flatMap(mcp.authorization(server), ({ signIn }) =>
        signIn({
          // It counts as opened: the page shows it, and nobody else has to be told.
          browser: { open: () => Effect.succeed(true) },
          show: ({ authorizationUrl }) =>
            Effect.sync(() => {
              one.url = authorizationUrl
              changed(server)
              Deferred.doneUnsafe(one.shown, Effect.void)
            }),
        }),
      ).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            begun.delete(server)
            if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
              const reason = Cause.squash(exit.cause)
              failed.set(server, reason instanceof Error ? reason.message : String(reason))
            }
            changed(server)
            Deferred.doneUnsafe(one.shown, Exit.asVoid(exit))
          }),
        ),
      )

    return {
      begin: (server) =>
        Effect.suspend(() => {
          const other = begun.get(server)
          if (other !== undefined) return Deferred.await(other.shown)
          const one: Begun = { shown: Deferred.makeUnsafe() }
          begun.set(server, one)
          failed.delete(server)
          return Effect.andThen(
            Effect.forkIn(run(server, one), scope, { startImmediately: true }),
            Deferred.await(one.shown),
          )
        }),
      of: (server) => {
        const url = begun.get(server)?.url
        const why = failed.get(server)
        return {
          ...(url === undefined ? {} : { signIn: { url: url.href, host: url.host } }),
          ...(why === undefined ? {} : { signInFailed: why }),
        }
      },
    }
  })
