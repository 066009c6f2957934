/** What every request goes through: redirects, and failures that a person can understand. */
import { createServer, type Server, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp, type Reply } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { AuthLayer, Http, TransportLayer } from "../../src/index.ts"
import { call, handshake, initialize, opened } from "../transport/opened.ts"

const secret = "Bearer very-secret"

const layer = (url: string) =>
  Layer.provide(
    TransportLayer.streamableHttp({ url }),
    AuthLayer.headers({ Authorization: Redacted.make(secret), "X-Tenant": "blue" }),
  )

const redirect = (status: number, location: string): Reply => ({ status, headers: { location }, text: "" })

describe("a redirect", () => {
  it.live("on the same origin keeps method, body and headers", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp({
        session: "s",
        any: ({ method, path }) => (method === "POST" && path === "/mcp" ? redirect(308, "/moved?to=here") : undefined),
        check: false,
      })
      const client = yield* opened(layer(server.url))
      yield* handshake(client)
      client.connection.send(call(2, { a: 1 }))
      yield* client.until(({ messages }) => messages.length === 2)
      const moved = server.requests.filter(({ path }) => path === "/moved?to=here")
      expect(moved.map(({ rpc }) => rpc.method)).toEqual(["initialize", "notifications/initialized", "tools/call"])
      expect(moved.every(({ headers }) => headers.authorization === secret)).toBe(true)
      expect(moved[2]?.headers["mcp-session-id"]).toBe("s")
    }),
  )

  it.live("to another origin takes the message there, and nothing of ours", () =>
    Effect.gen(function* () {
      const other = yield* rawHttp()
      const server = yield* rawHttp({
        session: "s",
        on: { "tools/call": () => redirect(307, other.url) },
      })
      const client = yield* opened(layer(server.url))
      yield* handshake(client)
      client.connection.send(call(2, { a: 1 }))
      yield* client.until(({ messages }) => messages.length === 2)
      expect(server.of("tools/call")[0]?.headers).toMatchObject({ authorization: secret, "x-tenant": "blue" })
      const [arrived] = other.requests
      expect(arrived?.rpc.method).toBe("tools/call")
      expect(arrived?.headers["mcp-protocol-version"]).toBe("2025-11-25")
      expect(JSON.stringify(arrived?.headers)).not.toMatch(/secret|blue|"s"/)
      expect(arrived?.headers).not.toHaveProperty("mcp-session-id")
    }),
  )

  const refused: ReadonlyArray<readonly [string, Reply, RegExp]> = [
    [
      "that would turn a POST into a GET",
      redirect(301, "/elsewhere"),
      /becomes a GET; set "url" to http:.*\/elsewhere/,
    ],
    ["the same, by 302", redirect(302, "/elsewhere"), /becomes a GET/],
    ["to a file", redirect(307, "file:///etc/passwd"), /file: URL/],
    ["with credentials in it", redirect(307, "http://a:b@127.0.0.1/"), /user name or a password/],
    ["to nowhere", { status: 307, text: "" }, /does not say where to/],
    ["to nothing", redirect(307, "http://["), /does not say where to/],
    ["in a circle", redirect(307, "/mcp"), /5 others before it/],
  ]
  for (const [name, reply, message] of refused) {
    it.live(`${name} is not followed`, () =>
      Effect.gen(function* () {
        const server = yield* rawHttp({ any: () => reply, check: false })
        const { connection, until } = yield* opened(layer(server.url))
        connection.send(initialize)
        const { failed } = yield* until(({ failed }) => failed.length > 0)
        expect(failed[0]?.error.reason._tag).toBe("RedirectRefused")
        expect(failed[0]?.error.message).toMatch(message)
        expect(server.requests.length).toBe(name === "in a circle" ? 6 : 1)
      }),
    )
  }

  it.live("from https to http is not followed", () =>
    Effect.gen(function* () {
      const http = Http.layerFetch(() =>
        Promise.resolve(new Response(null, { status: 307, headers: { location: "http://server.test/mcp?k=v" } })),
      )
      const { connection, until } = yield* opened(Layer.provide(layer("https://server.test/mcp"), http))
      connection.send(initialize)
      const { failed } = yield* until(({ failed }) => failed.length > 0)
      expect(failed[0]?.error.message).toContain("leads from https to http://server.test/mcp?…")
    }),
  )
})

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
  )

/** The status line that a person sees for a server at this URL. */
const failure = (url: string) =>
  Effect.scoped(Effect.flip(connect({ type: "remote", url }))).pipe(Effect.map((error) => error.message))

describe("a server that cannot be reached", () => {
  it.live("because nothing listens is told so", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(listening(createServer()))
      const message = yield* failure(`http://127.0.0.1:${port}/mcp?key=secret`)
      expect(message).toContain(`could not reach http://127.0.0.1:${port}/mcp?…: nothing listens there. Is the server`)
      expect(message).not.toContain("secret")
    }),
  )

  it.live("because its name is unknown is told so", () =>
    Effect.gen(function* () {
      expect(yield* failure("http://no-such-host.invalid/mcp")).toMatch(/no such host|name server does not answer/)
    }),
  )

  it.live("because it speaks something else is told so", () =>
    Effect.gen(function* () {
      const port = yield* listening(
        createServer((socket) => {
          socket.on("error", () => undefined)
          socket.once("data", () => socket.end("220 ready when you are\r\n\r\n"))
        }),
      )
      expect(yield* failure(`http://127.0.0.1:${port}/`)).toContain("no HTTP server")
      expect(yield* failure(`https://127.0.0.1:${port}/`)).toContain("does not speak TLS")
    }),
  )

  it.live("because its URL is none is told so, before anything is sent", () =>
    Effect.gen(function* () {
      const of = (url: string) => Effect.map(Effect.flip(opened(layer(url))), ({ message }) => message)
      expect(yield* of("ftp://server.test/")).toContain("no http or https URL")
      expect(yield* of("server.test/mcp")).toContain("no URL")
      const withPassword = yield* of("https://me:hunter2@server.test/mcp")
      expect(withPassword).toContain("user name or a password")
      expect(withPassword).not.toContain("hunter2")
    }),
  )
})

describe("a server that closes the connection at a GET", () => {
  it.live("is not asked again on each idle connection that there is, where the request wants one of its own", () =>
    Effect.gen(function* () {
      let gets = 0
      const sockets: Array<Socket> = []
      const port = yield* listening(
        createServer((socket) => {
          sockets.push(socket)
          socket.on("error", () => undefined)
          socket.on("data", (data) => {
            if (data.toString().startsWith("POST"))
              return socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            gets += 1
            return socket.destroy()
          })
        }),
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
      const http = yield* Http.Http
      const asked = (method: "GET" | "POST") =>
        Effect.callback<string>((resume) => {
          http.send(
            { method, url: `http://127.0.0.1:${port}/mcp`, headers: new Headers(), fresh: method === "GET" },
            AbortSignal.timeout(30_000),
            (response) => void response.text().then((text) => resume(Effect.succeed(text))),
            (error) => resume(Effect.succeed(error.reason._tag)),
          )
        })
      const posts = Array.from({ length: 5 }, () => asked("POST"))
      expect(yield* Effect.all(posts, { concurrency: "unbounded" })).toEqual(["{}", "{}", "{}", "{}", "{}"])
      expect(yield* asked("GET")).toBe("Unreachable")
      expect(gets).toBe(1)
    }),
  )
})
