/** Where this client goes when a server says so. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Guard from "../../src/http/guard.ts"
import { Resolver } from "../../src/http/resolver.ts"
import { resolving } from "./serving.ts"

const remote = Guard.make("https://mcp.example.com/mcp")
const local = Guard.make("http://127.0.0.1:3000/mcp")

/** A public address that is nobody's: what was 6bone's is routed nowhere. */
const nowhere = "3ffe::1"

const refused = (
  effect: Effect.Effect<unknown, { readonly reason: { readonly _tag: string }; readonly message: string }>,
) =>
  Effect.map(Effect.flip(effect), (error) => {
    expect(error.reason._tag).toBe("UrlRefused")
    return error.message
  })

describe("a URL of a server's is refused, and why is said:", () => {
  const cases: ReadonlyArray<readonly [url: string, why: RegExp]> = [
    ["javascript:alert(document.domain)", /it is a javascript: URL, expected https:\. A server sent it/],
    ["data:text/html,<script>alert(1)</script>", /it is a data: URL/],
    ["file:///etc/passwd", /it is a file: URL/],
    ["vscode://settings", /it is a vscode: URL/],
    ["blob:https://example.com/1", /it is a blob: URL/],
    ["JaVaScRiPt:alert(1)", /it is a javascript: URL/],
    ["\tjava\nscript:alert(1)", /it is a javascript: URL/],
    ["http://auth.example.com/", /it is an http: URL, expected https:/],
    ["https://me:secret@auth.example.com/", /user name or a password/],
    ["https://me@auth.example.com/", /user name or a password/],
    ["auth.example.com/token", /it is no URL, expected an https: URL/],
    ["", /it is no URL/],
    ["https://", /it is no URL/],
    ["https://localhost/", /localhost is this machine/],
    ["https://LOCALHOST./", /localhost is this machine/],
    ["https://app.localhost/", /this machine/],
    ["https://127.0.0.1/", /127\.0\.0\.1 is this machine/],
    ["https://[::1]/", /::1 is this machine/],
    ["https://0x7f.1/", /127\.0\.0\.1 is this machine/],
    ["https://2130706433/", /127\.0\.0\.1 is this machine/],
    ["https://0/", /it leads to 0\.0\.0\.0 \(unspecified\), expected a public address/],
    ["https://169.254.169.254/latest/meta-data", /\(cloud metadata\), expected a public address/],
    ["https://[::ffff:169.254.169.254]/", /\(cloud metadata\)/],
    ["https://[::ffff:10.0.0.1]/", /it leads to ::ffff:a00:1 \(private\)/],
    ["https://192.168.0.1/", /\(private\)/],
    ["https://100.64.0.1/", /\(carrier-grade NAT\)/],
    ["https://[fe80::1]/", /\(link-local\)/],
    ["https://[64:ff9b::a00:1]/", /\(private\)/],
  ]
  for (const [url, why] of cases) {
    it.effect(JSON.stringify(url), () =>
      Effect.gen(function* () {
        const resolver = resolving([nowhere])
        const message = yield* refused(Effect.provide(Guard.resolve(url, remote), resolver.layer))
        expect(message).toMatch(why)
        expect(message).not.toContain("secret")
        expect(yield* refused(Guard.check(url, remote))).toBe(message)
        expect(yield* refused(Guard.checkPage(url, remote))).toBe(message)
        expect(resolver.asked).toEqual([])
      }),
    )
  }

  it.effect("one whose words would change the terminal is shown without them", () =>
    Effect.gen(function* () {
      const message = yield* refused(Guard.check(`\u001b]0;x\u0007 \u202e${"x".repeat(5000)}\n`, remote))
      expect(message).not.toMatch(/[\u0000-\u001f\u202e]/)
      expect(message.length).toBeLessThan(400)
    }),
  )
})

describe("a name is judged by every address that it has:", () => {
  const cases: ReadonlyArray<readonly [name: string, addresses: ReadonlyArray<string>, why: RegExp]> = [
    [
      "metadata.google.internal",
      ["169.254.169.254"],
      /metadata\.google\.internal resolves to 169\.254\.169\.254 \(cloud metadata\)/,
    ],
    ["intranet.example.com", ["10.1.2.3"], /\(private\), expected a public address\. If you trust/],
    ["mixed.example.com", ["1.1.1.1", "10.1.2.3"], /10\.1\.2\.3 \(private\)/],
    ["six.example.com", ["1.1.1.1", "::ffff:127.0.0.1"], /::ffff:127\.0\.0\.1 \(loopback\)/],
    ["zone.example.com", ["fe80::1%eth0"], /\(link-local\)/],
    ["zero.example.com", ["0.0.0.0"], /\(unspecified\)/],
  ]
  for (const [name, addresses, why] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { layer } = resolving(addresses)
        expect(yield* refused(Effect.provide(Guard.resolve(`https://${name}/`, remote), layer))).toMatch(why)
      }),
    )
  }

  it.effect("public ones are all kept, in their order", () =>
    Effect.gen(function* () {
      const { asked, layer } = resolving(["1.1.1.1", nowhere])
      const { addresses } = yield* Effect.provide(Guard.resolve("https://auth.example.com./x", remote), layer)
      expect(addresses).toEqual(["1.1.1.1", nowhere])
      expect(asked).toEqual(["auth.example.com"])
    }),
  )

  it.effect("without an address, or with something else, it cannot be reached", () =>
    Effect.gen(function* () {
      for (const answer of [[], ["0x7f.1"], ["1.1.1.1", "evil.example.com"]]) {
        const { layer } = resolving(answer)
        const error = yield* Effect.flip(Effect.provide(Guard.resolve("https://auth.example.com/", remote), layer))
        expect(error.message).toContain("its name resolves to no address")
      }
    }),
  )

  it.effect("that is unknown is told as for any other server", () =>
    Effect.gen(function* () {
      const addresses = () => Effect.fail(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }))
      const error = yield* Guard.resolve("https://auth.example.com/", remote).pipe(
        Effect.provide(Layer.succeed(Resolver)({ addresses })),
        Effect.flip,
      )
      expect(error.message).toBe(
        "could not reach https://auth.example.com/: no such host. A server named it: check the network, or ask its operator.",
      )
    }),
  )
})

describe("what the person configured may be anywhere:", () => {
  const reaches = (url: string, guard: Guard.Guard, ...addresses: ReadonlyArray<string>) =>
    Effect.map(Effect.provide(Guard.resolve(url, guard), resolving(addresses).layer), ({ addresses }) => addresses)

  it.effect("the server's own host", () =>
    Effect.gen(function* () {
      expect(yield* reaches("https://mcp.example.com/token", remote, "10.0.0.1")).toEqual(["10.0.0.1"])
      expect(yield* reaches("https://MCP.example.com.:8443/", remote, "127.0.0.1")).toEqual(["127.0.0.1"])
    }),
  )

  it.effect("an issuer, and no neighbour of it", () =>
    Effect.gen(function* () {
      const guard = Guard.make("https://mcp.example.com/", ["https://sso.corp.example/realm", "no URL"])
      expect(yield* reaches("https://sso.corp.example/token", guard, "10.0.0.1")).toEqual(["10.0.0.1"])
      for (const host of ["corp.example", "a.sso.corp.example", "sso.corp.example.evil.example"]) {
        yield* refused(reaches(`https://${host}/`, guard, "10.0.0.1"))
      }
    }),
  )

  it.effect("an address, in any spelling, and not the one beside it", () =>
    Effect.gen(function* () {
      const guard = Guard.make("http://192.168.1.5:3000/mcp")
      expect(yield* reaches("https://3232235781/", guard)).toEqual(["192.168.1.5"])
      yield* refused(reaches("https://192.168.1.6/", guard))
    }),
  )

  it.effect("without TLS only at the origin that was written so", () =>
    Effect.gen(function* () {
      const guard = Guard.make("http://192.168.1.5:3000/mcp")
      expect(yield* reaches("http://192.168.1.5:3000/.well-known/x", guard)).toEqual(["192.168.1.5"])
      expect(yield* refused(reaches("http://192.168.1.5:3001/", guard))).toContain("expected https:")
      expect(yield* refused(reaches("http://mcp.example.com/", remote))).toContain("expected https:")
      // What a request may do there, a person with a browser may not be led to.
      expect(yield* refused(Guard.checkPage("http://192.168.1.5:3000/authorize", guard))).toContain("expected https:")
      yield* Guard.checkPage("https://192.168.1.5:3000/authorize", guard)
      yield* Guard.checkPage("http://localhost:9/authorize", local)
    }),
  )
})

describe("a server on this machine", () => {
  const reaches = (url: string, ...addresses: ReadonlyArray<string>) =>
    Effect.provide(Guard.resolve(url, local), resolving(addresses).layer)

  it.effect("may name others on it, without TLS, by name or address", () =>
    Effect.gen(function* () {
      for (const url of ["http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/", "https://a.localhost/"]) {
        yield* reaches(url, "127.0.0.1", "::1")
      }
      yield* reaches("https://dev.example.com/", "127.0.0.1")
    }),
  )

  it.effect("may name none of the network around it", () =>
    Effect.gen(function* () {
      yield* refused(reaches("https://10.0.0.1/"))
      yield* refused(reaches("https://169.254.169.254/"))
      yield* refused(reaches("https://0.0.0.0/"))
      yield* refused(reaches("https://dev.example.com/", "127.0.0.1", "10.0.0.1"))
    }),
  )

  it.effect("may name no other without TLS, nor a public one that calls itself local", () =>
    Effect.gen(function* () {
      expect(yield* refused(reaches("http://dev.example.com/", "127.0.0.1"))).toContain("expected https:")
      expect(yield* refused(reaches("http://localhost/", "1.1.1.1"))).toContain("expected a loopback address")
    }),
  )
})
