import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { statefulRevisions, type Target, targets } from "@opencode-ai/testing/matrix"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Stream from "effect/Stream"
import { CapabilityLayer, Method } from "../../src/index.ts"
import { connected, failure, scripted, server } from "../support/scripted.ts"

const roots = [{ uri: "file:///srv", name: "srv" }]

const suite = (target: Target) =>
  it.live(target.name, () =>
    Effect.gen(function* () {
      const { session, wire } = yield* connect(yield* target.entry, roots)
      const [first, second] = wire.messages("sent")
      expect(first).toEqual({
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: target.revision,
          capabilities: { roots: { listChanged: true } },
          clientInfo: { name: "opencode", version: "0.1.0" },
        },
      })
      expect(second).toEqual({ jsonrpc: "2.0", method: "notifications/initialized" })
      expect(session.agreement.revision).toBe(target.revision)
      expect(session.agreement.serverInfo.name).toBe(`sdk-v${target.sdk}`)
      expect(session.agreement.instructions).toBe("Use echo to hear yourself.")
      expect(session.agreement.capabilities.tools).toEqual({ listChanged: true })
      expect(session.transport).toBe(target.transport)
      expect(session.pid !== undefined).toBe(target.transport === "stdio")
    }),
  )

describe("the handshake", () => targets.forEach(suite))

describe("the client's name", () => {
  const clientInfo = {
    name: "host",
    version: "2",
    title: "The Host",
    websiteUrl: "https://example.com",
    description: "A host",
    icons: [{ src: "https://example.com/i.png" }],
  }
  const { name, title, version } = clientInfo
  const said = {
    "2024-11-05": { name, version },
    "2025-03-26": { name, version },
    "2025-06-18": { name, title, version },
    "2025-11-25": clientInfo,
  }
  it.effect.each(statefulRevisions)("is as long as its revision allows: %s", (revision) =>
    Effect.gen(function* () {
      const { wire } = yield* scripted({ session: { clientInfo, revision } })
      expect(wire.messages("sent", "initialize")[0]?.params?.clientInfo).toEqual(said[revision])
    }),
  )
})

describe("capabilities", () => {
  it.effect.each(statefulRevisions)("are none where nothing is provided: %s", (revision) =>
    Effect.gen(function* () {
      const { wire } = yield* scripted({ session: { revision } })
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({})
    }),
  )
  it.effect.each(statefulRevisions)("are roots where roots are provided: %s", (revision) =>
    Effect.gen(function* () {
      const client = CapabilityLayer.make({ roots: { list: Effect.succeed(roots), changes: Stream.empty } })
      const { wire } = yield* scripted({ session: { revision }, client })
      expect(wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({ roots: { listChanged: true } })
    }),
  )
})

describe("the revision", () => {
  it.effect.each(statefulRevisions)("that an older server answers with is spoken: %s", (revision) =>
    Effect.gen(function* () {
      const { session, wire } = yield* scripted({ protocolVersion: revision })
      expect(wire.messages("sent", "initialize")[0]?.params?.protocolVersion).toBe("2025-11-25")
      expect(session.agreement.revision).toBe(revision)
      expect(wire.messages("sent").map(({ method }) => method)).toEqual(["initialize", "notifications/initialized"])
    }),
  )
  it.effect("that nobody knows ends the handshake with both named, and says no more", () =>
    Effect.gen(function* () {
      const peer = yield* server({ protocolVersion: "2031-01-01" })
      const error = yield* failure(connected(peer))
      expect(error.reason._tag).toBe("UnsupportedRevision")
      expect(error.message).toContain("2031-01-01")
      expect(error.message).toContain("2025-11-25")
      expect(peer.wire.messages("sent").map(({ method }) => method)).toEqual(["initialize"])
    }),
  )
  it.effect("that is pinned is not given up for an older one", () =>
    Effect.gen(function* () {
      const peer = yield* server({ protocolVersion: "2024-11-05" })
      const error = yield* failure(connected(peer, { session: { revision: "2025-06-18", exactly: true } }))
      expect(error.reason).toMatchObject({ _tag: "UnsupportedRevision", offered: "2025-06-18", answered: "2024-11-05" })
    }),
  )
  it.effect("is refused by an error: its code and words are the reason", () =>
    Effect.gen(function* () {
      const error = { code: -32602, message: "Unsupported protocol version", data: { supported: ["1999-01-01"] } }
      const peer = yield* server({ on: { initialize: () => ({ error }) } })
      const { reason } = yield* failure(connected(peer))
      expect(reason).toMatchObject({ _tag: "Protocol", code: -32602, data: { supported: ["1999-01-01"] } })
    }),
  )
})

describe("a server that says little of itself", () => {
  const answers = [
    { name: "no members but the version", result: { protocolVersion: "2025-11-25" } },
    {
      name: "members of the wrong type",
      result: { protocolVersion: "2025-11-25", capabilities: [], serverInfo: "x", instructions: 3 },
    },
    {
      name: "an unnamed server",
      result: { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: 1 }, instructions: "" },
    },
  ]
  it.effect.each(answers)("is connected all the same: %s", ({ result }) =>
    Effect.gen(function* () {
      const { session } = yield* scripted({ on: { initialize: () => ({ result }) } })
      expect(session.agreement).toMatchObject({ serverInfo: { name: "peer", version: "" }, instructions: undefined })
      expect((yield* failure(session.request(Method.listTools, {}))).reason._tag).toBe("NotDeclared")
    }),
  )
  it.effect("and gives no version at all is an error that says so", () =>
    Effect.gen(function* () {
      const { reason } = yield* failure(scripted({ on: { initialize: () => ({ result: {} }) } }))
      expect(reason._tag).toBe("InvalidResponse")
    }),
  )
})

describe("what comes while the handshake runs", () => {
  it.effect("is answered, if it is a ping", () =>
    Effect.gen(function* () {
      const peer = yield* server({
        on: {
          initialize: (_, client) => {
            client.send({ jsonrpc: "2.0", id: "early", method: "ping" })
          },
        },
      })
      yield* connected(peer)
      const sent = peer.wire.messages("sent")
      expect(sent.map(({ id, method }) => method ?? id)).toEqual(["initialize", "early", "notifications/initialized"])
      expect(sent[1]?.result).toEqual({})
    }),
  )
  it.effect("is interrupted without a cancellation: initialize is never cancelled", () =>
    Effect.gen(function* () {
      const peer = yield* server({ on: { initialize: () => "silence" } })
      const fiber = yield* Effect.forkChild(Effect.scoped(connected(peer)))
      yield* peer.wire.first("sent", "initialize")
      yield* Fiber.interrupt(fiber)
      expect(peer.wire.messages("sent").map(({ method }) => method)).toEqual(["initialize"])
    }),
  )
  it.effect("is lost with a typed error when the server ends", () =>
    Effect.gen(function* () {
      const peer = yield* server({
        on: {
          initialize: (_, client) => {
            client.end("no more")
            return "silence"
          },
        },
      })
      const { message, reason } = yield* failure(connected(peer))
      expect(reason._tag).toBe("Transport")
      expect(message).toContain("no more")
    }),
  )
})
