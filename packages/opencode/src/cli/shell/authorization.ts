/** The operations by which a program at the other end of the pipe signs a person in. */
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import type { Status } from "@opencode-ai/mcp/events"
import type { McpError } from "@opencode-ai/mcp/error"
import { type Authorization, Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { badRequest, type CliFailure } from "../failure.ts"

type Asked<A, E = never> = Effect.Effect<A, AuthError | McpError | E, Mcp>

const through = <A, E>(server: string, use: (authorization: Authorization) => Effect.Effect<A, E>) =>
  Effect.flatMap(Mcp, (mcp) => Effect.flatMap(mcp.authorization(server), use))

/** Where the person is to be sent. Opens no browser, and listens nowhere: `finish` is told what came of it. */
export const start = (server: string): Asked<{ readonly authorizationUrl: string; readonly state: string }> =>
  through(server, (authorization) =>
    Effect.map(authorization.start(), ({ authorizationUrl, state }) => ({
      authorizationUrl: authorizationUrl.href,
      state,
    })),
  )

/** Redeems the URL that the browser was sent back to, and connects. */
export const finish = (server: string, callbackUrl: string): Asked<Status, CliFailure> =>
  Effect.gen(function* () {
    const { pasted } = yield* Effect.promise(() => import("@opencode-ai/mcp/auth/callback"))
    const callback = URL.canParse(callbackUrl) ? pasted(callbackUrl) : undefined
    if (callback === undefined) {
      return yield* badRequest("auth.finish: callbackUrl: expected the URL that the browser was sent back to")
    }
    return yield* through(server, (authorization) => authorization.finish(callback))
  })

export const remove = (server: string): Asked<true> =>
  through(server, (authorization) => Effect.as(authorization.remove, true))

export const status = (server: string): Asked<"authenticated" | "expired" | "not_authenticated"> =>
  through(server, (authorization) => authorization.status)
