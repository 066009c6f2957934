import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { person } from "@opencode-ai/testing/person"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

/** The address that a sign-in shows, alone on its line. */
const urlIn = (text: string): string => /^https?:\/\/\S+redirect_uri=\S+$/m.exec(text)?.[0] ?? ""

const guarded = Effect.gen(function* () {
  const authorization = yield* authorizationServer()
  const server = yield* protectedMcp(authorization)
  const here = yield* world
  const config = here.write("servers.json", { mcp: { docs: { type: "remote", url: server.url } } })
  return { authorization, server, config, ...here }
})

describe("auth", () => {
  it.live("shows the address, waits for the browser, and says that it is signed in and connected", () =>
    Effect.gen(function* () {
      const { config, run, start } = yield* guarded
      const running = yield* start(["auth", "docs", "--config", config])
      yield* running.printed(/redirect_uri=\S+\n/)
      const page = yield* person().visit(urlIn(running.stdout()))
      expect(page.status).toBe(200)
      const { code, stderr, stdout } = yield* running.result
      expect(stderr).not.toContain("error:")
      expect(stdout).toContain("Signed in to docs, and connected.")
      expect(code).toBe(0)
      const called = yield* run(["call", "docs", "echo", "message=hi", "--config", config])
      expect(called.stderr).toBe("")
      expect(called.code).toBe(0)
      const [listed] = json(yield* run(["auth", "list", "--json", "--config", config]))
      expect(listed).toMatchObject({ server: "docs", status: "authenticated", configured: true, store: "file" })
    }),
  )
})
