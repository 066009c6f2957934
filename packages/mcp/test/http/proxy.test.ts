/** Which requests go through a proxy, what the proxy is told, and what a person is told of a proxy in the way. */
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { authority } from "@opencode-ai/testing/peers/certificates"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { proxy, secured } from "@opencode-ai/testing/peers/relay"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Guard from "../../src/http/guard.ts"
import * as Outbound from "../../src/http/outbound.ts"
import { route } from "../../src/http/proxy.ts"
import { Resolver } from "../../src/http/resolver.ts"
import { resolving, serving, speaking } from "./serving.ts"

const chosen = (url: string, environment: Readonly<Record<string, string>>) =>
  Effect.runSync(
    Effect.match(route(undefined, environment)(new URL(url)), {
      onSuccess: (found) => (found === undefined ? "direct" : `${found.field} ${found.url.href}`),
      onFailure: ({ message }) => message,
    }),
  )

describe("the environment", () => {
  const both = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:2" }
  const cases: ReadonlyArray<readonly [url: string, environment: Record<string, string>, way: string]> = [
    ["https://a.test/", {}, "direct"],
    ["https://a.test/", both, "HTTPS_PROXY http://p:2/"],
    ["http://a.test/", both, "HTTP_PROXY http://p:1/"],
    ["https://a.test/", { HTTP_PROXY: "http://p:1" }, "direct"],
    ["https://a.test/", { ALL_PROXY: "https://p" }, "ALL_PROXY https://p/"],
    ["https://a.test/", { ...both, ALL_PROXY: "http://q" }, "HTTPS_PROXY http://p:2/"],
    ["https://a.test/", { ...both, https_proxy: "http://low:3" }, "https_proxy http://low:3/"],
    ["https://a.test/", { ...both, https_proxy: " " }, "HTTPS_PROXY http://p:2/"],
    ["https://a.test/", { HTTPS_PROXY: "p:3128" }, "HTTPS_PROXY http://p:3128/"],
    ["https://a.test/", { HTTPS_PROXY: "http://u:s3cret@p:1/x?y#z" }, "HTTPS_PROXY http://p:1/"],
    ["http://127.0.0.1:80/", both, "direct"],
    ["http://127.9.9.9/", both, "direct"],
    ["http://[::1]/", both, "direct"],
    ["http://[::ffff:127.0.0.1]/", both, "direct"],
    ["http://0.0.0.0/", both, "direct"],
    ["http://localhost:3000/", both, "direct"],
    ["http://app.localhost/", both, "direct"],
    ["http://localhost.test/", both, "HTTP_PROXY http://p:1/"],
  ]
  for (const [url, environment, way] of cases) {
    test(`${JSON.stringify(environment)}: ${url} goes ${way}`, () => expect(chosen(url, environment)).toBe(way))
  }

  const except: ReadonlyArray<readonly [list: string, direct: ReadonlyArray<string>, not: ReadonlyArray<string>]> = [
    ["*", ["https://a.test", "http://10.0.0.1"], []],
    ["a.test", ["https://a.test", "https://b.a.test", "https://A.TEST.:8443"], ["https://ba.test", "https://test"]],
    [".a.test", ["https://a.test", "https://b.a.test"], ["https://ba.test"]],
    ["*.a.test", ["https://b.a.test"], ["https://ba.test"]],
    ["A.TEST", ["https://a.test"], []],
    ["x.test, a.test  b.test", ["https://a.test", "https://b.test"], ["https://c.test"]],
    ["a.test:8443", ["https://a.test:8443"], ["https://a.test", "https://a.test:84"]],
    ["a.test:443", ["https://a.test"], ["http://a.test"]],
    ["10.1.2.3", ["http://10.1.2.3"], ["http://10.1.2.4", "http://110.1.2.3"]],
    ["10.0.0.0/8", ["http://10.200.0.1:99"], ["http://11.0.0.1", "https://a.test"]],
    ["192.168.1.0/25", ["http://192.168.1.127"], ["http://192.168.1.128"]],
    ["10.1.2.3:81", ["http://10.1.2.3:81"], ["http://10.1.2.3"]],
    ["fd00::/8", ["http://[fd12::1]"], ["http://[fe80::1]", "http://10.0.0.1"]],
    ["fd12::1", ["http://[fd12:0::1]"], ["http://[fd12::2]"]],
    ["[fd12::1]:81", ["http://[fd12::1]:81"], ["http://[fd12::1]"]],
    [" , ,", [], ["https://a.test"]],
    [".", [], ["https://a.test"]],
    ["10.0.0.0/99, /, 10/8", [], ["http://10.0.0.1", "https://a.test"]],
  ]
  for (const [list, direct, not] of except) {
    test(`NO_PROXY=${list}`, () => {
      const way = (url: string) => chosen(url, { ...both, NO_PROXY: list })
      expect(direct.filter((url) => way(url) !== "direct")).toEqual([])
      expect(not.filter((url) => way(url) === "direct")).toEqual([])
    })
  }

  test("a proxy that is none, or of another kind, is told by its variable, without its password", () => {
    expect(chosen("https://a.test", { HTTPS_PROXY: "http://u:s3cret@[" })).toMatch(/^HTTPS_PROXY is no URL of a proxy/)
    const socks = chosen("https://a.test", { all_proxy: "socks5://u:s3cret@p:1" })
    expect(socks).toMatch(/^all_proxy names a proxy of a kind that is not spoken here \(socks5:\/\/\).*"proxy": false/)
    expect(socks).not.toContain("s3cret")
  })
})

const ours = authority()
const far = ours.issue(["server.test"])
const trust = { ca: ours.cert }

/** A correct server that only a proxy finds by its name. */
const distant = Effect.gen(function* () {
  const plain = yield* rawHttp()
  const { clients, port } = yield* secured(plain.url, { key: far.key, cert: far.cert })
  const plainPort = new URL(plain.url).port
  return {
    clients,
    requests: plain.requests,
    authority: `server.test:${port}`,
    url: `https://server.test:${port}/mcp`,
    plainUrl: `http://server.test:${plainPort}/mcp`,
  }
})

const entry = (url: string, by: string | false, tls: object = trust) => ({
  type: "remote",
  url,
  proxy: by,
  tls,
  oauth: false,
})

const failure = (url: string, by: string, tls?: object) =>
  Effect.map(Effect.scoped(Effect.flip(connect(entry(url, by, tls)))), ({ message }) => message)

describe("through a proxy", () => {
  it.live("a tunnel leads to an https: server; the certificate is the server's", () =>
    Effect.gen(function* () {
      const { authority, requests, url } = yield* distant
      const way = yield* proxy()
      yield* connect(entry(url, way.url, { ...trust, pin: far.pin }))
      expect(new Set(way.asked.map(({ method, target }) => `${method} ${target}`))).toEqual(
        new Set([`CONNECT ${authority}`]),
      )
      expect(requests[0]?.rpc.method).toBe("initialize")
      // What is for the proxy stays with it.
      expect(requests.every(({ headers }) => headers["proxy-authorization"] === undefined)).toBe(true)
    }),
  )

  it.live("an http: server is asked for by its whole URL, on this machine too where the entry says so", () =>
    Effect.gen(function* () {
      const { plainUrl, requests } = yield* distant
      const way = yield* proxy({ credentials: "user:pass" })
      const by = way.url.replace("//", "//user:pass@")
      yield* connect(entry(plainUrl, by, {}))
      expect(way.asked[0]).toMatchObject({ method: "POST", target: plainUrl })
      expect(requests.every(({ headers }) => headers["proxy-authorization"] === undefined)).toBe(true)
      const near = yield* rawHttp()
      yield* connect(entry(near.url, by, {}))
      expect(way.asked.map(({ target }) => target)).toContain(near.url)
    }),
  )

  it.live("over TLS, whose authority the entry names, with its user name and password", () =>
    Effect.gen(function* () {
      const { url } = yield* distant
      const own = ours.issue(["127.0.0.1"])
      const way = yield* proxy({ tls: { key: own.key, cert: own.cert }, credentials: "me:p@ss w:rd" })
      yield* connect(entry(url, way.url.replace("//", "//me:p%40ss%20w%3Ard@")))
      expect(way.asked[0]?.authorization).toBe(`Basic ${Buffer.from("me:p@ss w:rd").toString("base64")}`)
    }),
  )

  it.live("the pin and the name still hold", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* distant
      const way = yield* proxy()
      const other = ours.issue(["server.test"])
      expect(yield* failure(url, way.url, { ...trust, pin: other.pin })).toContain("is not the pinned one")
      expect(yield* failure(url.replace("server", "other"), way.url)).toMatch(
        /its certificate is for another host \(through the proxy http:\/\/127.0.0.1/,
      )
      expect(requests.length).toBe(0)
    }),
  )

  it.live("a body that unpacks to more than it may is refused", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        on: {
          "tools/list": () => ({
            headers: { "content-type": "application/json", "content-encoding": "gzip" },
            body: [gzipSync(`{"x":"${"0".repeat(20_000_000)}"}`)],
          }),
        },
      })
      const way = yield* proxy()
      const { session } = yield* connect({ ...entry(server.url, way.url, {}), limits: { body: 1_000_000 } })
      const { listTools } = yield* Effect.promise(() => import("../../src/protocol/method.ts"))
      const error = yield* Effect.flip(session.request(listTools, {}))
      expect(error.message).toContain("1000000")
    }),
  )
})

describe("a proxy in the way is told, with what to do:", () => {
  const answered = /the proxy http:\/\/127\.0\.0\.1:\d+\/ failed: /
  it.live("it is not there", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(serving(() => undefined))
      const told = yield* failure("https://server.test/mcp", `http://me:s3cret@127.0.0.1:${port}`)
      expect(told).toMatch(answered)
      expect(told).toMatch(/could not reach https:\/\/server\.test\/.*nothing listens there.*Correct "proxy" in the/)
      expect(told).not.toContain("s3cret")
    }),
  )

  it.live("it asks for a user name, or knows another one", () =>
    Effect.gen(function* () {
      const { plainUrl, url } = yield* distant
      const way = yield* proxy({ credentials: "user:pass" })
      const wrong = way.url.replace("//", "//user:s3cret@")
      for (const target of [url, plainUrl]) {
        expect(yield* failure(target, way.url)).toMatch(
          /failed: it asks for a user name and a password \(HTTP 407\).*http:\/\/user:password@host:port/,
        )
        const told = yield* failure(target, wrong)
        expect(told).toMatch(/failed: it does not accept this user name and password \(HTTP 407\)/)
        expect(told).not.toContain("s3cret")
      }
    }),
  )

  const refusals: ReadonlyArray<readonly [status: string, message: RegExp]> = [
    ["403 Not there", /it does not allow connections to server\.test:443 \(HTTP 403 Not there\)/],
    ["502 Bad gateway", /it could not connect to server\.test:443 \(HTTP 502 Bad gateway\)/],
    ["405 No", /it refused to connect to server\.test:443 \(HTTP 405 No\); is it a proxy\?/],
  ]
  for (const [status, message] of refusals) {
    it.live(`it answers ${status}`, () =>
      Effect.gen(function* () {
        const way = yield* proxy({ status })
        expect(yield* failure("https://server.test/mcp", way.url)).toMatch(message)
      }),
    )
  }

  const noProxies: ReadonlyArray<readonly [name: string, bytes: ReadonlyArray<string>, message: RegExp]> = [
    ["another protocol", ["220 smtp ready\r\n"], /what answers there is no HTTP proxy/],
    ["nothing", [], /it closed the connection without an answer/],
    ["half a head", ["HTTP/1.1 200 OK\r\nx: "], /it closed the connection without an answer/],
    ["a head without end", ["HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(20_000)], /its answer has no end/],
    ["yes, and then no TLS", ["HTTP/1.1 200 OK\r\n\r\n", "<html>"], /could not reach.*\(through the proxy http/],
  ]
  for (const [name, bytes, message] of noProxies) {
    it.live(`it is none, and says ${name}`, () =>
      Effect.gen(function* () {
        const { port } = yield* speaking(...bytes)
        expect(yield* failure("https://server.test/mcp", `http://127.0.0.1:${port}`)).toMatch(message)
      }),
    )
  }

  it.live("it has TLS that nobody trusts", () =>
    Effect.gen(function* () {
      // The first has the name of the one that is trusted.
      for (const other of [authority(), authority("Another")]) {
        const stranger = other.issue(["127.0.0.1"])
        const way = yield* proxy({ tls: { key: stranger.key, cert: stranger.cert } })
        expect(yield* failure("https://server.test/mcp", way.url)).toMatch(
          /the proxy https.* an authority that is not trusted here.*"tls": { "ca"/,
        )
      }
    }),
  )
})

describe("requests of authorization", () => {
  const ask = (url: string, guard: Guard.Guard, by: string, own = url) =>
    Outbound.request({
      method: "GET",
      url,
      guard,
      networking: { url: own, tls: { ...trust, pin: ours.pin }, proxy: Redacted.make(by) },
    })

  it.effect("go through the proxy as well, to names that nobody knows here; the pin is for the server alone", () =>
    Effect.gen(function* () {
      const { authority, url } = yield* distant
      const way = yield* proxy()
      const unknown = Layer.succeed(Resolver)({ addresses: () => Effect.fail(new Error("unknown")) })
      const guard = Guard.make("https://mcp.example/mcp")
      const { status } = yield* Effect.provide(ask(url, guard, way.url, "https://mcp.example/mcp"), unknown)
      expect(status).toBe(405)
      expect(way.asked[0]?.target).toBe(authority)
      const pinned = yield* Effect.flip(ask(url, Guard.make(url), way.url))
      expect(pinned.reason._tag).toBe("PinMismatch")
    }),
  )

  it.effect("do not go to where the guard does not let them, by way of a proxy either", () =>
    Effect.gen(function* () {
      const way = yield* proxy()
      const guard = Guard.make("https://mcp.example/mcp")
      const { layer } = resolving(["10.0.0.1"])
      for (const url of ["https://10.0.0.1/", "https://inside.example/", "https://localhost/", "http://a.example/"]) {
        const error = yield* Effect.flip(Effect.provide(ask(url, guard, way.url), layer))
        expect(error.reason._tag).toBe("UrlRefused")
      }
      expect(way.asked.length).toBe(0)
    }),
  )

  it.effect("that are not encrypted name their whole URL, and 407 is the proxy's", () =>
    Effect.gen(function* () {
      const { plainUrl } = yield* distant
      const way = yield* proxy({ credentials: "a:b" })
      const by = way.url.replace("//", "//a:b@")
      const answer = yield* ask(plainUrl, Guard.make(plainUrl), by)
      expect(answer.status).toBe(405)
      expect(way.asked[0]?.target).toBe(plainUrl)
      const error = yield* Effect.flip(ask(plainUrl, Guard.make(plainUrl), way.url))
      expect(error.message).toContain("it asks for a user name and a password (HTTP 407)")
    }),
  )
})
