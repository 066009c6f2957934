/** What a host's tracer and its metrics are told of servers. */
import { config, Recordings, recordings } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { Mcp, Telemetry } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

/** Every span, in the order in which it began. */
class Spans extends Context.Service<Spans, { readonly all: ReadonlyArray<Tracer.Span> }>()("test/Spans") {}

const keeping = Layer.effectContext(
  Effect.sync(() => {
    const all: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        all.push(span)
        return span
      },
    })
    return Context.make(Spans, { all }).pipe(Context.add(Tracer.Tracer, tracer))
  }),
)

const observed = Mcp.layer({ directory: process.cwd() }).pipe(
  Layer.provide(Telemetry.layer),
  Layer.provideMerge(recordings),
  Layer.provideMerge(keeping),
)
const it = testEffect(observed)

const named = (name: string) =>
  Effect.map(Spans, ({ all }) => {
    const found = all.filter((span) => span.name === name)
    if (found[0] === undefined) throw new Error(`no span ${name} among ${all.map((span) => span.name).join(", ")}`)
    return found[0]
  })

describe("telemetry", () => {
  it.live("has a span for a connection and for each request, and sends the request's on to the server", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV2()))
      yield* mcp.callTool("a", "echo", { message: "the secret of the caller" })
      const connect = yield* named("connect a")
      expect(connect.kind).toBe("client")
      expect(Object.fromEntries(connect.attributes)).toMatchObject({
        "mcp.server.name": "a",
        "network.transport": "pipe",
      })
      const call = yield* named("tools/call echo")
      expect(Object.fromEntries(call.attributes)).toMatchObject({
        "mcp.server.name": "a",
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "gen_ai.tool.name": "echo",
      })
      expect(call.status._tag === "Ended" && Exit.isSuccess(call.status.exit)).toBe(true)
      const { wire } = yield* Recordings
      const [sent] = wire("a").messages("sent", "tools/call")
      expect(sent).toMatchObject({ params: { _meta: { traceparent: `00-${call.traceId}-${call.spanId}-01` } } })
      const { all } = yield* Spans
      expect(all.some(({ name }) => name === "tools/list")).toBe(true)
      expect(JSON.stringify(all.map(({ attributes, name }) => [name, [...attributes]]))).not.toContain("secret")
    }),
  )

  it.live("tells how a request failed, by its reason", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV2()))
      expect((yield* failure(mcp.callTool("a", "refuse"))).reason._tag).toBe("Protocol")
      const call = yield* named("tools/call refuse")
      expect(call.attributes.get("error.type")).toBe("Protocol")
      expect(call.status._tag === "Ended" && Exit.isFailure(call.status.exit)).toBe(true)
      yield* mcp.add(config("gone", { type: "local", command: ["no-such-program"] }))
      // A failure is told before what was opened for it is closed.
      yield* mcp.remove("gone")
      expect((yield* named("connect gone")).attributes.get("error.type")).toBeDefined()
    }),
  )

  it.live("measures durations by server, method and outcome", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("measured", yield* sdkV2Http()))
      yield* mcp.callTool("measured", "echo", { message: "x" })
      yield* failure(mcp.readResource("measured", "test://text?token=of-nobodys-concern"))
      const all = yield* Metric.snapshot
      const series = all.filter(({ attributes }) => attributes?.["mcp.server.name"] === "measured")
      const counted = (method: string) =>
        series.find(
          ({ attributes, id }) => id === "mcp.client.operation.duration" && attributes?.["mcp.method.name"] === method,
        )
      expect(counted("tools/call")).toMatchObject({ type: "Histogram", state: { count: 1 } })
      expect(series.some(({ id }) => id === "mcp.client.connection.duration")).toBe(true)
      expect(JSON.stringify(series.map(({ attributes }) => attributes))).not.toContain("nobodys")
    }),
  )

  it.live("costs a host that does not ask for it no span", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Mcp.layer({ directory: process.cwd() }))
      const mcp = Context.get(context, Mcp)
      yield* mcp.add(config("a", sdkV2()))
      yield* mcp.callTool("a", "echo", { message: "x" })
      expect((yield* Spans).all).toEqual([])
    }),
  )
})
