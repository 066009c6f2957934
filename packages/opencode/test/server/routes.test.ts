import { it } from "@opencode-ai/testing/effect"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { freePort } from "@opencode-ai/testing/peers/launch"
import { everything, memory } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { person } from "@opencode-ai/testing/person"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { join } from "node:path"
import * as MCP from "../../src/mcp/index.ts"
import { listening, secret } from "./listening.ts"

const notFound = {
  status: 404,
  body: { _tag: "McpServerNotFoundError", name: "nobody", message: "MCP server not found: nobody" },
}

describe("the routes", () => {
  it.live("tell the status of each server, connect and disconnect, and add and remove", () =>
    Effect.gen(function* () {
      const graph = memory(join(yield* temporaryDirectory, "memory.json"))
      const { ask } = yield* listening({ graph, off: { ...everything, enabled: false }, bad: { type: "local" } })
      const { body, status } = yield* ask("GET", "/mcp")
      expect(status).toBe(200)
      expect(body).toMatchObject({ graph: { status: "connected" }, off: { status: "disabled" } })
      expect(Object(body).bad).toMatchObject({ status: "failed", error: expect.stringContaining("command") })

      expect(yield* ask("POST", "/mcp/off/connect")).toEqual({ status: 200, body: true })
      expect(yield* ask("POST", "/mcp/graph/disconnect")).toEqual({ status: 200, body: true })
      const changed = yield* ask("GET", "/mcp")
      expect(changed.body).toMatchObject({ graph: { status: "disabled" }, off: { status: "connected" } })

      const added = yield* ask("POST", "/mcp", { name: "a b/c?", config: { ...sdkV2(), disabled: true } })
      expect(added).toMatchObject({ status: 200, body: { "a b/c?": { status: "disabled" } } })
      expect(yield* ask("POST", "/mcp/a%20b%2Fc%3F/connect")).toEqual({ status: 200, body: true })
      expect((yield* ask("GET", "/mcp")).body).toMatchObject({ "a b/c?": { status: "connected" } })
      expect(yield* ask("DELETE", "/mcp/a%20b%2Fc%3F")).toEqual({ status: 200, body: { success: true } })
      expect(Object.keys(Object((yield* ask("GET", "/mcp")).body))).toEqual(["graph", "off", "bad"])
    }),
  )

  it.live("list the resources of connected servers, also where one of them is not what the protocol asks for", () =>
    Effect.gen(function* () {
      const odd = rawStdio({
        capabilities: { resources: {} },
        on: {
          "resources/list": [{ do: "result", result: { resources: [{ uri: "odd://1", name: 7, mimeType: null }] } }],
          "resources/templates/list": [{ do: "result", result: { resourceTemplates: [] } }],
        },
      })
      const { ask } = yield* listening({ two: sdkV2(), odd })
      const { body, status } = yield* ask("GET", "/experimental/resource")
      expect(status).toBe(200)
      const resources = Object(body)
      expect(resources["two:test://text"]).toMatchObject({ uri: "test://text", client: "two" })
      expect(resources["odd:odd://1"]).toEqual({ name: "odd://1", uri: "odd://1", client: "odd" })
    }),
  )

  it.live("say that there is no server of a name, as OpenCode does", () =>
    Effect.gen(function* () {
      const { ask } = yield* listening({})
      for (const path of ["auth", "auth/authenticate", "connect", "disconnect"]) {
        expect(yield* ask("POST", `/mcp/nobody/${path}`)).toEqual(notFound)
      }
      expect(yield* ask("POST", "/mcp/nobody/auth/callback", { code: "abc" })).toEqual(notFound)
      expect(yield* ask("DELETE", "/mcp/nobody/auth")).toEqual(notFound)
      expect(yield* ask("DELETE", "/mcp/nobody")).toEqual(notFound)
    }),
  )

  it.live("name what is wrong with a request, and add nothing", () =>
    Effect.gen(function* () {
      const { ask } = yield* listening({})
      const bad = yield* ask("POST", "/mcp", { name: "x", config: { type: "remote", url: 7, timeout: -1 } })
      expect(bad).toMatchObject({ status: 400, body: { _tag: "InvalidRequestError", kind: "Payload" } })
      const message = String(Object(bad.body).message)
      expect(message).toContain("config.url: Expected an http: or https: URL")
      expect(message).toContain("config.timeout: ")
      expect(yield* ask("POST", "/mcp", { config: sdkV2() })).toMatchObject({ status: 400, body: { field: "name" } })
      expect((yield* ask("POST", "/mcp")).status).toBe(400)
      expect((yield* ask("GET", "/mcp")).body).toEqual({})
    }),
  )

  it.live("sign a person in, and out", () =>
    Effect.gen(function* () {
      const authorization = yield* authorizationServer()
      const server = yield* protectedMcp(authorization)
      const entry = { type: "remote", url: server.url, oauth: { callbackPort: yield* freePort } }
      const scope = yield* Effect.scope
      const { ask, context } = yield* listening({ work: entry, plain: everything }, (url) =>
        Effect.as(Effect.forkIn(Effect.orDie(person().visit(url.href)), scope), true),
      )
      expect((yield* ask("GET", "/mcp")).body).toMatchObject({ work: { status: "needs_auth" } })
      for (const path of ["auth", "auth/authenticate"]) {
        const refused = yield* ask("POST", `/mcp/plain/${path}`)
        expect(refused.status).toBe(400)
        expect(Object.keys(Object(refused.body))).toEqual(["error"])
        expect(Object(refused.body).error).toContain("local server")
      }

      const { body } = yield* ask("POST", "/mcp/work/auth")
      const { authorizationUrl, oauthState } = Object(body)
      const wrong = yield* ask("POST", "/mcp/work/auth/callback", { code: "http://127.0.0.1/?code=a&state=b" })
      expect(wrong).toMatchObject({ status: 400, body: { _tag: "InvalidRequestError", kind: "Authorization" } })
      const callback = yield* person().authorize(authorizationUrl)
      expect(callback).toContain(oauthState)
      const code = new URL(callback).searchParams.get("code")
      expect(yield* ask("POST", "/mcp/work/auth/callback", { code })).toEqual({
        status: 200,
        body: { status: "connected" },
      })
      const who = yield* Context.get(context, MCP.Service).callTool("work", "whoami")
      expect(who.structuredContent).toMatchObject({ subject: "alice" })

      expect(yield* ask("DELETE", "/mcp/work/auth")).toEqual({ status: 200, body: { success: true } })
      expect((yield* ask("GET", "/mcp")).body).toMatchObject({ work: { status: "needs_auth" } })
      expect(yield* ask("POST", "/mcp/work/auth/authenticate")).toEqual({
        status: 200,
        body: { status: "connected" },
      })
    }),
  )
})

it.live("a sign-in ends with the request for it, and its port is free", () =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const server = yield* protectedMcp(authorization)
    const entry = { type: "remote", url: server.url, oauth: { callbackPort: yield* freePort } }
    const scope = yield* Effect.scope
    const opened = yield* Deferred.make<string>()
    const { ask } = yield* listening({ work: entry }, ({ href }) =>
      Effect.flatMap(Deferred.succeed(opened, href), (isFirst) =>
        isFirst ? Effect.succeed(true) : Effect.as(Effect.forkIn(Effect.orDie(person().visit(href)), scope), true),
      ),
    )
    const asking = yield* Effect.forkChild(ask("POST", "/mcp/work/auth/authenticate"), { startImmediately: true })
    const callback = new URL(yield* Deferred.await(opened)).searchParams.get("redirect_uri") ?? ""
    yield* Fiber.interrupt(asking)
    const isFree = Effect.flip(Effect.tryPromise(() => fetch(callback)))
    yield* Effect.retry(isFree, Schedule.spaced("20 millis"))
    expect(yield* ask("POST", "/mcp/work/auth/authenticate")).toEqual({ status: 200, body: { status: "connected" } })
  }),
)

describe("a listener", () => {
  const authorization = `Bearer ${secret}`

  it.live("answers under the names of this machine alone, no other page, and whoever knows the secret", () =>
    Effect.gen(function* () {
      const { knock, port } = yield* listening({})
      const host = `127.0.0.1:${port}`
      expect((yield* knock({ host, authorization })).status).toBe(200)
      expect((yield* knock({ host: `LOCALHOST:${port}`, authorization })).status).toBe(200)
      expect((yield* knock({ host, authorization, origin: `http://${host}` })).status).toBe(200)

      for (const name of [
        "evil.example",
        `evil.example:${port}`,
        "127.0.0.1",
        `127.0.0.1:${port + 1}`,
        `0.0.0.0:${port}`,
      ]) {
        expect((yield* knock({ host: name, authorization })).status).toBe(421)
      }
      for (const origin of ["https://evil.example", "null", `https://${host}`, `http://localhost:${port}`]) {
        expect((yield* knock({ host, authorization, origin })).status).toBe(403)
      }
      for (const wrong of ["", "Bearer", "Bearer wrong", `Basic ${secret}`, secret, `${authorization} `.repeat(2)]) {
        expect((yield* knock({ host, authorization: wrong })).status).toBe(401)
      }
      const refused = yield* knock({ host })
      expect(refused.status).toBe(401)
      expect(JSON.stringify(refused.body)).not.toContain(secret)
      // Nothing is found out without it, and nothing is done.
      expect((yield* knock({ host }, "GET", "/no/such/route")).status).toBe(401)
      expect((yield* knock({ host }, "POST", "/mcp/nobody/connect")).status).toBe(401)
      expect((yield* knock({ host }, "GET", "/mcp/openapi.json")).status).toBe(401)
    }),
  )
})
