import * as Effect from "effect/Effect"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV1, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { subscriptionLimit } from "../../src/connection/standing.ts"
import { Mcp } from "../../src/index.ts"
import { isObject } from "../../src/protocol/jsonrpc.ts"
import { failure } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

const live = testEffect(testMcp())

const member = ({ structuredContent }: { readonly structuredContent?: unknown }, name: string): unknown =>
  isObject(structuredContent) ? structuredContent[name] : undefined

/** What a peer says to be subscribed to, in its present session. */
const subscriptions = (mcp: Mcp["Service"], server: string) =>
  Effect.map(mcp.callTool(server, "subscriptions"), (result) => member(result, "subscriptions"))

const updated = (uri: string) => (event: { readonly type: string; readonly data: object }) =>
  event.type === "mcp.resource.updated" && "uri" in event.data && event.data.uri === uri

const suite = (target: Target) =>
  live.live(target.name, () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { first, of } = yield* observe(mcp)
      yield* mcp.add(config("a", yield* target.entry))
      yield* mcp.subscribe("a", "test://text")
      expect(yield* subscriptions(mcp, "a")).toEqual(["test://text"])
      yield* mcp.callTool("a", "touch", { uri: "test://text" })
      expect((yield* first(updated("test://text"))).data).toEqual({ server: "a", uri: "test://text" })
      yield* mcp.unsubscribe("a", "test://text")
      expect(yield* subscriptions(mcp, "a")).toEqual([])
      yield* mcp.callTool("a", "touch", { uri: "test://text" })
      expect(of("mcp.resource.updated")).toHaveLength(1)
    }),
  )

describe("a resource is subscribed to, told of, and given up", () => targets.forEach(suite))

describe("server-everything", () => {
  live.live("takes a subscription and tells of updates", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { first } = yield* observe(mcp)
      yield* mcp.add(config("e", everything))
      const uri = (yield* mcp.resources("e"))[0]?.item.uri ?? ""
      yield* mcp.subscribe("e", uri)
      yield* mcp.callTool("e", "toggle-subscriber-updates")
      yield* first(updated(uri))
      yield* mcp.unsubscribe("e", uri)
    }),
  )
})

describe("a subscription outlives its session", () => {
  const peers = [
    ["SDK v1 over stdio", Effect.succeed(sdkV1())],
    ["SDK v2 over stdio", Effect.succeed(sdkV2())],
    ["SDK v2 over HTTP", sdkV2Http()],
  ] as const
  for (const [name, peer] of peers) {
    live.live(`disconnected and connected: ${name}`, () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        const { first } = yield* observe(mcp)
        const { wire, wires } = yield* Recordings
        yield* mcp.add(config("a", yield* peer))
        yield* mcp.subscribe("a", "test://text")
        yield* mcp.subscribe("a", "test://blob")
        yield* mcp.unsubscribe("a", "test://blob")
        yield* mcp.setLevel("a", "warning")
        yield* mcp.disconnect("a")
        yield* mcp.connect("a")
        yield* wire("a").first("sent", "resources/subscribe")
        expect(yield* subscriptions(mcp, "a")).toEqual(["test://text"])
        expect((yield* mcp.callTool("a", "level")).structuredContent).toEqual({ level: "warning" })
        expect(wires("a")).toHaveLength(2)
        yield* mcp.callTool("a", "touch", { uri: "test://text" })
        yield* first(updated("test://text"))
      }),
    )
  }
  live.live("ended by itself", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { first } = yield* observe(mcp)
      const { wire } = yield* Recordings
      yield* mcp.add(config("a", sdkV2()))
      yield* mcp.subscribe("a", "test://text")
      process.kill(Number(member(yield* mcp.callTool("a", "process"), "pid")), "SIGKILL")
      yield* first(
        (event) => event.type === "mcp.status.changed" && event.data.status === "pending" && event.data.attempt === 1,
      )
      yield* mcp.callTool("a", "echo", { message: "again" })
      yield* wire("a").first("sent", "resources/subscribe")
      expect(yield* subscriptions(mcp, "a")).toEqual(["test://text"])
    }),
  )
})

const able = { capabilities: { resources: { subscribe: true }, logging: {} } }
const granted = () => ({ result: {} })
/** What every server here answers when its lists are read. */
const lists = {
  "resources/list": () => ({ result: { resources: [] } }),
  "resources/templates/list": () => ({ result: { resourceTemplates: [] } }),
}

describe("in a new session", () => {
  it.effect("what is refused is one warning, and nothing else; it is asked again in the one after", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const { of } = yield* observe(mcp)
      let refuses = false
      const answer = () => (refuses ? { error: { code: -32602, message: "no more" } } : { result: {} })
      const on = { ...lists, "resources/subscribe": answer, "logging/setLevel": answer }
      yield* add("a", { ...able, on })
      for (let at = 0; at < 10; at++) yield* mcp.subscribe("a", `test://${at}`)
      yield* mcp.setLevel("a", "error")
      refuses = true
      yield* mcp.disconnect("a")
      expect(yield* mcp.connect("a")).toEqual({ status: "connected" })
      yield* mcp.ping("a")
      expect(of("mcp.warning")).toHaveLength(1)
      expect(JSON.stringify(of("mcp.warning"))).toContain("the log level error: no more (code -32602)")
      expect(JSON.stringify(of("mcp.warning"))).toContain("and 8 more")
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
      refuses = false
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect(wire("a").messages("sent", "resources/subscribe")).toHaveLength(10)
      expect(wire("a").messages("sent", "logging/setLevel")[0]?.params).toEqual({ level: "error" })
      expect(of("mcp.warning")).toHaveLength(1)
    }),
  )
  it.effect("that does not offer it any more, nothing is sent", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const { of } = yield* observe(mcp)
      let offers = true
      const initialize = ({ params }: { readonly params?: { readonly protocolVersion?: unknown } }) => ({
        result: {
          protocolVersion: params?.protocolVersion,
          capabilities: offers ? able.capabilities : {},
          serverInfo: { name: "raw", version: "1" },
        },
      })
      yield* add("a", { on: { initialize, "resources/subscribe": granted } })
      yield* mcp.subscribe("a", "test://a")
      offers = false
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect(wire("a").messages("sent", "resources/subscribe")).toEqual([])
      expect(JSON.stringify(of("mcp.warning"))).toContain("did not declare the capability")
    }),
  )
  it.effect("of another server of that name, nothing is asked: a replaced entry starts afresh", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* add("a", { ...able, on: { "resources/subscribe": granted, "logging/setLevel": granted } })
      yield* mcp.subscribe("a", "test://a")
      yield* mcp.setLevel("a", "error")
      yield* add("a", able)
      expect(wire("a").messages("sent", "resources/subscribe")).toEqual([])
      expect(wire("a").messages("sent", "logging/setLevel")).toEqual([])
    }),
  )
})

describe("a subscription", () => {
  it.effect("that the server refused is not kept", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* add("a", { ...able, on: { "resources/subscribe": () => ({ error: { code: -32002, message: "none" } }) } })
      expect((yield* failure(mcp.subscribe("a", "test://a"))).reason._tag).toBe("Protocol")
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect(wire("a").messages("sent", "resources/subscribe")).toEqual([])
    }),
  )
  it.effect("that is given up is forgotten, even where the server refuses that", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const refused = () => ({ error: { code: -32603, message: "no" } })
      yield* add("a", { ...able, on: { "resources/subscribe": granted, "resources/unsubscribe": refused } })
      yield* mcp.subscribe("a", "test://a")
      expect((yield* failure(mcp.unsubscribe("a", "test://a"))).reason._tag).toBe("Protocol")
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      expect(wire("a").messages("sent", "resources/subscribe")).toEqual([])
    }),
  )
  it.effect("and a log level are asked only of a server that offers them", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* add("a", { capabilities: { resources: { listChanged: true }, tools: {} } })
      for (const asked of [mcp.subscribe("a", "x"), mcp.unsubscribe("a", "x"), mcp.setLevel("a", "info")]) {
        expect((yield* failure(asked)).reason._tag).toBe("NotDeclared")
      }
      const asked = ["resources/subscribe", "resources/unsubscribe", "logging/setLevel"]
      for (const method of asked) expect(wire("a").messages("sent", method)).toEqual([])
    }),
  )
  it.effect("is one of a bounded number, of which each may be asked for again", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      yield* add("a", { ...able, on: { "resources/subscribe": granted, "resources/unsubscribe": granted } })
      for (let at = 0; at < subscriptionLimit; at++) yield* mcp.subscribe("a", `test://${at}`)
      const error = yield* failure(mcp.subscribe("a", "test://more"))
      expect(error.reason._tag).toBe("TooMany")
      yield* mcp.subscribe("a", "test://0")
      yield* mcp.unsubscribe("a", "test://0")
      yield* mcp.subscribe("a", "test://more")
    }),
  )
  it.effect("is not needed for an update to be told: a server may mean a resource below it", () =>
    Effect.gen(function* () {
      const { add, client, mcp } = yield* service
      const { first } = yield* observe(mcp)
      yield* add("a", able)
      const params = { uri: "test://a/below" }
      client("a").send({ jsonrpc: "2.0", method: "notifications/resources/updated", params })
      expect((yield* first(updated("test://a/below"))).data).toEqual({ server: "a", ...params })
    }),
  )
})
