/** A protected server in an `Mcp` of its own, a person who signs in to it, and what a test looks at afterwards. */
import type { AuthorizationOptions } from "@opencode-ai/testing/peers/authorization/settings"
import { type AuthorizationServer, authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import {
  type ProtectedMcp,
  protectedMcp,
  type ProtectedOptions,
} from "@opencode-ai/testing/peers/authorization/protected"
import { config, type Recordings, testMcp } from "@opencode-ai/testing/client"
import { person, type PersonOptions } from "@opencode-ai/testing/person"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inspect } from "node:util"
import { readCallback } from "../../src/auth/callback.ts"
import type { AuthReason } from "../../src/auth/error.ts"
import { CredentialStore, makeMemory } from "../../src/auth/store.ts"
import type { Event } from "../../src/events.ts"
import { Mcp } from "../../src/index.ts"

/** Under which name the server is known in these tests. */
export const name = "work"

/** What a host has that makes a service: its store, and what else its context holds. */
export const host = (
  store: CredentialStore["Service"] = makeMemory(),
  others: Layer.Layer<never> = Layer.empty,
): Layer.Layer<Mcp | Recordings> =>
  testMcp().pipe(Layer.provide(Layer.merge(Layer.succeed(CredentialStore)(store), others)))

/** A service, and everything that it has said. */
export interface Running {
  readonly mcp: Mcp["Service"]
  readonly events: ReadonlyArray<Event>
  readonly call: (tool: string, args?: { readonly [name: string]: string }) => ReturnType<Mcp["Service"]["callTool"]>
}

/** Starts a service in the Scope of the test, with one server. */
export const running = (layer: Layer.Layer<Mcp | Recordings>, entry: object, server = name) =>
  Effect.gen(function* () {
    const mcp = Context.get(yield* Layer.build(layer), Mcp)
    const events: Array<Event> = []
    mcp.listen((event) => events.push(event))
    yield* mcp.add(config(server, entry))
    const found: Running = { mcp, events, call: (tool, args) => mcp.callTool(server, tool, args) }
    return found
  })

/** Brings the person through the authorization server; gives what the sign-in ends with, a status. */
export const signIn = (
  { mcp }: Running,
  options: PersonOptions & { readonly scopes?: ReadonlyArray<string> } = {},
  server = name,
) =>
  Effect.gen(function* () {
    const authorization = yield* mcp.authorization(server)
    const { authorizationUrl } = yield* authorization.start(options.scopes)
    const callback = yield* person().authorize(authorizationUrl.href, options)
    return yield* authorization.finish(readCallback(new URL(callback).searchParams))
  })

export interface Both {
  readonly authorization: AuthorizationServer
  readonly server: ProtectedMcp
}

export const both = (options: AuthorizationOptions = {}, protectedOptions: ProtectedOptions = {}) =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer(options)
    const found: Both = { authorization, server: yield* protectedMcp(authorization, protectedOptions) }
    return found
  })

/** A person is signed in to a protected server. */
export const signedIn = (
  options: AuthorizationOptions = {},
  protectedOptions: ProtectedOptions = {},
  layer: Layer.Layer<Mcp | Recordings> = host(),
  entry: object = {},
) =>
  Effect.gen(function* () {
    const { authorization, server } = yield* both(options, protectedOptions)
    const service = yield* running(layer, { type: "remote", url: server.url, ...entry })
    yield* signIn(service)
    return { authorization, server, ...service }
  })

/** The grants that the token endpoint was asked for, in their order. */
export const grants = ({ of }: Pick<AuthorizationServer, "of">) => of("token").map(({ grantType }) => grantType)

/** The status of a server. */
export const statusOf = ({ mcp }: Pick<Running, "mcp">, server = name) =>
  Effect.map(mcp.servers, (all) => {
    const found = all.find((one) => one.name === server)
    if (found === undefined) throw new Error(`there is no ${server}`)
    return found.status
  })

/** Why there were no credentials, by whatever error it was told. */
export const authReason = (error: unknown): AuthReason => {
  for (let at = error, depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    if ("_tag" in at && at._tag === "AuthError" && "reason" in at) return at.reason as AuthReason
    at =
      "cause" in at && at.cause !== undefined
        ? at.cause
        : "error" in at
          ? at.error
          : "reason" in at
            ? at.reason
            : undefined
  }
  throw new Error(`no reason of the authorization in ${inspect(error)}`)
}

/** Everything that a program could print of a value. */
export const printed = (value: unknown): string => {
  const parts = [inspect(value, { depth: 20, showHidden: true }), String(value)]
  const seen = new WeakSet()
  const json = JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null) return typeof member === "bigint" ? String(member) : member
    if (seen.has(member)) return undefined
    seen.add(member)
    return member
  })
  if (json !== undefined) parts.push(json)
  if (value instanceof Error) parts.push(value.message, value.stack ?? "")
  return parts.join("\n")
}
