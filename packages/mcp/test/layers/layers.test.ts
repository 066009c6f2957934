/** Each of the four layers is exchanged alone, by what the package exports and nothing else. */
import {
  Assembly,
  Auth,
  AuthLayer,
  Capabilities,
  CapabilityLayer,
  Config,
  Mcp,
  Method,
  RequestRefused,
  Session,
  SessionError,
  SessionLayer,
  Transport,
  TransportLayer,
} from "@opencode-ai/mcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { recordings, Recordings } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { recorded, Recorder } from "@opencode-ai/testing/recorder"

const config = (name: string, entry: object) => {
  const decoded = Config.decode(name, entry)
  return decoded.config ?? { name, type: "local" as const, error: JSON.stringify(decoded.problems) }
}

/** The service with one layer exchanged, recorded, in a Scope that the test closes itself. */
const service = (change: (standard: Assembly) => Partial<Assembly>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const exchanged = Layer.effect(Assembly)(
      Effect.map(Assembly, (standard) => {
        const { auth, capabilities, session, transport } = standard
        return { auth, capabilities, session, transport, ...change(standard) }
      }),
    )
    const layer = Mcp.layer({ directory: process.cwd() }).pipe(Layer.provideMerge(recordings), Layer.provide(exchanged))
    const context = yield* Layer.buildWithScope(layer, scope)
    return {
      mcp: Context.get(context, Mcp),
      wire: Context.get(context, Recordings).wire,
      close: Scope.close(scope, Exit.void),
    }
  })

const closing = (layerClosed: { closed: number }) =>
  Effect.acquireRelease(Effect.void, () => Effect.sync(() => (layerClosed.closed += 1)))

describe("a layer exchanged alone", () => {
  it.live("transport: a server that is no process and no URL", () =>
    Effect.gen(function* () {
      const seen = { closed: 0 }
      const bus = Effect.gen(function* () {
        yield* closing(seen)
        const answers = yield* Queue.unbounded<unknown>()
        return {
          send: (message: object) =>
            "id" in message && "method" in message
              ? Effect.asVoid(Queue.offer(answers, standardAnswer({}, JSON.parse(JSON.stringify(message)))))
              : Effect.void,
          messages: Stream.fromQueue(answers),
        }
      })
      const { close, mcp, wire } = yield* service(() => ({
        transport: () => TransportLayer.custom({ kind: "bus", open: bus }),
      }))
      expect(yield* mcp.add(config("any", { type: "local", command: ["never-started"] }))).toEqual({
        status: "connected",
      })
      expect(yield* mcp.callTool("any", "echo", { a: 1 })).toEqual({ content: [{ type: "text", text: `{"a":1}` }] })
      expect((yield* mcp.servers)[0]?.transport).toBe("bus")
      expect(wire("any").messages("sent", "tools/call").length).toBe(1)
      expect(seen.closed).toBe(0)
      yield* close
      expect(seen.closed).toBe(1)
    }),
  )

  it.live("auth: credentials from elsewhere, renewed when the server asks", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        any: ({ headers }) =>
          headers.authorization === "Bearer 2"
            ? undefined
            : { status: 401, headers: { "www-authenticate": "Bearer" }, text: "" },
      })
      const seen = { closed: 0, asked: 0 }
      const vault = Layer.effect(Auth)(
        Effect.gen(function* () {
          yield* closing(seen)
          let token = 1
          return {
            current: () => ({ authorization: `Bearer ${token}` }),
            headers: Effect.sync(() => ({ authorization: `Bearer ${token}` })),
            challenged: () =>
              Effect.sync(() => {
                seen.asked += 1
                token += 1
                return true
              }),
          }
        }),
      )
      const { close, mcp } = yield* service(() => ({ auth: () => vault }))
      expect(yield* mcp.add(config("http", { type: "remote", url: server.url }))).toEqual({ status: "connected" })
      yield* mcp.callTool("http", "echo", {})
      expect(seen.asked).toBe(1)
      expect(server.of("tools/call")[0]?.headers.authorization).toBe("Bearer 2")
      yield* close
      expect(seen.closed).toBe(1)
    }),
  )

  it.live("capabilities: what this client answers", () =>
    Effect.gen(function* () {
      const seen = { closed: 0 }
      const announced = yield* Queue.unbounded<{ readonly method: string }>()
      const sampling = Layer.effect(Capabilities)(
        Effect.as(closing(seen), {
          declared: { sampling: {} },
          handle: (method: string) =>
            method === "sampling/createMessage"
              ? Effect.succeed({ role: "assistant", model: "m", content: { type: "text", text: "42" } })
              : Effect.fail(new RequestRefused({ code: -32601, message: `no ${method}` })),
          announcements: Stream.fromQueue(announced),
        }),
      )
      const { close, mcp, wire } = yield* service(() => ({ capabilities: () => sampling }))
      yield* mcp.add(config("peer", sdkV2()))
      expect(wire("peer").messages("sent", "initialize")[0]?.params?.capabilities).toEqual({ sampling: {} })
      const params = { maxTokens: 5, messages: [{ role: "user", content: { type: "text", text: "6 × 7" } }] }
      const { structuredContent } = yield* mcp.callTool("peer", "ask", { method: "sampling/createMessage", params })
      expect(structuredContent).toMatchObject({ result: { content: { text: "42" } } })
      yield* close
      expect(seen.closed).toBe(1)
    }),
  )

  it.live("session: calls that never reach a wire", () =>
    Effect.gen(function* () {
      const seen = { closed: 0, methods: Array<string>() }
      const { close, mcp, wire } = yield* service((standard) => ({
        session: (entry, surroundings) =>
          Layer.effect(Session)(
            Effect.gen(function* () {
              yield* closing(seen)
              const inner = yield* Session
              const request: Session["Service"]["request"] = (method, params, options) => {
                seen.methods.push(method.method)
                const made: unknown = { content: [{ type: "text", text: "from a cache" }] }
                return method.method === "tools/call" && method.accepts(made)
                  ? Effect.succeed(made)
                  : inner.request(method, params, options)
              }
              return { ...inner, request }
            }),
          ).pipe(Layer.provide(standard.session(entry, surroundings))),
      }))
      yield* mcp.add(config("peer", rawStdio()))
      expect(yield* mcp.callTool("peer", "echo")).toEqual({ content: [{ type: "text", text: "from a cache" }] })
      expect(seen.methods).toEqual(["tools/list", "tools/call"])
      expect(wire("peer").messages("sent", "tools/call")).toEqual([])
      yield* close
      expect(seen.closed).toBe(1)
    }),
  )

  it.live("a layer that fails or dies is its server's failure alone", () =>
    Effect.gen(function* () {
      const { close, mcp } = yield* service((standard) => ({
        session: (entry, surroundings) =>
          entry.name === "dies"
            ? Layer.effect(Session)(Effect.die(new Error("a bug")))
            : standard.session(entry, surroundings),
        capabilities: (entry, surroundings) =>
          entry.name === "throws" ? Layer.suspend(() => JSON.parse("{")) : standard.capabilities(entry, surroundings),
      }))
      const all = yield* Effect.forEach(
        ["good", "dies", "throws", "fine"],
        (name) => mcp.add(config(name, rawStdio())),
        {
          concurrency: "unbounded",
        },
      )
      expect(all.map(({ status }) => status)).toEqual(["connected", "failed", "failed", "connected"])
      expect(JSON.stringify(all[1])).toContain("a bug")
      yield* close
    }),
  )
})

describe("a stack by hand", () => {
  it.live("is a session over a transport over credentials, beside capabilities", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({ session: "s" })
      const transport = recorded(
        TransportLayer.streamableHttp({ url: server.url }).pipe(
          Layer.provide(AuthLayer.headers({ "x-tenant": "blue" })),
        ),
      )
      const stack = SessionLayer.make({ server: "hand" }).pipe(
        Layer.provideMerge(Layer.merge(transport, CapabilityLayer.none)),
      )
      const wire = yield* Effect.gen(function* () {
        const session = yield* Session
        const { tools } = yield* session.request(Method.listTools, {})
        expect(tools.map(({ name }) => name)).toEqual(["echo"])
        expect((yield* Transport).kind).toBe("streamable-http")
        return yield* Recorder
      }).pipe(Effect.provide(stack), Effect.scoped)
      expect(wire.messages("sent").map(({ method }) => method)).toEqual([
        "initialize",
        "notifications/initialized",
        "tools/list",
      ])
      expect(server.requests.every(({ headers }) => headers["x-tenant"] === "blue")).toBe(true)
      // Closing the Scope ends the session at the server too.
      expect(server.of("DELETE")[0]?.headers["mcp-session-id"]).toBe("s")
    }),
  )
  it.live("fails with a typed error that names the server", () =>
    Effect.gen(function* () {
      const stack = SessionLayer.make({ server: "hand" }).pipe(
        Layer.provide([TransportLayer.stdio({ command: ["no-such-program"] }), CapabilityLayer.none]),
      )
      const error = yield* Effect.flip(Effect.scoped(Layer.build(stack)))
      expect(error).toBeInstanceOf(SessionError)
      expect(error.message).toContain("hand: initialize: could not start no-such-program")
    }),
  )
})
