/**
 * What this client can answer, and so what it declares: never more than the handlers that were provided.
 *
 * Each handler is an optional service. A request for one that is absent is answered with -32601. Which requests a
 * revision knows at all is the session's to judge; `ping` is the session's own.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type JsonObject, methodNotFound } from "../protocol/jsonrpc.ts"
import type { ClientCapabilities } from "../protocol/model.ts"
import { Approval } from "./approval.ts"
import { type Budget, makeBudget } from "./budget.ts"
import { answerElicitation } from "./elicit.ts"
import { Elicitation } from "./elicitation.ts"
import type { Origin } from "./origin.ts"
import { RequestRefused } from "./refused.ts"
import { answerRoots, changesOf, Roots } from "./roots.ts"
import { answerSampling } from "./sample.ts"
import { Sampling } from "./sampling.ts"
import * as TaskStore from "./tasks.ts"
import { Tasks } from "./tasks.ts"

/** A notification that the server is due. */
export interface Announcement {
  /** By its whole name. */
  readonly method: string
  readonly params?: object | undefined
}

/**
 * The client's side of one session.
 *
 * @example
 * ```ts
 * const time = Layer.succeed(Capabilities)({
 *   declared: { experimental: { "example/time": {} } },
 *   handle: (method) =>
 *     method === "example/time"
 *       ? Effect.map(Clock.currentTimeMillis, (now) => ({ now }))
 *       : Effect.fail(new RequestRefused({ code: -32601, message: `no ${method} here` })),
 *   announcements: Stream.empty,
 * })
 * ```
 */
export class Capabilities extends Context.Service<
  Capabilities,
  {
    /** What goes into `initialize`. */
    readonly declared: ClientCapabilities
    /** Answers a request of the server. Interrupted when the server cancels it, its call is given up, or the session ends. */
    readonly handle: (method: string, params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>
    readonly announcements: Stream.Stream<Announcement>
  }
>()("@opencode/mcp/Capabilities") {}

/** What a client answers with. What is absent is not declared. */
export interface Handlers {
  readonly roots?: Roots["Service"] | undefined
  readonly sampling?: Sampling["Service"] | undefined
  readonly elicitation?: Elicitation["Service"] | undefined
  /** Lets servers ask for sampling and elicitation as tasks. */
  readonly tasks?: Tasks["Service"] | undefined
  /** Who approves sampling. Default: the `Approval` of the context, which says no. */
  readonly approval?: Approval | undefined
  /** What a server may ask of the model. Default: `ask`, 10 requests a minute, 100,000 tokens an hour, of this session. */
  readonly budget?: Budget | undefined
}

const declare = ({ elicitation, roots, sampling, tasks }: Handlers): ClientCapabilities => {
  const requests = {
    ...(sampling === undefined ? {} : { sampling: { createMessage: {} } }),
    ...(elicitation === undefined ? {} : { elicitation: { create: {} } }),
  }
  return {
    ...(roots === undefined ? {} : { roots: { listChanged: true } }),
    ...(sampling === undefined
      ? {}
      : { sampling: { ...(sampling.tools ? { tools: {} } : {}), ...(sampling.context ? { context: {} } : {}) } }),
    ...(elicitation === undefined
      ? {}
      : { elicitation: Object.fromEntries(elicitation.modes.map((mode) => [mode, {}])) }),
    ...(tasks === undefined || Object.keys(requests).length === 0 ? {} : { tasks: { list: {}, cancel: {}, requests } }),
  }
}

/** A handler of elicitation without a mode answers nothing. */
const effective = (given: Handlers): Handlers => ({
  ...given,
  elicitation: given.elicitation?.modes.length === 0 ? undefined : given.elicitation,
})

/**
 * What a client declares with these handlers.
 *
 * @example
 * ```ts
 * const declared = CapabilityLayer.declaredBy({ roots: { list: Effect.succeed([]), changes: Stream.empty } })
 * // { roots: { listChanged: true } }
 * ```
 */
export const declaredBy = (handlers: Handlers): ClientCapabilities => declare(effective(handlers))

const build = (given: Handlers): Effect.Effect<Capabilities["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const handlers = effective(given)
    const { elicitation, roots, sampling } = handlers
    const answers = new Map<string, TaskStore.Answer>()
    const announced: Array<Stream.Stream<Announcement>> = []
    if (roots !== undefined) {
      answers.set("roots/list", () => answerRoots(roots))
      announced.push(Stream.map(changesOf(roots), () => ({ method: "notifications/roots/list_changed" })))
    }
    if (sampling !== undefined) {
      const approval = handlers.approval ?? (yield* Approval)
      const budget = handlers.budget ?? makeBudget()
      answers.set("sampling/createMessage", yield* answerSampling({ sampling, approval, budget }))
    }
    if (elicitation !== undefined) answers.set("elicitation/create", yield* answerElicitation(elicitation))
    const declared = declare(handlers)
    if (declared.tasks !== undefined && handlers.tasks !== undefined) {
      const store = yield* TaskStore.make(handlers.tasks)
      for (const method of ["sampling/createMessage", "elicitation/create"]) {
        const answer = answers.get(method)
        if (answer !== undefined) answers.set(method, store.augmented(method, answer))
      }
      for (const [method, answer] of store.answers) answers.set(method, answer)
      announced.push(store.announcements)
    }
    return {
      declared,
      handle: (method, params, origin) =>
        answers.get(method)?.(params, origin) ??
        Effect.fail(new RequestRefused({ code: methodNotFound, message: `this client does not answer ${method}` })),
      // One alone is listened to as soon as it is run; of several each a turn later.
      announcements:
        announced.length > 1
          ? Stream.mergeAll(announced, { concurrency: "unbounded" })
          : (announced[0] ?? Stream.empty),
    }
  })

/**
 * Declares what the handler services in its context can answer.
 *
 * @example
 * ```ts
 * const roots = Layer.succeed(Roots)({ list: Effect.succeed([]), changes: Stream.empty })
 * const capabilities = CapabilityLayer.layer.pipe(Layer.provide(roots))
 * ```
 */
export const layer: Layer.Layer<Capabilities> = Layer.effect(Capabilities)(
  Effect.gen(function* () {
    return yield* build({
      roots: Option.getOrUndefined(yield* Effect.serviceOption(Roots)),
      sampling: Option.getOrUndefined(yield* Effect.serviceOption(Sampling)),
      elicitation: Option.getOrUndefined(yield* Effect.serviceOption(Elicitation)),
      tasks: Option.getOrUndefined(yield* Effect.serviceOption(Tasks)),
    })
  }),
)

/**
 * Declares nothing and answers nothing.
 *
 * @example
 * ```ts
 * const session = SessionLayer.make({ server: "memory" }).pipe(Layer.provide(CapabilityLayer.none))
 * ```
 */
export const none: Layer.Layer<Capabilities> = Layer.effect(Capabilities)(build({}))

/**
 * Shorthand for providing the handlers one by one.
 *
 * @example
 * ```ts
 * const capabilities = CapabilityLayer.make({
 *   roots: { list: Effect.succeed([{ uri: "file:///srv" }]), changes: Stream.empty },
 * })
 * ```
 */
export const make = (handlers: Handlers): Layer.Layer<Capabilities> => Layer.effect(Capabilities)(build(handlers))
