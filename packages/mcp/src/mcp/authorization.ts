/** The authorization of a configured server, as a host uses it. */
import * as Effect from "effect/Effect"
import type { Callback } from "../auth/callback.ts"
import type { Discovered } from "../auth/discovery.ts"
import type { AuthError } from "../auth/error.ts"
import type { AuthStatus, OAuth } from "../auth/oauth.ts"
import type { Interaction, Started } from "../auth/sign-in.ts"
import type { Connection } from "../connection.ts"
import { broughtBy } from "../connection/authorize.ts"
import { McpError, NotAuthorizable } from "../error.ts"
import type { Event, Status } from "../events.ts"
import type { Registered, Registry } from "./registry.ts"

export type { Interaction, Started } from "../auth/sign-in.ts"

/** What a person can do about the authorization of one server. */
export interface Authorization {
  /** Begins a sign-in that `finish` ends, in this process or another: opens no browser and listens nowhere. */
  readonly start: (scopes?: ReadonlyArray<string>) => Effect.Effect<Started, AuthError>
  /** Ends it with what the browser was sent back with, and connects. `trusted`: a person pasted it. */
  readonly finish: (callback: Callback, trusted?: boolean) => Effect.Effect<Status, AuthError>
  /** Both at once: listens, opens the browser, waits for the person, and connects. The port is free afterwards. */
  readonly signIn: (interaction: Interaction) => Effect.Effect<Status, AuthError>
  /** Forgets tokens and client; a server that is connected asks for authorization again. */
  readonly remove: Effect.Effect<void, AuthError>
  readonly status: Effect.Effect<AuthStatus, AuthError>
  /** What discovery finds now. */
  readonly discover: Effect.Effect<Discovered, AuthError>
}

const whyNot = ({ config }: Connection): string => {
  if (config.type === "local") return "it is a local server"
  if (config.oauth === false) return `its entry forbids it with "oauth": false`
  return `its entry configures ${broughtBy(config) ?? "a header that cannot be sent"}`
}

/** Loaded when a person first signs in: it brings a web server with it. */
const load = Effect.promise(() => import("../auth/sign-in.ts"))

type Publish = (event: Event) => void

/** Tells of a page that no browser was opened for. */
const telling = (server: string, interaction: Interaction, publish: Publish): Interaction => ({
  ...interaction,
  show: (started, browser) => {
    if (!browser) {
      publish({ type: "mcp.browser.open.failed", data: { server, url: started.authorizationUrl.href } })
    }
    return interaction.show(started, browser)
  },
})

const make = (
  registry: Registry,
  registered: Registered,
  connection: Connection,
  oauth: OAuth,
  publish: Publish,
): Authorization => {
  // A session that is there carries the new tokens with its next request, and may offer more by them.
  const connect = Effect.suspend(() => {
    const live = connection.live()
    if (live === undefined) return registry.connect(registered)
    live.catalog.relist()
    return Effect.succeed(connection.status())
  })
  /** Whoever looks at the status learns what a person has to do. */
  const noting = <A>(effect: Effect.Effect<A, AuthError>) =>
    Effect.tapError(effect, (error) =>
      Effect.sync(() => {
        if (error.reason._tag === "RegistrationRequired") connection.held(error)
      }),
    )
  return {
    start: (scopes) => noting(Effect.flatMap(load, (signIn) => signIn.start(oauth, scopes))),
    finish: (callback, trusted = false) =>
      Effect.flatMap(load, (signIn) => signIn.finish(oauth, callback, trusted)).pipe(
        Effect.andThen(connection.forget),
        Effect.andThen(connect),
      ),
    signIn: (interaction) =>
      noting(
        Effect.flatMap(load, (signIn) => signIn.signIn(oauth, telling(registered.name, interaction, publish))),
      ).pipe(Effect.andThen(connection.forget), Effect.andThen(connect)),
    remove: Effect.gen(function* () {
      yield* oauth.remove
      yield* connection.forget
      if (connection.live() === undefined) return
      yield* connection.disconnect
      yield* connection.connect
    }),
    status: oauth.status,
    discover: oauth.discover,
  }
}

const unusable = (status: Status): string => ("error" in status && status.error) || `it is ${status.status}`

export const authorization = (
  registry: Registry,
  registered: Registered,
  publish: Publish,
): Effect.Effect<Authorization, McpError> => {
  const { connection, name, status } = registered
  if (connection?.oauth !== undefined) {
    return Effect.succeed(make(registry, registered, connection, connection.oauth, publish))
  }
  const detail = connection === undefined ? unusable(status()) : whyNot(connection)
  return Effect.fail(new McpError({ reason: new NotAuthorizable({ server: name, detail }) }))
}
