import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { person } from "@opencode-ai/testing/person"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { startShell } from "./client.ts"

const guarded = (entry: object = {}, more: object = {}) =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const server = yield* protectedMcp(authorization)
    const shell = yield* startShell({
      servers: { docs: { type: "remote", url: server.url, ...entry }, ...more },
      env: { CLIENT: "abc", BROWSER: "false" },
    })
    return { authorization, server, shell }
  })

describe("auth.* of the shell", () => {
  it.live("start, finish and status bring a server to be connected, and remove takes that back", () =>
    Effect.gen(function* () {
      const { authorization, shell } = yield* guarded()
      const { data } = yield* shell.event("mcp.auth.required", "docs")
      expect(data.reason).toContain("asks for authorization")
      let next = 0
      const of = (op: string, more: object = {}) => shell.ask({ id: (next += 1), op, server: "docs", ...more })
      expect((yield* of("auth.status")).result).toBe("not_authenticated")
      const refused = yield* of("call", { tool: "echo", args: { message: "hi" } })
      expect(refused.error).toMatchObject({ tag: "AuthRequired" })

      const { result } = yield* of("auth.start")
      expect(new URL(result.authorizationUrl).searchParams.get("state")).toBe(result.state)
      expect(new URL(result.authorizationUrl).searchParams.get("redirect_uri")).toBe(
        "http://127.0.0.1:19876/mcp/oauth/callback",
      )
      const callbackUrl = yield* person().authorize(result.authorizationUrl)
      expect((yield* of("auth.finish", { callbackUrl })).result).toEqual({ status: "connected" })
      expect((yield* of("auth.status")).result).toBe("authenticated")
      const called = yield* of("call", { tool: "echo", args: { message: "hi" } })
      expect(called.ok).toBe(true)

      // A callback is good for one time.
      expect((yield* of("auth.finish", { callbackUrl })).error).toMatchObject({ tag: "StateMismatch" })
      expect((yield* of("auth.status")).result).toBe("authenticated")

      expect((yield* of("auth.remove")).result).toBe(true)
      expect((yield* of("auth.status")).result).toBe("not_authenticated")
      expect((yield* of("call", { tool: "echo", args: { message: "hi" } })).error?.tag).toBe("AuthRequired")
      const said = JSON.stringify(shell.said) + shell.stderr()
      for (const secret of authorization.secrets) {
        // What a person brings back is theirs; what is got for it is not shown.
        if (!callbackUrl.includes(secret)) expect(said).not.toContain(secret)
      }
    }),
  )

  it.live("a callback with another state is refused, and the right one is taken afterwards", () =>
    Effect.gen(function* () {
      const { shell } = yield* guarded()
      const { result } = yield* shell.ask({ id: 1, op: "auth.start", server: "docs" })
      const right = yield* person().authorize(result.authorizationUrl)
      const wrong = new URL(right)
      wrong.searchParams.set("state", "another")
      const refused = yield* shell.ask({ id: 2, op: "auth.finish", server: "docs", callbackUrl: wrong.href })
      expect(refused.error).toMatchObject({ tag: "StateMismatch" })
      const done = yield* shell.ask({ id: 3, op: "auth.finish", server: "docs", callbackUrl: right })
      expect(done.result).toEqual({ status: "connected" })
    }),
  )

  it.live("a call that lacks a scope says which, and the next start asks for both", () =>
    Effect.gen(function* () {
      const { shell } = yield* guarded({ oauth: { scope: "tools" } })
      const start = yield* shell.ask({ id: 1, op: "auth.start", server: "docs" })
      const callbackUrl = yield* person().authorize(start.result.authorizationUrl)
      yield* shell.ask({ id: 2, op: "auth.finish", server: "docs", callbackUrl })
      const { error } = yield* shell.ask({ id: 3, op: "call", server: "docs", tool: "admin" })
      expect(error?.tag).toBe("InsufficientScope")
      expect(Object(error?.data).scopes).toEqual(expect.arrayContaining(["tools", "admin"]))
      const asks = yield* shell.event("mcp.auth.required", "docs", ({ reason }) => reason.includes("admin"))
      expect(asks.data.reason).toContain("needs the scopes")
      const again = yield* shell.ask({ id: 4, op: "auth.start", server: "docs" })
      const scope = new URL(again.result.authorizationUrl).searchParams.get("scope")?.split(" ")
      expect(scope).toEqual(expect.arrayContaining(["tools", "admin"]))
    }),
  )

  it.live("is refused for what nobody signs in to, and tells what is wrong with a field", () =>
    Effect.gen(function* () {
      const { shell } = yield* guarded({}, { local: { type: "local", command: ["true"], enabled: false } })
      const local = yield* shell.ask({ id: 1, op: "auth.start", server: "local" })
      expect(local.error).toEqual({ tag: "BadRequest", message: "nobody signs in to local: it is a local server" })
      const finish = yield* shell.ask({ id: 2, op: "auth.finish", server: "docs", callbackUrl: "no address" })
      expect(finish.error?.message).toContain("auth.finish: callbackUrl: expected the URL")
      expect((yield* shell.ask({ id: 3, op: "auth.status", server: "dcos" })).error?.tag).toBe("ServerNotFound")
    }),
  )

  it.live("gives the whole address, though the client's id came from the environment", () =>
    Effect.gen(function* () {
      const { shell } = yield* guarded({ oauth: { clientId: "{env:CLIENT}" } })
      const { result } = yield* shell.ask({ id: 1, op: "auth.start", server: "docs" })
      expect(new URL(result.authorizationUrl).searchParams.get("client_id")).toBe("abc")
    }),
  )
})
