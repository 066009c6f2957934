import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { config, connect, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { tmpdir } from "node:os"
import { basename } from "node:path"
import { pathToFileURL } from "node:url"
import { CapabilityLayer, Mcp, Method, Roots } from "../../src/index.ts"
import { scripted } from "../support/scripted.ts"

const root = { uri: "file:///srv/project", name: "project" }
const ask = { name: "ask", arguments: { method: "roots/list" } }

const suite = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect(yield* target.entry, [root])
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({ roots: { listChanged: true } })
      const { structuredContent } = yield* session.request(Method.callTool, ask)
      expect(structuredContent).toEqual({ result: { roots: [root] } })
    }),
  )

describe("a server is told the roots", () => targets.forEach(suite))

describe("roots", () => {
  it.effect("that change are announced, and listed as they are now", () =>
    Effect.gen(function* () {
      const changes = yield* PubSub.unbounded<void>()
      let now = [root]
      const roots = { list: Effect.sync(() => now), changes: Stream.fromPubSub(changes) }
      const { send, wire } = yield* scripted({ client: CapabilityLayer.make({ roots }) })
      yield* Effect.yieldNow
      now = []
      yield* PubSub.publish(changes, undefined)
      expect(yield* wire.first("sent", "notifications/roots/list_changed")).toEqual({
        jsonrpc: "2.0",
        method: "notifications/roots/list_changed",
      })
      send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      expect((yield* wire.first("sent", ({ id }) => id === "r")).result).toEqual({ roots: [] })
    }),
  )
  it.effect("that are not provided are not declared, and refused with -32601", () =>
    Effect.gen(function* () {
      const { send, wire } = yield* scripted({ client: CapabilityLayer.layer })
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({})
      send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      expect((yield* wire.first("sent", ({ id }) => id === "r")).error?.code).toBe(-32601)
    }),
  )
  it.effect("may be provided as a service", () =>
    Effect.gen(function* () {
      const roots = Layer.succeed(Roots)({ list: Effect.succeed([root]), changes: Stream.empty })
      const { send, wire } = yield* scripted({ client: Layer.provide(CapabilityLayer.layer, roots) })
      send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      expect((yield* wire.first("sent", ({ id }) => id === "r")).result).toEqual({ roots: [root] })
    }),
  )
  it.effect("that cannot be listed are an error of this one request, without its inner parts", () =>
    Effect.gen(function* () {
      const roots = { list: Effect.die(new Error("secret path")), changes: Stream.empty }
      const { send, session, wire } = yield* scripted({ client: CapabilityLayer.make({ roots }) })
      send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      const { error } = yield* wire.first("sent", ({ id }) => id === "r")
      expect(error?.code).toBe(-32603)
      expect(error?.message).not.toContain("secret")
      yield* session.request(Method.ping, {})
    }),
  )
  it.effect("whose listing the server cancels are not answered", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const list = Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted += 1)))
      const peer = yield* scripted({ client: CapabilityLayer.make({ roots: { list, changes: Stream.empty } }) })
      yield* peer.deliver({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "r" } })
      expect(interrupted).toBe(1)
      yield* peer.session.request(Method.ping, {})
      expect(peer.wire.messages("sent").some(({ id }) => id === "r")).toBe(false)
    }),
  )
})

describe("the roots of a configured server", () => {
  const directory = tmpdir()
  const service = testEffect(testMcp({ directory: "/", worktree: "/srv/work" }))
  const rootsOf = (entry: object) =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("peer", { ...sdkV2(), ...entry }))
      const { structuredContent } = yield* mcp.callTool("peer", "ask", ask.arguments)
      return Object(structuredContent).result.roots
    })

  service.live("are the worktree", () =>
    Effect.gen(function* () {
      expect(yield* rootsOf({})).toEqual([{ uri: "file:///srv/work", name: "work" }])
    }),
  )
  service.live("are those of its entry, as paths or URIs", () =>
    Effect.gen(function* () {
      expect(yield* rootsOf({ roots: ["sub/a b", "/abs", "file:///x%20y"] })).toEqual([
        { uri: "file:///sub/a%20b", name: "a b" },
        { uri: "file:///abs", name: "abs" },
        { uri: "file:///x%20y" },
      ])
    }),
  )
  service.live("are the directories among its arguments too, until the host chooses", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { command } = sdkV2()
      expect(yield* rootsOf({ command: [...command, directory, "/no/such/directory"] })).toEqual([
        { uri: "file:///srv/work", name: "work" },
        { uri: pathToFileURL(directory).href, name: basename(directory) },
      ])
      yield* mcp.setRoots([root])
      const { wire } = yield* Recordings
      yield* wire("peer").first("sent", "notifications/roots/list_changed")
      const { structuredContent } = yield* mcp.callTool("peer", "ask", ask.arguments)
      expect(structuredContent).toEqual({ result: { roots: [root] } })
    }),
  )
  service.live("are none, and not declared, where its entry says false", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("peer", { ...rawStdio(), roots: false }))
      const { wire } = yield* Recordings
      expect(wire("peer").messages("sent", "initialize")[0]?.params?.capabilities).toEqual({})
      yield* mcp.setRoots([root])
      yield* mcp.ping("peer")
      expect(wire("peer").messages("sent", "notifications/roots/list_changed")).toEqual([])
    }),
  )
  service.live("that were chosen before it connected are not announced as changed", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.setRoots([root])
      yield* mcp.add(config("peer", rawStdio()))
      yield* mcp.ping("peer")
      const { wire } = yield* Recordings
      expect(wire("peer").messages("sent", "notifications/roots/list_changed")).toEqual([])
    }),
  )
})
