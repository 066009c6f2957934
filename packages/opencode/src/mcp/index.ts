/**
 * OpenCode's MCP service: the methods that the rest of OpenCode calls, on the client of `@opencode-ai/mcp`.
 *
 * Names, keys, statuses and errors are OpenCode's. Next to nothing is kept here: what is known of servers is the client's,
 * and each of its events appears on the bus.
 */
import { Browser } from "@opencode-ai/mcp/auth/browser"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import * as Keys from "@opencode-ai/mcp/catalog/keys"
import type { Connection } from "@opencode-ai/mcp/connection"
import type { McpError } from "@opencode-ai/mcp/error"
import {
  Mcp,
  type CallError,
  type CallOptions,
  type Of as Item,
  type ServerState,
  type ToolEntry,
} from "@opencode-ai/mcp/mcp"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type {
  CallToolResult,
  CompleteRequestParams,
  CompleteResult,
  GetPromptResult,
  Implementation,
  LoggingLevel,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  ServerCapabilities,
  Task,
  Tool,
} from "@opencode-ai/mcp/protocol/model"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bus from "../bus/index.ts"
import { Config, type ConfigError, type Difference, type DiscoverOptions } from "../config/config.ts"
import { Trust, type TrustError } from "../trust/trust.ts"
import * as Authorization from "./authorization.ts"
import { found } from "./authorization.ts"
import { NotFoundError } from "./error.ts"
import * as McpEvent from "./event.ts"
import { feed } from "./feed.ts"
import * as Instance from "./instance.ts"
import * as Listed from "./listed.ts"
import type { Of } from "./listed.ts"
import * as Secrets from "./secrets.ts"
import type { Status } from "./status.ts"

export { NotFoundError } from "./error.ts"
export type { Of } from "./listed.ts"
export { Status } from "./status.ts"

/** A tool of a connected server. */
export interface ToolDefinition {
  readonly server: string
  /** The unshortened key, which permission patterns match too. */
  readonly fullKey: string
  /** As the server listed it. */
  readonly tool: Tool
  /** Whether the person trusts the server's annotations. */
  readonly trusted: boolean
}

/** What OpenCode reads off a connected server. */
export interface Client {
  readonly getServerCapabilities: () => ServerCapabilities | undefined
  readonly getServerVersion: () => Implementation | undefined
  readonly getInstructions: () => string | undefined
}

export interface Interface extends Authorization.Authorizing {
  /** Waits for servers that are being connected, each for its own start-up timeout. */
  readonly status: () => Effect.Effect<Readonly<Record<string, Status>>>
  /** Waits until no server is being connected that offers nothing yet, and what each offers is listed. */
  readonly settled: () => Effect.Effect<void>
  /**
   * Lists again, in the background, what connected servers would not say to have changed (`listChanged`), and tells what
   * differs: for the beginning of a session. Never waits.
   */
  readonly recheck: () => Effect.Effect<void>
  /** Those that are connected. Never waits. */
  readonly clients: () => Effect.Effect<Readonly<Record<string, Client>>>
  /** What servers say of their use, by name; those that are being connected as they said last. `tools` are the keys of the server's tools. Never waits. */
  readonly instructions: () => Effect.Effect<
    ReadonlyArray<{ readonly name: string; readonly instructions: string; readonly tools: ReadonlyArray<string> }>
  >
  /**
   * By key. Never waits, costs no request, and gives the same record as before where nothing changed. Servers that are being
   * connected offer what they offered last; a call waits for its server.
   */
  readonly tools: () => Effect.Effect<Readonly<Record<string, ToolDefinition>>>
  /** By `server:prompt`. Waits as `status`. */
  readonly prompts: () => Effect.Effect<Readonly<Record<string, Of<Prompt>>>>
  /** By `server:uri`, where `%` and `:` of the server's name are escaped. Waits as `status`. */
  readonly resources: (server?: string) => Effect.Effect<Readonly<Record<string, Of<Resource>>>>
  /** As `resources`, by `server:uriTemplate`. */
  readonly resourceTemplates: (server?: string) => Effect.Effect<Readonly<Record<string, Of<ResourceTemplate>>>>
  /**
   * Adds a server, or replaces the one of its name, and waits for the outcome. `config` as it stands in opencode.json, in
   * either shape; a bad one is `failed` with each problem named. Whoever adds a server trusts it.
   */
  readonly add: (name: string, config: unknown) => Effect.Effect<{ readonly status: Readonly<Record<string, Status>> }>
  /** Closes a server and forgets it, until the configuration is read anew. */
  readonly remove: (name: string) => Effect.Effect<void, NotFoundError>
  /** Waits for the outcome, which is a status. One that a project defines has to be approved. */
  readonly connect: (name: string) => Effect.Effect<void, NotFoundError>
  readonly disconnect: (name: string) => Effect.Effect<void, NotFoundError>
  /** Keeps the approval of a project's server as it is defined now, and connects it. */
  readonly trust: (name: string) => Effect.Effect<Status, NotFoundError | TrustError>
  /** Reads the configuration again and applies what changed in it, without waiting for servers to connect. */
  readonly reload: () => Effect.Effect<Difference, ConfigError>
  readonly getPrompt: (
    server: string,
    name: string,
    args?: Readonly<Record<string, string>>,
  ) => Effect.Effect<GetPromptResult, CallError>
  readonly readResource: (server: string, uri: string) => Effect.Effect<ReadResourceResult, CallError>
  /** Calls a tool by its key or its own name. Interrupting it cancels it. */
  readonly callTool: (
    server: string,
    tool: string,
    args?: JsonObject,
    options?: CallOptions,
  ) => Effect.Effect<CallToolResult, CallError>
  readonly complete: (
    server: string,
    question: CompleteRequestParams,
  ) => Effect.Effect<CompleteResult["completion"], CallError>
  readonly subscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
  readonly unsubscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
  readonly setLevel: (server: string, level: LoggingLevel) => Effect.Effect<void, CallError>
  /** How long the server took to answer, in milliseconds. */
  readonly ping: (server: string) => Effect.Effect<number, CallError>
  readonly tasks: (server: string) => Effect.Effect<ReadonlyArray<Task>, CallError>
  readonly task: (server: string, taskId: string) => Effect.Effect<Task, CallError>
  readonly taskResult: (server: string, taskId: string) => Effect.Effect<object, CallError>
  readonly cancelTask: (server: string, taskId: string) => Effect.Effect<Task, CallError>
  /** The last lines that a local server wrote to stderr, oldest first, secrets hidden. */
  readonly stderr: (server: string) => Effect.Effect<ReadonlyArray<string>, NotFoundError>
  /** Hides the secrets of the configuration, and of entries that were added, in a text. */
  readonly mask: (text: string) => string
  /** The events of one type, and of all, as they are on the bus. */
  readonly stream: <Type extends keyof typeof McpEvent.ofClient>(
    type: Type,
  ) => Stream.Stream<Bus.Payload<(typeof McpEvent.ofClient)[Type]>>
  readonly events: Stream.Stream<Bus.Payload>
}

/** The MCP servers of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/MCP") {}

const clientOf = ({ capabilities, instructions, serverInfo }: ServerState): Client => ({
  getServerCapabilities: () => capabilities,
  getServerVersion: () => serverInfo,
  getInstructions: () => instructions,
})

/** What no server of this name can do to a server. All else has become a status. */
const notFound = <A, E>(name: string, effect: Effect.Effect<A, E | McpError>) =>
  Effect.catchTag(found(name, effect), "McpError", () => Effect.fail(new NotFoundError({ name })))

/** Between two looks at a server that is about to be connected, in milliseconds. */
const glance = 10

const make = Effect.gen(function* () {
  const mcp = yield* Mcp
  const bus = yield* Bus.Service
  const config = yield* Config
  const scope = yield* Effect.scope
  const services = yield* Effect.context<Instance.Needs>()
  const own: Instance.Own = new Set()
  const secrets = Secrets.make()
  secrets.read(yield* config.get)
  /** Sees to it that the tools of a server are known. A list that cannot be read is told by the client. */
  const list = (server: string) => Effect.ignore(mcp.tools(server))
  yield* feed(mcp.listen, secrets.mask)
  // A server that has ended and is there again has a catalogue that nobody has asked for yet.
  const run = Effect.runForkWith(yield* Effect.context<never>())
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      mcp.listen(({ data, type }) => {
        if (type === "mcp.status.changed" && data.status === "connected") run(Effect.forkIn(list(data.server), scope))
      }),
    ),
    (stop) => Effect.sync(stop),
  )
  yield* Instance.start()

  /** What the server is once it is not being connected: after its start-up timeout it counts as failed. */
  const settle = (connection: Connection): Effect.Effect<Status> => {
    const { name, timeout } = connection.config
    const wait: Effect.Effect<Status> = Effect.flatMap(connection.settled, (status) => {
      if (status.status === "pending") return Effect.andThen(Effect.sleep(glance), wait)
      // Who asks for the tools next has them.
      return status.status === "connected" ? Effect.as(list(name), status) : Effect.succeed(status)
    })
    const { startup } = timeout
    const late = (): Status => {
      const status = connection.status()
      if (status.status !== "pending") return status
      const why = status.error === undefined ? "" : `: ${status.error}`
      return { status: "failed", error: `it is still being connected after ${startup} ms${why}` }
    }
    return Effect.timeoutOrElse(wait, { duration: startup, orElse: () => Effect.sync(late) })
  }
  const masked = (status: Status): Status =>
    "error" in status && status.error !== undefined ? { ...status, error: secrets.mask(status.error) } : status
  const statusOf = ({ name, status }: ServerState): Effect.Effect<Status> =>
    Effect.matchEffect(mcp.connection(name), {
      // It has no connection, or is gone.
      onFailure: () =>
        Effect.succeed(masked(status.status === "pending" ? { status: "failed", error: "it was removed" } : status)),
      onSuccess: (connection) => Effect.map(settle(connection), masked),
    })
  const statusNamed = (name: string): Effect.Effect<Status, NotFoundError> =>
    Effect.flatMap(mcp.servers, (servers) => {
      const state = servers.find((server) => server.name === name)
      return state === undefined ? Effect.fail(new NotFoundError({ name })) : statusOf(state)
    })
  const status = () =>
    Effect.gen(function* () {
      const servers = yield* mcp.servers
      const statuses = yield* Effect.forEach(servers, statusOf, { concurrency: "unbounded" })
      const pairs = servers.flatMap(({ name }, index) => {
        const known = statuses[index]
        return known === undefined ? [] : [[name, known] as const]
      })
      return Object.fromEntries(pairs)
    })

  /** A list of every server that is connected, or of one, after those that are being connected. */
  const gather = <A>(list: (name: string) => Effect.Effect<ReadonlyArray<Item<A>>, CallError>, server?: string) =>
    Effect.gen(function* () {
      const servers = yield* mcp.servers
      const wanted = servers.filter(({ name }) => server === undefined || name === server)
      const lists = yield* Effect.forEach(
        wanted,
        (each) =>
          Effect.flatMap(statusOf(each), ({ status }) =>
            status === "connected"
              ? Effect.orElseSucceed(list(each.name), (): ReadonlyArray<Item<A>> => [])
              : Effect.succeed<ReadonlyArray<Item<A>>>([]),
          ),
        { concurrency: "unbounded" },
      )
      return lists.flat()
    })

  let entries: ReadonlyArray<ToolEntry> | undefined
  let record: Readonly<Record<string, ToolDefinition>> = {}
  const isTrusted = (server: string) =>
    Effect.match(mcp.connection(server), {
      onFailure: () => false,
      onSuccess: (connection) => connection.config.trusted,
    })
  const tools = () =>
    Effect.flatMap(mcp.offered.tools, (known) =>
      known === entries
        ? Effect.succeed(record)
        : Effect.gen(function* () {
            const trusted = new Map<string, boolean>()
            for (const { server } of known) {
              if (!trusted.has(server)) trusted.set(server, yield* isTrusted(server))
            }
            const pairs = known.map(({ key, server, tool }) => {
              const fullKey = Keys.fullKey(server, tool.name)
              return [key, { server, fullKey, tool, trusted: trusted.get(server) === true }] as const
            })
            entries = known
            return (record = Object.fromEntries(pairs))
          }),
    )

  const within = <A, E>(effect: Effect.Effect<A, E, Instance.Needs>) => Effect.provideContext(effect, services)

  return Service.of({
    ...Authorization.make({
      mcp,
      browser: yield* Browser,
      admit: (name) => within(Instance.hold(name, own)),
      status: statusNamed,
    }),
    status,
    settled: () => mcp.offered.ready,
    recheck: () => mcp.recheck,
    clients: () =>
      Effect.map(mcp.servers, (servers) =>
        Object.fromEntries(
          servers.flatMap((state) => (state.status.status === "connected" ? [[state.name, clientOf(state)]] : [])),
        ),
      ),
    instructions: () =>
      Effect.gen(function* () {
        const keys = Object.groupBy(yield* mcp.offered.tools, ({ server }) => server)
        const said = yield* mcp.offered.instructions
        return said
          .filter(({ instructions }) => instructions.trim() !== "")
          .toSorted((a, b) => (a.server < b.server ? -1 : 1))
          .map(({ instructions, server: name }) => ({
            name,
            instructions,
            tools: (keys[name] ?? []).map(({ key }) => key),
          }))
      }),
    tools,
    prompts: () => Effect.map(gather(mcp.prompts), Listed.prompts),
    resources: (server) => Effect.map(gather(mcp.resources, server), (all) => Listed.byUri(all, ({ uri }) => uri)),
    resourceTemplates: (server) =>
      Effect.map(gather(mcp.templates, server), (all) => Listed.byUri(all, ({ uriTemplate }) => uriTemplate)),
    add: (name, entry) =>
      Effect.gen(function* () {
        const { server, warnings } = yield* within(Instance.given(name, entry))
        secrets.given(entry, "error" in server ? undefined : server)
        own.add(name)
        for (const message of warnings) {
          yield* bus.publish(McpEvent.Warning, { server: name, message: secrets.mask(message) })
        }
        yield* mcp.add(server)
        return { status: yield* status() }
      }),
    remove: (name) => notFound(name, within(Instance.remove(name, own))),
    connect: (name) => Effect.asVoid(notFound(name, within(Instance.connect(name, own)))),
    disconnect: (name) => Effect.asVoid(notFound(name, mcp.disconnect(name))),
    trust: (name) => Effect.andThen(notFound(name, within(Instance.trust(name, own))), statusNamed(name)),
    reload: () => {
      const read = (snapshot: Parameters<typeof secrets.read>[0]) => Effect.sync(() => secrets.read(snapshot))
      return within(Scope.provide(Instance.reload(own, read), scope))
    },
    getPrompt: mcp.getPrompt,
    readResource: mcp.readResource,
    callTool: mcp.callTool,
    complete: mcp.complete,
    subscribe: mcp.subscribe,
    unsubscribe: mcp.unsubscribe,
    setLevel: mcp.setLevel,
    ping: mcp.ping,
    tasks: mcp.tasks,
    task: mcp.task,
    taskResult: mcp.taskResult,
    cancelTask: mcp.cancelTask,
    stderr: (server) => Effect.map(notFound(server, mcp.stderr(server)), (lines) => lines.map(secrets.mask)),
    mask: secrets.mask,
    stream: (type) => bus.subscribe(McpEvent.ofClient[type]),
    events: Stream.filter(bus.subscribeAll(), ({ type }) => Object.hasOwn(McpEvent.ofClient, type)),
  })
})

/** The servers of the configuration, which are started, and closed with the Scope. */
export const layer: Layer.Layer<Service, never, Mcp | Config | Trust | Bus.Service> = Layer.effect(Service)(make)

/** What the servers of an instance depend on. */
export interface Options extends DiscoverOptions {
  /** Approves the servers of project files, for this run. Default `false`. */
  readonly trust?: boolean
  /** Who answers what servers ask. Default: whoever reads the events, by `Questions`. */
  readonly answers?: Instance.Answers
  /** How long a person is waited for, in milliseconds. Default: 300,000. */
  readonly interactionTimeout?: number
}

/** The same with all that it needs: the configuration, the approvals, the client and the bus. */
export const defaultLayer = (
  options: Options = {},
): Layer.Layer<
  Service | Mcp | Questions | Config | Trust | Bus.Service,
  ConfigError,
  FileSystem.FileSystem | Path.Path
> => {
  const { answers = Questions.handlers, interactionTimeout = 300_000, trust = false, ...discover } = options
  return layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Instance.client({ answers, interactionTimeout }), Bus.layer)),
    Layer.provideMerge(Layer.mergeAll(Config.layer(discover), Trust.layer({ all: trust }))),
  )
}
