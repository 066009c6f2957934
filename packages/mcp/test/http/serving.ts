/** Servers on loopback for the suites of `http`, and a resolver that answers what it is told. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from "node:net"
import { createServer as createSecureServer, type TlsOptions, type TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Resolver } from "../../src/http/resolver.ts"

/** What a server saw, and how it is reached. */
export interface Serving {
  readonly port: number
  readonly requests: ReadonlyArray<IncomingMessage>
  /** Connections that were ever opened. */
  readonly connections: () => number
  /** Resolves once every connection is closed. */
  readonly idle: Effect.Effect<void>
}

const opened = <A extends Server>(
  server: A,
  requests: ReadonlyArray<IncomingMessage>,
): Effect.Effect<Serving, never, Scope.Scope> => {
  const sockets = new Set<Socket>()
  const waiting: Array<() => void> = []
  let count = 0
  server.on("connection", (socket: Socket) => {
    count += 1
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => {
      sockets.delete(socket)
      if (sockets.size === 0) waiting.splice(0).forEach((done) => done())
    })
  })
  return Effect.acquireRelease(
    Effect.callback<Serving>((resume) => {
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            // A server that listens has an address with a port.
            port: (server.address() as AddressInfo).port,
            requests,
            connections: () => count,
            idle: Effect.callback((resume) => {
              if (sockets.size === 0) return resume(Effect.void)
              waiting.push(() => resume(Effect.void))
            }),
          }),
        ),
      )
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        sockets.forEach((socket) => socket.destroy())
      }),
  )
}

const listening = (create: (listener: RequestListener) => Server, answer: Handler) => {
  const requests: Array<IncomingMessage> = []
  return opened(
    create((request, response) => {
      requests.push(request)
      answer(response, request)
    }),
    requests,
  )
}

export type Handler = (response: ServerResponse, request: IncomingMessage) => void

/** A server that answers each request so. */
export const serving = (answer: Handler) => listening((listener) => createServer(listener), answer)

/** A server over TLS that answers whatever was asked. */
export const servingTls = (options: TlsOptions, answer: (socket: TLSSocket, head: string) => string) =>
  opened(
    createSecureServer(options, (socket) => {
      socket.on("error", () => undefined)
      socket.once("data", (head) => {
        const body = answer(socket, head.toString())
        socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
      })
    }),
    [],
  )

/** A server that writes these bytes once it has heard anything, and closes. */
export const speaking = (...parts: ReadonlyArray<string | Uint8Array>) =>
  opened(
    createSocketServer((socket) => {
      socket.once("data", () => {
        parts.forEach((part) => socket.write(part))
        socket.end()
      })
    }),
    [],
  )

/** A resolver that gives one answer after the other for any name, the last one for ever, and remembers who was asked for. */
export const resolving = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  const asked: Array<string> = []
  const addresses = (host: string) =>
    Effect.sync(() => {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? []
      asked.push(host)
      return answer
    })
  return { asked, layer: Layer.succeed(Resolver)({ addresses }) }
}
