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
import { Elicitation } from "./capability/elicitation.ts"
import { Approval } from "./capability/approval.ts"
import { Questions } from "./capability/questions.ts"
import { Roots } from "./capability/roots.ts"
import { Sampling } from "./capability/sampling.ts"
import { Tasks } from "./capability/tasks.ts"
import type { ServerConfig } from "./config.ts"
import type { Connection, Live } from "./connection.ts"
import { CatalogStore } from "./catalog/kept.ts"
import { CredentialStore, makeMemory } from "./auth/store.ts"
import { Assembly } from "./connection/assembly.ts"
import * as Authorize from "./connection/authorize.ts"
import { McpError, NotConnected } from "./error.ts"
import type { Event, Status } from "./events.ts"
import { type Authorization, authorization } from "./mcp/authorization.ts"
import * as Calls from "./mcp/calls.ts"
import type { CallError, CallOptions, CallTool } from "./mcp/calls.ts"
import * as Completion from "./mcp/completion.ts"
import { eventChannel, tellClosed, tellQuestion } from "./mcp/forward.ts"
import * as Gather from "./mcp/gather.ts"
import type { Of } from "./mcp/gather.ts"
import * as Holding from "./mcp/holding.ts"
import type { HeldTool } from "./mcp/holding.ts"
import { make as makeOffered, type Offered } from "./mcp/offered.ts"
import * as Prompts from "./mcp/prompts.ts"
import * as Registry from "./mcp/registry.ts"
import type { Registered, Unusable } from "./mcp/registry.ts"
import { type ServerState, stateOf } from "./mcp/state.ts"
import * as TaskCalls from "./mcp/tasks.ts"
import * as Tools from "./mcp/tools.ts"
import type { ToolEntry } from "./mcp/tools.ts"
import { Pins } from "./catalog/pins.ts"
import { Channel } from "./notification/channel.ts"
import * as Mark from "./process/mark.ts"
import * as Method from "./protocol/method.ts"
import type {
  CompleteRequestParams,
  CompleteResult,
  GetPromptResult,
  Implementation,
  LoggingLevel,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Root,
  Task,
} from "./protocol/model.ts"
import { within } from "./session/within.ts"

export type { Authorization } from "./mcp/authorization.ts"
export type { CallError, CallOptions } from "./mcp/calls.ts"
export type { Of } from "./mcp/gather.ts"
export type { HeldTool } from "./mcp/holding.ts"
export type { Instructions, Offered } from "./mcp/offered.ts"
export type { Unusable } from "./mcp/registry.ts"
export type { ServerState } from "./mcp/state.ts"
export type { ToolEntry } from "./mcp/tools.ts"

export interface McpOptions {
  /** The project's directory, absolute: the default of a server's `cwd`. */
  readonly directory: string
  /** The root of the worktree, absolute: the default root. Default: `directory`. */
  readonly worktree?: string | undefined
  /** Who this client says it is (2025-11-25, Lifecycle, Initialization). Default: `opencode` and its version. */
  readonly clientInfo?: Implementation | undefined
  /** How long the end of a visit to a URL is waited for, in milliseconds. Default: 300,000. */
  readonly interactionTimeout?: number | undefined
}

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
    /**
     * Adds a server, or replaces the one of its name, and does not connect it: it is `pending` until somebody needs it or says
     * `connect`. What was kept of it is offered meanwhile.
     */
    readonly register: (config: ServerConfig | Unusable) => Effect.Effect<void>
    /** Closes a server and forgets it. Fails with `ServerNotFound`, as everything that names a server. */
    readonly remove: (server: string) => Effect.Effect<void, McpError>
    /** Connects a server that is not connected, and waits for the outcome; what fails is a status. */
    readonly connect: (server: string) => Effect.Effect<Status, McpError>
    /** Closes a server; it is `disabled` until it is connected again. */
    readonly disconnect: (server: string) => Effect.Effect<Status, McpError>
    /** What is known of each server, in configuration order. Never waits. */
    readonly servers: Effect.Effect<ReadonlyArray<ServerState>>
    /** Waits until no server is `pending` and what each offers is listed. */
    readonly settled: Effect.Effect<void>
    /**
     * The tools of all connected servers, after those that are `pending` have settled; or of one, which fails with
     * `NotConnected` where it is not. The same array as before where nothing changed. Each list is read to its end
     * (2025-11-25, Pagination); it is empty where the server does not declare the kind.
     */
    readonly tools: (server?: string) => Effect.Effect<ReadonlyArray<ToolEntry>, CallError>
    /**
     * What is known now, without a request and without waiting for a server: of those that are connected, and of those that
     * are being connected what they offered last, in an earlier run too where the context has a `CatalogStore`. A call of it
     * waits for its server; where the server then offers another list there is an event (`mcp.tools.changed`, …). Each is
     * the same array as before where nothing changed.
     */
    readonly offered: Offered
    /**
     * Lists again, in the background, what servers that are connected would not say to have changed (2025-11-25, Tools,
     * Capabilities: `listChanged`), and tells what differs. For the beginning of a session: it returns at once, and costs
     * nothing where every server tells.
     */
    readonly recheck: Effect.Effect<void>
    /** As `tools`. */
    readonly prompts: (server?: string) => Effect.Effect<ReadonlyArray<Of<Prompt>>, CallError>
    /** As `tools`. */
    readonly resources: (server?: string) => Effect.Effect<ReadonlyArray<Of<Resource>>, CallError>
    /** As `tools`; `Template.parse` reads one (Resources, Resource Templates). */
    readonly templates: (server?: string) => Effect.Effect<ReadonlyArray<Of<ResourceTemplate>>, CallError>
    /**
     * Calls a tool by its own name or its key (2025-11-25, Tools, Calling Tools). Interrupting it cancels it. A server
     * that has ended is connected once more first. A result with `isError` is a success here; any other is held against
     * the tool's `outputSchema`, and fails with `InvalidResponse` where it does not fit. A tool that has to be a task is
     * one by itself: bounded by its ttl, it fails with a `TaskError` where it gives no result (Tasks).
     */
    readonly callTool: CallTool
    /** The tools that are held back, because they changed since they were reviewed: see `Pins`. Never waits. */
    readonly held: Effect.Effect<ReadonlyArray<HeldTool>>
    /**
     * Offers a tool that is held back in its present form, and pins that. Fails with `ToolNotFound` where there is none, and
     * with `ChangedAgain` where it is in another form than `form` (`HeldTool.form`), which is what the person has seen.
     */
    readonly approve: (server: string, tool: string, form?: string) => Effect.Effect<void, McpError>
    /** The contents of a resource (Resources, Reading Resources). Nothing is read that nobody asked for. */
    readonly readResource: (
      server: string,
      uri: string,
      options?: CallOptions,
    ) => Effect.Effect<ReadResourceResult, CallError>
    /** Fails with `ArgumentsMissing`, and nothing is sent, where a listed prompt lacks arguments that it needs. */
    readonly getPrompt: (
      server: string,
      name: string,
      args?: Readonly<Record<string, string>>,
      options?: CallOptions,
    ) => Effect.Effect<GetPromptResult, CallError>
    /**
     * Asks to be told when a resource changes (`mcp.resource.updated`), in this session and those after it. Fails with
     * `NotDeclared` where the server does not offer it, and with `TooMany` beyond 1,000 of one server; nothing is sent then
     * (2025-11-25, Resources, Subscriptions).
     */
    readonly subscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
    /** Gives it up at once, whatever the server answers. */
    readonly unsubscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
    /**
     * What an argument of a prompt, or a variable of a template, may be: at most 100 values (2025-11-25, Completion). Fit
     * to be asked at each key: see `mcp/completion.ts`. A newer question about the same fails the older with `Superseded`;
     * one that makes no sense fails with `BadQuestion`, and is not sent.
     */
    readonly complete: (
      server: string,
      question: CompleteRequestParams,
    ) => Effect.Effect<CompleteResult["completion"], CallError>
    /**
     * The least level of log messages that the server sends, in this session and those after it (2025-11-25, Logging).
     * Fails with `NotDeclared`, and nothing is sent, where the server does not log.
     */
    readonly setLevel: (server: string, level: LoggingLevel) => Effect.Effect<void, CallError>
    /**
     * The tasks that a server keeps for us, over all pages (2025-11-25, Tasks). Fails with `NotDeclared`, and nothing is
     * sent, where the server does not list them.
     */
    readonly tasks: (server: string) => Effect.Effect<ReadonlyArray<Task>, CallError>
    /** How a task is. A server that does not know it answers with code -32602. */
    readonly task: (server: string, taskId: string) => Effect.Effect<Task, CallError>
    /**
     * What the task's request is answered with once it has ended, an error of the server's too; interrupting this leaves
     * the task alone.
     */
    readonly taskResult: (server: string, taskId: string) => Effect.Effect<object, CallError>
    /** Fails with code -32602 where it has ended. */
    readonly cancelTask: (server: string, taskId: string) => Effect.Effect<Task, CallError>
    /** How long the server took to answer, in milliseconds. */
    readonly ping: (server: string) => Effect.Effect<number, CallError>
    /** What connected servers say of how they are to be used, each at most 32,768 characters (Lifecycle, Initialization). */
    readonly instructions: Effect.Effect<ReadonlyArray<{ readonly server: string; readonly instructions: string }>>
    /** The last lines that a local server wrote to stderr, oldest first. */
    readonly stderr: (server: string) => Effect.Effect<ReadonlyArray<string>, McpError>
    /**
     * Replaces the roots, and tells the servers (2025-11-25, Roots): those whose entry names roots, or `false`, keep theirs.
     * Has no effect where the context has `Roots`.
     */
    readonly setRoots: (roots: ReadonlyArray<Root>) => Effect.Effect<void>
    /** The authorization of a server, and what a person can do about it. Fails with `NotAuthorizable` where it has none. */
    readonly authorization: (server: string) => Effect.Effect<Authorization, McpError>
    /** The connection of a server, for its streams of notifications. */
    readonly connection: (server: string) => Effect.Effect<Connection, McpError>
  }
>()("@opencode/mcp/Mcp") {
  /**
   * The service without any server. What the context has is used: `Roots` in place of the default roots; `Sampling`,
   * `Elicitation` and `Tasks`, which are not declared without; `Approval`; `Questions`, whose questions become events; an
   * `Assembly`, the layers that a server is built from; a `CatalogStore`, where last catalogues are kept. Closing the Scope
   * closes every server, all at once.
   */
  static readonly layer = (options: McpOptions): Layer.Layer<Mcp> => Layer.effect(Mcp)(build(options))
}

const build = (options: McpOptions): Effect.Effect<Mcp["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const { getOrUndefined } = Option
    const provided = yield* Effect.serviceOption(Roots)
    const events = eventChannel()
    const publish = (event: Event) => events.publish(event)
    const questions = getOrUndefined(yield* Effect.serviceOption(Questions))
    if (questions !== undefined) {
      yield* Effect.acquireRelease(
        Effect.sync(() => [
          questions.listen((question) => tellQuestion(question, publish)),
          questions.closed((question, outcome) => tellClosed(question, outcome, publish)),
        ]),
        (stops) => Effect.sync(() => stops.forEach((stop) => stop())),
      )
    }

    const worktree = options.worktree ?? options.directory
    let roots: ReadonlyArray<Root> = [{ uri: pathToFileURL(worktree).href, name: basename(worktree) || worktree }]
    let rootsAreFinal = Option.isSome(provided)
    const rootsChanged = new Channel<void>()
    // A server that connects later asks for the roots as they are: nothing is kept for it.
    rootsChanged.listen(() => undefined)

    // Not in the way of the servers that are being started.
    yield* Effect.forkScoped(Effect.andThen(Effect.sleep("1 second"), Mark.sweep))
    const store = getOrUndefined(yield* Effect.serviceOption(CredentialStore)) ?? makeMemory()
    const registry = yield* Registry.make({
      assembly: yield* Assembly,
      catalogs: yield* CatalogStore,
      surroundings: {
        authorize: yield* Authorize.make(store, publish, options.directory),
        directory: options.directory,
        clientInfo: options.clientInfo,
        roots: Option.getOrElse(provided, () => ({ list: Effect.sync(() => roots), changes: rootsChanged.stream })),
        rootsAreFinal: () => rootsAreFinal,
        handlers: {
          sampling: getOrUndefined(yield* Effect.serviceOption(Sampling)),
          elicitation: getOrUndefined(yield* Effect.serviceOption(Elicitation)),
          tasks: getOrUndefined(yield* Effect.serviceOption(Tasks)),
          approval: yield* Approval,
        },
        interactionTimeout: options.interactionTimeout,
      },
      publish,
      // At once: what is held back is told before anybody asks for the tools.
      onTools: (registered) => tools.offer(registered),
    })
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    const scope = yield* Effect.scope
    const tools = Tools.make({
      registry,
      pins: yield* Pins,
      publish,
      // The end of the Scope waits for it.
      run: (save) => runFork(Effect.forkIn(Effect.uninterruptible(save), scope, { startImmediately: true })),
    })
    const progress = Calls.withProgress(publish)
    const gather = Gather.make(registry)
    const complete = yield* Completion.make

    /** The server's session, waited for no longer than the request for which it is needed. */
    const ready = (
      server: string,
      { method }: { readonly method: string },
      callOptions?: CallOptions,
    ): Effect.Effect<Live, CallError> =>
      within(Effect.flatMap(registry.lookup(server), registry.ready), server, method, callOptions?.timeout)
    const through = <Result>(
      server: string,
      use: (live: Live) => Effect.Effect<Result, CallError>,
    ): Effect.Effect<Result, CallError> => Effect.flatMap(Effect.flatMap(registry.lookup(server), registry.ready), use)

    const isListed = (registered: Registered) => {
      const { status } = registered.status()
      return status === "connected" ? tools.offer(registered) !== undefined : status !== "pending"
    }
    const listTools = ({ catalog }: Live) => catalog.tools

    return {
      events: events.stream,
      listen: (listener) => events.listen(listener),
      add: (config) =>
        Effect.flatMap(registry.add(config), (registered) =>
          registered.connection?.config.enabled === true
            ? registry.connect(registered)
            : Effect.map(registered.replaced, registered.status),
        ),
      register: (config) => Effect.asVoid(registry.add(config)),
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
              Effect.sync(() => tools.all()),
            )
          : Effect.map(gather(server, listTools), () => tools.all().filter((entry) => entry.server === server)),
      offered: makeOffered(registry, tools),
      recheck: Effect.sync(() => registry.all().forEach(({ connection }) => connection?.live()?.catalog.recheck())),
      prompts: (server) => gather(server, ({ catalog }) => catalog.prompts),
      resources: (server) => gather(server, ({ catalog }) => catalog.resources),
      templates: (server) => gather(server, ({ catalog }) => catalog.templates),
      ...Holding.make({ registry, tools, publish }),
      callTool: Calls.make({ registry, tools, progress }),
      readResource: (server, uri, callOptions) =>
        Effect.flatMap(ready(server, Method.readResource, callOptions), ({ session }) =>
          session.request(Method.readResource, { uri }, progress(server, callOptions)),
        ),
      getPrompt: (server, name, args, callOptions) =>
        Effect.flatMap(ready(server, Method.getPrompt, callOptions), (live) =>
          Prompts.get(live, server, name, args, progress(server, callOptions)),
        ),
      subscribe: (server, uri) => through(server, ({ wishes }) => wishes.subscribe(uri)),
      unsubscribe: (server, uri) => through(server, ({ wishes }) => wishes.unsubscribe(uri)),
      complete: (server, question) => through(server, (live) => complete(server, live, question)),
      setLevel: (server, level) => through(server, ({ wishes }) => wishes.setLevel(level)),
      ...TaskCalls.make(registry),
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
          const instructions = connection?.known()?.session.agreement.instructions
          return instructions === undefined ? [] : [{ server: name, instructions }]
        }),
      ),
      authorization: (server) =>
        Effect.flatMap(registry.lookup(server), (registered) => authorization(registry, registered, publish)),
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
