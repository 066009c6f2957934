import { testEffect } from "@opencode-ai/testing/effect"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { freePort } from "@opencode-ai/testing/peers/launch"
import { everything } from "@opencode-ai/testing/peers/published"
import { person } from "@opencode-ai/testing/person"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as McpEvent from "../../src/mcp/event.ts"
import * as MCP from "../../src/mcp/index.ts"
import { first, serving } from "./serving.ts"

const it = testEffect(Layer.empty)

/** A protected server, and one that is not; `browse` is what the browser does with the page that is opened. */
const signing = (browse: (url: string) => Effect.Effect<boolean> = () => Effect.succeed(false)) =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const server = yield* protectedMcp(authorization)
    const callbackPort = yield* freePort
    const entry = { type: "remote", url: server.url, oauth: { callbackPort } }
    const servers = { work: entry, plain: everything, closed: { ...entry, oauth: false } }
    return { authorization, layer: serving(servers, (url) => browse(url.href)) }
  })

it.live("signs a person in with the code that the browser brings back, and forgets it again", () =>
  Effect.gen(function* () {
    const { authorization, layer } = yield* signing()
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      const before = yield* mcp.status()
      expect(before["work"]?.status).toBe("needs_auth")
      const toast = yield* first(McpEvent.ToastShow)
      expect(toast.properties.message).toContain("opencode mcp auth work")
      expect(yield* mcp.getAuthStatus("work")).toBe("not_authenticated")

      const { authorizationUrl, oauthState } = yield* mcp.startAuth("work")
      expect(new URL(authorizationUrl).searchParams.get("state")).toBe(oauthState)
      const callback = yield* person().authorize(authorizationUrl)
      const code = new URL(callback).searchParams.get("code") ?? ""
      expect(yield* mcp.finishAuth("work", code)).toEqual({ status: "connected" })
      expect(yield* mcp.hasStoredTokens("work")).toBe(true)
      expect(yield* mcp.getAuthStatus("work")).toBe("authenticated")
      const who = yield* mcp.callTool("work", "whoami")
      expect(who.structuredContent).toMatchObject({ subject: "alice" })

      const again = yield* Effect.flip(mcp.finishAuth("work", code))
      expect(again.message).toContain("begin anew")
      yield* mcp.removeAuth("work")
      expect(yield* mcp.hasStoredTokens("work")).toBe(false)
      expect((yield* mcp.status())["work"]?.status).toBe("needs_auth")
    }).pipe(Effect.provide(layer))
    expect(authorization.of("token").map(({ grantType }) => grantType)).toContain("authorization_code")
  }),
)

it.live("opens the browser and waits for the person; the address is told before", () =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const opened: Array<string> = []
    const scope = yield* Effect.scope
    const { layer } = yield* signing((url) => {
      opened.push(url)
      expect(told).toEqual([url])
      return Effect.as(Effect.forkIn(Effect.orDie(person().visit(url)), scope), true)
    })
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      yield* mcp.status()
      expect(yield* mcp.authenticate("work", (url) => told.push(url))).toEqual({ status: "connected" })
      expect(opened).toHaveLength(1)
    }).pipe(Effect.provide(layer))
  }),
)

it.live("tells of a page that no browser opened", () =>
  Effect.gen(function* () {
    const { layer } = yield* signing()
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      yield* mcp.status()
      const waiting = yield* Effect.forkChild(mcp.authenticate("work"), { startImmediately: true })
      const { properties } = yield* first(McpEvent.BrowserOpenFailed)
      yield* person().visit(Object(properties).url)
      expect(yield* Fiber.join(waiting)).toEqual({ status: "connected" })
    }).pipe(Effect.provide(layer))
  }),
)

it.live("knows to which servers nobody signs in, and why", () =>
  Effect.gen(function* () {
    const { layer } = yield* signing()
    yield* Effect.gen(function* () {
      const mcp = yield* MCP.Service
      yield* mcp.status()
      expect(yield* mcp.supportsOAuth("work")).toBe(true)
      expect(yield* mcp.supportsOAuth("plain")).toBe(false)
      expect(yield* mcp.supportsOAuth("closed")).toBe(false)
      const local = yield* Effect.flip(mcp.startAuth("plain"))
      expect(local.message).toContain("local server")
      const closed = yield* Effect.flip(mcp.authenticate("closed"))
      expect(closed.message).toContain('"oauth": false')
      yield* mcp.removeAuth("plain")
      const nonsense = yield* Effect.flip(mcp.finishAuth("work", "not a code"))
      expect(nonsense.message).toContain("neither a code nor the address of a callback")
    }).pipe(Effect.provide(layer))
  }),
)
