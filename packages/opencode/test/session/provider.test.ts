import { it } from "@opencode-ai/testing/effect"
import { modelKey, modelPeer } from "@opencode-ai/testing/peers/model"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Event from "../../src/session/message.ts"
import * as SessionPrompt from "../../src/session/prompt.ts"
import { heard, told, world } from "./running.ts"

const hello = { parts: [{ type: "text" as const, text: "Hello" }] }

describe("a provider that fails", () => {
  it.live("is asked again, when it wants it and where it broke off, and nothing of the broken answer stays", () =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<void>()
      const { layer, model } = yield* world({
        script: [
          { status: 429, body: { error: { message: "slow down" } }, headers: { "retry-after-ms": "10" } },
          {
            text: "Hel",
            calls: [{ tool: "read", args: { filePath: "opencode.json" } }],
            until: Deferred.await(seen),
            drop: true,
          },
          { text: "Hello." },
        ],
      })
      yield* Effect.gen(function* () {
        const { first, of } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const running = yield* Effect.forkChild(sessions.prompt(hello))
        const { status } = yield* first(
          Event.StatusChanged,
          ({ status }) => status.type === "retry" && status.attempt === 1,
        )
        expect(status).toMatchObject({ message: "scripted/tiny gave no answer (HTTP 429): slow down" })
        yield* first(Event.PartDelta, ({ delta }) => delta === "Hel")
        yield* Deferred.succeed(seen, undefined)
        const { ended, parts } = yield* Fiber.join(running)
        expect(ended).toBe("stop")
        expect(parts).toMatchObject([{ type: "text", text: "Hello." }])
        // What was asked is the same each time, and no call of the answer that broke off was made.
        const [one, two, three] = model.requests.map(told)
        expect(two).toEqual(one)
        expect(three).toEqual(one)
        expect(of(Event.StatusChanged).map(({ status }) => status.type)).toEqual([
          "busy",
          "retry",
          "retry",
          "busy",
          "idle",
        ])
        expect(of(Event.PartRemoved).length).toBeGreaterThan(0)
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("is told of by its status, without its key, and the session goes on to be of use", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        script: [
          { status: 401, body: { error: { message: `Incorrect API key provided: ${modelKey}` } } },
          { status: 400, body: { error: { message: "too long" } } },
          { text: "Here." },
        ],
      })
      yield* Effect.gen(function* () {
        const { of } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const sessionID = "ses_one"
        const unauthorized = yield* Effect.flip(sessions.prompt({ ...hello, sessionID }))
        expect(unauthorized.message).toBe(
          "scripted/tiny gave no answer (HTTP 401): Incorrect API key provided: ***; " +
            'look at "options.apiKey" of its provider in opencode.json',
        )
        const refused = yield* Effect.flip(sessions.prompt({ ...hello, sessionID }))
        expect(refused.message).toBe("scripted/tiny gave no answer (HTTP 400): too long")
        expect(of(Event.Failed).map(({ error }) => error)).toEqual([
          { name: "ProviderAuthError", data: { message: unauthorized.message, providerID: "scripted" } },
          { name: "APIError", data: { message: refused.message, isRetryable: false, statusCode: 400 } },
        ])
        expect(of(Event.StatusChanged).filter(({ status }) => status.type === "retry")).toEqual([])
        expect((yield* sessions.prompt({ ...hello, sessionID })).parts).toMatchObject([{ text: "Here." }])
        expect(model.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill(`Bearer ${modelKey}`))
        expect(JSON.stringify(of(Event.Failed))).not.toContain(modelKey)
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("has its wrong calls put right by the model", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        script: [
          {
            calls: [
              { tool: "raed", args: {} },
              { tool: "read", args: "{not json" },
              { tool: "constructor", args: {} },
            ],
          },
          { text: "Sorry." },
        ],
      })
      yield* Effect.gen(function* () {
        const sessions = yield* SessionPrompt.Service
        yield* sessions.prompt(hello)
        const { messages } = told(yield* model.request(1))
        const results = messages.filter(({ role }) => role === "tool").map(({ content }) => content)
        expect(results[0]).toBe("There is no tool raed. Did you mean read?")
        expect(String(results[1])).toMatch(/^The arguments of read are no valid JSON, and nothing was done: /)
        expect(results[2]).toBe("There is no tool constructor.")
      }).pipe(Effect.provide(layer))
    }),
  )
})

describe("a model", () => {
  it.live("is named by what is configured, with what is near where there is none", () =>
    Effect.gen(function* () {
      const { layer } = yield* world({ script: [] })
      yield* Effect.gen(function* () {
        const sessions = yield* SessionPrompt.Service
        const because = (model: string) =>
          Effect.map(Effect.flip(sessions.prompt({ ...hello, model })), ({ message }) => message)
        expect(yield* because("scriptd/tiny")).toBe('--model: there is no provider "scriptd"; did you mean scripted?')
        expect(yield* because("scripted/tinny")).toMatch(
          /opencode\.json: provider\.scripted\.models: there is no model "tinny"; did you mean tiny\?$/,
        )
        expect(yield* because("tiny")).toMatch(/^--model: expected "provider\/model", found "tiny"/)
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("can be changed in a conversation, which then goes to the other one", () =>
    Effect.gen(function* () {
      const other = yield* modelPeer([{ text: "I am the other." }])
      const { layer, model } = yield* world({
        script: [{ text: "I am one." }],
        providers: { other: { options: { baseURL: other.url }, models: { big: { id: "big-2026" } } } },
      })
      yield* Effect.gen(function* () {
        const sessions = yield* SessionPrompt.Service
        const { sessionID } = yield* sessions.prompt(hello)
        yield* sessions.prompt({ parts: [{ type: "text", text: "And you?" }], sessionID, model: "other/big" })
        expect(model.requests).toHaveLength(1)
        const { messages, model: name } = told(yield* other.request(0))
        expect(name).toBe("big-2026")
        expect(messages.slice(1)).toEqual([
          { role: "user", content: "Hello" },
          { role: "assistant", content: "I am one." },
          { role: "user", content: "And you?" },
        ])
      }).pipe(Effect.provide(layer))
    }),
  )
})
