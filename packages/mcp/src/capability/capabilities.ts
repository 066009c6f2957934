/**
 * What this client can answer, and so what it declares: never more than the handlers that were provided.
 *
 * Each handler is an optional service. A request for one that is absent is answered with -32601. Which requests a
 * revision knows at all is the session's to judge; `ping` is the session's own.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type JsonObject, methodNotFound } from "../protocol/jsonrpc.ts"
import type { ClientCapabilities } from "../protocol/model.ts"
import { Roots } from "./roots.ts"

/** A request of the server is refused: it becomes the JSON-RPC error of the answer. */
export class RequestRefused extends Data.TaggedError("RequestRefused")<{
  readonly code: number
  readonly message: string
  readonly data?: unknown
}> {}

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
    /** Answers a request of the server. Interrupted when the server cancels it or the session ends. */
    readonly handle: (method: string, params: JsonObject) => Effect.Effect<object, RequestRefused>
    /** Notifications that the server is due, by their whole method name. */
    readonly announcements: Stream.Stream<string>
  }
>()("@opencode/mcp/Capabilities") {}

const refuse = (method: string) =>
  Effect.fail(new RequestRefused({ code: methodNotFound, message: `this client does not answer ${method}` }))

const build = (handlers: { readonly roots: Option.Option<Roots["Service"]> }): Capabilities["Service"] => ({
  declared: Option.isSome(handlers.roots) ? { roots: { listChanged: true } } : {},
  handle: (method) =>
    method === "roots/list" && Option.isSome(handlers.roots)
      ? Effect.map(handlers.roots.value.list, (roots) => ({ roots }))
      : refuse(method),
  announcements: Option.match(handlers.roots, {
    onNone: () => Stream.empty,
    onSome: (roots) => Stream.map(roots.changes, () => "notifications/roots/list_changed"),
  }),
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
  Effect.map(Effect.serviceOption(Roots), (roots) => build({ roots })),
)

/**
 * Declares nothing and answers nothing.
 *
 * @example
 * ```ts
 * const session = SessionLayer.make({ server: "memory" }).pipe(Layer.provide(CapabilityLayer.none))
 * ```
 */
export const none: Layer.Layer<Capabilities> = Layer.succeed(Capabilities)(build({ roots: Option.none() }))

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
export const make = (handlers: { readonly roots?: Roots["Service"] | undefined }): Layer.Layer<Capabilities> =>
  Layer.succeed(Capabilities)(build({ roots: Option.fromUndefinedOr(handlers.roots) }))
