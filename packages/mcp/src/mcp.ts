/**
 * The service: every configured server, its status, what it offers, calls to it, and the events of all.
 *
 * Each server is a `Connection` in a Scope of its own; all connect in parallel, and what one does concerns no other.
 * Reading what is known costs no request. Configuration files, terminals and the model are the host's.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { basename } from "node:path"
import { pathToFileURL } from "node:url"
import { Roots } from "./capability/roots.ts"
import type { Listed } from "./catalog/listed.ts"
import type { ServerConfig } from "./config.ts"
import { nearest } from "./config/nearest.ts"
import type { Connection, Live } from "./connection.ts"
import { Assembly } from "./connection/assembly.ts"
import { McpError, NotConnected, NotImplemented, ToolNotFound } from "./error.ts"
import type { Event, Status } from "./events.ts"
import * as Registry from "./mcp/registry.ts"
import type { Registered, Unusable } from "./mcp/registry.ts"
import { type ServerState, stateOf } from "./mcp/state.ts"
import * as Tools from "./mcp/tools.ts"
import type { ToolEntry } from "./mcp/tools.ts"
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
  Tool,
} from "./protocol/model.ts"
import type { SessionError } from "./session/error.ts"
import type { RequestOptions } from "./session/requests.ts"

export type { Unusable } from "./mcp/registry.ts"
export type { ServerState } from "./mcp/state.ts"
export type { ToolEntry } from "./mcp/tools.ts"

/** How many events wait for the first subscriber, and for one that lags. */
const eventCapacity = 16_384

/** An item and the server that it is of. */
export interface Of<Item> {
  readonly server: string
  readonly item: Item
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
 *   const { config } = Config.decode("memory", { type: "local", command: ["mcp-server-memory"] })
 *   if (config !== undefined) yield* mcp.add(config)
 *   return yield* mcp.callTool("memory", "read_graph")
 * }).pipe(Effect.provide(Mcp.layer({ directory: process.cwd() })))
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
    readonly connection: (server: string) => Effect.Effect<Connection, McpError>
  }
>()("@opencode/mcp/Mcp") {
  /**
   * The service without any server. A `Roots` in the context replaces the default roots; an `Assembly` the layers that
   * a server is built from. Closing the Scope closes every server, all at once.
   */
  static readonly layer = (options: McpOptions): Layer.Layer<Mcp> => Layer.effect(Mcp)(build(options))
}

const build = (options: McpOptions): Effect.Effect<Mcp["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const provided = yield* Effect.serviceOption(Roots)
    const events = new Channel<Event>(eventCapacity)
    const publish = (event: Event) => events.publish(event)

    const worktree = options.worktree ?? options.directory
    let roots: ReadonlyArray<Root> = [{ uri: pathToFileURL(worktree).href, name: basename(worktree) || worktree }]
    let rootsAreFinal = Option.isSome(provided)
    const rootsChanged = new Channel<void>()
    // A server that connects later asks for the roots as they are: nothing is kept for it.
    rootsChanged.listen(() => undefined)

    const registry = yield* Registry.make({
      assembly: yield* Assembly,
      surroundings: {
        directory: options.directory,
        clientInfo: options.clientInfo,
        roots: Option.getOrElse(provided, () => ({ list: Effect.sync(() => roots), changes: rootsChanged.stream })),
        rootsAreFinal: () => rootsAreFinal,
      },
      publish,
    })
    const tools = Tools.make(registry)

    /** What each connected server lists, those that are pending after they settled; or one server, which must be there. */
    const gather = <Item>(
      server: string | undefined,
      pick: (live: Live) => Listed<Item>,
    ): Effect.Effect<ReadonlyArray<Of<Item>>, CallError> => {
      const of = (name: string) => (items: ReadonlyArray<Item>) => items.map((item) => ({ server: name, item }))
      if (server !== undefined)
        return Effect.flatMap(Effect.flatMap(registry.lookup(server), registry.present), (live) =>
          Effect.map(pick(live).all, of(server)),
        )
      const each = ({ connection, name }: Registered) =>
        Effect.andThen(
          connection?.settled ?? Effect.void,
          Effect.suspend((): Effect.Effect<ReadonlyArray<Of<Item>>> => {
            const live = connection?.live()
            if (live === undefined) return Effect.succeed([])
            return Effect.orElseSucceed(Effect.map(pick(live).all, of(name)), () => [])
          }),
        )
      return Effect.map(Effect.forEach(registry.all(), each, { concurrency: "unbounded" }), (lists) => lists.flat())
    }

    const through = <Result>(
      server: string,
      use: (live: Live) => Effect.Effect<Result, SessionError>,
    ): Effect.Effect<Result, CallError> => Effect.flatMap(Effect.flatMap(registry.lookup(server), registry.ready), use)

    const isListed = (registered: Registered) => {
      const { status } = registered.status()
      return status === "connected" ? tools.offer(registered) !== undefined : status !== "pending"
    }
    const listTools = ({ catalog }: Live) => catalog.tools

    const withProgress = (server: string, callOptions: CallOptions | undefined): RequestOptions | undefined => {
      if (callOptions?.request === undefined) return callOptions
      const { onProgress, request } = callOptions
      return {
        ...callOptions,
        onProgress: (step) => {
          const { message, progress, total } = step
          const data = {
            server,
            request,
            progress,
            ...(total === undefined ? {} : { total }),
            ...(message === undefined ? {} : { message }),
          }
          publish({ type: "mcp.progress", data })
          onProgress?.(step)
        },
      }
    }

    const call = (
      { session }: Live,
      server: string,
      { execution, name }: Tool,
      args: JsonObject | undefined,
      callOptions: CallOptions | undefined,
    ): Effect.Effect<CallToolResult, CallError> => {
      if (execution?.taskSupport === "required") {
        const feature = `the tool ${JSON.stringify(name)} has to be called as a task, which`
        return Effect.fail(new McpError({ reason: new NotImplemented({ server, feature }) }))
      }
      const params = args === undefined ? { name } : { name, arguments: args }
      return session.request(Method.callTool, params, withProgress(server, callOptions))
    }

    /** The way of a call to a server that is not ready, or to a tool that is not known. */
    const callSlowly: Mcp["Service"]["callTool"] = (server, name, args, callOptions) =>
      Effect.gen(function* () {
        const registered = yield* registry.lookup(server)
        const live = yield* registry.ready(registered)
        const all = yield* live.catalog.tools.all
        // A key means something once it is assigned, and nobody may have asked for the tools yet.
        tools.all()
        const tool = tools.resolve(registered, name)
        if (tool !== undefined) return yield* call(live, server, tool, args, callOptions)
        // A server without the capability answers for itself: nothing is sent, and the error says what is missing.
        if (!live.session.declares(Method.callTool)) {
          return yield* live.session.request(Method.callTool, { name }, callOptions)
        }
        const names = tools.offer(registered)?.tools.map((tool) => tool.name) ?? all.map((tool) => tool.name)
        const reason = new ToolNotFound({ server, tool: name, nearest: nearest(name, names), all: names })
        return yield* new McpError({ reason })
      })

    return {
      events: events.stream,
      listen: (listener) => events.listen(listener),
      add: (config) =>
        Effect.flatMap(registry.add(config), (registered) =>
          registered.connection?.config.enabled === true
            ? registry.connect(registered)
            : Effect.map(registered.replaced, registered.status),
        ),
      remove: registry.remove,
      connect: (server) => Effect.flatMap(registry.lookup(server), registry.connect),
      disconnect: (server) =>
        Effect.flatMap(registry.lookup(server), ({ connection, status }) =>
          Effect.map(connection?.disconnect ?? Effect.void, status),
        ),
      servers: Effect.sync(() => registry.all().map(stateOf)),
      settled: Effect.suspend(() =>
        Effect.forEach(registry.all(), registry.settle, { concurrency: "unbounded", discard: true }),
      ),
      tools: (server) =>
        server === undefined
          ? Effect.andThen(
              Effect.suspend(() => (registry.all().every(isListed) ? Effect.void : gather(undefined, listTools))),
              Effect.sync(tools.all),
            )
          : Effect.map(gather(server, listTools), () => tools.all().filter((entry) => entry.server === server)),
      prompts: (server) => gather(server, ({ catalog }) => catalog.prompts),
      resources: (server) => gather(server, ({ catalog }) => catalog.resources),
      templates: (server) => gather(server, ({ catalog }) => catalog.templates),
      callTool: (server, name, args, callOptions) =>
        Effect.suspend(() => {
          const registered = registry.get(server)
          const live = registered?.connection?.live()
          const tool = registered && tools.resolve(registered, name)
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
        registry.all().flatMap(({ connection, name }) => {
          const instructions = connection?.live()?.session.agreement.instructions
          return instructions === undefined ? [] : [{ server: name, instructions }]
        }),
      ),
      stderr: (server) => Effect.map(registry.lookup(server), ({ connection }) => connection?.stderr() ?? []),
      setRoots: (next) =>
        Effect.sync(() => {
          roots = next
          rootsAreFinal = true
          rootsChanged.publish()
        }),
      connection: (server) =>
        Effect.flatMap(registry.lookup(server), ({ connection, status }) =>
          connection === undefined
            ? Effect.fail(new McpError({ reason: new NotConnected({ server, status: status() }) }))
            : Effect.succeed(connection),
        ),
    }
  })
