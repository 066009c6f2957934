/**
 * What one server offers: tools, prompts, resources, templates, each listed once and kept until the server says that
 * it changed.
 *
 * Reading what is kept costs no request and no copy. Names across servers are `keys.ts`'s, across sessions the connection's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Prompt, Resource, ResourceTemplate, Tool } from "../protocol/model.ts"
import { closed } from "../session/error.ts"
import { Session } from "../session/session.ts"
import { follow } from "./follow.ts"
import { type Listed, make as makeListed } from "./listed.ts"
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
    /** Lists everything again, as for who has signed in meanwhile, and tells what differs. It waits for nothing. */
    readonly relist: () => void
    /** Lists again what is known, which stays in force until then, and tells what differs. */
    readonly correct: () => void
    /** Whether a list is being read. */
    readonly isReading: () => boolean
  }
>()("@opencode/mcp/Catalog") {}

/** The lists that were known in an earlier session. */
export interface Before {
  readonly tools: ReadonlyArray<Tool> | undefined
  readonly prompts: ReadonlyArray<Prompt> | undefined
  readonly resources: ReadonlyArray<Resource> | undefined
  readonly templates: ReadonlyArray<ResourceTemplate> | undefined
}

/** What a catalogue knows. */
export const known = ({ prompts, resources, templates, tools }: Catalog["Service"]): Before => ({
  tools: tools.known(),
  prompts: prompts.known(),
  resources: resources.known(),
  templates: templates.known(),
})

type What = "tools" | "prompts" | "resources"

/** What a server does not declare costs nothing: most declare one kind of the three. */
const none: ReadonlyArray<never> = []
const nothing = Effect.succeed(none)
const undeclared: Listed<never> = {
  all: nothing,
  known: () => none,
  forget: () => undefined,
  isStale: () => false,
  refresh: nothing,
  isReading: () => false,
  correct: Effect.succeed(false),
}

/**
 * The catalogue of the session in the context. `timeout` bounds each page, in milliseconds (default 30,000).
 * `onChanged` is called with what changed once a new listing is in.
 */
export const layer = (options: {
  /** The name that stands in errors. Default: what the server calls itself. */
  readonly server?: string | undefined
  readonly timeout?: number | undefined
  readonly onChanged?: ((what: What) => void) | undefined
  /** What is in force until `correct` is called. Default: nothing. */
  readonly before?: (() => Before | undefined) | undefined
  /** In which lists are read. Default: that of the layer. */
  readonly reading?: Scope.Scope | undefined
}): Layer.Layer<Catalog, never, Session> =>
  Layer.effect(Catalog)(
    Effect.gen(function* () {
      const session = yield* Session
      const scope = yield* Effect.scope
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const warn = (message: string) => session.notifications.publish("warning", { message })
      const before = options.before?.()
      const own = <Item>(kind: Kind<Item>, what: What, earlier?: ReadonlyArray<Item>): Listed<Item> =>
        session.declares(kind.method)
          ? makeListed({
              read: list(session, kind, { timeout: options.timeout ?? 30_000, warn }),
              scope: options.reading ?? scope,
              before: earlier,
              closed: closed(options.server ?? session.agreement.serverInfo.name, kind.method.method),
              warn,
              onMended: () => options.onChanged?.(what),
            })
          : undeclared
      /** What a server declares is another matter in a session that was begun anew. */
      const listed = <Item>(kind: Kind<Item>, what: What, earlier?: ReadonlyArray<Item>): Listed<Item> => {
        let list = own(kind, what, earlier)
        /** It is no longer declared, and so gone without being listed. */
        let isGone = list === undeclared && earlier !== undefined && earlier.length > 0
        session.onRenewed(() => {
          if ((list === undeclared) === session.declares(kind.method)) list = own(kind, what)
        })
        return {
          all: Effect.suspend(() => list.all),
          known: () => list.known(),
          forget: () => list.forget(),
          isStale: () => list.isStale(),
          isReading: () => list.isReading(),
          refresh: Effect.suspend(() => list.refresh),
          correct: Effect.suspend(() => {
            const wasGone = isGone
            isGone = false
            return wasGone ? Effect.succeed(true) : list.correct
          }),
        }
      }
      const tools = listed(toolKind, "tools", before?.tools)
      const prompts = listed(promptKind, "prompts", before?.prompts)
      const resources = listed(resourceKind, "resources", before?.resources)
      const templates = listed(templateKind, "resources", before?.templates)
      const kinds: ReadonlyArray<readonly [What, ReadonlyArray<Listed<unknown>>]> = [
        ["tools", [tools]],
        ["prompts", [prompts]],
        ["resources", [resources, templates]],
      ]
      /** Lists again, and tells where it differs. */
      const again = (what: What, lists: ReadonlyArray<Listed<unknown>>) => {
        const before = lists.map((list) => list.known())
        const read = Effect.forEach(lists, (list) => Effect.exit(list.refresh), { concurrency: "unbounded" })
        const tell = Effect.sync(() => {
          const differs = lists.some((list, index) => JSON.stringify(list.known()) !== JSON.stringify(before[index]))
          if (differs) options.onChanged?.(what)
        })
        run(Effect.forkIn(Effect.andThen(read, tell), scope))
      }
      const correct = (what: What, lists: ReadonlyArray<Listed<unknown>>) => {
        const work = Effect.forEach(lists, (list) => Effect.orElseSucceed(list.correct, () => false), {
          concurrency: "unbounded",
        })
        const tell = Effect.map(work, (differs) => {
          if (differs.includes(true)) options.onChanged?.(what)
        })
        run(Effect.forkIn(tell, scope))
      }
      session.onRenewed(() => {
        // A cursor is worth nothing in the next session: what is being read is read again, too.
        const isWanted = (list: Listed<unknown>) => list.known() !== undefined || list.isReading()
        for (const [what, lists] of kinds) if (lists.some(isWanted)) again(what, lists)
      })
      for (const [what, lists] of kinds) {
        yield* follow({
          listen: (listener) => session.notifications.listen(`${what}/list_changed`, listener),
          lists,
          onChanged: () => options.onChanged?.(what),
        })
      }
      return {
        tools,
        prompts,
        resources,
        templates,
        relist: () => kinds.forEach(([what, lists]) => again(what, lists)),
        isReading: () => kinds.some(([, lists]) => lists.some((list) => list.isReading())),
        correct: () => {
          for (const [what, lists] of kinds) {
            const known = lists.filter((list) => list.known() !== undefined)
            if (known.length > 0) correct(what, known)
          }
        },
      }
    }),
  )
