import { hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

const headers = { "x-tenant": "a-value-that-is-secret" }

describe("debug", () => {
  it.live("shows how a server leads to its authorization server, and what to do", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization)
      const { mcp } = yield* world
      const { code, stderr, stdout } = yield* mcp({ docs: { type: "remote", url: server.url, headers } }, [
        "debug",
        "docs",
      ])
      expect(stdout).toContain("headers     x-tenant: ***")
      expect(stdout).toContain(`the first message (initialize) POST ${server.url} → 401`)
      expect(stdout).toMatch(/www-authenticate +Bearer scope="tools"/)
      expect(stdout).toMatch(/✓ the protected resource metadata GET http\S+ → 200/)
      expect(stdout).toMatch(/✓ the authorization server's metadata GET http\S+ → 200/)
      expect(stdout).toMatch(new RegExp(`issuer +${authorization.issuer}`))
      expect(stdout).toMatch(/PKCE +S256/)
      expect(stdout).toMatch(/client +one that is registered dynamically/)
      expect(stdout).toMatch(/scopes to ask for +tools/)
      expect(stdout).toContain("nobody has signed in")
      expect(stdout).toContain("Run: mcp auth docs")
      expect(code).toBe(4)
      // It only looks, and a configured header goes to the server itself.
      expect(authorization.of("registration")).toEqual([])
      expect(server.requests.some((request) => request.headers["x-tenant"] === headers["x-tenant"])).toBe(true)
      for (const request of authorization.requests) expect(request.headers["x-tenant"]).toBeUndefined()
      expect(stdout + stderr).not.toContain(headers["x-tenant"])
    }),
  )

  it.live("tells the same to a script", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer({ registration: false })
      const server = yield* protectedMcp(authorization)
      const { mcp } = yield* world
      const result = yield* mcp({ docs: { type: "remote", url: server.url, headers } }, ["debug", "docs", "--json"])
      const said = json(result)
      expect(said).toMatchObject({
        server: "docs",
        type: "remote",
        status: "needs_auth",
        advice: `Register a client by hand, and configure "oauth": { "clientId": … } in the server's entry.`,
        authorization: { issuer: authorization.issuer, PKCE: ["S256"] },
      })
      expect(said.authorization.client).toContain("register one by hand")
      expect(said.steps[0]).toMatchObject({ status: 401, method: "POST", url: server.url })
      expect(result.stdout + result.stderr).not.toContain(headers["x-tenant"])
      expect(result.code).toBe(4)
    }),
  )

  it.live("says which document is wrong, with nothing of it loose on the terminal", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({
        oauth: (_, right) => ({ json: { ...Object(right.json), issuer: "https://evil.example/\u001b[2J" } }),
      })
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { docs: { type: "remote", url: server.url } } })
      const { code, raw, text } = yield* terminal(["debug", "docs", "--config", config], { env: { NO_COLOR: "1" } })
      expect(text).toContain("a sign-in would fail")
      expect(text).toContain("issuer")
      expect(raw).not.toContain("\u001b[2J")
      expect(code).toBe(4)
    }),
  )

  it.live("shows a server that asks for nothing, one that nobody is at, and a local one", () =>
    Effect.gen(function* () {
      const open = yield* rawHttp({ session: "s-e-c-r-e-t" })
      const { mcp } = yield* world
      const local = { ...sdkV2(), environment: { TOKEN_OF_MINE: "a-secret-value" } }
      const servers = {
        open: { type: "remote", url: open.url },
        gone: { type: "remote", url: "http://127.0.0.1:9/" },
        local,
      }
      const opened = yield* mcp(servers, ["debug", "open"])
      expect(opened.stdout).toMatch(/✓ the first message .* → 200\n +it answers without a sign-in/)
      expect(opened.stdout).toMatch(/mcp-session-id +\*\*\*/)
      expect(opened.stdout).toContain("open works.")
      expect(opened.stdout).not.toContain("s-e-c-r-e-t")
      expect(opened.code).toBe(0)
      // What was opened to look is closed again, and so is the session itself.
      expect(open.of("DELETE").length).toBe(2)
      const gone = yield* mcp(servers, ["debug", "gone"])
      expect(gone.stdout).toContain("gone could not be connected (failed).")
      expect(gone.code).toBe(3)
      const started = yield* mcp(servers, ["debug", "local"])
      expect(started.stdout).toMatch(/environment +TOKEN_OF_MINE/)
      expect(started.stdout).toMatch(/pid +\d+/)
      expect(started.stdout).toContain("local works.")
      expect(started.stdout + started.stderr).not.toContain("a-secret-value")
      expect(started.code).toBe(0)
      expect((yield* mcp(servers, ["debug", "locl"])).stderr).toContain(`did you mean "local"?`)
    }),
  )
})
