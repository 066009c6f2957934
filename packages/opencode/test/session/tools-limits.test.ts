import { Recordings } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readFileSync } from "node:fs"
import * as McpEvent from "../../src/mcp/event.ts"
import * as Permission from "../../src/permission/index.ts"
import { first } from "../mcp/serving.ts"
import { aborting, call, failure, model, tools, world } from "./world.ts"

const answering = (result: object, inputSchema: object = { type: "object" }) =>
  rawStdio({ tools: [{ name: "tool", inputSchema }], on: { "tools/call": [{ do: "result", result }] } })
const text = (text: string, annotations?: object) => ({ type: "text", text, ...(annotations && { annotations }) })

describe("an output", () => {
  const peer = testEffect(world({ peer: sdkV2() }))

  peer.live("that is too long is cut, and read on in its file", () =>
    Effect.gen(function* () {
      const message = Array.from({ length: 5_000 }, (_, line) => `line ${line}`).join("\n")
      const { metadata, output } = yield* call("peer_echo", { message })
      const path = String(metadata["outputPath"])
      expect(metadata["truncated"]).toBe(true)
      expect(output).toContain(path)
      expect(readFileSync(path, "utf8")).toBe(message)
      const rest = yield* call("read", { filePath: path, offset: 4_999, limit: 1 })
      expect(rest.output).toBe("4999: line 4998\n\n[It has 5000 lines: go on with offset 5000.]")
    }),
  )
})

describe("a link in a result", () => {
  const linking = testEffect(
    world({
      peer: answering({
        content: [
          { type: "resource_link", uri: "file:///etc/passwd", name: "passwd" },
          {
            type: "resource_link",
            uri: "http://127.0.0.1:9/",
            name: "elsewhere",
            icons: [{ src: "http://127.0.0.1:9/i" }],
          },
        ],
      }),
    }),
  )

  linking.live("is told, and followed by nothing", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const { attachments, output } = yield* call("peer_tool", {})
      expect(output).toContain('[Link to the resource "file:///etc/passwd" ("passwd").')
      expect(attachments).toBeUndefined()
      expect(wire("peer").messages("sent", "resources/read")).toEqual([])
    }),
  )
})

describe("an error of the tool's", () => {
  const failing = testEffect(
    world({
      words: answering({ isError: true, content: [text("no such room")], structuredContent: { code: 7 } }),
      silent: answering({ isError: true, content: [] }),
      secret: answering({ isError: true, content: [text("the password is wrong", { audience: ["user"] })] }),
    }),
  )

  failing.live("is all that the tool says, and never nothing", () =>
    Effect.gen(function* () {
      expect((yield* failure("words_tool", {})).message).toBe('no such room\n\n{\n  "code": 7\n}')
      expect((yield* failure("silent_tool", {})).message).toBe("the tool tool failed, and did not say why")
    }),
  )

  failing.live("is shown to the person where it is the person's", () =>
    Effect.gen(function* () {
      const shown: Array<unknown> = []
      const progress = (_: string, { metadata }: { readonly metadata?: Readonly<Record<string, unknown>> }) =>
        Effect.sync(() => void (metadata === undefined ? undefined : shown.push(metadata)))
      const { message } = yield* failure("secret_tool", {}, { input: { progress } })
      expect(message).toBe("the tool tool failed, and told the user alone why")
      expect(shown).toEqual([{ shown: { text: "the password is wrong", attachments: [] } }])
    }),
  )
})

describe("a call that is aborted while the person is asked", () => {
  const asking = testEffect(world({ peer: sdkV2() }, { permission: "ask" }))

  asking.live("withdraws the question, and reaches no server", () =>
    Effect.gen(function* () {
      const permission = yield* Permission.Service
      const { wire } = yield* Recordings
      const { abort, signal } = aborting()
      const calling = yield* Effect.forkChild(Effect.exit(call("peer_echo", { message: "x" }, { signal })))
      const asked = (yield* first(Permission.Asked)).properties
      abort()
      expect((yield* Fiber.join(calling))._tag).toBe("Failure")
      expect(yield* permission.list()).toEqual([])
      expect((yield* first(Permission.Replied)).properties).toMatchObject({ requestID: asked.id, reply: "reject" })
      expect(wire("peer").messages("sent", "tools/call")).toEqual([])
    }),
  )
})

describe("a hook", () => {
  const gate = Deferred.makeUnsafe<void>()
  const late = testEffect(
    world(
      { peer: sdkV2() },
      {
        permission: "ask",
        plugins: [
          {
            "tool.execute.before": (_, output) =>
              Effect.map(Deferred.await(gate), () => void (output.args = { message: "changed" })),
          },
        ],
      },
    ),
  )

  late.live("that changes a call is through before the person is asked: what is shown is what is sent", () =>
    Effect.gen(function* () {
      const permission = yield* Permission.Service
      const calling = yield* Effect.forkChild(call("peer_echo", { message: "hello" }))
      expect(yield* permission.list()).toEqual([])
      yield* Deferred.succeed(gate, undefined)
      const asked = (yield* first(Permission.Asked)).properties
      expect(asked.metadata["arguments"]).toEqual({ message: "changed" })
      yield* permission.reply({ requestID: asked.id, reply: "once" })
      expect((yield* Fiber.join(calling)).output).toBe("changed")
    }),
  )
})

describe("a schema that a provider cannot be told", () => {
  const schema = {
    type: "object",
    properties: { size: { type: "integer", not: { const: 13 } }, name: { type: "string" } },
    required: ["size"],
  }
  const odd = testEffect(world({ peer: answering({ content: [] }, schema) }))

  odd.live("drops what cannot be said with one warning, and keeps the tool", () =>
    Effect.gen(function* () {
      const google = { ...model({}, "@ai-sdk/google"), providerID: "google" }
      expect(Object.keys(yield* tools({ model: google }))).toContain("peer_tool")
      const { message, server } = (yield* first(McpEvent.Warning)).properties
      expect(server).toBe("peer")
      expect(message).toContain("google cannot be told all of the input schema of the tool peer_tool")
      expect((yield* call("peer_tool", { size: 1 }, { input: { model: google } })).output).toBe("(no output)")
    }),
  )
})
