import { Mcp } from "@opencode-ai/mcp/mcp"
import { Recordings } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import type { ChatMessage, ModelRequest } from "@opencode-ai/testing/peers/model"
import { everything, filesystem } from "@opencode-ai/testing/peers/published"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { ProgressReported, StatusChanged } from "../../src/mcp/event.ts"
import * as Permission from "../../src/permission/index.ts"
import * as Event from "../../src/session/message.ts"
import * as SessionPrompt from "../../src/session/prompt.ts"
import { calls, common, heard, result, told, world } from "./running.ts"

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="

const ask = (text: string) => ({ parts: [{ type: "text" as const, text }] })

/** The system prompt of a request, which the others are compared without. */
const systemOf = ({ body: { messages } }: ModelRequest) => String(messages[0]?.content)
const without = (request: ModelRequest) => {
  const { messages, tools, ...rest } = told(request)
  expect(messages[0]?.role).toBe("system")
  return { ...rest, messages: messages.slice(1), tools }
}

/** What became of each call, as the bus said it last. */
const ends = (parts: ReadonlyArray<{ readonly part: (typeof Event.PartUpdated)["properties"]["Type"]["part"] }>) =>
  Object.fromEntries(
    parts.flatMap(({ part }) => (part.type === "tool" ? [[part.callID, part.state.status] as const] : [])),
  )

const servers = (directory: string) => ({
  everything,
  features: sdkV2(),
  // It takes the roots for its directories.
  files: { ...filesystem(directory), roots: [directory] },
})

const permission = {
  "everything_trigger-*": "deny",
  everything_echo: "ask",
  files_write_file: "ask",
}

describe("a session", () => {
  it.live(
    "runs steps with calls in parallel, asks for what it may not do, and sends what servers gave",
    () =>
      Effect.gen(function* () {
        const { directory, layer, model } = yield* world({
          servers,
          permission,
          input: ["image", "audio"],
          script: [
            {
              text: ["Let me ", "look."],
              calls: [
                { tool: "files_read_text_file", args: { path: "notes.txt" } },
                { tool: "everything_echo", args: { message: "hello" } },
                { tool: "files_write_file", args: { path: "notes.txt", content: "" } },
                { tool: "everything_trigger-elicitation-request" },
              ],
            },
            {
              calls: [
                { tool: "everything_get-structured-content", args: { location: "Chicago" } },
                { tool: "everything_get-resource-links", args: { count: 1 } },
                { tool: "features_content" },
              ],
            },
            { calls: [{ tool: "features_toggle" }] },
            { reasoning: "There is a new tool.", calls: [{ tool: "features_extra" }, { tool: "features_fail" }] },
            { text: "That is all." },
          ],
        })
        writeFileSync(join(directory, "notes.txt"), "buy milk\n")
        yield* Effect.gen(function* () {
          const { first, of } = yield* heard
          const sessions = yield* SessionPrompt.Service
          const permissions = yield* Permission.Service

          const running = yield* Effect.forkChild(sessions.prompt(ask("What is in my notes?")))
          const echo = yield* first(Permission.Asked, ({ permission }) => permission === "everything_echo")
          const write = yield* first(Permission.Asked, ({ permission }) => permission === "files_write_file")
          expect(write).toMatchObject({
            metadata: { server: "files", tool: "write_file", arguments: { path: "notes.txt", content: "" } },
            tool: { callID: "call_1_3" },
          })
          yield* permissions.reply({ requestID: echo.id, reply: "once" })
          yield* permissions.reply({ requestID: write.id, reply: "reject", message: "Leave my notes alone." })
          const answer = yield* Fiber.join(running)

          expect(answer.ended).toBe("stop")
          expect(answer.parts).toMatchObject([{ type: "text", text: "That is all." }])

          const [start] = model.requests
          if (start === undefined) throw new Error("the model was not asked")
          const { tools } = told(start)
          expect(tools.slice(0, 4)).toEqual([
            "read",
            "list_mcp_resources",
            "list_mcp_resource_templates",
            "read_mcp_resource",
          ])
          expect(tools).toContain("files_read_text_file")
          expect(tools).toContain("features_content")
          expect(tools.filter((key) => key.startsWith("everything_trigger-"))).toEqual([])
          expect(systemOf(start)).toContain(`Working directory: ${directory}`)
          expect(systemOf(start)).toContain(`<server name="features">\nUse echo to hear yourself.\n</server>`)

          // Each request is the one before and what came since: what the provider has cached of it stays valid.
          const conversation: Array<ChatMessage> = [{ role: "user", content: "What is in my notes?" }]
          expect(without(start)).toEqual({ ...common, tools, messages: conversation })

          conversation.push(
            calls(
              "Let me look.",
              ["call_1_1", "files_read_text_file", { path: "notes.txt" }],
              ["call_1_2", "everything_echo", { message: "hello" }],
              ["call_1_3", "files_write_file", { path: "notes.txt", content: "" }],
              ["call_1_4", "everything_trigger-elicitation-request", {}],
            ),
            result("call_1_1", 'buy milk\n\n\n{\n  "content": "buy milk\\n"\n}'),
            result("call_1_2", "Echo: hello"),
            result("call_1_3", "The user rejected files_write_file and said: Leave my notes alone."),
            result("call_1_4", "There is no tool everything_trigger-elicitation-request."),
          )
          expect(without(yield* model.request(1))).toEqual({ ...common, tools, messages: conversation })

          conversation.push(
            calls(
              null,
              ["call_2_1", "everything_get-structured-content", { location: "Chicago" }],
              ["call_2_2", "everything_get-resource-links", { count: 1 }],
              ["call_2_3", "features_content", {}],
            ),
            result("call_2_1", '{"temperature":36,"conditions":"Light rain / drizzle","humidity":82}'),
            result(
              "call_2_2",
              "Here are 1 resource links to resources available in this server:\n\n" +
                '[Link to the resource "demo://resource/dynamic/blob/1" ("Blob Resource 1", "text/plain"): ' +
                '"Resource 1: plaintext resource". Read it with read_mcp_resource ' +
                '{"server":"everything","uri":"demo://resource/dynamic/blob/1"}.]',
            ),
            result(
              "call_2_3",
              "[Image attached: image/png, 70 bytes]\n\n[Audio attached: audio/wav, 44 bytes]\n\n" +
                '[Link to the resource "test://text" ("text", "text/plain"). Read it with read_mcp_resource ' +
                '{"server":"features","uri":"test://text"}.]\n\nResource "test://text" (text/plain):\nembedded',
            ),
            {
              role: "user",
              content: [
                { type: "text", text: "Files that the tool features_content gave:" },
                { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
                { type: "input_audio", input_audio: { data: wav, format: "wav" } },
              ],
            },
          )
          expect(without(yield* model.request(2))).toEqual({ ...common, tools, messages: conversation })

          conversation.push(calls(null, ["call_3_1", "features_toggle", {}]), result("call_3_1", "true"))
          const grown = told(yield* model.request(3)).tools
          expect(grown.filter((key) => !tools.includes(key))).toEqual(["features_extra"])
          expect(without(yield* model.request(3))).toEqual({ ...common, tools: grown, messages: conversation })

          conversation.push(
            {
              ...calls(null, ["call_4_1", "features_extra", {}], ["call_4_2", "features_fail", {}]),
              reasoning_content: "There is a new tool.",
            },
            result("call_4_1", "extra"),
            result("call_4_2", "it failed"),
          )
          expect(without(yield* model.request(4))).toEqual({ ...common, tools: grown, messages: conversation })
          expect(model.requests).toHaveLength(5)

          // And what the bus said of it.
          expect(of(Event.StatusChanged).map(({ status }) => status.type)).toEqual(["busy", "idle"])
          expect(of(Event.Idle)).toHaveLength(1)
          expect(of(Event.Failed)).toEqual([])
          expect(ends(of(Event.PartUpdated))).toEqual({
            call_1_1: "completed",
            call_1_2: "completed",
            call_1_3: "error",
            call_1_4: "error",
            call_2_1: "completed",
            call_2_2: "completed",
            call_2_3: "completed",
            call_3_1: "completed",
            call_4_1: "completed",
            call_4_2: "error",
          })
          expect(of(Event.PartDelta).map(({ delta }) => delta)).toEqual([
            "Let me ",
            "look.",
            "There is a new tool.",
            "That is all.",
          ])
          expect(of(Permission.Replied).map(({ reply }) => reply)).toEqual(["once", "reject"])
          const finished = of(Event.MessageUpdated).flatMap(({ info }) =>
            info.role === "assistant" && info.time.completed !== undefined ? [info.finish] : [],
          )
          expect(finished).toEqual(["tool-calls", "tool-calls", "tool-calls", "tool-calls", "stop"])
        }).pipe(Effect.provide(layer))
      }),
    120_000,
  )

  it.live("is cancelled in a call, tells the server, and goes on with what it knows", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        servers: { features: sdkV2() },
        script: [
          { calls: [{ tool: "features_hang" }, { tool: "features_echo", args: { message: "a" } }] },
          { text: "Yes." },
        ],
      })
      yield* Effect.gen(function* () {
        const { first, of } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const sessionID = "ses_one"
        const running = yield* Effect.forkChild(sessions.prompt({ ...ask("Hang."), sessionID }))
        yield* first(ProgressReported, ({ request }) => request === "call_1_1")
        yield* first(Event.PartUpdated, ({ part }) => part.type === "tool" && part.state.status === "completed")
        expect(yield* sessions.cancel(sessionID)).toBe(true)
        const cancelled = yield* Fiber.join(running)
        expect(cancelled.ended).toBe("cancelled")
        expect(cancelled.info.error).toEqual({ name: "MessageAbortedError", data: { message: "cancelled" } })
        expect(yield* sessions.status(sessionID)).toEqual({ type: "idle" })
        expect(yield* sessions.cancel(sessionID)).toBe(false)
        const { wire } = yield* Recordings
        yield* wire("features").first("sent", "notifications/cancelled")
        expect(ends(of(Event.PartUpdated))).toEqual({ call_1_1: "error", call_1_2: "completed" })

        const { ended } = yield* sessions.prompt({ ...ask("Are you there?"), sessionID })
        expect(ended).toBe("stop")
        expect(without(yield* model.request(1)).messages).toEqual([
          { role: "user", content: "Hang." },
          calls(null, ["call_1_1", "features_hang", {}], ["call_1_2", "features_echo", { message: "a" }]),
          result("call_1_1", "The call was cancelled."),
          result("call_1_2", "a"),
          { role: "user", content: "Are you there?" },
        ])
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("survives the loss of a server in a call, and uses it again once it is back", () =>
    Effect.gen(function* () {
      const back = yield* Deferred.make<void>()
      const { layer, model } = yield* world({
        servers: { features: sdkV2(), everything },
        script: [
          { calls: [{ tool: "features_hang" }, { tool: "everything_echo", args: { message: "here" } }] },
          { calls: [{ tool: "everything_echo", args: { message: "still" } }], before: Deferred.await(back) },
          { calls: [{ tool: "features_echo", args: { message: "back" } }] },
          { text: "It is back." },
        ],
      })
      yield* Effect.gen(function* () {
        const { first, of } = yield* heard
        const mcp = yield* Mcp
        const sessions = yield* SessionPrompt.Service
        const states = () => of(StatusChanged).flatMap(({ server, status }) => (server === "features" ? [status] : []))
        const running = yield* Effect.forkChild(sessions.prompt(ask("Hold on.")))
        yield* first(ProgressReported, ({ request }) => request === "call_1_1")
        const pid = (yield* mcp.servers).find(({ name }) => name === "features")?.pid
        if (pid === undefined) throw new Error("features has no process")
        process.kill(pid, "SIGKILL")
        yield* first(StatusChanged, () => states().filter((status) => status === "connected").length === 2)
        yield* Deferred.succeed(back, undefined)
        const { ended } = yield* Fiber.join(running)
        expect(ended).toBe("stop")

        const { messages } = without(yield* model.request(3))
        expect(messages.slice(0, 2)).toEqual([
          { role: "user", content: "Hold on." },
          calls(null, ["call_1_1", "features_hang", {}], ["call_1_2", "everything_echo", { message: "here" }]),
        ])
        // What became of the call is said in words, and only of that call.
        expect(messages[2]).toMatchObject({ role: "tool", tool_call_id: "call_1_1" })
        expect(String(messages[2]?.content)).toMatch(/^features: .*SIGKILL/)
        expect(messages.slice(3)).toEqual([
          result("call_1_2", "Echo: here"),
          calls(null, ["call_2_1", "everything_echo", { message: "still" }]),
          result("call_2_1", "Echo: still"),
          calls(null, ["call_3_1", "features_echo", { message: "back" }]),
          result("call_3_1", "back"),
        ])
        expect(ends(of(Event.PartUpdated))).toEqual({
          call_1_1: "error",
          call_1_2: "completed",
          call_2_1: "completed",
          call_3_1: "completed",
        })
        expect(states()).toEqual(["pending", "connected", "pending", "connected"])
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("ends where the person rejects a call and says nothing else", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        servers: { everything },
        permission: { everything_echo: "ask" },
        script: [{ text: "May I?", calls: [{ tool: "everything_echo", args: { message: "a" } }] }],
      })
      yield* Effect.gen(function* () {
        const { first } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const permissions = yield* Permission.Service
        const running = yield* Effect.forkChild(sessions.prompt(ask("Echo.")))
        const { id } = yield* first(Permission.Asked)
        yield* permissions.reply({ requestID: id, reply: "reject" })
        expect((yield* Fiber.join(running)).ended).toBe("rejected")
        expect(model.requests).toHaveLength(1)
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("cancelled before the model was asked is an answer of its own, and not the one before", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        servers: { everything },
        script: [{ text: "First." }, { text: "Third." }],
      })
      yield* Effect.gen(function* () {
        const { of } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const sessionID = "ses_one"
        const before = yield* sessions.prompt({ ...ask("One."), sessionID })
        const running = yield* Effect.forkChild(sessions.prompt({ ...ask("Two."), sessionID }), {
          startImmediately: true,
        })
        expect(yield* sessions.cancel(sessionID)).toBe(true)
        const { ended, info, parts } = yield* Fiber.join(running)
        expect([ended, info.error?.name, parts]).toEqual(["cancelled", "MessageAbortedError", []])
        expect(info.id).not.toBe(before.info.id)
        const after = yield* sessions.prompt({ ...ask("Three."), sessionID })
        expect(after.parts).toMatchObject([{ text: "Third." }])
        expect(model.requests).toHaveLength(2)
        const last = new Map(of(Event.MessageUpdated).map(({ info }) => [info.id, info]))
        const open = [...last.values()].filter((one) => one.role === "assistant" && one.time.completed === undefined)
        expect(open).toEqual([])
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("aborts the request to the provider when it is interrupted, and is busy for nobody else", () =>
    Effect.gen(function* () {
      const said = yield* Deferred.make<void>()
      const { layer, model } = yield* world({
        script: [{ text: "I will never", until: Deferred.await(said) }, { text: "Again." }],
      })
      yield* Effect.gen(function* () {
        const { first, of } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const sessionID = "ses_one"
        const running = yield* Effect.forkChild(sessions.prompt({ ...ask("Talk."), sessionID }))
        yield* first(Event.PartDelta)
        const busy = yield* Effect.flip(sessions.prompt({ ...ask("And me?"), sessionID }))
        expect(busy.reason._tag).toBe("Busy")
        const { ended } = yield* sessions.prompt(ask("And me, elsewhere?"))
        expect(ended).toBe("stop")
        yield* Fiber.interrupt(running)
        const request = yield* model.request(0)
        yield* request.aborted
        expect(yield* sessions.status(sessionID)).toEqual({ type: "idle" })
        const last = of(Event.MessageUpdated).findLast(({ sessionID: id }) => id === sessionID)?.info
        expect(last).toMatchObject({ error: { name: "MessageAbortedError" } })
        const [, answer] = yield* sessions.messages(sessionID)
        expect(answer?.parts).toMatchObject([{ type: "text", text: "I will never" }])
      }).pipe(Effect.provide(layer))
    }),
  )
})
