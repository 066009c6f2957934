/** `auth`: a person signs in to a server, in a browser, and it is connected. */
import { Mcp, type ServerState } from "@opencode-ai/mcp/mcp"
import type { Authorization } from "@opencode-ai/mcp/mcp/authorization"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { placeOf } from "@opencode-ai/mcp/connection/authorize"
import { McpError } from "@opencode-ai/mcp/error"
import * as Effect from "effect/Effect"
import type { Server, Snapshot } from "../../config/config.ts"
import type { Options } from "../configuration.ts"
import { CliFailure, type ExitCode, Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import * as Present from "../present.ts"
import * as Runtime from "../runtime.ts"
import { approve, withServers } from "../session.ts"
import { signIn } from "../sign-in.ts"
import * as Text from "../text.ts"
import { chooseServer } from "./choose-server.ts"

export interface AuthOptions extends Options {
  readonly server: string | undefined
}

const isAuthorizable = ({ config }: Server) => config !== undefined && config.enabled && placeOf(config) !== undefined

const needs = ({ status: { status } }: ServerState) => status === "needs_auth" || status === "needs_client_registration"

export const auth = (options: AuthOptions) =>
  options.server === undefined
    ? withServers(options, isAuthorizable, () => chosen(options))
    : withServers(options, options.server, (snapshot) =>
        Effect.andThen(admit(options.server ?? "", snapshot), signInTo(options.server ?? "", options)),
      ).pipe(Effect.mapError((error) => misspelt(options.server ?? "", error)))

/** A name that no server has may be the other command. */
const misspelt = <E>(name: string, error: E): E | CliFailure =>
  error instanceof McpError && error.reason._tag === "ServerNotFound" && nearest(name, ["list"]).length > 0
    ? new CliFailure({ tag: "ServerNotFound", text: `${error.message}; did you mean mcp auth list?` })
    : error

/** One that is switched off is connected too, so it has to be approved as any other. */
const admit = (name: string, snapshot: Snapshot) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const server = snapshot.servers.find((each) => each.name === name)
    const state = (yield* mcp.servers).find((each) => each.name === name)
    if (server?.config?.enabled !== false || state?.status.status !== "disabled") return
    const { floor } = yield* Output
    yield* floor.take(approve(snapshot, (each) => each === name, true))
    const usable = yield* Runtime.connectable(server, snapshot.directory)
    if ("error" in usable) yield* mcp.add(usable)
  })

/** Connects to all that can be signed in to, and offers those that ask for it. */
const chosen = (options: Options) =>
  Effect.gen(function* () {
    const output = yield* Output
    const mcp = yield* Mcp
    yield* spinner(output, "Connecting", mcp.settled)
    const names = (yield* mcp.servers).filter(needs).map(({ name }) => name)
    if (names.length > 0)
      return yield* signInTo(yield* chooseServer("Sign in to which server?", names, "auth"), options)
    yield* output.json() ? output.printJson([]) : output.print("No server asks for a sign-in.")
    return Exit.done
  })

/** Whether a server that lets everybody connect has something to sign in to nevertheless. */
const isOpen = (authorization: Authorization) =>
  Effect.match(authorization.discover, {
    onFailure: () => true,
    onSuccess: ({ isDocumented, resourceMetadata }) => !isDocumented && resourceMetadata === undefined,
  })

const signInTo = (server: string, { interactionTimeout = 300 }: Options) =>
  Effect.gen(function* () {
    const output = yield* Output
    const mcp = yield* Mcp
    const name = Text.oneLine(server)
    // Its refusal says where to sign in, and for what.
    const before = yield* spinner(output, `Connecting to ${name}`, mcp.connect(server))
    const authorization = yield* mcp.authorization(server)
    const { config } = yield* mcp.connection(server)
    const grant = config.type === "remote" && config.oauth !== false ? config.oauth.grant : "authorization_code"
    if (grant !== "authorization_code") {
      const shown = Present.status(before)
      const isConnected = before.status === "connected"
      const why = shown.error === undefined ? "" : `: ${shown.error}`
      const said = `nobody signs in to ${name}, its entry has the grant ${grant}`
      if (output.json()) yield* output.printJson({ server, authorization: yield* authorization.status, ...shown })
      else if (isConnected) yield* output.print(`${name} is connected; ${said}.`)
      else yield* output.say(`${output.err.paint("red", "error:")} ${Text.inset(`${said} (${shown.status})${why}`)}`)
      return isConnected ? Exit.done : Exit.unreachable
    }
    if (before.status === "connected" && (yield* authorization.status) === "not_authenticated") {
      if (yield* isOpen(authorization)) {
        yield* output.json()
          ? output.printJson({ server, authorization: "not_authenticated", ...Present.status(before) })
          : output.print(`${name} is connected, and asks for no sign-in.`)
        return Exit.done
      }
    }
    const status = yield* signIn({
      server,
      timeout: interactionTimeout * 1_000,
      run: (interaction) => authorization.signIn(interaction),
    })
    const done: ExitCode = status.status === "connected" ? Exit.done : Exit.unreachable
    const shown = Present.status(status)
    if (output.json()) yield* output.printJson({ server, authorization: yield* authorization.status, ...shown })
    else if (done === Exit.done) {
      yield* output.print(`${output.out.paint("green", "✓")} Signed in to ${name}, and connected.`)
    } else {
      const why = "error" in shown && shown.error !== undefined ? `: ${shown.error}` : ""
      yield* output.print(`Signed in to ${name}.`)
      yield* output.say(
        `${output.err.paint("red", "error:")} ${Text.inset(`it could not be connected (${status.status})${why}`)}`,
      )
    }
    return done
  })
