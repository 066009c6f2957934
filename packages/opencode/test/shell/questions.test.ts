/** What servers ask, as the program at the other end of the pipe has it: an event, its reply, and what the server gets. */
import { it } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV1, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { type Said, type Shell, startShell } from "./client.ts"

const call = (id: unknown, tool: string, args: object = {}, more: object = {}) => ({
  id,
  op: "call",
  server: "s",
  tool,
  args,
  ...more,
})

const requestedSchema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 2 },
    age: { type: "integer", minimum: 0 },
    colour: { type: "string", enum: ["red", "blue"], default: "blue" },
  },
  required: ["name"],
}
const form = { params: { message: "Who are you?", requestedSchema } }

/** The question that a call with this id asked. */
const asked = (shell: Shell, request: unknown) =>
  Effect.map(
    shell.event("mcp.elicitation.requested", "s", (data) => data.request === request),
    ({ data }) => data,
  )

const answered = ({ error, result }: Said) => result?.structuredContent?.result ?? error

const peers = [
  { name: "SDK v1", entry: Effect.succeed(sdkV1()) },
  { name: "SDK v2", entry: Effect.succeed(sdkV2()) },
  { name: "SDK v2 over HTTP", entry: sdkV2Http() },
]

describe("elicitation", () => {
  it.live.each(peers)(
    "a form is asked, a reply that does not fit leaves it open, defaults are filled in",
    ({ entry }) =>
      Effect.gen(function* () {
        const shell = yield* startShell({ servers: { s: yield* entry } })
        shell.send(call("c", "elicit", form))
        const question = yield* asked(shell, "c")
        expect(question).toMatchObject({ mode: "form", message: "Who are you?", requestedSchema })
        const { requestID } = question
        const reply = (id: string, content: unknown) =>
          shell.ask({ id, op: "elicitation.reply", requestID, action: "accept", content })
        const short = yield* reply("short", { name: "A" })
        expect(short.error?.tag).toBe("BadRequest")
        expect(short.error?.message).toContain(`"name"`)
        expect(short.error?.message).toContain("stays open")
        expect((yield* reply("less", {})).error?.tag).toBe("BadRequest")
        expect((yield* reply("wrong", { name: "Ada", age: "old" })).error?.message).toContain(`"age"`)
        expect((yield* reply("more", { name: "Ada", shoe: 41 })).error?.message).toContain(`"shoe"`)
        expect((yield* reply("fits", { name: "Ada", age: 36 })).result).toBe(true)
        const content = { name: "Ada", age: 36, colour: "blue" }
        expect(answered(yield* shell.reply("c"))).toEqual({ action: "accept", content })
        const late = yield* reply("late", { name: "Ada" })
        expect(late.error?.tag).toBe("BadRequest")
        expect(late.error?.message).toContain(requestID)
      }),
  )

  it.live("a person may decline and cancel, and the server learns nothing else", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      for (const action of ["decline", "cancel"]) {
        shell.send(call(action, "elicit", form))
        const { requestID } = yield* asked(shell, action)
        const content = { name: "Ada" }
        yield* shell.ask({ id: `${action}!`, op: "elicitation.reply", requestID, action, content })
        expect(answered(yield* shell.reply(action))).toEqual({ action })
      }
    }),
  )

  it.live("two questions at once are answered each by its id, in any order", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      const ask = (message: string) => ({ params: { message } })
      shell.send(call("one", "elicit", ask("first")), call("two", "elicit", ask("second")))
      const question = (message: string) =>
        Effect.map(
          shell.event("mcp.elicitation.requested", "s", (data) => data.message === message),
          ({ data }) => data.requestID,
        )
      const [first, second] = [yield* question("first"), yield* question("second")]
      const reply = (requestID: string, name: string) =>
        shell.ask({ id: name, op: "elicitation.reply", requestID, action: "accept", content: { name } })
      yield* reply(second, "B")
      expect(answered(yield* shell.reply("two")).content).toEqual({ name: "B" })
      expect(shell.said.some((line) => line.id === "one")).toBe(false)
      yield* reply(first, "A")
      expect(answered(yield* shell.reply("one")).content).toEqual({ name: "A" })
    }),
  )

  it.live("the time in which a person thinks is not the call's", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2(), other: sdkV2() } })
      yield* shell.ask({ id: 0, op: "tools" })
      shell.send(call("c", "elicit", {}, { timeout: 1_000 }))
      const { requestID } = yield* asked(shell, "c")
      // Another call measures the time: longer than the first would have lasted in silence.
      const clock = yield* shell.ask({ ...call("clock", "hang", {}, { timeout: 2_500 }), server: "other" })
      expect(clock.error?.tag).toBe("Timeout")
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "accept", content: { name: "late" } })
      expect(answered(yield* shell.reply("c")).content).toEqual({ name: "late" })
    }),
  )

  it.live("who never answers has cancelled, after the interaction timeout; a sampling is refused with -1", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() }, words: ["--interaction-timeout", "0.3"] })
      shell.send(call("c", "elicit", form))
      const { requestID } = yield* asked(shell, "c")
      expect(answered(yield* shell.reply("c"))).toEqual({ action: "cancel" })
      expect(JSON.stringify((yield* shell.ask(call("m", "sample"))).result)).toContain("-1")
      const late = yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "decline" })
      expect(late.error?.tag).toBe("BadRequest")
    }),
  )

  it.live("a question whose call is cancelled is withdrawn", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      shell.send(call("c", "elicit", form))
      const { requestID } = yield* asked(shell, "c")
      expect((yield* shell.ask({ id: 1, op: "cancel", target: "c" })).result).toBe(true)
      expect((yield* shell.reply("c")).error?.tag).toBe("Cancelled")
      yield* shell.ask({ id: 2, op: "ping", server: "s" })
      const late = yield* shell.ask({ id: 3, op: "elicitation.reply", requestID, action: "decline" })
      expect(late.error?.message).toContain("withdrawn")
    }),
  )

  it.live("the end of a server withdraws what it asked", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      shell.send(call("c", "elicit", form))
      const { requestID } = yield* asked(shell, "c")
      yield* shell.ask({ id: 1, op: "disconnect", server: "s" })
      expect((yield* shell.reply("c")).ok).toBe(false)
      const late = yield* shell.ask({ id: 2, op: "elicitation.reply", requestID, action: "decline" })
      expect(late.error?.tag).toBe("BadRequest")
    }),
  )

  it.live("server-everything asks for every kind of field, and gets its defaults", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: everything } })
      shell.send(call("c", "trigger-elicitation-request"))
      const { requestID } = yield* asked(shell, "c")
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "accept", content: { name: "Ada" } })
      const { result } = yield* shell.reply("c")
      expect(result.content[0].text).toContain("✅ User provided")
      expect(JSON.stringify(result)).toContain("It was a dark and stormy night.")
    }),
  )
})

describe("a visit to a URL", () => {
  it.live.each(peers)("is asked for, agreed to, and over when the server says so", ({ entry }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: yield* entry } })
      shell.send(call("c", "elicitUrl", { elicitationId: "e", url: "https://example.com/a?b=c" }))
      const question = yield* asked(shell, "c")
      expect(question).toMatchObject({ mode: "url", url: "https://example.com/a?b=c", elicitationId: "e" })
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID: question.requestID, action: "accept" })
      expect(answered(yield* shell.reply("c"))).toEqual({ action: "accept" })
      yield* shell.ask(call(2, "finish", { elicitationId: "e" }))
      yield* shell.event("mcp.elicitation.completed", "s", (data) => data.elicitationId === "e")
    }),
  )

  it.live.each(peers)("that a call is refused for is made, and the call repeated once", ({ entry }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: yield* entry } })
      shell.send(call("c", "needsUrl", { id: "visit" }))
      const { elicitationId, mode, requestID } = yield* asked(shell, "c")
      expect([mode, elicitationId]).toEqual(["url", "visit"])
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "accept" })
      yield* shell.ask({ id: 2, op: "ping", server: "s" })
      expect(shell.said.some((line) => line.id === "c")).toBe(false)
      yield* shell.ask(call(3, "finish", { elicitationId: "visit" }))
      expect((yield* shell.reply("c")).result.structuredContent).toEqual({ id: "visit" })
    }),
  )

  it.live("that is declined is the error of the call", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      shell.send(call("c", "needsUrl", { id: "x", url: "https://example.com/why" }))
      const { requestID } = yield* asked(shell, "c")
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "decline" })
      const { error } = yield* shell.reply("c")
      expect([error?.tag, error?.code]).toEqual(["ElicitationDeclined", -32042])
      expect(error?.message).toContain("https://example.com/why")
    }),
  )

  it.live("of which the server never says the end is taken for over after the interaction timeout", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() }, words: ["--interaction-timeout", "2"] })
      shell.send(call("c", "needsUrl", { id: "never" }))
      const { requestID } = yield* asked(shell, "c")
      yield* shell.ask({ id: 1, op: "elicitation.reply", requestID, action: "accept" })
      // It is repeated once, and refused again.
      const { error } = yield* shell.reply("c")
      expect([error?.tag, error?.code]).toEqual(["Protocol", -32042])
    }),
  )
})

describe("sampling", () => {
  const message = { role: "assistant", content: { type: "text", text: "Hello" }, model: "m", stopReason: "endTurn" }
  const sampled = (shell: Shell) => Effect.map(shell.event("mcp.sampling.requested", "s"), ({ data }) => data)

  it.live.each(peers)("is asked, a result that does not fit leaves it open", ({ entry }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: yield* entry } })
      shell.send(call("c", "sample"))
      const { params, requestID } = yield* sampled(shell)
      expect(params).toMatchObject({ maxTokens: 100, messages: [{ role: "user" }] })
      const reply = (id: string, result: unknown) => shell.ask({ id, op: "sampling.reply", requestID, result })
      expect((yield* reply("text", "Hello")).error?.tag).toBe("BadRequest")
      expect((yield* reply("kind", { ...message, content: { type: "dance" } })).error?.tag).toBe("BadRequest")
      expect((yield* reply("fits", message)).result).toBe(true)
      expect(answered(yield* shell.reply("c"))).toMatchObject(message)
      expect((yield* reply("late", message)).error?.tag).toBe("BadRequest")
    }),
  )

  it.live("is refused with the error that is given", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV2() } })
      shell.send(call("c", "sample"))
      const { requestID } = yield* sampled(shell)
      const error = { code: -1, message: "User rejected sampling request" }
      expect((yield* shell.ask({ id: 1, op: "sampling.reply", requestID, error })).result).toBe(true)
      const told = JSON.stringify((yield* shell.reply("c")).result)
      expect(told).toContain("-1")
      expect(told).toContain("User rejected sampling request")
    }),
  )
})
