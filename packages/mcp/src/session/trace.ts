/**
 * The trace context in `_meta` (SEP-414, W3C Trace Context): that of the current span goes out with a request, that of a
 * request of the server becomes the parent of what is done for it. What is not valid is not there; nothing is exported here.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"

/**
 * The vendors' part of the trace context, `tracestate`: a span of Effect has none, so it stands beside it. It is sent with
 * every request that is made in a span; a handler of what a server asks finds the server's here. Default: none.
 *
 * @example
 * ```ts
 * const traced = Effect.gen(function* () {
 *   const session = yield* Session
 *   return yield* session.request(Method.listTools, {})
 * }).pipe(Effect.withSpan("turn"), Effect.provideService(TraceState, "vendor=t61rcWkgMzE"))
 * ```
 */
export const TraceState: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "@opencode/mcp/TraceState",
  { defaultValue: () => undefined },
)

const parent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zeros = /^0+$/

/** Reads `traceparent` (W3C Trace Context, §3.2). */
const readParent = (text: string): Tracer.ExternalSpan | undefined => {
  const [, version, traceId, spanId, flags, more] = parent.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  // A later version may have more after the flags.
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined
  if (zeros.test(traceId) || zeros.test(spanId)) return undefined
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}

/** Printable, and as long as anybody propagates. */
const state = /^[\x20-\x7e]{1,2048}$/

const readState = (value: unknown): string | undefined =>
  typeof value === "string" && state.test(value) ? value : undefined

/** What `_meta` says of the current span; without one, which is usual, this costs nothing. */
export const current = (): JsonObject | undefined => {
  const fiber = Fiber.getCurrent()
  const span = fiber?.cache.span
  if (fiber === undefined || span === undefined) return undefined
  const traceparent = `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
  // The ids of a span that is disabled, or of a foreign tracer, may be anything.
  if (readParent(traceparent) === undefined) return undefined
  const tracestate = readState(Context.get(fiber.context, TraceState))
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate }
}

/** Runs what is done for a request with these parameters as a part of the trace that they name. */
export const within = <A, E>(params: unknown, effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const meta = isObject(params) && isObject(params._meta) ? params._meta : undefined
  const span = typeof meta?.traceparent === "string" ? readParent(meta.traceparent) : undefined
  if (span === undefined) return effect
  return effect.pipe(
    Effect.provideService(TraceState, readState(meta?.tracestate)),
    Effect.provideService(Tracer.ParentSpan, span),
  )
}
