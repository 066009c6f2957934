/** A server that everybody may connect to, and that lists its tools to those alone who have signed in. */
import { it } from "@opencode-ai/testing/effect"
import { hostileAuthorization, type HostileHandler } from "@opencode-ai/testing/peers/hostile-authorization"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { host, name, running, signIn, statusOf } from "./authorized.ts"

const revision = "2025-11-25"
const session = { protocolVersion: revision, capabilities: { tools: {} }, serverInfo: { name: "half", version: "1" } }
const tools = [{ name: "dig", inputSchema: { type: "object" } }]

const mcp: HostileHandler = ({ headers, json: { id, method } }, { answer }) => {
  const result = (value: object) => ({ json: { jsonrpc: "2.0", id, result: value } })
  if (method === "initialize") return result(session)
  if (method !== "tools/list") return id === undefined ? { status: 202, text: "" } : answer
  return headers.authorization === undefined
    ? { status: 401, headers: { "www-authenticate": "Bearer" }, text: "" }
    : result({ tools })
}

describe("a list that asks for a sign-in", () => {
  it.live("leaves the server connected and says so; it is listed again once a person has signed in", () =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({ mcp })
      const service = yield* running(host(), { type: "remote", url: server.url })
      expect(yield* statusOf(service)).toEqual({ status: "connected" })
      expect(yield* service.mcp.tools()).toEqual([])
      const required = service.events.flatMap((event) =>
        event.type === "mcp.auth.required" ? [event.data.reason] : [],
      )
      expect(required).toEqual([expect.stringContaining("nobody has signed in")])
      const changed = Deferred.makeUnsafe<void>()
      service.mcp.listen((event) => {
        if (event.type === "mcp.tools.changed") Deferred.doneUnsafe(changed, Effect.void)
      })
      expect(yield* signIn(service)).toEqual({ status: "connected" })
      yield* Deferred.await(changed)
      expect((yield* service.mcp.tools(name)).map(({ tool }) => tool.name)).toEqual(["dig"])
    }),
  )
})
