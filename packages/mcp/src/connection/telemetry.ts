/**
 * Spans and metrics of what is asked of servers, by OpenTelemetry's conventions for MCP: a span for each request and each
 * connection, and how long they took. Nothing of it is made where the layer is not provided.
 *
 * Names of tools and prompts are told, and URIs without their queries; never arguments, results or session ids.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import type { ServerConfig } from "../config.ts"
import { shownUrl } from "../http/error.ts"
import { Session } from "../session/session.ts"
import { Assembly } from "./assembly.ts"

type Attributes = Readonly<Record<string, string>>

/** In seconds: the boundaries that the conventions advise. */
const boundaries = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]

const histogram = (name: string, description: string) =>
  Metric.histogram(name, { description, boundaries, attributes: { unit: "s" } })

const operations = histogram("mcp.client.operation.duration", "How long a request took, from the client's side")
const connections = histogram("mcp.client.connection.duration", "How long it took to connect, or to fail to")
const renewals = Metric.counter("mcp.client.session.renewals", {
  description: "Sessions that a server had forgotten, and that were begun anew",
  incremental: true,
})

/** What a request is about, in few words. */
const targetOf = (method: string, params: object): Attributes => {
  const named = "name" in params && typeof params.name === "string" ? params.name : undefined
  const uri = "uri" in params && typeof params.uri === "string" ? params.uri : undefined
  if (method === "tools/call" && named !== undefined) return { "gen_ai.tool.name": named }
  if (method === "prompts/get" && named !== undefined) return { "gen_ai.prompt.name": named }
  return uri === undefined ? {} : { "mcp.resource.uri": URL.canParse(uri) ? shownUrl(uri) : "?" }
}

/** Whose word for the kind of an error is short: its reason's. */
const errorType = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "cancelled"
  const error: unknown = cause.reasons.find(Cause.isFailReason)?.error
  const reason = typeof error === "object" && error !== null && "reason" in error ? error.reason : undefined
  for (const each of [reason, error]) {
    if (typeof each === "object" && each !== null && "_tag" in each && typeof each._tag === "string") return each._tag
  }
  return "_OTHER"
}

/** Runs it in a span of a kind, and takes note of how long it took and how it ended. */
const observed = <A, E, R>(
  run: Effect.Effect<A, E, R>,
  options: {
    readonly name: string
    readonly attributes: Attributes
    /** What tells one series of the metric from another. */
    readonly series: Attributes
    readonly metric: Metric.Histogram<number>
    readonly tracer: Tracer.Tracer
  },
): Effect.Effect<A, E, R> => {
  const { attributes, metric, name, series, tracer } = options
  return Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const started = clock.monotonicTimeNanosUnsafe()
    const note = (exit: Exit.Exit<A, E>) =>
      Effect.gen(function* () {
        const seconds = Number(clock.monotonicTimeNanosUnsafe() - started) / 1e9
        const failed = Exit.isFailure(exit) ? { "error.type": errorType(exit.cause) } : {}
        if (Exit.isFailure(exit)) yield* Effect.annotateCurrentSpan(failed)
        yield* Metric.update(Metric.withAttributes(metric, { ...series, ...failed }), seconds)
      })
    return yield* Effect.onExit(run, note)
  }).pipe(Effect.withSpan(name, { kind: "client", attributes }), Effect.provideService(Tracer.Tracer, tracer))
}

const networkOf = ({ type }: ServerConfig): string => (type === "local" ? "pipe" : "tcp")

/** A session whose requests are observed. */
const ofServer = (session: Session["Service"], server: Attributes, tracer: Tracer.Tracer): Session["Service"] => ({
  ...session,
  // It changes where the session is begun anew.
  get agreement() {
    return session.agreement
  },
  request: (method, params, options) => {
    const known = { ...server, "mcp.method.name": method.method, "mcp.protocol.version": session.agreement.revision }
    const target = targetOf(method.method, params)
    const [of = ""] = Object.values(target)
    return observed(session.request(method, params, options), {
      name: `${method.method} ${of}`.trimEnd(),
      attributes: { ...known, ...target },
      series: known,
      metric: operations,
      tracer,
    })
  },
})

/**
 * Observes every server of an `Mcp` that it is provided to. Spans go to the tracer of the context, metrics to its registry;
 * who exports them is the host's to say (`effect/observability`).
 *
 * @example
 * ```ts
 * const observed = Mcp.layer({ directory: process.cwd() }).pipe(Layer.provide(Telemetry.layer))
 * ```
 */
export const layer: Layer.Layer<never> = Layer.effect(
  Assembly,
  Effect.gen(function* () {
    const standard = yield* Assembly
    const tracer = yield* Tracer.Tracer
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    const session: Assembly["session"] = (config, surroundings) => {
      const server = { "mcp.server.name": config.name, "network.transport": networkOf(config) }
      const connect = observed(Layer.build(standard.session(config, surroundings)), {
        name: `connect ${config.name}`,
        attributes: server,
        series: server,
        metric: connections,
        tracer,
      })
      return Layer.effect(
        Session,
        Effect.map(connect, (context) => {
          const session = Context.get(context, Session)
          session.onRenewed(() => runFork(Metric.update(Metric.withAttributes(renewals, server), 1)))
          return ofServer(session, server, tracer)
        }),
      )
    }
    return { auth: standard.auth, transport: standard.transport, capabilities: standard.capabilities, session }
  }),
)
