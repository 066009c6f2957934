/** A server that refuses every token, however new: a person is asked, instead of the authorization server for ever. */
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { grants, signedIn, statusOf } from "./authorized.ts"

const challenge = { "www-authenticate": `Bearer error="invalid_token"` }

/** A server that is connected, and from now on refuses every token: for everything, or for one tool. */
const refusing = (tool?: string) =>
  Effect.gen(function* () {
    const service = yield* signedIn()
    yield* service.server.set({
      before: ({ method, text }) =>
        method === "POST" && (tool === undefined || text.includes(`"${tool}"`))
          ? { status: 401, headers: challenge, text: "invalid token" }
          : undefined,
    })
    return { ...service, refused: Effect.flip(service.call("echo", { message: "1" })) }
  })

describe("a server that refuses every token, however new,", () => {
  it.live("is asked a few times, and then needs a person; what was stored is kept", () =>
    Effect.gen(function* () {
      const service = yield* refusing()
      for (let nth = 0; nth < 3; nth++) {
        expect((yield* service.refused).message).toContain("HTTP 401: the server asks for authorization: invalid token")
      }
      expect(yield* statusOf(service)).toMatchObject({
        status: "needs_auth",
        error: expect.stringContaining("issued just now"),
      })
      expect(service.events.filter(({ type }) => type === "mcp.auth.required").length).toBeGreaterThan(0)
      expect(grants(service.authorization).filter((grant) => grant === "refresh_token").length).toBe(3)
      // It comes to its senses: the next call finds the tokens where they were.
      yield* service.server.set({ before: () => undefined })
      expect(yield* service.call("echo", { message: "2" })).toMatchObject({ content: [{ text: "2" }] })
    }),
  )

  it.live("for one tool alone stays connected: its other tools work", () =>
    Effect.gen(function* () {
      const service = yield* refusing("echo")
      for (let nth = 0; nth < 3; nth++) {
        yield* service.refused
        yield* service.call("whoami")
      }
      expect(yield* statusOf(service)).toEqual({ status: "connected" })
    }),
  )
})
