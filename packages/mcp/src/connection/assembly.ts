/**
 * Which layers a configured server is built from: the one place to exchange any of them.
 *
 * The default builds what the entry says. A plugin author replaces a member to bring a transport, an authorization or
 * handlers of their own, for one server or for all.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { statSync } from "node:fs"
import { basename, isAbsolute, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as AuthLayer from "../auth/layer.ts"
import type { AuthError } from "../auth/error.ts"
import type { Auth } from "../auth/auth.ts"
import type { OAuth } from "../auth/oauth.ts"
import * as CapabilityLayer from "../capability/capabilities.ts"
import type { Capabilities } from "../capability/capabilities.ts"
import { makeBudget } from "../capability/budget.ts"
import type { Roots } from "../capability/roots.ts"
import type { LocalServer, RemoteServer, ServerConfig } from "../config.ts"
import * as Http from "../http/http.ts"
import { environment } from "../process/environment.ts"
import type { Implementation, Root } from "../protocol/model.ts"
import { isRevision, latest } from "../protocol/revision.ts"
import type { SessionError } from "../session/error.ts"
import * as SessionLayer from "../session/session.ts"
import type { Session } from "../session/session.ts"
import { shared } from "../sharing/sharing.ts"
import * as TransportLayer from "../transport/layer.ts"
import type { Transport } from "../transport/transport.ts"
import type { Authorize } from "./authorize.ts"
import { networkingOf } from "./networking.ts"
import { identityOf } from "./sharing.ts"

/** What a server's layers may know besides its entry. */
export interface Surroundings {
  /** The project's directory, absolute: the default of `cwd`, and what relative paths are relative to. */
  readonly directory: string
  readonly clientInfo: Implementation | undefined
  /** The roots of servers whose entry names none. */
  readonly roots: Roots["Service"]
  /** Whether those roots were chosen explicitly, so that nothing is added to them. */
  readonly rootsAreFinal: () => boolean
  /** What the host answers servers with. */
  readonly handlers: Pick<CapabilityLayer.Handlers, "sampling" | "elicitation" | "tasks" | "approval">
  readonly authorize: Authorize
  /** How long the end of a visit to a URL is waited for, in milliseconds. Default: 300,000. */
  readonly interactionTimeout: number | undefined
}

/** The four layers of one server. */
export interface Assembly {
  /** `oauth` lives as long as the server is configured: `undefined` where it is not authorized by tokens. */
  readonly auth: (
    config: ServerConfig,
    surroundings: Surroundings,
    oauth: OAuth | undefined,
  ) => Layer.Layer<Auth, AuthError>
  readonly transport: (config: ServerConfig, surroundings: Surroundings) => Layer.Layer<Transport, never, Auth>
  readonly capabilities: (config: ServerConfig, surroundings: Surroundings) => Layer.Layer<Capabilities>
  readonly session: (
    config: ServerConfig,
    surroundings: Surroundings,
  ) => Layer.Layer<Session, SessionError, Transport | Capabilities>
}

const rootOf = (path: string, directory: string): Root => {
  if (path.startsWith("file://")) return { uri: path }
  const absolute = resolve(directory, path)
  return { uri: pathToFileURL(absolute).href, name: basename(absolute) || absolute }
}

/** An argument that begins with a slash may be anything, and too long for a path, or below a file. */
const isDirectory = (path: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(
    Effect.try({ try: () => isAbsolute(path) && statSync(path).isDirectory(), catch: () => undefined }),
    () => false,
  )

/**
 * The roots of a server: those of its entry, or the host's and the existing absolute directories among its arguments,
 * because some servers let the roots replace the directories they were started with.
 */
const rootsOf = (config: ServerConfig, surroundings: Surroundings): Roots["Service"] | undefined => {
  if (config.roots === false) return undefined
  if (config.roots !== "auto") {
    const fixed = config.roots.map((path) => rootOf(path, surroundings.directory))
    return { list: Effect.succeed(fixed), changes: Stream.empty }
  }
  if (config.type === "remote") return surroundings.roots
  const { rootsAreFinal } = surroundings
  const named = Effect.map(Effect.filter(config.command.slice(1), isDirectory), (paths) =>
    paths.map((path) => rootOf(path, surroundings.directory)),
  )
  return {
    changes: surroundings.roots.changes,
    list: Effect.flatMap(surroundings.roots.list, (roots) =>
      rootsAreFinal()
        ? Effect.succeed(roots)
        : Effect.map(named, (more) => [...roots, ...more.filter(({ uri }) => !roots.some((root) => root.uri === uri))]),
    ),
  }
}

const overNetwork = (config: RemoteServer, directory: string): Layer.Layer<Transport, never, Auth> => {
  const transport = TransportLayer.remote({ url: config.url.href, limits: config.limits })
  const networking = networkingOf(config, directory)
  return networking === undefined ? transport : Layer.provide(transport, Http.layerNetworking(networking))
}

const handlersOf = (config: ServerConfig, surroundings: Surroundings): CapabilityLayer.Handlers => ({
  ...surroundings.handlers,
  roots: rootsOf(config, surroundings),
})

const local = (config: LocalServer, surroundings: Surroundings): Layer.Layer<Transport> => {
  const { directory } = surroundings
  const transport = TransportLayer.stdio({
    command: config.command,
    cwd: config.cwd === undefined ? directory : resolve(directory, config.cwd),
    env: environment(config.inheritEnvironment, config.environment),
    // What inherits nothing sees nothing that was not configured.
    marked: config.inheritEnvironment,
    messageLimit: config.limits.message,
  })
  if (!config.shared) return transport
  // A server that may ask is another than one that may not: who shares it must answer the same.
  const declared = CapabilityLayer.declaredBy(handlersOf(config, surroundings))
  const identity = identityOf(config, directory, isRevision(config.protocol) ? config.protocol : latest, declared)
  return shared({ identity, messageLimit: config.limits.message })(transport)
}

const fromConfig: Assembly = {
  auth: (config, { directory }, oauth) => {
    if (oauth !== undefined) return AuthLayer.of(oauth)
    if (config.type === "local") return AuthLayer.none
    const headers = Object.fromEntries(config.headers)
    return config.headersHelper === undefined
      ? AuthLayer.headers(headers)
      : AuthLayer.helper({ server: config.name, command: config.headersHelper, cwd: directory, headers })
  },
  transport: (config, surroundings) =>
    config.type === "remote" ? overNetwork(config, surroundings.directory) : local(config, surroundings),
  capabilities: (config, surroundings) =>
    CapabilityLayer.make({
      ...handlersOf(config, surroundings),
      // Made here, so that it outlives a session.
      budget: makeBudget(config.sampling),
    }),
  session: (config, { clientInfo, interactionTimeout }) =>
    SessionLayer.make({
      server: config.name,
      clientInfo,
      ...(isRevision(config.protocol) ? { revision: config.protocol, exactly: true } : {}),
      startupTimeout: config.timeout.startup,
      timeout: config.timeout.execution,
      interactionTimeout,
      keepAlive: config.keepAlive,
      watched: config.type === "local" && config.sleep !== undefined,
    }),
}

/**
 * The assembly in force.
 *
 * @example
 * ```ts
 * const silent = Layer.effect(Assembly)(
 *   Effect.map(Assembly, (standard) => ({ ...standard, capabilities: () => CapabilityLayer.none })),
 * )
 * ```
 */
export const Assembly: Context.Reference<Assembly> = Context.Reference<Assembly>("@opencode/mcp/Assembly", {
  defaultValue: () => fromConfig,
})

/** The whole stack of a server: session over transport over authorization, beside the capabilities. */
export const stack = (
  assembly: Assembly,
  config: ServerConfig,
  surroundings: Surroundings,
  oauth: OAuth | undefined,
): Layer.Layer<Session, SessionError | AuthError> =>
  assembly
    .session(config, surroundings)
    .pipe(
      Layer.provide(assembly.transport(config, surroundings)),
      Layer.provide(assembly.auth(config, surroundings, oauth)),
      Layer.provide(assembly.capabilities(config, surroundings)),
    )
