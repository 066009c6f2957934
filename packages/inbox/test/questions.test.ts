import type { SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import type { Page } from "@opencode-ai/testing/page"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { QuestionView } from "../src/model.ts"
import { world } from "./world.ts"

const asked = ({ until }: Page) =>
  Effect.map(
    until("questions", ({ questions }) => questions.length > 0),
    ({ questions }): QuestionView => {
      const [question] = questions
      if (question === undefined) throw new Error("there is no question")
      return question
    },
  )

const form = {
  mode: "form",
  message: "What is your name?",
  requestedSchema: {
    type: "object",
    properties: {
      name: { type: "string", title: "Name", minLength: 2 },
      colour: { type: "string", enum: ["r\u200bed", "blue"], default: "blue" },
    },
    required: ["name"],
  },
}

describe("a question", () => {
  it.live("of a form is answered once its answer fits, and belongs to its call", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() })
      const page = yield* open
      const call = yield* Effect.forkChild(
        ask("call", { id: "mine", server: "near", tool: "elicit", arguments: { params: form } }),
      )
      const question = yield* asked(page)
      expect(question).toMatchObject({ kind: "form", server: "near", call: "mine", message: "What is your name?" })
      // Values are data: they are what will be answered.
      expect(question.kind === "form" && question.schema).toEqual(form.requestedSchema)
      expect(question.until - question.asked).toBe(60_000)

      const answer = (content: Record<string, string>) =>
        ask("answer", { id: question.id, answer: { action: "accept", content } })
      expect(yield* answer({ name: "A" })).toMatchObject({
        ok: false,
        error: { tag: "Unfit", message: expect.stringMatching(/name.*the question stays open/) },
      })
      expect(yield* answer({ name: "Ada", colour: "green" })).toMatchObject({ ok: false, error: { tag: "Unfit" } })
      expect(yield* answer({ name: "Ada" })).toEqual({ ok: true, result: null })
      expect(yield* Fiber.join(call)).toMatchObject({
        ok: true,
        result: {
          structuredContent: { result: { action: "accept", content: { name: "Ada", colour: "blue" } } },
        },
      })
      yield* page.until("closed", ({ id, outcome }) => id === question.id && outcome === "answered")
      yield* page.until("questions", ({ questions }) => questions.length === 0)
      expect(yield* answer({ name: "Ada" })).toMatchObject({ ok: false, error: { tag: "NotOpen" } })
    }),
  )

  it.live("is refused, or declined", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() })
      const page = yield* open
      for (const [op, action] of [
        ["refuse", "cancel"],
        ["answer", "decline"],
      ] as const) {
        const call = yield* Effect.forkChild(
          ask("call", { id: op, server: "near", tool: "elicit", arguments: { params: form } }),
        )
        const { questions } = yield* page.until("questions", ({ questions }) => questions[0]?.call === op)
        const id = questions[0]?.id ?? ""
        yield* op === "refuse" ? ask("refuse", { id }) : ask("answer", { id, answer: { action: "decline" } })
        expect(yield* Fiber.join(call)).toMatchObject({
          ok: true,
          result: { structuredContent: { result: { action } } },
        })
      }
    }),
  )

  it.live("whose server is gone says so", () =>
    Effect.gen(function* () {
      const dying = rawStdio({
        on: {
          "tools/call": [
            { do: "ask", id: "q", method: "elicitation/create", params: form },
            { do: "result", result: { content: [] } },
          ],
        },
      })
      const { ask, mcp, open } = yield* world({ dying })
      const page = yield* open
      const other = yield* open
      const call = yield* Effect.forkChild(ask("call", { id: "mine", server: "dying", tool: "echo", arguments: {} }))
      const { id } = yield* asked(page)
      const [state] = yield* mcp.servers
      process.kill(state?.pid ?? 0, "SIGKILL")
      for (const each of [page, other]) {
        const closed = yield* each.until("closed")
        expect(closed).toEqual({ type: "closed", id, server: "dying", outcome: "withdrawn" })
        yield* each.until("questions", ({ questions }) => questions.length === 0)
      }
      expect(yield* Fiber.join(call)).toMatchObject({ ok: false, error: { tag: "Transport" } })
    }),
  )

  it.live("of the model is approved as it is or as it was edited, and so is its answer", () =>
    Effect.gen(function* () {
      const requests: Array<SamplingRequest> = []
      const { ask, open } = yield* world({ near: sdkV1() }, { asked: requests })
      const page = yield* open
      const hidden = "Say\u202e it \u001b[31mloud"
      const params = {
        systemPrompt: hidden,
        messages: [{ role: "user", content: { type: "text", text: "hello" } }],
        maxTokens: 100,
      }
      const begin = (id: string) =>
        Effect.forkChild(ask("call", { id, server: "near", tool: "sample", arguments: { params } }))
      const of = (call: string, kind: QuestionView["kind"]) =>
        Effect.map(
          page.until("questions", ({ questions }) =>
            questions.some((each) => each.call === call && each.kind === kind),
          ),
          ({ questions }) => questions.find((each) => each.call === call && each.kind === kind) ?? questions[0],
        )

      const plain = yield* begin("plain")
      const approval = yield* of("plain", "approval")
      expect(approval).toMatchObject({
        kind: "approval",
        model: "provider/parrot",
        params: { ...params, systemPrompt: "Say\\u{202e} it \\u{1b}[31mloud" },
      })
      expect(yield* ask("allow", { id: approval?.id ?? "" })).toEqual({ ok: true, result: null })
      const review = yield* of("plain", "review")
      expect(review).toMatchObject({ result: { content: { text: expect.stringContaining("you said") } } })
      const edited = { role: "assistant", content: { type: "text", text: "edited" }, model: "parrot" }
      const unfit = yield* ask("allow", { id: review?.id ?? "", value: { ...edited, model: 7 } })
      expect(unfit).toMatchObject({ ok: false, error: { tag: "Unfit" } })
      yield* ask("allow", { id: review?.id ?? "", value: edited })
      expect(yield* Fiber.join(plain)).toMatchObject({
        ok: true,
        result: { structuredContent: { result: { content: { text: "edited" } } } },
      })

      const changed = yield* begin("changed")
      const second = yield* of("changed", "approval")
      const shown = second?.kind === "approval" ? second.params : undefined
      const value = { ...shown, messages: [{ role: "user", content: { type: "text", text: "goodbye" } }] }
      const broken = yield* ask("allow", { id: second?.id ?? "", value: { ...value, maxTokens: "many" } })
      expect(broken).toMatchObject({
        ok: false,
        error: { tag: "Unfit", message: expect.stringMatching(/maxTokens.*the question stays open/) },
      })
      yield* ask("allow", { id: second?.id ?? "", value })
      yield* ask("refuse", { id: (yield* of("changed", "review"))?.id ?? "" })
      expect(yield* Fiber.join(changed)).toMatchObject({
        ok: true,
        result: { structuredContent: { result: { code: -1, error: expect.stringContaining("the person said no") } } },
      })
      // What nobody touched is as the server sent it.
      expect(requests.map(({ params }) => [params.systemPrompt, Object(params.messages[0]?.content).text])).toEqual([
        [hidden, "hello"],
        [hidden, "goodbye"],
      ])

      const refused = yield* begin("refused")
      yield* ask("refuse", { id: (yield* of("refused", "approval"))?.id ?? "" })
      expect(yield* Fiber.join(refused)).toMatchObject({
        ok: true,
        result: { structuredContent: { result: { code: -1 } } },
      })
      expect(requests).toHaveLength(2)
    }),
  )

  it.live("of a model that is not there is answered by the person", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() }, { noModel: true })
      const page = yield* open
      const params = { messages: [{ role: "user", content: { type: "text", text: "hello" } }], maxTokens: 100 }
      const call = yield* Effect.forkChild(
        ask("call", { id: "mine", server: "near", tool: "sample", arguments: { params } }),
      )
      const question = yield* asked(page)
      expect(question).toMatchObject({ kind: "sampling", call: "mine", params })
      const { id } = question
      expect(yield* ask("allow", { id })).toMatchObject({ ok: false, error: { tag: "Unreadable" } })
      expect(yield* ask("allow", { id, value: { role: "assistant" } })).toMatchObject({ error: { tag: "Unfit" } })
      const value = { role: "assistant", content: { type: "text", text: "it is me" }, model: "a person" }
      expect(yield* ask("allow", { id, value })).toEqual({ ok: true, result: null })
      expect(yield* Fiber.join(call)).toMatchObject({
        ok: true,
        result: { structuredContent: { result: { content: { text: "it is me" } } } },
      })
    }),
  )

  it.live("of a visit is agreed to, and what waits for it goes on when the person comes back", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() })
      const page = yield* open
      const call = yield* Effect.forkChild(
        ask("call", {
          id: "mine",
          server: "near",
          tool: "needsUrl",
          arguments: { id: "v1", url: "https://example.com/pay", message: "Pay first" },
        }),
      )
      const question = yield* asked(page)
      expect(question).toMatchObject({
        kind: "visit",
        message: "Pay first",
        url: "https://example.com/pay",
        host: "example.com",
      })
      yield* ask("answer", { id: question.id, answer: { action: "accept" } })
      const { visits } = yield* page.until("visits", ({ visits }) => visits.length > 0)
      expect(visits).toEqual([
        { id: question.id, server: "near", url: "https://example.com/pay", host: "example.com", call: "mine" },
      ])
      // The server ends the visit by itself: nobody has to say so.
      yield* ask("call", { id: "other", server: "near", tool: "finish", arguments: { elicitationId: "v1" } })
      expect(yield* Fiber.join(call)).toMatchObject({ ok: true })
      yield* page.until("visits", ({ visits }) => visits.length === 0)

      const again = yield* Effect.forkChild(
        ask("call", { id: "again", server: "near", tool: "needsUrl", arguments: { id: "v2" } }),
      )
      const { questions } = yield* page.until("questions", ({ questions }) => questions[0]?.call === "again")
      const id = questions[0]?.id ?? ""
      yield* ask("answer", { id, answer: { action: "accept" } })
      yield* page.until("visits", ({ visits }) => visits.length > 0)
      expect(yield* ask("visited", { id })).toEqual({ ok: true, result: null })
      yield* page.until("visits", ({ visits }) => visits.length === 0)
      // It is asked once more, and the server still waits for the visit: that is its error.
      expect(yield* Fiber.join(again)).toMatchObject({ ok: false, error: { tag: "Protocol" } })
    }),
  )

  it.live("that nobody answers in time says so", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() }, { interactionTimeout: 300 })
      const page = yield* open
      yield* ask("call", { id: "mine", server: "near", tool: "elicit", arguments: {} })
      yield* page.until("closed", ({ outcome }) => outcome === "late")
    }),
  )
})
