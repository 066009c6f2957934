/** N3: a session that the server has forgotten is begun anew, once, and what it refused is asked again, once. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { type HttpRequest, rawHttp, type RawHttpScript, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Event } from "../../src/events.ts"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

/** A server whose sessions can be forgotten: `refuse` says how it answers requests of one that it does not know. */
const forgetful = Effect.fnUntraced(function* (refuse: (request: HttpRequest) => Reply, script: RawHttpScript = {}) {
  let session = 0
  let isForgotten = false
  const executed: Array<unknown> = []
  const server = yield* rawHttp({
    ...script,
    any: (request) => {
      const { headers, method, rpc } = request
      if (rpc.method === "initialize") {
        isForgotten = false
        session += 1
        return undefined
      }
      if (method === "DELETE") return undefined
      if (isForgotten || (headers["mcp-session-id"] ?? `s${session}`) !== `s${session}`) return refuse(request)
      if (rpc.method === "tools/call") executed.push(rpc.params?.arguments)
      return script.any?.(request)
    },
    on: {
      ...script.on,
      initialize: (request) => {
        const given = script.on?.initialize?.(request)
        if (given !== undefined) return given
        return {
          headers: { "mcp-session-id": `s${session}` },
          json: {
            jsonrpc: "2.0",
            id: request.rpc.id,
            result: {
              protocolVersion: "2025-11-25",
              capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
              serverInfo: { name: "forgetful", version: String(session) },
              instructions: `of session ${session > 1 ? "two" : "one"}`,
            },
          },
        }
      },
    },
  })
  return {
    server,
    executed,
    forget: () => {
      isForgotten = true
    },
    sessions: () => session,
  }
})

const text = (status: number, words: string) => (): Reply => ({ status, text: words })

const connected = Effect.fnUntraced(function* (url: string) {
  const mcp = yield* Mcp
  expect(yield* mcp.add(config("a", { type: "remote", url }))).toEqual({ status: "connected" })
  yield* mcp.settled
  return mcp
})

describe("a session that the server has forgotten", () => {
  it.live.each([
    ["404", text(404, "")],
    ["Atlassian's 400", text(400, "No valid session ID provided")],
    [
      "a JSON-RPC error",
      (request: HttpRequest): Reply => ({
        status: 400,
        json: { jsonrpc: "2.0", id: request.rpc.id ?? null, error: { code: -32600, message: "Missing session ID" } },
      }),
    ],
  ] as const)("is begun anew where the server says so: %s", ([, refuse]) =>
    Effect.gen(function* () {
      const { executed, forget, server, sessions } = yield* forgetful(refuse)
      const mcp = yield* connected(server.url)
      yield* mcp.callTool("a", "echo", { n: 1 })
      forget()
      const result = yield* mcp.callTool("a", "echo", { n: 2 })
      expect(result.content).toMatchObject([{ text: '{"n":2}' }])
      expect(sessions()).toBe(2)
      expect(executed).toEqual([{ n: 1 }, { n: 2 }])
      const [state] = yield* mcp.servers
      expect(state).toMatchObject({ status: { status: "connected" }, serverInfo: { version: "2" } })
      expect(yield* mcp.instructions).toEqual([{ server: "a", instructions: "of session two" }])
    }),
  )

  it.live("is begun anew once for all who wait, and each of them is answered, in its own place", () =>
    Effect.gen(function* () {
      const { executed, forget, server, sessions } = yield* forgetful(text(404, ""))
      const mcp = yield* connected(server.url)
      forget()
      const numbers = Array.from({ length: 50 }, (_, n) => n)
      const results = yield* Effect.forEach(numbers, (n) => mcp.callTool("a", "echo", { n }), {
        concurrency: "unbounded",
      })
      expect(results.map(({ content }) => content[0])).toMatchObject(numbers.map((n) => ({ text: `{"n":${n}}` })))
      expect(sessions()).toBe(2)
      expect(executed.length).toBe(50)
    }),
  )

  it.live("is told in the log alone: no status changes, and nothing is a warning", () =>
    Effect.gen(function* () {
      const empty = (member: string) => ({
        [member]: ({ rpc }: HttpRequest): Reply => ({
          json: { jsonrpc: "2.0", id: rpc.id, result: { resources: [], resourceTemplates: [] } },
        }),
      })
      const { forget, server } = yield* forgetful(text(404, ""), {
        on: { ...empty("resources/list"), ...empty("resources/templates/list") },
      })
      const mcp = yield* connected(server.url)
      const events: Array<Event> = []
      mcp.listen((event) => events.push(event))
      events.length = 0
      forget()
      yield* mcp.callTool("a", "echo", {})
      expect(events).toEqual([
        {
          type: "mcp.log",
          data: {
            server: "a",
            level: "info",
            logger: "opencode",
            data: "the server had forgotten the session, and began another; its instructions are others now",
          },
        },
      ])
    }),
  )

  it.live("gets its subscriptions and its log level again, and lists anew what was listed", () =>
    Effect.gen(function* () {
      const begun = { count: 0 }
      const { forget, server } = yield* forgetful(text(404, ""), {
        on: {
          initialize: () => {
            begun.count += 1
            return undefined
          },
          "resources/subscribe": ({ rpc }) => ({ json: { jsonrpc: "2.0", id: rpc.id, result: {} } }),
          "logging/setLevel": ({ rpc }) => ({ json: { jsonrpc: "2.0", id: rpc.id, result: {} } }),
          "tools/list": ({ rpc }) => ({
            json: {
              jsonrpc: "2.0",
              id: rpc.id,
              result: { tools: [{ name: begun.count > 1 ? "later" : "echo", inputSchema: { type: "object" } }] },
            },
          }),
        },
      })
      const mcp = yield* connected(server.url)
      yield* mcp.subscribe("a", "test://one")
      yield* mcp.setLevel("a", "warning")
      const changed = yield* Effect.forkChild(
        Effect.callback<void>((resume) => {
          mcp.listen(({ type }) => {
            if (type === "mcp.tools.changed" && begun.count > 1) resume(Effect.void)
          })
        }),
        { startImmediately: true },
      )
      forget()
      yield* mcp.ping("a")
      yield* server.first(({ nth, rpc }) => rpc.method === "resources/subscribe" && nth === 1)
      yield* server.first(({ nth, rpc }) => rpc.method === "logging/setLevel" && nth === 1)
      yield* Fiber.join(changed)
      expect((yield* mcp.tools("a")).map(({ tool }) => tool.name)).toEqual(["later"])
    }),
  )

  it.live("gets its subscriptions and its log level although the server is busy when the next session has begun", () =>
    Effect.gen(function* () {
      const busy = ({ nth, rpc }: HttpRequest): Reply =>
        nth === 1 ? { status: 503, text: "busy" } : { json: { jsonrpc: "2.0", id: rpc.id, result: {} } }
      const { forget, server } = yield* forgetful(text(404, ""), {
        on: {
          "resources/subscribe": (request) => (request.nth === 2 ? { drop: true } : busy(request)),
          "logging/setLevel": busy,
        },
      })
      const mcp = yield* connected(server.url)
      yield* mcp.subscribe("a", "test://one")
      yield* mcp.setLevel("a", "warning")
      forget()
      yield* mcp.ping("a")
      // Refused, then lost, then taken.
      yield* server.first(({ nth, rpc }) => rpc.method === "resources/subscribe" && nth === 3)
      yield* server.first(({ nth, rpc }) => rpc.method === "logging/setLevel" && nth === 2)
    }),
  )

  it.live("has a stream of its own, which does not resume the one before", () =>
    Effect.gen(function* () {
      const { forget, server } = yield* forgetful(text(404, ""), {
        get: () => ({
          sse: [{ id: "e1", data: { jsonrpc: "2.0", method: "notifications/tools/list_changed" } }],
          hold: true,
        }),
      })
      const mcp = yield* connected(server.url)
      yield* server.first(({ method }) => method === "GET")
      forget()
      yield* mcp.ping("a")
      const second = yield* server.first(
        ({ headers, method }) => method === "GET" && headers["mcp-session-id"] === "s2",
      )
      expect(second.headers["last-event-id"]).toBe(undefined)
    }),
  )

  it.live("is told the roots again where it asks, and of each change", () =>
    Effect.gen(function* () {
      const { forget, server } = yield* forgetful(text(404, ""), {
        get: () => ({ sse: [{ data: { jsonrpc: "2.0", id: "roots", method: "roots/list" } }], hold: true }),
      })
      const mcp = yield* connected(server.url)
      const answered = (session: string) =>
        server.first(({ headers, rpc }) => rpc.id === "roots" && headers["mcp-session-id"] === session)
      const before = yield* answered("s1")
      forget()
      yield* mcp.ping("a")
      expect((yield* answered("s2")).rpc.result).toEqual(before.rpc.result)
      yield* mcp.setRoots([{ uri: "file:///elsewhere" }])
      const told = yield* server.first(({ rpc }) => rpc.method === "notifications/roots/list_changed")
      expect(told.headers["mcp-session-id"]).toBe("s2")
    }),
  )

  it.live("is noticed by the stream for messages, too", () =>
    Effect.gen(function* () {
      let gets = 0
      const { server, sessions } = yield* forgetful(text(404, ""), {
        any: ({ method }) => (method === "GET" && ++gets === 1 ? { status: 404, text: "" } : undefined),
      })
      const mcp = yield* connected(server.url)
      yield* server.first(({ nth, rpc }) => rpc.method === "initialize" && nth === 1)
      yield* mcp.ping("a")
      expect(sessions()).toBe(2)
    }),
  )

  it.live("is not begun anew for a 400 that says something else", () =>
    Effect.gen(function* () {
      const { forget, server, sessions } = yield* forgetful(text(400, "The session limit was reached"))
      const mcp = yield* connected(server.url)
      forget()
      const error = yield* Effect.flip(mcp.callTool("a", "echo", {}))
      expect(error.message).toContain("The session limit was reached")
      expect(sessions()).toBe(1)
    }),
  )

  it.live("is over where the server forgets the next one at once, too: nothing is asked for ever", () =>
    Effect.gen(function* () {
      const { executed, server, sessions } = yield* forgetful(text(404, "who are you?"), {
        any: ({ rpc }) => (rpc.method === "tools/call" ? { status: 404, text: "who are you?" } : undefined),
      })
      const mcp = yield* connected(server.url)
      const error = yield* Effect.flip(mcp.callTool("a", "echo", {}))
      expect(error.message).toContain("who are you?")
      expect(sessions()).toBe(2)
      expect(executed.length).toBe(2)
      expect(server.of("tools/call").length).toBe(2)
    }),
  )

  it.live("ends with the reason where the server cannot begin another", () =>
    Effect.gen(function* () {
      let isBroken = false
      const { forget, server } = yield* forgetful(text(404, ""), {
        on: { initialize: () => (isBroken ? { status: 400, text: "closed for today" } : undefined) },
      })
      const mcp = yield* connected(server.url)
      isBroken = true
      forget()
      const error = yield* Effect.flip(mcp.callTool("a", "echo", {}))
      expect(error.message).toContain("closed for today")
      expect((yield* mcp.servers)[0]?.status.status).toBe("pending")
    }),
  )
})

it.live("a call that waits for the next session fails with a reason where the server is disconnected meanwhile", () =>
  Effect.gen(function* () {
    let begun = 0
    const { forget, server } = yield* forgetful(text(404, ""), {
      // The next session is not answered for.
      on: { initialize: () => ((begun += 1) > 1 ? Effect.never : undefined) },
    })
    const mcp = yield* connected(server.url)
    forget()
    const calls = yield* Effect.forEach([1, 2], (n) => Effect.forkChild(Effect.flip(mcp.callTool("a", "echo", { n }))))
    yield* server.first(({ nth, rpc }) => rpc.method === "initialize" && nth === 1)
    const late = yield* Effect.forkChild(Effect.flip(mcp.callTool("a", "echo", { n: 3 })), { startImmediately: true })
    yield* mcp.disconnect("a")
    for (const call of [...calls, late]) expect((yield* Fiber.join(call)).message).toContain("connection was closed")
  }),
)

it.live(
  "a call waits for the next session no longer than its own timeout, however long the server takes to begin another",
  () =>
    Effect.gen(function* () {
      let isMute = false
      const { forget, server } = yield* forgetful(text(404, ""), {
        on: { initialize: () => (isMute ? { sse: [{ until: Effect.never }] } : undefined) },
      })
      const mcp = yield* connected(server.url)
      isMute = true
      forget()
      const [lost, meanwhile] = yield* Effect.all(
        [
          Effect.flip(mcp.callTool("a", "echo", {}, { timeout: 300 })),
          Effect.andThen(
            server.first(({ nth, rpc }) => rpc.method === "initialize" && nth === 1),
            Effect.flip(mcp.readResource("a", "test://one", { timeout: 200 })),
          ),
        ],
        { concurrency: "unbounded" },
      )
      expect(lost.message).toContain("within 300 ms")
      expect(meanwhile.message).toContain("within 200 ms")
    }),
)
