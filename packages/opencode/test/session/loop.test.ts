import { it } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Permission from "../../src/permission/index.ts"
import { cached } from "../../src/session/cache.ts"
import * as SessionPrompt from "../../src/session/prompt.ts"
import { heard, told, world } from "./running.ts"

const same = { calls: [{ tool: "everything_echo", args: { message: "again" } }] }
const go = { parts: [{ type: "text" as const, text: "Go." }] }

describe("a model that makes the same call again and again", () => {
  it.live("is asked about the third time, and told where nobody lets it", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({
        servers: { everything },
        options: { answerable: () => false },
        script: [
          same,
          { calls: [{ tool: "everything_echo", args: { message: "other" } }] },
          same,
          same,
          same,
          { text: "." },
        ],
      })
      yield* Effect.gen(function* () {
        const sessions = yield* SessionPrompt.Service
        yield* sessions.prompt(go)
        const { messages } = told(yield* model.request(5))
        const results = messages.filter(({ role }) => role === "tool").map(({ content }) => String(content))
        expect(results.slice(0, 4)).toEqual(["Echo: again", "Echo: other", "Echo: again", "Echo: again"])
        expect(results[4]).toMatch(/^doom_loop needs permission, and nobody is there to give it/)
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("ends where it makes the call once more though it was told, be there such a tool or not", () =>
    Effect.gen(function* () {
      const none = { calls: [{ tool: "everything_none" }] }
      for (const endless of [same, none]) {
        const { layer, model } = yield* world({
          servers: { everything },
          options: { answerable: () => false },
          script: Array.from({ length: 9 }, () => endless),
        })
        const { ended } = yield* Effect.flatMap(SessionPrompt.Service, ({ prompt }) => prompt(go)).pipe(
          Effect.provide(layer),
        )
        expect([ended, model.requests.length]).toEqual(["rejected", 4])
      }
    }),
  )

  it.live("goes on where the person lets it", () =>
    Effect.gen(function* () {
      const { layer, model } = yield* world({ servers: { everything }, script: [same, same, same, { text: "." }] })
      yield* Effect.gen(function* () {
        const { first } = yield* heard
        const sessions = yield* SessionPrompt.Service
        const permissions = yield* Permission.Service
        const running = yield* Effect.forkChild(sessions.prompt(go))
        const { id, metadata } = yield* first(Permission.Asked)
        expect(metadata).toEqual({ tool: "everything_echo", arguments: { message: "again" } })
        yield* permissions.reply({ requestID: id, reply: "once" })
        expect((yield* Fiber.join(running)).ended).toBe("stop")
        expect(told(yield* model.request(3)).messages.at(-1)?.content).toBe("Echo: again")
      }).pipe(Effect.provide(layer))
    }),
  )
})

describe("what a provider is to cache", () => {
  const messages = ["a", "b", "c"].map((content) => ({ role: "user" as const, content }))

  test("is marked for Anthropic's models, and left to all others", () => {
    expect(cached({ npm: "@ai-sdk/openai-compatible", modelID: "m" }, "s", messages)).toEqual({ system: "s", messages })
    expect(cached({ npm: "@ai-sdk/amazon-bedrock", modelID: "titan" }, "s", messages)).toEqual({
      system: "s",
      messages,
    })
    const mark = { providerOptions: { anthropic: { cacheControl: { type: "ephemeral" } } } }
    const [a, b, c] = messages
    expect(cached({ npm: "@ai-sdk/anthropic", modelID: "claude" }, "s", messages)).toEqual({
      system: { role: "system", content: "s", ...mark },
      messages: [a, { ...b, ...mark }, { ...c, ...mark }],
    } as ReturnType<typeof cached>)
  })
})
