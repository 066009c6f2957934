import { suffixed } from "@opencode-ai/mcp/catalog/keys"
import { Recordings } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { everything, filesystem } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { asSchema } from "ai"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Permission from "../../src/permission/index.ts"
import * as McpEvent from "../../src/mcp/event.ts"
import { first } from "../mcp/serving.ts"
import { aborting, call, failure, model, tools, world } from "./world.ts"

const files = mkdtempSync(join(tmpdir(), "tools-files-"))
writeFileSync(join(files, "hello.txt"), "hello from a file")

const published = testEffect(world({ everything, files: { ...filesystem(files), roots: false } }))

describe("the tools of a session", () => {
  published.live("are the host's own and those of every server, with schemas that a provider takes", () =>
    Effect.gen(function* () {
      const all = yield* tools()
      expect(Object.keys(all)).toContain("read")
      expect(Object.keys(all)).toContain("files_read_text_file")
      expect(Object.keys(all)).toContain("everything_echo")
      expect(Object.keys(all)).toContain("read_mcp_resource")
      const schema = yield* Effect.promise(async () => asSchema(all["files_read_text_file"]?.inputSchema).jsonSchema)
      expect(schema).toMatchObject({ type: "object", required: ["path"] })
      expect(Object.keys(yield* tools())).toEqual(Object.keys(all))
    }),
  )

  published.live("are called with what the model wrote, and answer with what the server said", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const path = join(files, "hello.txt")
      const result = yield* call("files_read_text_file", { path, unknown: [1] })
      expect(result.output.split("\n\n")[0]).toBe("hello from a file")
      expect(result.title).toBe("Read Text File")
      expect(result.metadata).toMatchObject({ server: "files", tool: "read_text_file", truncated: false })
      expect(wire("files").messages("sent", "tools/call")[0]).toMatchObject({
        params: { name: "read_text_file", arguments: { path, unknown: [1] } },
      })
      expect((yield* call("read", { filePath: "hello.txt" })).output).toBe("1: hello from the worktree")
    }),
  )

  published.live("fail with the tool's own words, and take nothing but an object", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const outside = yield* failure("files_read_text_file", { path: "/etc/passwd" })
      expect(outside.message).toContain("Access denied")
      const sent = wire("files").messages("sent").length
      expect((yield* failure("files_read_text_file", ["/etc/passwd"])).message).toContain("expected a JSON object")
      expect(wire("files").messages("sent")).toHaveLength(sent)
    }),
  )

  published.live("give structured content once, and a picture to a model that sees", () =>
    Effect.gen(function* () {
      const weather = yield* call("everything_get-structured-content", { location: "Chicago" })
      expect(JSON.parse(weather.output)).toMatchObject({ temperature: expect.any(Number) })
      const image = yield* call("everything_get-tiny-image", {})
      expect(image.attachments).toHaveLength(1)
      expect(image.attachments?.[0]).toMatchObject({ type: "file", mime: "image/png" })
      expect(image.output).toContain("[Image attached: image/png,")
    }),
  )
})

const peer = testEffect(world({ peer: sdkV2() }))

describe("a call that takes its time", () => {
  peer.live("tells how far it is", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const progress = (callID: string, state: object) => Effect.sync(() => void seen.push([callID, state]))
      yield* call("peer_progress", { steps: 3 }, { callID: "call_7", input: { progress } })
      expect(seen).toEqual([
        ["call_7", { title: "progress" }],
        ...[1, 2, 3].map((step) => [
          "call_7",
          { title: "progress", metadata: { progress: step, total: 3, message: `step ${step}` } },
        ]),
      ])
      const { request } = (yield* first(McpEvent.ProgressReported)).properties
      expect(request).toBe("call_7")
    }),
  )

  peer.live("is cancelled at the server where it is aborted, and the server lives on", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const { abort, signal } = aborting()
      yield* tools()
      const hanging = yield* Effect.forkChild(Effect.exit(call("peer_hang", {}, { signal })))
      yield* wire("peer").first("received", "notifications/progress")
      abort()
      expect((yield* Fiber.join(hanging))._tag).toBe("Failure")
      expect(wire("peer").messages("sent", "notifications/cancelled")).toHaveLength(1)
      expect((yield* call("peer_echo", { message: "still here" })).output).toBe("still here")
    }),
  )

  peer.live("that a server refuses says so", () =>
    Effect.gen(function* () {
      expect((yield* failure("peer_refuse", {})).message).toContain("refused (code -32602)")
      expect((yield* failure("peer_fail", {})).message).toBe("it failed")
    }),
  )
})

const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: "object" }, ...more })
const read = { annotations: { readOnlyHint: true } }
const destroy = { annotations: { destructiveHint: true, title: "Sweep" } }
const annotated = rawStdio({
  tools: [tool("look", read), tool("sweep", destroy), tool("plain")],
  on: { "tools/call": [{ do: "result", result: { content: [{ type: "text", text: "done" }] } }] },
})

describe("permission", () => {
  const asking = testEffect(
    world({ trusted: { ...annotated, trusted: true }, stranger: annotated }, { permission: { "*": "ask" } }),
  )

  asking.live("is asked for with all that the call would do, after the hooks had their say", () =>
    Effect.gen(function* () {
      const permission = yield* Permission.Service
      const calling = yield* Effect.forkChild(call("stranger_sweep", { room: "kitchen" }))
      const asked = (yield* first(Permission.Asked)).properties
      expect(asked).toMatchObject({
        sessionID: "ses_1",
        permission: "stranger_sweep",
        patterns: ["*"],
        always: ["*"],
        tool: { messageID: "msg_1", callID: "call_1" },
        metadata: {
          server: "stranger",
          tool: "sweep",
          title: "Sweep",
          arguments: { room: "kitchen" },
          annotations: { destructiveHint: true },
          trusted: false,
        },
      })
      const { wire } = yield* Recordings
      expect(wire("stranger").messages("sent", "tools/call")).toEqual([])
      yield* permission.reply({ requestID: asked.id, reply: "once" })
      expect((yield* Fiber.join(calling)).output).toBe("done")
    }),
  )

  asking.live("is spared a tool that only reads, by the word of a trusted server alone", () =>
    Effect.gen(function* () {
      const permission = yield* Permission.Service
      expect((yield* call("trusted_look", {})).output).toBe("done")
      const calling = yield* Effect.forkChild(Effect.exit(call("stranger_look", {})))
      const asked = (yield* first(Permission.Asked)).properties
      expect(asked.permission).toBe("stranger_look")
      yield* permission.reply({ requestID: asked.id, reply: "reject" })
      expect(String(yield* Fiber.join(calling))).toContain("The user rejected stranger_look")
      const { wire } = yield* Recordings
      expect(wire("stranger").messages("sent", "tools/call")).toEqual([])
    }),
  )

  const nobody = testEffect(
    world({ stranger: annotated }, { permission: { stranger_plain: "deny" }, answerable: false }),
  )

  nobody.live("of a destructive tool is asked for without any rule, and denied where nobody answers", () =>
    Effect.gen(function* () {
      const refused = yield* failure("stranger_sweep", {})
      expect(refused.message).toContain("nobody is there to give it")
      expect((yield* call("stranger_look", {})).output).toBe("done")
      expect(Object.keys(yield* tools())).toEqual(["read", "stranger_look", "stranger_sweep"])
    }),
  )

  nobody.live("that a rule gives is enough for any tool", () =>
    Effect.gen(function* () {
      const ruleset = [{ permission: "stranger_*", pattern: "*", action: "allow" as const }]
      expect((yield* call("stranger_sweep", {}, { input: { ruleset } })).output).toBe("done")
      const inPart = [{ permission: "stranger_sweep", pattern: "x", action: "deny" as const }]
      expect(Object.keys(yield* tools({ ruleset: inPart }))).toContain("stranger_sweep")
    }),
  )
})

describe("hooks of plugins", () => {
  const seen: Array<unknown> = []
  const hooked = testEffect(
    world(
      { peer: sdkV2() },
      {
        plugins: [
          {
            "tool.execute.before": (input, output) =>
              Effect.sync(() => {
                seen.push({ before: input, args: output.args })
                if (input.tool === "peer_echo") output.args = { message: "changed" }
              }),
            "tool.execute.after": (input, output) =>
              Effect.sync(() => {
                seen.push({ after: input, output: structuredClone(output) })
                if ("content" in output)
                  output.content = [...Object(output.content), { type: "text", text: "and more" }]
              }),
          },
        ],
      },
    ),
  )

  hooked.live("see and change the arguments before the server does, and the raw result before the model does", () =>
    Effect.gen(function* () {
      seen.length = 0
      const result = yield* call("peer_echo", { message: "hello" })
      const called = { tool: "peer_echo", sessionID: "ses_1", callID: "call_1" }
      expect(seen).toEqual([
        { before: called, args: { message: "hello" } },
        {
          after: { ...called, args: { message: "changed" } },
          output: { content: [{ type: "text", text: "changed" }] },
        },
      ])
      expect(result.output).toBe("changed\n\nand more")
    }),
  )

  hooked.live("are asked about the host's own tools too", () =>
    Effect.gen(function* () {
      seen.length = 0
      yield* call("read", { filePath: "hello.txt" })
      expect(seen).toHaveLength(2)
    }),
  )
})

describe("a tool that is named like another", () => {
  const answers = (text: string, ...names: ReadonlyArray<string>) =>
    rawStdio({
      tools: names.map((name) => tool(name)),
      on: { "tools/call": [{ do: "result", result: { content: [{ type: "text", text }] } }] },
    })
  const shadows = testEffect(
    world({
      read: answers("I am read", "mcp_resource"),
      external: answers("I am external", "directory"),
      a_b: answers("I am a_b", "c"),
      a: answers("I am a", "b_c"),
      proto: answers("I am proto", "__proto__", "constructor"),
    }),
  )

  shadows.live("never takes its place", () =>
    Effect.gen(function* () {
      const all = yield* tools()
      expect(all["read_mcp_resource"]).toBeUndefined()
      expect(all["external_directory"]).toBeUndefined()
      const keyOf = (start: RegExp) => Object.keys(all).filter((key) => start.test(key))
      expect(keyOf(/^read_mcp_resource_[0-9a-f]{8}$/)).toHaveLength(1)
      const [external = ""] = keyOf(/^external_directory_[0-9a-f]{8}$/)
      expect((yield* call(external, {})).output).toBe("I am external")
      expect(keyOf(/^a_b_c_[0-9a-f]{8}$/)).toHaveLength(2)
      expect((yield* call("proto_constructor", {})).output).toBe("I am proto")
      expect((yield* call("proto___proto__", {})).output).toBe("I am proto")
    }),
  )
})

describe("a tool that is named like another that had to be named otherwise", () => {
  const other = suffixed({ server: "read", tool: "mcp_resource" }).slice("read_mcp_".length)
  const impostor = testEffect(
    world({ read: rawStdio({ tools: [tool("mcp_resource")] }), read_mcp: rawStdio({ tools: [tool(other)] }) }),
  )

  impostor.live("keeps its own name, and the other is left out with a warning", () =>
    Effect.gen(function* () {
      const all = yield* tools()
      expect(Object.keys(all)).toEqual(["read", `read_mcp_${other}`])
      const { message, server } = (yield* first(McpEvent.Warning)).properties
      expect(server).toBe("read")
      expect(message).toContain("read_mcp_resource is a name of the host's")
    }),
  )
})

describe("a model without eyes and ears", () => {
  peer.live("is told what it does not get, and where sound is", () =>
    Effect.gen(function* () {
      const { attachments, metadata, output } = yield* call(
        "peer_content",
        {},
        { input: { model: model({ image: false, audio: false }) } },
      )
      expect(attachments).toBeUndefined()
      expect(output).toContain("[Image omitted: image/png, 70 bytes; this model takes no images]")
      expect(output).toMatch(
        /\[Audio omitted: audio\/wav, 44 bytes; this model takes no audio; it is in the file .*\.wav\]/,
      )
      expect(output).not.toContain("words")
      expect(metadata["shown"]).toMatchObject({
        text: "words",
        attachments: [{ mime: "image/png" }, { mime: "audio/wav" }],
      })
    }),
  )
})
