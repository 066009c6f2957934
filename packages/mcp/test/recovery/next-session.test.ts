/** What is under way when a session is begun anew, and belongs to the one before: cursors, streams, cancellations, waits. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it as plain, testEffect } from "@opencode-ai/testing/effect"
import { type HttpRequest, rawHttp, type RawHttpScript, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp, Method } from "../../src/index.ts"
import { answering } from "../support/answering.ts"
import { failure, start } from "../support/scripted.ts"
import { recorded, sessionOver } from "../support/session.ts"

const it = testEffect(testMcp())

const forgotten: Reply = { status: 404, text: "Session not found" }

const begun = (id: unknown) => ({
  jsonrpc: "2.0",
  id,
  result: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "forgetful", version: "1" },
  },
})

/** Each `initialize` begins a session, s1, s2 and so on; a ping in the first one finds that forgotten. */
const forgetful = Effect.fnUntraced(function* (script: RawHttpScript) {
  const server = yield* rawHttp({
    ...script,
    on: {
      initialize: ({ nth, rpc }) => ({
        headers: { "mcp-session-id": `s${nth + 1}` },
        json: begun(rpc.id),
      }),
      ping: ({ headers }) => (headers["mcp-session-id"] === "s1" ? forgotten : undefined),
      ...script.on,
    },
  })
  const mcp = yield* Mcp
  yield* mcp.add(config("a", { type: "remote", url: server.url }))
  yield* mcp.settled
  return { mcp, server }
})

describe("in the next session", () => {
  it.live("a list is read from its beginning whose session was forgotten between two pages", () =>
    Effect.gen(function* () {
      const page = ({ headers, rpc }: HttpRequest): Reply => {
        const reply = (body: object): Reply => ({ json: { jsonrpc: "2.0", id: rpc.id, ...body } })
        const tool = (name: string) => ({ name, inputSchema: { type: "object" } })
        const last = `${headers["mcp-session-id"]}: the last page`
        const { cursor } = rpc.params ?? {}
        if (cursor === undefined) return reply({ result: { tools: [tool("first")], nextCursor: last } })
        if (last.startsWith("s1")) return forgotten
        if (cursor === last) return reply({ result: { tools: [tool("second")] } })
        return reply({ error: { code: -32602, message: "Invalid cursor" } })
      }
      const { mcp } = yield* forgetful({ on: { "tools/list": page } })
      expect((yield* mcp.tools("a")).map(({ tool }) => tool.name)).toEqual(["first", "second"])
    }),
  )

  it.live("the answer to a call is not asked for, which another session took", () =>
    Effect.gen(function* () {
      const { mcp, server } = yield* forgetful({
        // As a server does that takes it for the stream for messages: nothing would ever come.
        get: ({ headers }) => (headers["last-event-id"] === undefined ? undefined : { sse: [], hold: true }),
        on: { "tools/call": () => ({ sse: [{ id: "1", retry: 500, data: "" }] }) },
      })
      const call = yield* start(failure(mcp.callTool("a", "echo", {})))
      yield* server.first(({ rpc }) => rpc.method === "tools/call")
      yield* mcp.ping("a")
      expect((yield* Fiber.join(call)).message).toContain("ended the response stream without an answer")
      expect(server.of("GET").filter(({ headers }) => headers["last-event-id"] !== undefined)).toEqual([])
      expect(server.of("tools/call").length).toBe(1)
    }),
  )

  it.live("a call is not cancelled that another session took", () =>
    Effect.gen(function* () {
      const { mcp, server } = yield* forgetful({ on: { "tools/call": () => ({ sse: [], hold: true }) } })
      const call = yield* start(mcp.callTool("a", "echo", {}))
      yield* server.first(({ rpc }) => rpc.method === "tools/call")
      yield* mcp.ping("a")
      yield* Fiber.interrupt(call)
      yield* mcp.ping("a")
      expect(server.of("notifications/cancelled")).toEqual([])
    }),
  )
})

/** A server over TestClock that forgets the first session at a ping, and is busy for two seconds when the next is begun. */
const slow = Effect.gen(function* () {
  const server = yield* answering(({ headers, id, method, nth }) => {
    if (method === "initialize") {
      if (nth === 1) return new Response("busy", { status: 503, headers: { "retry-after": "2" } })
      return Response.json(begun(id), { headers: { "mcp-session-id": `s${nth + 1}` } })
    }
    if (method === "ping" && headers.get("mcp-session-id") === "s1") return new Response("", { status: 404 })
    return method === "tools/list" && nth === 0 ? new Error("gone") : undefined
  })
  const { transport } = yield* recorded(server.transport)
  return { ...server, ...(yield* sessionOver(transport, { keepAlive: 5_000 })) }
})

plain.effect("what is asked again waits for the session that is being begun: it is sent in none", () =>
  Effect.gen(function* () {
    const { of, pass, session } = yield* slow
    const list = yield* start(session.request(Method.listTools, {}))
    const ping = yield* start(session.request(Method.ping, {}))
    yield* pass(3)
    yield* Fiber.join(ping)
    yield* Fiber.join(list)
    expect(of("tools/list").map(({ headers }) => headers.get("mcp-session-id"))).toEqual(["s1", "s3"])
  }),
)

it.live("a call that waits for a busy server fails under its own name where the server is disconnected", () =>
  Effect.gen(function* () {
    const { mcp, server } = yield* forgetful({
      on: { "tools/call": () => ({ status: 503, headers: { "retry-after": "20" }, text: "busy" }) },
    })
    const call = yield* start(failure(mcp.callTool("a", "echo", {})))
    yield* server.first(({ rpc }) => rpc.method === "tools/call")
    // Its refusal has come when what was asked after it is answered.
    yield* mcp.ping("a")
    yield* mcp.disconnect("a")
    expect((yield* Fiber.join(call)).message).toBe("a: tools/call: the connection was closed")
  }),
)
