import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Capabilities, CapabilityLayer, Method } from "../../src/index.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { failure, scripted } from "../support/scripted.ts"

const explode = (): never => {
  throw new Error("a mistake of the plugin's")
}

/** What a process is warned of, for as long as the Scope. */
const warnings = Effect.acquireRelease(
  Effect.sync(() => {
    const said: Array<string> = []
    const hear = ({ message }: Error) => said.push(message)
    process.on("warning", hear)
    return { said, hear }
  }),
  ({ hear }) => Effect.sync(() => process.off("warning", hear)),
)

/** Warnings are told in a turn of their own. */
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

const elicit = { mode: "form", message: "?", requestedSchema: { type: "object", properties: {} } }

describe("a plugin's handler with a mistake in it", () => {
  it.effect("where it throws before it has an Effect costs its own request", () =>
    Effect.gen(function* () {
      const client = Layer.succeed(Capabilities)({ declared: {}, handle: explode, announcements: Stream.empty })
      const peer = yield* scripted({ client })
      peer.send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      expect((yield* peer.wire.first("sent", ({ id }) => id === "r")).error?.code).toBe(-32603)
      yield* peer.session.request(Method.ping, {})
    }),
  )

  it.effect("is told to the host, and not to the server", () =>
    Effect.gen(function* () {
      const elicitation = { modes: ["form" as const], elicit: explode }
      const peer = yield* scripted({ client: CapabilityLayer.make({ elicitation }) })
      const { said } = yield* warnings
      peer.send({ jsonrpc: "2.0", id: "e", method: "elicitation/create", params: elicit })
      const { error } = yield* peer.wire.first("sent", ({ id }) => id === "e")
      expect(error).toMatchObject({ code: -32603 })
      expect(error?.message).not.toContain("mistake")
      yield* turn
      expect(said.join()).toContain("a mistake of the plugin's")
    }),
  )

  it.effect("costs the call that asks for a visit first, and no more", () =>
    Effect.gen(function* () {
      const declared = { elicitation: { url: {} } }
      const client = Layer.succeed(Capabilities)({ declared, handle: explode, announcements: Stream.empty })
      const elicitations = [{ mode: "url", elicitationId: "v", url: "https://example.com/", message: "?" }]
      const error = { code: -32042, message: "Sign in first", data: { elicitations } }
      const peer = yield* scripted({ client, on: { "tools/call": () => ({ error }) } })
      const refused = yield* failure(peer.session.request(Method.callTool, { name: "echo" }))
      expect(refused.message).toContain("the client failed to answer this request")
      yield* peer.session.request(Method.ping, {})
    }),
  )

  it.effect("in the changes of the roots ends no other announcement", () =>
    Effect.gen(function* () {
      const roots = { list: Effect.succeed([]), changes: Stream.fromEffect(Effect.sync(explode)) }
      const elicitation = { modes: ["form" as const], elicit: () => Effect.succeed({ action: "decline" as const }) }
      const client = CapabilityLayer.make({ roots, elicitation, tasks: defaults })
      const peer = yield* scripted({ client })
      yield* Effect.yieldNow
      const params = { ...elicit, task: {} }
      peer.send({ jsonrpc: "2.0", id: "e", method: "elicitation/create", params })
      yield* peer.wire.first("sent", "notifications/tasks/status")
    }),
  )

  it.effect("in its roots costs those that are no file: URIs: they are never sent, and told to the host", () =>
    Effect.gen(function* () {
      const uris = ["file:///srv/a/../b%20c", "/srv/other", "https://example.com/"]
      const roots = { list: Effect.succeed(uris.map((uri) => ({ uri }))), changes: Stream.empty }
      const { said } = yield* warnings
      const peer = yield* scripted({ client: CapabilityLayer.make({ roots }) })
      peer.send({ jsonrpc: "2.0", id: "r", method: "roots/list" })
      const { result } = yield* peer.wire.first("sent", ({ id }) => id === "r")
      expect(result).toEqual({ roots: [{ uri: "file:///srv/b%20c" }] })
      yield* turn
      expect(said.join()).toContain('the root "/srv/other" is no file: URI')
      expect(said.join()).toContain("https://example.com/")
    }),
  )
})
