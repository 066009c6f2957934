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
import type { Prompt, Resource, ResourceTemplate, Tool } from "../protocol/model.ts"
import { closed } from "../session/error.ts"
import { Session } from "../session/session.ts"
import { follow } from "./follow.ts"
import type { Kept, Lists } from "./kept.ts"
import { promptKind, resourceKind, templateKind, toolKind } from "./kinds.ts"
import { type Listed, make as makeListed } from "./listed.ts"
import { type Kind, list } from "./listing.ts"

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
    /**
     * Lists again what the server would not say to have changed, and tells what differs: what is known stays in force
     * until then. Costs nothing where it does say so. It waits for nothing.
     */
    readonly recheck: () => void
    /** Whether a list is being read. */
    readonly isReading: () => boolean
  }
>()("@opencode/mcp/Catalog") {}

/** What a catalogue knows. */
export const known = ({ prompts, resources, templates, tools }: Catalog["Service"]): Lists => ({
  tools: tools.known(),
  prompts: prompts.known(),
  resources: resources.known(),
  templates: templates.known(),
})

/** The same, and where that is not known now what was known last. */
export const offered = ({ prompts, resources, templates, tools }: Pick<Catalog["Service"], keyof Lists>): Lists => ({
  tools: tools.offered(),
  prompts: prompts.offered(),
  resources: resources.offered(),
  templates: templates.offered(),
})

/** What was known before. */
export interface Before {
  readonly lists: Lists
  /** Whether it is in force until it is listed again, and not only offered. */
  readonly inForce: boolean
}

type What = "tools" | "prompts" | "resources"

/** What a server does not declare costs nothing: most declare one kind of the three. */
const none: ReadonlyArray<never> = []
const nothing = Effect.succeed(none)
const undeclared: Listed<never> = {
  all: nothing,
  known: () => none,
  forget: () => undefined,
  offered: () => none,
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
  /** What was known in an earlier session: it is compared with what is listed now, and told where that differs. */
  readonly before?: Effect.Effect<Before | undefined> | undefined
  /** Called with what is offered whenever a list was read. */
  readonly onRead?: ((kept: Kept) => void) | undefined
  /** In which lists are read. Default: that of the layer. */
  readonly reading?: Scope.Scope | undefined
}): Layer.Layer<Catalog, never, Session> =>
  Layer.effect(Catalog)(
    Effect.gen(function* () {
      const session = yield* Session
      const scope = yield* Effect.scope
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const warn = (message: string) => session.notifications.publish("warning", { message })
      const { inForce, lists: before } = (yield* options.before ?? Effect.undefined) ?? {
        inForce: false,
        lists: undefined,
      }
      const own = <Item>(kind: Kind<Item>, what: What, earlier?: ReadonlyArray<Item>): Listed<Item> =>
        session.declares(kind.method)
          ? makeListed({
              read: list(session, kind, { timeout: options.timeout ?? 30_000, warn }),
              scope: options.reading ?? scope,
              before: earlier,
              inForce,
              onRead: () => read(),
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
          offered: () => list.offered(),
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
      const read = () =>
        options.onRead?.({ agreement: session.agreement, ...offered({ tools, prompts, resources, templates }) })
      /** Lists what is offered, and tells where it differs. */
      const correct = ([what, lists]: (typeof kinds)[number]) => {
        const doubtful = lists.filter((list) => list.offered() !== undefined)
        if (doubtful.length === 0) return Effect.void
        const work = Effect.forEach(doubtful, (list) => Effect.orElseSucceed(list.correct, () => false), {
          concurrency: "unbounded",
        })
        const tell = Effect.map(work, (differs) => {
          if (differs.includes(true)) options.onChanged?.(what)
        })
        return Effect.forkIn(tell, scope)
      }
      if (before !== undefined) yield* Effect.forEach(kinds, correct)
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
        recheck: () => {
          for (const kind of kinds) {
            const [what, lists] = kind
            const announces = session.declares({ capability: [what, "listChanged"] })
            if (!announces && !lists.some((list) => list.isReading())) run(Effect.asVoid(correct(kind)))
          }
        },
      }
    }),
  )
