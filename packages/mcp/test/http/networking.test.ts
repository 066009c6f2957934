/** A server behind TLS of its own, as its entry says it: who is trusted, who we are, which key it has to have. */
import { createPrivateKey } from "node:crypto"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import type { TlsOptions } from "node:tls"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { config, connect, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { authority, selfSigned } from "@opencode-ai/testing/peers/certificates"
import { rawHttp, type RawHttpScript } from "@opencode-ai/testing/peers/raw-http"
import { proxy } from "@opencode-ai/testing/peers/relay"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Http, Mcp, TransportLayer } from "../../src/index.ts"
import { call, handshake, opened } from "../transport/opened.ts"
import { asks, client, entry, failure, home, ours, server } from "./behind-tls.ts"
import { serving, speaking } from "./serving.ts"

describe("a server is reached", () => {
  it.live("over TLS whose authority the entry names, with a certificate for its address", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server()
      yield* connect(entry(url, { ca: ours.cert }))
      expect(requests.map(({ rpc }) => rpc.method)).toContain("initialize")
    }),
  )

  it.live("by files, relative to the project's directory or absolute", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = (name: string, text: string) => {
        writeFileSync(join(directory, name), text)
        return join(directory, name)
      }
      const { clients, url } = yield* server(asks)
      const passphrase = "open sesame"
      const sealed = createPrivateKey(client.key).export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase,
      })
      file("ca.pem", ours.cert)
      const tls = { ca: "./ca.pem", cert: file("cert.pem", client.cert), key: file("key.pem", String(sealed)) }
      const http = Http.layerNetworking({
        url,
        tls: { ...tls, directory, key: Redacted.make(tls.key), passphrase: Redacted.make(passphrase) },
      })
      const transport = Layer.provide(TransportLayer.remote({ url }), [AuthLayer.none, http])
      yield* handshake(yield* opened(transport))
      expect(new Set(clients)).toEqual(new Set(["someone"]))
    }),
  )

  it.live("with a client certificate, where it asks for one", () =>
    Effect.gen(function* () {
      const { clients, url } = yield* server(asks)
      yield* connect(entry(url, { ca: ours.cert, cert: client.cert, key: client.key }))
      expect(new Set(clients)).toEqual(new Set(["someone"]))
    }),
  )

  it.live("by the pin of its key, with and without the prefix", () =>
    Effect.gen(function* () {
      const { url } = yield* server()
      yield* connect(entry(url, { ca: ours.cert, pin: home.pin }))
      yield* connect(entry(url, { ca: ours.cert, pin: `sha256/${home.pin}` }))
    }),
  )
})

describe("across a redirect", () => {
  const away = (to: string): RawHttpScript => ({
    any: () => ({ status: 307, headers: { location: to }, text: "" }),
    check: false,
  })

  it.live("the client certificate is not shown to another host", () =>
    Effect.gen(function* () {
      const other = yield* server({ ...asks, rejectUnauthorized: false })
      const { clients, url } = yield* server(asks, away(other.url))
      yield* connect(entry(url, { ca: ours.cert, cert: client.cert, key: client.key }))
      expect(new Set(clients)).toEqual(new Set(["someone"]))
      expect(new Set(other.clients)).toEqual(new Set([undefined]))
    }),
  )

  it.live("the pin still holds", () =>
    Effect.gen(function* () {
      const next = ours.issue(["127.0.0.1"])
      const other = yield* server(next)
      const { url } = yield* server({}, away(other.url))
      expect(yield* failure(url, { ca: ours.cert, pin: home.pin })).toContain(
        `127.0.0.1:${other.port} is not the pinned`,
      )
      expect(other.requests.length).toBe(0)
    }),
  )
})

it.live("authorization goes the same way: authority, pin, client certificate and proxy", () =>
  Effect.gen(function* () {
    let origin = ""
    const documents: Readonly<Record<string, () => object>> = {
      "/.well-known/oauth-protected-resource/mcp": () => ({
        resource: `${origin}/mcp`,
        authorization_servers: [origin],
      }),
      "/.well-known/oauth-authorization-server": () => ({
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        response_types_supported: ["code"],
        grant_types_supported: ["client_credentials"],
        token_endpoint_auth_methods_supported: ["client_secret_basic"],
      }),
      "/token": () => ({ access_token: "granted", token_type: "Bearer", expires_in: 3600 }),
    }
    const { clients, requests, url } = yield* server(asks, {
      any: ({ headers, path }) => {
        const document = documents[path]
        if (document !== undefined) return { json: document() }
        if (headers["authorization"] === "Bearer granted") return undefined
        return { status: 401, headers: { "www-authenticate": "Bearer" }, text: "" }
      },
      check: false,
    })
    origin = new URL(url).origin
    const way = yield* proxy()
    const tls = { ca: ours.cert, pin: home.pin, cert: client.cert, key: client.key }
    const oauth = { grant: "client_credentials", clientId: "me", clientSecret: "secret" }
    const status = yield* Effect.provide(
      Effect.gen(function* () {
        const mcp = yield* Mcp
        return yield* mcp.add(config("inside", { type: "remote", url, tls, oauth, proxy: way.url }))
      }),
      testMcp(),
    )
    expect(status).toEqual({ status: "connected" })
    expect(requests.map(({ path }) => path)).toContain("/token")
    expect(new Set(clients)).toEqual(new Set(["someone"]))
    // Every connection was a tunnel.
    expect(way.asked.length).toBe(clients.length)
  }),
)

describe("a pin", () => {
  it.live("that is another says both, and nothing is sent", () =>
    Effect.gen(function* () {
      const { port, requests, url } = yield* server()
      const other = ours.issue(["127.0.0.1"])
      const error = yield* Effect.scoped(
        Effect.flip(connect(entry(url, { ca: ours.cert, pin: `sha256/${other.pin}` }))),
      )
      expect(error.message).toContain(`127.0.0.1:${port}`)
      expect(error.message).toContain(`expected sha256/${other.pin}, found sha256/${home.pin}`)
      expect(error.message).toContain(`set "tls": { "pin": "sha256/${home.pin}" }`)
      expect(error).toMatchObject({
        reason: { error: { reason: { _tag: "PinMismatch", expected: other.pin, actual: home.pin } } },
      })
      expect(requests.length).toBe(0)
    }),
  )

  it.live("makes nobody trusted", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server()
      expect(yield* failure(url, { pin: home.pin })).toContain("is not trusted")
      expect(requests.length).toBe(0)
    }),
  )

  it.live("is looked at on every connection: one that was opened without it is not used", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server()
      const other = ours.issue(["127.0.0.1"])
      yield* connect(entry(url, { ca: ours.cert }))
      expect(yield* failure(url, { ca: ours.cert, pin: other.pin })).toContain("is not the pinned one")
      expect(requests.filter(({ rpc }) => rpc.method === "initialize").length).toBe(1)
    }),
  )

  it.live("holds when the connection is lost and opened anew: no session of TLS is resumed", () =>
    Effect.gen(function* () {
      const front = yield* server()
      const http = Http.layerNetworking({ url: front.url, tls: { ca: ours.cert, pin: home.pin } })
      const transport = Layer.provide(TransportLayer.streamableHttp({ url: front.url }), [AuthLayer.none, http])
      const { connection, until } = yield* Effect.tap(opened(transport), handshake)
      front.drop()
      connection.send(call(2, { a: 1 }))
      yield* until(({ failed, messages }) => failed.length + messages.length === 2)
      expect(front.clients.length).toBeGreaterThan(1)
      expect(front.resumed()).toBe(0)
    }),
  )
})

describe("connections", () => {
  it.live("are kept for the next message, and closed with the layer", () =>
    Effect.gen(function* () {
      const { clients, requests, url } = yield* server()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const http = Http.layerNetworking({ url, tls: { ca: ours.cert } })
          const transport = Layer.provide(TransportLayer.streamableHttp({ url }), [AuthLayer.none, http])
          const client = yield* opened(transport)
          yield* handshake(client)
          for (let id = 2; id < 12; id++) {
            client.connection.send(call(id, { a: 1 }))
            yield* client.until(({ messages }) => messages.length === id)
          }
        }),
      )
      expect(requests.length).toBeGreaterThan(11)
      expect(clients.length).toBeLessThan(5)
    }),
  )
})

describe("what goes wrong is told, with what to do:", () => {
  const expired = ours.issue(["127.0.0.1"], { from: -20, to: -10 })
  const early = ours.issue(["127.0.0.1"], { from: 10, to: 20 })
  const elsewhere = ours.issue(["elsewhere.test", "10.0.0.1"])
  const alone = selfSigned(["127.0.0.1"])
  const stranger = authority("Another authority").issue(["someone"])
  const trusting = { ca: ours.cert }
  const cases: ReadonlyArray<readonly [name: string, options: TlsOptions, tls: object, message: RegExp]> = [
    [
      "an authority that is not trusted",
      {},
      {},
      /an authority that is not trusted here.*name the authority's certificate \("tls": { "ca"/,
    ],
    ["a certificate that signed itself", alone, {}, /self-signed, and not trusted here.*"tls": { "ca"/],
    ["one that has expired", expired, trusting, /its certificate has expired.*renew it/],
    ["one that is not valid yet", early, trusting, /not valid yet.*clock/],
    ["one for another host", elsewhere, trusting, /its certificate is for another host.*"url"/],
    [
      "a client certificate that is missing",
      asks,
      trusting,
      /it asks for a client certificate.*"tls": { "cert": …, "key"/,
    ],
    [
      "one that is missing, over TLS 1.2",
      { ...asks, maxVersion: "TLSv1.2" },
      trusting,
      /refused the TLS handshake.*client certificate/,
    ],
    [
      "one of an authority that the server does not trust",
      asks,
      { ...trusting, cert: stranger.cert, key: stranger.key },
      /refused the client certificate/,
    ],
  ]
  for (const [name, options, tls, message] of cases) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { requests, url } = yield* server(options)
        const told = yield* failure(url, tls)
        expect(told).toMatch(message)
        expect(told).toContain(`could not reach ${url}`)
        expect(requests.length).toBe(0)
      }),
    )
  }

  it.live("https: where there is no TLS", () =>
    Effect.gen(function* () {
      const plain = yield* rawHttp()
      expect(yield* failure(plain.url.replace("http:", "https:"), trusting)).toMatch(
        /it does not speak TLS there.*http:\/\/ instead of https:\/\//,
      )
    }),
  )

  it.live("http: where there is TLS", () =>
    Effect.gen(function* () {
      const { url } = yield* server()
      // With nothing configured too: then the runtime's own way is taken.
      for (const extra of [{ tls: trusting }, {}]) {
        const told = yield* Effect.scoped(
          Effect.flip(connect({ type: "remote", url: url.replace("https:", "http:"), ...extra })),
        )
        expect(told.message).toMatch(/could not reach.*If it speaks TLS there, use https:/)
      }
    }),
  )

  it.live("what hangs up in the handshake", () =>
    Effect.gen(function* () {
      const { port } = yield* speaking()
      expect(yield* failure(`https://127.0.0.1:${port}/mcp`, trusting)).toMatch(/connection was closed/)
    }),
  )

  it.live("nothing that listens", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(serving(() => undefined))
      expect(yield* failure(`https://127.0.0.1:${port}/mcp`, trusting)).toMatch(/nothing listens there/)
    }),
  )
})

it.live("nothing is left of connections that were never made", () =>
  Effect.gen(function* () {
    const held = createServer((socket) => socket.resume())
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        held.listen(0, "127.0.0.1", () => {
          const address = held.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      // Waits for every connection to be closed by the other end.
      () => Effect.callback<void>((resume) => void held.close(() => resume(Effect.void))),
    )
    const message = yield* failure(`https://127.0.0.1:${port}/mcp`, { ca: ours.cert }).pipe(
      Effect.timeoutOrElse({ duration: 500, orElse: () => Effect.succeed("still waiting") }),
    )
    expect(message).toBe("still waiting")
  }),
)
