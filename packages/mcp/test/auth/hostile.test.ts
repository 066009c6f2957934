/** Authorization servers that lie: each is refused in words that say which document, which field, and what to do. */
import { it } from "@opencode-ai/testing/effect"
import {
  hostileAuthorization,
  type HostileHandler,
  type HostileScript,
} from "@opencode-ai/testing/peers/hostile-authorization"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Browser } from "../../src/auth/browser.ts"
import { Resolver } from "../../src/http/resolver.ts"
import { authReason, host, name, printed, running, signIn, statusOf } from "./authorized.ts"

const metadata =
  (changes: { readonly [field: string]: unknown }): HostileHandler =>
  (_, { json }) => ({ json: { ...json, ...changes } })

/** What a sign-in by way of a browser comes to, and what the browser was told to open. */
const attempted = (script: HostileScript, resolver?: (name: string, nth: number) => ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const server = yield* hostileAuthorization(script)
    const opened: Array<string> = []
    const browser = Layer.succeed(Browser)({
      open: (url) =>
        Effect.sync(() => {
          opened.push(url.href)
          return true
        }),
    })
    let asked = 0
    const names =
      resolver === undefined
        ? Layer.empty
        : Layer.succeed(Resolver)({ addresses: (one) => Effect.sync(() => resolver(one, asked++)) })
    const surroundings = Layer.merge(browser, names)
    const service = yield* running(host(undefined, surroundings), { type: "remote", url: server.url })
    const { signIn } = yield* service.mcp.authorization(name)
    const shown: Array<string> = []
    const show = (started: { readonly authorizationUrl: URL }) =>
      Effect.sync(() => {
        shown.push(started.authorizationUrl.href)
      })
    const once = Effect.flip(signIn({ show, timeout: 5_000 }))
    return { server, service, opened, shown, once, error: yield* once }
  })

describe("an authorization endpoint", () => {
  it.live.each([
    "javascript:alert(1)//",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "http://login.example/authorize",
    "https://10.0.0.1/authorize",
    "https://me:secret@login.example/authorize",
    "no url",
  ])("%s is refused: no browser is opened, and no URL is shown", (url) =>
    Effect.gen(function* () {
      const { error, opened, server, shown } = yield* attempted({ oauth: metadata({ authorization_endpoint: url }) })
      expect(error.reason).toMatchObject({ _tag: "DocumentRefused", field: "authorization_endpoint" })
      expect(error.message).toContain("authorization_endpoint")
      expect(error.message).toContain(server.origin)
      expect(error.message).not.toContain("me:secret")
      expect([...opened, ...shown]).toEqual([])
      expect(server.of("registration")).toEqual([])
    }),
  )
})

describe("an endpoint that is asked", () => {
  for (const field of ["token_endpoint", "registration_endpoint"]) {
    for (const url of [
      "http://login.example/x",
      "https://10.0.0.1/x",
      "https://169.254.169.254/latest/meta-data",
      "https://[::ffff:10.0.0.1]/x",
      "https://2130706433.example:1@192.168.0.1/",
      "https://0x0a000001/x",
    ]) {
      it.live(`${field} ${url} is refused before anything is sent`, () =>
        Effect.gen(function* () {
          const { error, server } = yield* attempted({ oauth: metadata({ [field]: url }) })
          expect(error.reason).toMatchObject({ _tag: "DocumentRefused", field })
          expect(error.message).toContain("the authorization server's metadata")
          expect([...server.of("registration"), ...server.of("token")]).toEqual([])
        }),
      )
    }
  }

  it.live("is judged by all that its name resolves to", () =>
    Effect.gen(function* () {
      const { error } = yield* attempted(
        { "protected-resource": metadata({ authorization_servers: ["https://login.example"] }) },
        () => ["93.184.216.34", "10.0.0.7"],
      )
      expect(error.message).toContain("login.example resolves to 10.0.0.7 (private)")
    }),
  )

  it.live("is judged anew each time, by what its name resolves to then", () =>
    Effect.gen(function* () {
      const { error, once } = yield* attempted(
        { "protected-resource": metadata({ authorization_servers: ["https://login.example:1"] }) },
        (_, nth) => (nth === 0 ? ["127.0.0.1"] : ["169.254.169.254"]),
      )
      expect(error.reason._tag).toBe("StepFailed")
      expect(error.message).not.toContain("169.254")
      const again = yield* once
      expect(again.message).toContain("login.example resolves to 169.254.169.254 (cloud metadata)")
    }),
  )
})

/** More than anybody would read. */
const endless: HostileHandler = () => ({
  body: (function* () {
    for (let sent = 0; sent < 64; sent++) yield " ".repeat(64 * 1024)
  })(),
})
const page: HostileHandler = () => ({ html: "<html><script>alert(1)</script></html>" })
const array: HostileHandler = () => ({ json: [] })

describe("an answer", () => {
  const endpoints = [
    ["protected-resource", "the protected resource metadata", "/.well-known/oauth-protected-resource/mcp"],
    ["oauth", "the authorization server's metadata", "/.well-known/oauth-authorization-server"],
    ["registration", "the registration", "/register"],
  ] as const
  for (const [endpoint, document, path] of endpoints) {
    it.live(`larger than 1 MiB, of ${document}, is not read to its end`, () =>
      Effect.gen(function* () {
        const { error, server } = yield* attempted({ [endpoint]: endless })
        expect(error.message).toContain(document)
        expect(error.message).toContain(`${server.origin}${path}`)
        expect(error.message).toContain("more than 1048576 bytes")
        expect(error.message.length).toBeLessThan(500)
      }),
    )
    it.live(`that is a page, of ${document}, is told as one`, () =>
      Effect.gen(function* () {
        const { error, server } = yield* attempted({ [endpoint]: page })
        expect(error.message).toContain(document)
        expect(error.message).toContain(`${server.origin}${path}`)
        expect(error.message).toContain("a page (HTML or XML) where JSON was expected")
        expect(error.message).not.toContain("alert")
      }),
    )
    it.live(`of another shape, of ${document}, is refused`, () =>
      Effect.gen(function* () {
        const { error } = yield* attempted({ [endpoint]: array })
        expect(error.reason._tag).toBe("DocumentRefused")
        expect(error.message).toContain(document)
      }),
    )
  }

  const redeemed = (token: HostileHandler) =>
    Effect.gen(function* () {
      const server = yield* hostileAuthorization({ token })
      const service = yield* running(host(), { type: "remote", url: server.url })
      const error = yield* Effect.flip(signIn(service))
      expect((yield* statusOf(service)).status).toBe("needs_auth")
      return { error, reason: authReason(error), text: String(error), server }
    })

  it.live("of the token endpoint that is an error with status 200 is an error", () =>
    Effect.gen(function* () {
      const { reason, server } = yield* redeemed(() => ({
        json: { error: "invalid_grant", error_description: "the code is \u001b[31mold" },
      }))
      expect(reason).toMatchObject({
        _tag: "OAuthRefused",
        step: "the exchange of the code",
        url: `${server.origin}/token`,
        error: "invalid_grant",
        hint: "Sign in again.",
      })
    }),
  )

  it.live("of the token endpoint that repeats what it was sent is not repeated by us", () =>
    Effect.gen(function* () {
      const { error, server } = yield* redeemed(({ text }) => ({
        status: 400,
        json: { error: "invalid_request", error_description: `I got ${decodeURIComponent(text)}` },
      }))
      const { code = "", code_verifier: verifier = "" } = server.of("token")[0]?.form ?? {}
      expect(verifier.length).toBeGreaterThan(40)
      const text = printed(error)
      expect(text).toContain("I got")
      expect(text).not.toContain(verifier)
      expect(text).not.toContain(code)
    }),
  )

  it.live.each<{ readonly name: string; readonly token: HostileHandler; readonly says: string }>([
    { name: "a page", token: page, says: "a page (HTML or XML) where JSON was expected" },
    { name: "larger than 1 MiB", token: endless, says: "more than 1048576 bytes" },
    { name: "a page with an error's status", token: () => ({ status: 400, html: "<h1>no</h1>" }), says: "HTTP 400" },
    {
      name: "without a token",
      token: () => ({ json: { token_type: "Bearer" } }),
      says: '"access_token" in the answer to the exchange of the code',
    },
    {
      name: "with a token that no header can carry",
      token: () => ({ json: { access_token: "a\r\nx-admin: 1", token_type: "Bearer" } }),
      says: "what no header can carry",
    },
    {
      name: "with a token of another kind",
      token: () => ({ json: { access_token: "abc", token_type: "mac" } }),
      says: "expected Bearer or DPoP, not mac",
    },
  ])("of the token endpoint that is %s is refused", ({ says, token }) =>
    Effect.gen(function* () {
      const { server, text } = yield* redeemed(token)
      expect(text).toContain(says)
      expect(text).toContain(`${server.origin}/token`)
      expect(text.length).toBeLessThan(600)
    }),
  )
})
