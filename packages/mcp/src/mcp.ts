/**
 * The service: every configured server, its status, what it offers, calls to it, and the events of all.
 *
 * Each server is a `Connection` in a Scope of its own; all connect in parallel, and what one does concerns no other.
 * Reading what is known costs no request. Configuration files, terminals and the model are the host's.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { basename } from "node:path"
import { pathToFileURL } from "node:url"
import { Roots } from "./capability/roots.ts"
import type { Listed } from "./catalog/catalog.ts"
import * as Keys from "./catalog/keys.ts"
import * as Offer from "./catalog/offer.ts"
import type { ServerConfig } from "./config.ts"
import { nearest } from "./config/nearest.ts"
import * as Connection from "./connection.ts"
import { Assembly, type Surroundings } from "./connection/assembly.ts"
import { AuthRequired, McpError, type McpReason, NotConnected, ServerNotFound, ToolNotFound } from "./error.ts"
import type { Event, Status } from "./events.ts"
import { Channel } from "./notification/channel.ts"
import type { JsonObject } from "./protocol/jsonrpc.ts"
import * as Method from "./protocol/method.ts"
import type {
  CallToolResult,
  GetPromptResult,
  Implementation,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Root,
  ServerCapabilities,
  Tool,
} from "./protocol/model.ts"
import type { SessionError } from "./session/error.ts"
import type { RequestOptions } from "./session/requests.ts"

/** A tool as a model is offered it. */
export interface ToolEntry {
  /** Its name for the model: see `catalog/keys.ts`. */
  readonly key: string
  readonly server: string
  /** As the server listed it. */
  readonly tool: Tool
}

/** An item and the server that it is of. */
export interface Of<Item> {
  readonly server: string
  readonly item: Item
}

/** What is known of a server at this moment. */
export interface ServerState {
  readonly name: string
  readonly type: "local" | "remote"
  readonly status: Status
  readonly protocolVersion?: string
  readonly serverInfo?: Implementation
  readonly instructions?: string
  readonly capabilities?: ServerCapabilities
  readonly transport?: string
  readonly pid?: number
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  readonly templates: number
  /** Milliseconds from its start to the end of the handshake. */
  readonly connectMs?: number
}

/** An entry that cannot be connected: its status says why. */
export interface Unusable {
  readonly name: string
  readonly type: "local" | "remote"
  readonly error: string
}

/** How a call is made. */
export interface CallOptions extends RequestOptions {
  /** What the `mcp.progress` events of this call carry as `request`. */
  readonly request?: unknown
}

export interface McpOptions {
  /** The project's directory, absolute: the default of a server's `cwd`. */
  readonly directory: string
  /** The root of the worktree, absolute: the default root. Default: `directory`. */
  readonly worktree?: string | undefined
  readonly clientInfo?: Implementation | undefined
}

/** A failure of the service, or of the session that the call went through. */
export type CallError = McpError | SessionError

/**
 * Every server of a host.
 *
 * @example
 * ```ts
 * const program = Effect.gen(function* () {
 *   const mcp = yield* Mcp
 *   yield* mcp.add(config)
 *   return yield* mcp.callTool("everything", "echo", { message: "hello" })
 * })
 * ```
 */
export class Mcp extends Context.Service<
  Mcp,
  {
    /** Everything that happens, in order; what happened before the first subscriber comes first. */
    readonly events: Stream.Stream<Event>
    /** Calls `listener` for each event, synchronously; returns what ends that. */
    readonly listen: (listener: (event: Event) => void) => () => void
    /** Adds a server, or replaces the one of its name, and connects it where it is enabled. Waits for the outcome. */
    readonly add: (config: ServerConfig | Unusable) => Effect.Effect<Status>
    /** Closes a server and forgets it. */
    readonly remove: (server: string) => Effect.Effect<void, McpError>
    readonly connect: (server: string) => Effect.Effect<Status, McpError>
    /** Closes a server; it is `disabled` until it is connected again. */
    readonly disconnect: (server: string) => Effect.Effect<Status, McpError>
    /** What is known of each server, in configuration order. Never waits. */
    readonly servers: Effect.Effect<ReadonlyArray<ServerState>>
    /** Waits until no server is `pending` and what each offers is listed. */
    readonly settled: Effect.Effect<void>
    /**
     * The tools of all connected servers, after those that are `pending` have settled; or of one, which fails where it
     * is not connected. The same array as before where nothing changed.
     */
    readonly tools: (server?: string) => Effect.Effect<ReadonlyArray<ToolEntry>, CallError>
    readonly prompts: (server?: string) => Effect.Effect<ReadonlyArray<Of<Prompt>>, CallError>
    readonly resources: (server?: string) => Effect.Effect<ReadonlyArray<Of<Resource>>, CallError>
    readonly templates: (server?: string) => Effect.Effect<ReadonlyArray<Of<ResourceTemplate>>, CallError>
    /**
     * Calls a tool by its own name or its key (2025-11-25, Tools, Calling Tools). Interrupting it cancels it. A server
     * that has ended is connected once more first. A result with `isError` is a success here.
     */
    readonly callTool: (
      server: string,
      tool: string,
      args?: JsonObject,
      options?: CallOptions,
    ) => Effect.Effect<CallToolResult, CallError>
    readonly readResource: (
      server: string,
      uri: string,
      options?: CallOptions,
    ) => Effect.Effect<ReadResourceResult, CallError>
    readonly getPrompt: (
      server: string,
      name: string,
      args?: Readonly<Record<string, string>>,
      options?: CallOptions,
    ) => Effect.Effect<GetPromptResult, CallError>
    /** How long the server took to answer, in milliseconds. */
    readonly ping: (server: string) => Effect.Effect<number, CallError>
    /** What connected servers say of how they are to be used. */
    readonly instructions: Effect.Effect<ReadonlyArray<{ readonly server: string; readonly instructions: string }>>
    /** The last lines that a local server wrote to stderr, oldest first. */
    readonly stderr: (server: string) => Effect.Effect<ReadonlyArray<string>, McpError>
    /** Replaces the roots, and tells the servers. */
    readonly setRoots: (roots: ReadonlyArray<Root>) => Effect.Effect<void>
    /** The connection of a server, for its streams of notifications. */
    readonly connection: (server: string) => Effect.Effect<Connection.Connection, McpError>
  }
>()("@opencode/mcp/Mcp") {
  /**
   * The service without any server. A `Roots` in the context replaces the default roots; an `Assembly` the layers that
   * a server is built from. Closing the Scope closes every server, all at once.
   */
  static readonly layer = (options: McpOptions): Layer.Layer<Mcp> => Layer.effect(Mcp)(build(options))
}

interface Registered {
  readonly name: string
  readonly type: "local" | "remote"
  readonly scope: Scope.Closeable
  readonly connection: Connection.Connection | undefined
  /** Where there is no connection: why. */
  readonly error: string
  offer: Offer.Offer | undefined
}

const failWith = (reason: McpReason) => Effect.fail(new McpError({ reason }))

const count = (list: Listed<unknown> | undefined): number => list?.known()?.length ?? 0

/** The events that a server's notifications become. */
const forward = (server: string, { notifications }: Connection.Connection, publish: (event: Event) => void) => {
  notifications.listen("resources/updated", ({ uri }) =>
    publish({ type: "mcp.resource.updated", data: { server, uri } }),
  )
  notifications.listen("message", ({ data, level, logger }) =>
    publish({ type: "mcp.log", data: { server, level, data, ...(logger === undefined ? {} : { logger }) } }),
  )
  notifications.listen("cancelled", ({ reason, requestId }) =>
    publish({ type: "mcp.cancelled", data: { server, requestId, ...(reason === undefined ? {} : { reason }) } }),
  )
  notifications.listen("elicitation/complete", ({ elicitationId }) =>
    publish({ type: "mcp.elicitation.completed", data: { server, elicitationId } }),
  )
  notifications.listen("tasks/status", (task) => publish({ type: "mcp.task.status", data: { server, task } }))
  notifications.listen("stderr", ({ line }) => publish({ type: "mcp.stderr", data: { server, line } }))
  notifications.listen("warning", ({ message }) => publish({ type: "mcp.warning", data: { server, message } }))
}

const build = (options: McpOptions): Effect.Effect<Mcp["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const assembly = yield* Assembly
    const provided = yield* Effect.serviceOption(Roots)
    const clock = yield* Clock.Clock
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const events = new Channel<Event>(16_384)
    const publish = (event: Event) => events.publish(event)

    const worktree = options.worktree ?? options.directory
    let roots: ReadonlyArray<Root> = [{ uri: pathToFileURL(worktree).href, name: basename(worktree) || worktree }]
    let rootsAreFinal = Option.isSome(provided)
    const rootsChanged = new Channel<void>()
    const surroundings: Surroundings = {
      directory: options.directory,
      clientInfo: options.clientInfo,
      roots: Option.getOrElse(provided, () => ({ list: Effect.sync(() => roots), changes: rootsChanged.stream })),
      rootsAreFinal: () => rootsAreFinal,
    }

    const registry = new Map<string, Registered>()
    /** Every key that was ever offered keeps its meaning. */
    const offered = new Map<string, Keys.ToolName>()

    const lookup = (server: string): Effect.Effect<Registered, McpError> =>
      Effect.suspend(() => {
        const found = registry.get(server)
        if (found !== undefined) return Effect.succeed(found)
        const all = [...registry.keys()]
        return failWith(new ServerNotFound({ server, nearest: nearest(server, all), all }))
      })

    const statusOf = ({ connection, error }: Registered): Status =>
      connection?.status() ?? { status: "failed", error }

    /** The server's session: at once, after its attempt at connecting, or after one more. */
    const ready = (registered: Registered): Effect.Effect<Connection.Live, McpError> =>
      Effect.suspend(() => {
        const { connection, name } = registered
        const live = connection?.live()
        if (live !== undefined) return Effect.succeed(live)
        const mayTry = connection !== undefined && statusOf(registered).status !== "disabled"
        return Effect.flatMap(mayTry ? connection.connect : Effect.sync(() => statusOf(registered)), (status) => {
          const now = connection?.live()
          if (now !== undefined) return Effect.succeed(now)
          return status.status === "needs_auth" || status.status === "needs_client_registration"
            ? failWith(new AuthRequired({ server: name, detail: status.error }))
            : failWith(new NotConnected({ server: name, status }))
        })
      })

    const offerOf = (registered: Registered, source: ReadonlyArray<Tool>, config: ServerConfig): Offer.Offer =>
      registered.offer?.source === source ? registered.offer : (registered.offer = Offer.make(source, config.tools))

    const knownOffer = (registered: Registered): Offer.Offer | undefined => {
      const source = registered.connection?.live()?.catalog.tools.known()
      return source === undefined || registered.connection === undefined
        ? undefined
        : offerOf(registered, source, registered.connection.config)
    }

    const resolve = (server: string, offer: Offer.Offer, name: string): Tool | undefined => {
      const tool = offer.byName.get(name)
      if (tool !== undefined) return tool
      const meant = offered.get(name)
      return meant?.server === server ? offer.byName.get(meant.tool) : undefined
    }

    /** Lists everything that a server offers; what fails is said as a warning. */
    const warm = ({ catalog }: Connection.Live) =>
      Effect.forEach(
        [catalog.tools, catalog.prompts, catalog.resources, catalog.templates] as ReadonlyArray<Listed<unknown>>,
        (list) => Effect.exit(list.all),
        { concurrency: "unbounded", discard: true },
      )

    const warmIfLive = (connection: Connection.Connection) =>
      Effect.suspend(() => {
        const live = connection.live()
        return live === undefined ? Effect.void : warm(live)
      })

    const register = (config: ServerConfig | Unusable) =>
      Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        const { name } = config
        if ("error" in config) {
          registry.set(name, { name, type: config.type, scope: own, connection: undefined, error: config.error, offer: undefined })
          publish({ type: "mcp.status.changed", data: { server: name, status: "failed", error: config.error } })
          return undefined
        }
        const connection = yield* Scope.provide(
          Connection.make({
            config,
            assembly,
            surroundings,
            onStatus: (status) => publish({ type: "mcp.status.changed", data: { server: name, ...status } }),
            onCatalog: (what) => publish({ type: `mcp.${what}.changed`, data: { server: name } }),
          }),
          own,
        )
        forward(name, connection, publish)
        registry.set(name, { name, type: config.type, scope: own, connection, error: "", offer: undefined })
        return connection
      })

    const forget = (registered: Registered | undefined) =>
      registered === undefined
        ? Effect.void
        : Effect.andThen(registered.connection?.disconnect ?? Effect.void, Scope.close(registered.scope, Exit.void))

    const connectAndWarm = (connection: Connection.Connection) =>
      Effect.tap(connection.connect, () => warmIfLive(connection))

    const settle = (registered: Registered): Effect.Effect<void> => {
      const { connection } = registered
      return connection === undefined ? Effect.void : Effect.andThen(connection.settled, warmIfLive(connection))
    }

    const allSettled = Effect.suspend(() =>
      Effect.forEach(registry.values(), settle, { concurrency: "unbounded", discard: true }),
    )

    /** What each connected server lists, those that are pending after they settled; or one server, which must be there. */
    const gather = <Item>(
      server: string | undefined,
      pick: (live: Connection.Live) => Listed<Item>,
    ): Effect.Effect<ReadonlyArray<Of<Item>>, CallError> => {
      const of = (name: string) => (items: ReadonlyArray<Item>) => items.map((item) => ({ server: name, item }))
      if (server !== undefined) {
        return Effect.flatMap(lookup(server), (registered) =>
          Effect.flatMap(ready(registered), (live) => Effect.map(pick(live).all, of(server))),
        )
      }
      const each = (registered: Registered) =>
        Effect.andThen(
          registered.connection?.settled ?? Effect.void,
          Effect.suspend((): Effect.Effect<ReadonlyArray<Of<Item>>> => {
            const live = registered.connection?.live()
            return live === undefined
              ? Effect.succeed([])
              : Effect.orElseSucceed(Effect.map(pick(live).all, of(registered.name)), () => [])
          }),
        )
      return Effect.map(Effect.forEach(registry.values(), each, { concurrency: "unbounded" }), (lists) => lists.flat())
    }

    let lastOffers: ReadonlyArray<Offer.Offer> = []
    let lastTools: ReadonlyArray<ToolEntry> = []
    /** The tools that are known now, with their keys; made anew only where a list changed. */
    const offeredTools = (): ReadonlyArray<ToolEntry> => {
      const offers: Array<Offer.Offer> = []
      const names: Array<string> = []
      for (const registered of registry.values()) {
        const offer = knownOffer(registered)
        if (offer === undefined) continue
        offers.push(offer)
        names.push(registered.name)
      }
      if (offers.length === lastOffers.length && offers.every((offer, index) => offer === lastOffers[index])) {
        return lastTools
      }
      const entries = offers.flatMap((offer, index) =>
        offer.tools.map((tool) => ({ server: names[index] ?? "", tool })),
      )
      const keys = Keys.assign(entries.map(({ server, tool }) => ({ server, tool: tool.name })))
      lastOffers = offers
      lastTools = entries.map(({ server, tool }, index) => {
        const key = keys[index] ?? ""
        if (!offered.has(key)) offered.set(key, { server, tool: tool.name })
        return { key, server, tool }
      })
      return lastTools
    }

    const tools: Mcp["Service"]["tools"] = (server) =>
      server === undefined
        ? Effect.andThen(
            Effect.suspend(() => ([...registry.values()].every(isListed) ? Effect.void : gather(undefined, listTools))),
            Effect.sync(offeredTools),
          )
        : Effect.map(gather(server, listTools), () => offeredTools().filter((entry) => entry.server === server))
    const listTools = ({ catalog }: Connection.Live) => catalog.tools
    const isListed = (registered: Registered) => {
      const status = statusOf(registered).status
      return status === "connected" ? knownOffer(registered) !== undefined : status !== "pending"
    }

    const withProgress = (server: string, callOptions: CallOptions | undefined): RequestOptions | undefined => {
      if (callOptions?.request === undefined) return callOptions
      const { onProgress, request } = callOptions
      return {
        ...callOptions,
        onProgress: (progress) => {
          const { message, progress: done, total } = progress
          publish({
            type: "mcp.progress",
            data: {
              server,
              request,
              progress: done,
              ...(total === undefined ? {} : { total }),
              ...(message === undefined ? {} : { message }),
            },
          })
          onProgress?.(progress)
        },
      }
    }

    const call = (
      { session }: Connection.Live,
      server: string,
      tool: Tool,
      args: JsonObject | undefined,
      callOptions: CallOptions | undefined,
    ) =>
      session.request(
        Method.callTool,
        args === undefined ? { name: tool.name } : { name: tool.name, arguments: { ...args } },
        withProgress(server, callOptions),
      )

    /** The way of a call to a server that is not ready, or to a tool that is not known. */
    const callSlowly: Mcp["Service"]["callTool"] = (server, name, args, callOptions) =>
      Effect.gen(function* () {
        const registered = yield* lookup(server)
        const live = yield* ready(registered)
        const source = yield* live.catalog.tools.all
        const offer = registered.connection && offerOf(registered, source, registered.connection.config)
        const tool = offer && resolve(server, offer, name)
        if (tool !== undefined) return yield* call(live, server, tool, args, callOptions)
        // A server without the capability answers for itself: nothing is sent, and the error says what is missing.
        if (!live.session.declares(Method.callTool)) {
          return yield* live.session.request(Method.callTool, { name }, callOptions)
        }
        const all = offer === undefined ? [] : [...offer.byName.keys()]
        return yield* failWith(new ToolNotFound({ server, tool: name, nearest: nearest(name, all), all }))
      })

    const through = <Result>(
      server: string,
      use: (live: Connection.Live) => Effect.Effect<Result, SessionError>,
    ): Effect.Effect<Result, CallError> => Effect.flatMap(Effect.flatMap(lookup(server), ready), use)

    return {
      events: events.stream,
      listen: (listener) => events.listen(listener),
      add: (config) =>
        Effect.gen(function* () {
          yield* forget(registry.get(config.name))
          const connection = yield* register(config)
          if (connection === undefined) return { status: "failed", error: "error" in config ? config.error : "" }
          return connection.config.enabled ? yield* connectAndWarm(connection) : connection.status()
        }),
      remove: (server) =>
        Effect.flatMap(lookup(server), (registered) =>
          Effect.andThen(
            Effect.sync(() => registry.delete(server)),
            forget(registered),
          ),
        ),
      connect: (server) =>
        Effect.flatMap(lookup(server), (registered) =>
          registered.connection === undefined
            ? Effect.succeed(statusOf(registered))
            : connectAndWarm(registered.connection),
        ),
      disconnect: (server) =>
        Effect.flatMap(lookup(server), (registered) =>
          Effect.map(registered.connection?.disconnect ?? Effect.void, () => statusOf(registered)),
        ),
      servers: Effect.sync(() => [...registry.values()].map((registered) => stateOf(registered, statusOf(registered)))),
      settled: allSettled,
      tools,
      prompts: (server) => gather(server, ({ catalog }) => catalog.prompts),
      resources: (server) => gather(server, ({ catalog }) => catalog.resources),
      templates: (server) => gather(server, ({ catalog }) => catalog.templates),
      callTool: (server, name, args, callOptions) =>
        Effect.suspend(() => {
          const registered = registry.get(server)
          const live = registered?.connection?.live()
          const offer = registered && knownOffer(registered)
          const tool = offer && resolve(server, offer, name)
          return live !== undefined && tool !== undefined
            ? call(live, server, tool, args, callOptions)
            : callSlowly(server, name, args, callOptions)
        }),
      readResource: (server, uri, callOptions) =>
        through(server, ({ session }) =>
          session.request(Method.readResource, { uri }, withProgress(server, callOptions)),
        ),
      getPrompt: (server, name, args, callOptions) =>
        through(server, ({ session }) =>
          session.request(
            Method.getPrompt,
            args === undefined ? { name } : { name, arguments: { ...args } },
            withProgress(server, callOptions),
          ),
        ),
      ping: (server) =>
        through(server, ({ session }) =>
          Effect.suspend(() => {
            const started = clock.monotonicTimeNanosUnsafe()
            return Effect.map(
              session.request(Method.ping, {}),
              () => Number(clock.monotonicTimeNanosUnsafe() - started) / 1e6,
            )
          }),
        ),
      instructions: Effect.sync(() =>
        [...registry.values()].flatMap(({ connection, name }) => {
          const instructions = connection?.live()?.session.agreement.instructions
          return instructions === undefined ? [] : [{ server: name, instructions }]
        }),
      ),
      stderr: (server) => Effect.map(lookup(server), ({ connection }) => connection?.stderr() ?? []),
      setRoots: (next) =>
        Effect.sync(() => {
          roots = next
          rootsAreFinal = true
          rootsChanged.publish()
        }),
      connection: (server) =>
        Effect.flatMap(lookup(server), (registered) =>
          registered.connection === undefined
            ? failWith(new NotConnected({ server, status: statusOf(registered) }))
            : Effect.succeed(registered.connection),
        ),
    }
  })

const stateOf = ({ connection, name, type }: Registered, status: Status): ServerState => {
  const live = connection?.live()
  const catalog = live?.catalog
  const counts = {
    tools: count(catalog?.tools),
    prompts: count(catalog?.prompts),
    resources: count(catalog?.resources),
    templates: count(catalog?.templates),
  }
  if (live === undefined) return { name, type, status, ...counts }
  const { agreement, pid, transport } = live.session
  return {
    name,
    type,
    status,
    protocolVersion: agreement.revision,
    serverInfo: agreement.serverInfo,
    ...(agreement.instructions === undefined ? {} : { instructions: agreement.instructions }),
    capabilities: agreement.capabilities,
    transport,
    ...(pid === undefined ? {} : { pid }),
    ...counts,
    connectMs: live.connectMs,
  }
}
