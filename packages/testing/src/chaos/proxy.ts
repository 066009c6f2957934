/** What stands between the client and a server over Streamable HTTP, and harms what passes as its tag asks. */
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { bodyOf } from "../peers/web-http.ts"
import { forgetting, harmedEvents, onStream, tagIn } from "./faults.ts"

export interface ChaosProxy {
  readonly url: string
  /** Where the server is; `undefined` while there is none. */
  upstream: string | undefined
  /** What becomes of every request meanwhile. */
  weather: "fair" | "refused" | "closed" | "amnesia"
  /** The session that was used last is forgotten. */
  readonly forget: () => void
  /** Ends every connection. */
  readonly cut: () => void
  /** How often the request of a step was sent. */
  readonly tries: (step: number) => number
  /** How many requests there were by method: of HTTP, and of `initialize`. */
  readonly count: () => { readonly requests: number; readonly gets: number; readonly initialize: number }
}

const refusals: Readonly<Record<string, readonly [status: number, body: string, headers?: Record<string, string>]>> = {
  forget: [404, "Session not found"],
  always: [404, "Session not found"],
  missing: [400, "No valid session ID provided"],
  invalid: [
    400,
    `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Bad Request: Missing session ID"}}`,
    { "content-type": "application/json" },
  ],
  bad: [400, "the session type is not supported"],
  unauthorized: [401, "who are you?", { "www-authenticate": `Bearer realm="chaos"` }],
  busy: [429, "slow down", { "retry-after": "1" }],
  broken: [500, "oh no"],
  gateway: [502, "<!doctype html><title>502 Bad Gateway</title>", { "content-type": "text/html" }],
  unavailable: [503, "back soon", { "retry-after": "1" }],
}

/** Closes the socket: Bun says 200 and nothing where a response is destroyed. */
const drop = (response: ServerResponse) => {
  // What has been answered has given its socket back: another request may be on it.
  if (!response.writableEnded && !response.closed) response.socket?.destroy()
}

/** For so many steps it is known how often their requests were sent. */
const remembered = 2_000

/** `kind`: which transport passes. */
const serve = (kind: "http" | "sse", proxy: { upstream: string | undefined; weather: ChaosProxy["weather"] }) => {
  const count = { requests: 0, gets: 0, initialize: 0 }
  const tries = new Map<number, number>()
  const forgotten = new Set<string>()
  let latest: string | undefined

  const refuse = (response: ServerResponse, fault: string) => {
    const [status, body, headers] = refusals[fault] ?? [500, "?"]
    response.writeHead(status, headers).end(body)
  }

  const pass = (incoming: IncomingMessage, body: Buffer, response: ServerResponse, fault: string) => {
    if (proxy.upstream === undefined) return refuse(response, "gateway")
    const onwards = forward(
      new URL(incoming.url ?? "", proxy.upstream),
      { method: incoming.method, headers: incoming.headers, agent: false },
      (answer) => {
        answer.on("error", () => drop(response))
        const { "content-length": _, ...headers } = answer.headers
        const begin = () => response.writeHead(answer.statusCode ?? 500, headers)
        if (fault === "none" || (kind === "sse" && onStream.has(fault))) {
          begin().flushHeaders()
          answer.pipe(response)
          return
        }
        bodyOf(answer).then(
          (whole) => {
            const text = whole.toString()
            if (fault === "dropAfter") return drop(response)
            if (fault === "late") return refuse(response, "broken")
            if (fault === "page") {
              return void response.writeHead(200, { "content-type": "text/html" }).end("<title>Sign in</title>")
            }
            if (fault === "delay") return void setTimeout(() => begin().end(text), 40)
            if (fault === "silent") return void begin().write(": nothing\n\n")
            const harmed = harmedEvents(fault, text)
            if (harmed.drop !== true) return void begin().end(harmed.text)
            begin().write(harmed.text, () => setTimeout(() => drop(response), 5))
          },
          () => drop(response),
        )
      },
    )
    onwards.on("error", () => (response.headersSent ? drop(response) : refuse(response, "gateway")))
    response.on("close", () => onwards.destroy())
    onwards.end(body)
  }

  const handle = (incoming: IncomingMessage, body: Buffer, response: ServerResponse) => {
    const text = body.toString()
    const initialize = text.includes(`"method":"initialize"`)
    count.requests += 1
    if (incoming.method === "GET") count.gets += 1
    if (initialize) count.initialize += 1
    if (proxy.weather === "closed") return drop(response)
    if (proxy.weather === "refused") return refuse(response, "gateway")
    const session = incoming.headers["mcp-session-id"]
    if (typeof session === "string" && incoming.method !== "DELETE") {
      if (proxy.weather === "amnesia") forgotten.add(session)
      if (forgotten.has(session)) return refuse(response, "forget")
      latest = session
    }
    const found = incoming.method === "POST" ? tagIn(text) : undefined
    if (found === undefined || !text.includes(`"id":`)) return pass(incoming, body, response, "none")
    const before = tries.get(found.number) ?? 0
    tries.set(found.number, before + 1)
    // A run of many calls would take these numbers for memory of the client.
    tries.delete(found.number - remembered)
    if (found.fault === "none" || (before > 0 && found.fault !== "always")) {
      return pass(incoming, body, response, "none")
    }
    if (found.fault === "dropBefore") return drop(response)
    if (!(found.fault in refusals)) return pass(incoming, body, response, found.fault)
    if (forgetting.has(found.fault) && found.fault !== "always" && typeof session === "string") forgotten.add(session)
    refuse(response, found.fault)
  }

  const server = createServer((incoming, response) => {
    response.on("error", () => undefined)
    bodyOf(incoming).then(
      (body) => handle(incoming, body, response),
      () => drop(response),
    )
  })
  // A socket that is closed for being idle, as the next request is written to it, would lose a call that nothing was done to.
  server.keepAliveTimeout = 0
  const forget = () => {
    if (latest !== undefined) forgotten.add(latest)
  }
  return { server, count, tries: (step: number) => tries.get(step) ?? 0, forget }
}

/** A proxy in this process; it ends with the Scope. */
export const chaosProxy = (kind: "http" | "sse"): Effect.Effect<ChaosProxy, never, Scope.Scope> =>
  Effect.suspend(() => {
    const state: { upstream: string | undefined; weather: ChaosProxy["weather"] } = {
      upstream: undefined,
      weather: "fair",
    }
    const { count, forget, server, tries } = serve(kind, state)
    const sockets = new Set<Socket>()
    server.on("connection", (socket: Socket) => {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => sockets.delete(socket))
    })
    const cut = () => sockets.forEach((socket) => socket.destroy())
    return Effect.acquireRelease(
      Effect.callback<ChaosProxy>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          // A server that listens has an address with a port.
          const { port } = server.address() as AddressInfo
          const url = `http://127.0.0.1:${port}/mcp`
          resume(Effect.succeed(Object.assign(state, { url, cut, forget, tries, count: () => ({ ...count }) })))
        })
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          cut()
        }),
    )
  })
