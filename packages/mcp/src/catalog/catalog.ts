/**
 * What one server offers: tools, prompts, resources, templates, each listed once and kept until the server says that
 * it changed.
 *
 * A burst of `list_changed` costs at most two listings: the one that runs, and one after it. Reading what is kept costs
 * no request and no copy. Names across servers are `keys.ts`'s, across sessions the connection's.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Prompt, Resource, ResourceTemplate, Tool } from "../protocol/model.ts"
import type { SessionError } from "../session/error.ts"
import { Session } from "../session/session.ts"
import { type Kind, list } from "./listing.ts"

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

const toolKind: Kind<Tool> = {
  method: Method.listTools,
  member: "tools",
  identify: ({ inputSchema, name }) => (isObject(inputSchema) ? text(name) : undefined),
  is: (item): item is JsonObject & Tool => isObject(item.inputSchema),
}
const promptKind: Kind<Prompt> = {
  method: Method.listPrompts,
  member: "prompts",
  identify: ({ name }) => text(name),
  is: (item): item is JsonObject & Prompt => text(item.name) !== undefined,
}
const resourceKind: Kind<Resource> = {
  method: Method.listResources,
  member: "resources",
  identify: ({ uri }) => text(uri),
  is: (item): item is JsonObject & Resource => text(item.uri) !== undefined,
}
const templateKind: Kind<ResourceTemplate> = {
  method: Method.listResourceTemplates,
  member: "resourceTemplates",
  identify: ({ uriTemplate }) => text(uriTemplate),
  is: (item): item is JsonObject & ResourceTemplate => text(item.uriTemplate) !== undefined,
}

/** One list of the catalogue. */
export interface Listed<Item> {
  /** The list, from the last listing where nothing changed since. */
  readonly all: Effect.Effect<ReadonlyArray<Item>, SessionError>
  /** The list where it is known and up to date, at once. */
  readonly known: () => ReadonlyArray<Item> | undefined
  /** Forgets what is kept and lists again, once for any number of calls meanwhile. */
  readonly refresh: Effect.Effect<ReadonlyArray<Item>, SessionError>
}

/**
 * The catalogue of one session.
 *
 * @example
 * ```ts
 * const names = Effect.gen(function* () {
 *   const catalog = yield* Catalog
 *   return (yield* catalog.tools.all).map((tool) => tool.name)
 * })
 * ```
 */
export class Catalog extends Context.Service<
  Catalog,
  {
    readonly tools: Listed<Tool>
    readonly prompts: Listed<Prompt>
    readonly resources: Listed<Resource>
    readonly templates: Listed<ResourceTemplate>
  }
>()("@opencode/mcp/Catalog") {}

/** A list that is read when it is first asked for, and again after `refresh`. */
const makeListed = <Item>(read: Effect.Effect<ReadonlyArray<Item>, SessionError>, scope: Scope.Scope): Listed<Item> => {
  let value: ReadonlyArray<Item> | undefined
  let running: Deferred.Deferred<ReadonlyArray<Item>, SessionError> | undefined
  let changed = false

  /** Lists until nothing changed while it listed. */
  const settle: Effect.Effect<ReadonlyArray<Item>, SessionError> = Effect.suspend(() => {
    changed = false
    return Effect.flatMap(read, (items) => (changed ? settle : Effect.succeed(items)))
  })

  const start = Effect.suspend(() => {
    const deferred = (running = Deferred.makeUnsafe<ReadonlyArray<Item>, SessionError>())
    return settle.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          running = undefined
          if (exit._tag === "Success") value = exit.value
          Deferred.doneUnsafe(deferred, exit)
        }),
      ),
      Effect.forkIn(scope),
      Effect.andThen(Deferred.await(deferred)),
    )
  })
  const all = Effect.suspend(() =>
    value !== undefined ? Effect.succeed(value) : running !== undefined ? Deferred.await(running) : start,
  )
  return {
    all,
    known: () => value,
    refresh: Effect.suspend(() => {
      value = undefined
      changed = true
      return all
    }),
  }
}

/**
 * The catalogue of the session in the context. `timeout` bounds each page, in milliseconds (default 30,000).
 * `onChanged` is called with what changed once a new listing is in.
 */
export const layer = (options: {
  readonly timeout?: number | undefined
  readonly onChanged?: ((what: "tools" | "prompts" | "resources") => void) | undefined
}): Layer.Layer<Catalog, never, Session> =>
  Layer.effect(Catalog)(
    Effect.gen(function* () {
      const session = yield* Session
      const scope = yield* Effect.scope
      const listed = <Item>(kind: Kind<Item>) =>
        makeListed(
          list(session, kind, {
            timeout: options.timeout ?? 30_000,
            warn: (message) => session.notifications.publish("warning", { message }),
          }),
          scope,
        )
      const tools = listed(toolKind)
      const prompts = listed(promptKind)
      const resources = listed(resourceKind)
      const templates = listed(templateKind)
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      const follow = (
        what: "tools" | "prompts" | "resources",
        ...lists: ReadonlyArray<Listed<unknown>>
      ): Effect.Effect<void, never, Scope.Scope> =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => {
              // One follower at a time: a burst while it lists is one more listing, and one event.
              let following = false
              return session.notifications.listen(`${what}/list_changed`, () => {
                const refreshed = Effect.forEach(lists, (each) => Effect.exit(each.refresh), {
                  concurrency: "unbounded",
                  discard: true,
                })
                const done = Effect.sync(() => {
                  following = false
                  options.onChanged?.(what)
                })
                if (following) lists.forEach((each) => fork(Effect.exit(each.refresh)))
                else fork(Effect.andThen(refreshed, done))
                following = true
              })
            }),
            (stop) => Effect.sync(stop),
          ),
        )
      yield* follow("tools", tools)
      yield* follow("prompts", prompts)
      yield* follow("resources", resources, templates)
      return { tools, prompts, resources, templates }
    }),
  )
