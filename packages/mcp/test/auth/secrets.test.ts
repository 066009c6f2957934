/** Nothing that is secret stands in what a person, a log or a plugin gets to see (16). */
import { it } from "@opencode-ai/testing/effect"
import { person } from "@opencode-ai/testing/person"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readCallback } from "../../src/auth/callback.ts"
import { makeMemory } from "../../src/auth/store.ts"
import { both, host, name, printed, running, signIn } from "./authorized.ts"

const redirect = "http://127.0.0.1:19876/mcp/oauth/callback"

describe("no secret", () => {
  it.live("stands in an error, an event, a status, a warning or a record, whatever goes wrong", () =>
    Effect.gen(function* () {
      const store = makeMemory()
      const clients = [{ client_id: "by-hand", client_secret: "client-secret-0815", redirect_uris: [redirect] }]
      const { authorization, server } = yield* both({ clients })
      const service = yield* running(host(store), {
        type: "remote",
        url: `${server.url}?apikey=query-secret-0815`,
        headers: { "x-api-key": "header-secret-0815" },
        oauth: { clientId: "by-hand", clientSecret: "client-secret-0815", redirectUri: redirect },
      })
      const { mcp } = service
      const warnings: Array<string> = []
      const connection = yield* mcp.connection(name)
      connection.notifications.listen("warning", ({ message }) => warnings.push(message))
      const seen: Array<unknown> = []
      const note = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.flatMap(Effect.exit(effect), (exit) => Effect.sync(() => seen.push(exit)))
      const call = service.call("echo", { message: "1" })

      // Every way that a grant can go.
      yield* note(call)
      const { finish, start } = yield* mcp.authorization(name)
      const started = yield* start()
      seen.push({ ...started, authorizationUrl: "" })
      const callback = readCallback(new URL(yield* person().authorize(started.authorizationUrl.href)).searchParams)
      yield* note(finish({ ...callback, iss: "https://evil.example" }))
      yield* note(finish(callback))
      yield* note(signIn(service, { decision: "deny" }))
      yield* note(signIn(service))
      yield* note(call)
      yield* note(service.call("admin"))
      yield* note(authorization.revokeAccessTokens)
      for (const answer of [
        { status: 400, json: { error: "invalid_scope", error_description: "no" } },
        { status: 503, headers: { "retry-after": "30" }, html: "down" },
      ]) {
        yield* authorization.set({ before: ({ endpoint }) => (endpoint === "token" ? answer : undefined) })
        yield* note(call)
      }
      // One that repeats what it was sent, in its own words and as an OAuth error.
      yield* authorization.set({
        before: ({ endpoint, headers, text }) =>
          endpoint === "token"
            ? {
                status: 400,
                json: {
                  error: "invalid_request",
                  error_description: `${decodeURIComponent(text)} ${headers.authorization}`,
                },
              }
            : undefined,
      })
      yield* note(mcp.disconnect(name))
      yield* note(mcp.connect(name))
      yield* note(call)
      yield* note(signIn(service))
      yield* authorization.set({ before: () => undefined })
      yield* authorization.revokeGrants
      yield* note(mcp.connect(name))
      yield* note(call)
      yield* note(signIn(service))
      yield* server.set({
        before: ({ headers, json }) =>
          json.method === "tools/call" ? { status: 401, text: `you sent ${JSON.stringify(headers)}` } : undefined,
      })
      yield* note(call)

      seen.push(yield* mcp.servers, service.events, warnings)
      // Its key is the URL, as the person wrote it.
      seen.push((yield* store.list).map(({ credentials }) => credentials))
      const everything = seen.map(printed).join("\n")
      expect(everything.length).toBeGreaterThan(10_000)
      expect(everything).toContain("SignInRequired")
      expect(everything).toContain("OAuthRefused")
      const verifiers = authorization.of("token").flatMap(({ form }) => form.code_verifier ?? [])
      expect(verifiers.length).toBeGreaterThan(2)
      const secrets = [
        ...authorization.secrets,
        ...verifiers,
        "client-secret-0815",
        "header-secret-0815",
        "query-secret-0815",
        btoa("by-hand:client-secret-0815"),
      ]
      expect(secrets.length).toBeGreaterThan(8)
      expect(secrets.filter((secret) => everything.includes(secret))).toEqual([])
      // The authorization server learns nothing that is not for it.
      const sent = JSON.stringify(authorization.requests)
      expect(sent).not.toContain("header-secret-0815")
      expect(sent).not.toContain("query-secret-0815")
    }),
  )
})
