/** X2 and who is asking: what one person was offered last is not offered to the next. */
import { it } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeMemory } from "../../src/auth/store.ts"
import { CatalogStore } from "../../src/index.ts"
import { both, host, name, running, signIn } from "./authorized.ts"

it.live("a sign-in and a sign-out remove the last catalogue; a later run of the same person is offered it", () =>
  Effect.gen(function* () {
    const kept = new Map<string, unknown>()
    const catalogs = Layer.succeed(CatalogStore)({
      load: (key) => Effect.sync(() => kept.get(key)),
      save: (key, catalog) => Effect.sync(() => kept.set(key, catalog)),
      remove: (key) => Effect.sync(() => kept.delete(key)),
    })
    const credentials = makeMemory()
    const { server } = yield* both()
    const entry = { type: "remote", url: server.url }
    const run = () => running(host(credentials, catalogs), entry)

    const first = yield* run()
    expect(kept.size).toBe(0)
    yield* signIn(first)
    const listed = yield* first.mcp.tools()
    expect([listed.length > 0, kept.size]).toEqual([true, 1])

    // A service of its own, which has not connected yet: the tokens are there, and the catalogue.
    const second = yield* Effect.scoped(
      Effect.gen(function* () {
        const { mcp } = yield* run()
        const authorization = yield* mcp.authorization(name)
        expect((yield* mcp.tools()).length).toBe(listed.length)
        yield* authorization.remove
        expect((yield* mcp.servers)[0]?.status.status).toBe("needs_auth")
        return yield* mcp.offered.tools
      }),
    )
    expect(second).toEqual([])
    expect(kept.size).toBe(0)

    const third = yield* run()
    expect(yield* third.mcp.offered.tools).toEqual([])
    yield* signIn(third, { login: "eve" })
    yield* third.mcp.tools()
    expect(kept.size).toBe(1)
  }),
)
