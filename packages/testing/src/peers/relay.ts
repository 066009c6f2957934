/** What stands between a client and a server: an end of TLS, and a proxy. Both listen on loopback and end with the Scope. */
import { createServer, request as forward } from "node:http"
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

const listening = (server: Server, port = 0): Effect.Effect<number, never, Scope.Scope> => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      // A server that listens has an address with a port.
      server.listen(port, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      }),
  )
}

const join = (one: Socket, port: number, first?: Uint8Array) => {
  const other = connect(port, "127.0.0.1")
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy())
    from.on("close", () => to.destroy())
    from.pipe(to)
  }
  if (first !== undefined && first.length > 0) other.write(first)
}

/** A way to a server that can be cut: then nothing listens there, and what was open is closed. */
export interface Cable {
  readonly url: string
  readonly cut: Effect.Effect<void>
  /** It leads to the server again. */
  readonly mend: Effect.Effect<void>
}

/** A cable to a server over plain HTTP: `url` with another port. */
export const cable = (url: string): Effect.Effect<Cable, never, Scope.Scope> =>
  Effect.gen(function* () {
    const around = yield* Effect.scope
    const to = Number(new URL(url).port)
    let own = yield* Scope.fork(around)
    const lay = (port: number) =>
      Effect.suspend(() =>
        Scope.provide(
          listening(
            createTcpServer((socket) => join(socket, to)),
            port,
          ),
          own,
        ),
      )
    const port = yield* lay(0)
    const there = new URL(url)
    there.port = String(port)
    return {
      url: there.href,
      cut: Effect.suspend(() => Scope.close(own, Exit.void)),
      mend: Effect.andThen(
        Effect.map(Scope.fork(around), (scope) => (own = scope)),
        lay(port),
      ),
    }
  })

export interface Secured {
  readonly port: number
  readonly url: string
  /** Common names of the client certificates, in order of connections; `undefined` where none was shown. */
  readonly clients: ReadonlyArray<string | undefined>
  /** How many TLS sessions were resumed. */
  readonly resumed: () => number
  /** Ends every connection. */
  readonly drop: () => void
}

/** An end of TLS in front of a server: `url` with `https:` and another port. */
export const secured = (url: string, options: TlsOptions): Effect.Effect<Secured, never, Scope.Scope> =>
  Effect.suspend(() => {
    const clients: Array<string | undefined> = []
    const open = new Set<TLSSocket>()
    let resumed = 0
    const server = createTlsServer(options, (socket) => {
      const subject: { readonly CN?: unknown } | undefined = socket.getPeerCertificate()?.subject
      clients.push(typeof subject?.CN === "string" ? subject.CN : undefined)
      if (socket.isSessionReused()) resumed += 1
      open.add(socket)
      socket.on("close", () => open.delete(socket))
      join(socket, Number(new URL(url).port))
    })
    server.on("tlsClientError", () => undefined)
    return Effect.map(listening(server), (port) => {
      const own = new URL(url)
      own.protocol = "https:"
      own.port = String(port)
      return {
        port,
        url: own.href,
        clients,
        resumed: () => resumed,
        drop: () => open.forEach((socket) => socket.destroy()),
      }
    })
  })

export interface Asked {
  /** `CONNECT`, or the method of a request that names its whole URL. */
  readonly method: string
  readonly target: string
  readonly authorization: string | undefined
}

export interface ProxyPeer {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
}

/** A proxy that takes every name for this machine. */
export const proxy = (
  options: {
    /** `user:password`: what it wants to be told; 407 otherwise. */
    readonly credentials?: string
    /** Answers every CONNECT with it. */
    readonly status?: string
    /** The proxy speaks TLS itself. */
    readonly tls?: TlsOptions
  } = {},
): Effect.Effect<ProxyPeer, never, Scope.Scope> =>
  Effect.suspend(() => {
    const asked: Array<Asked> = []
    const wanted =
      options.credentials === undefined ? undefined : `Basic ${Buffer.from(options.credentials).toString("base64")}`
    const http = createServer((incoming, response) => {
      const authorization = incoming.headers["proxy-authorization"]
      asked.push({ method: incoming.method ?? "", target: incoming.url ?? "", authorization })
      if (wanted !== undefined && authorization !== wanted) return void response.writeHead(407).end()
      if (!URL.canParse(incoming.url ?? "")) return void response.writeHead(400).end("not a proxy request")
      const { pathname, port, search } = new URL(incoming.url ?? "")
      const { "proxy-authorization": _, ...headers } = incoming.headers
      const onwards = forward(
        { host: "127.0.0.1", port, method: incoming.method, path: pathname + search, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(response)
        },
      )
      onwards.on("error", () => response.destroy())
      incoming.pipe(onwards)
    })
    http.on("connect", (incoming, socket: Socket, first: Uint8Array) => {
      const authorization = incoming.headers["proxy-authorization"]
      asked.push({ method: "CONNECT", target: incoming.url ?? "", authorization })
      const refused = wanted !== undefined && authorization !== wanted ? "407 Who are you" : options.status
      if (refused !== undefined) return void socket.end(`HTTP/1.1 ${refused}\r\ncontent-length: 0\r\n\r\n`)
      socket.write("HTTP/1.1 200 Connection established\r\nvia: 1.1 test\r\n\r\n")
      join(socket, Number(incoming.url?.split(":").at(-1)), first)
    })
    if (options.tls === undefined) {
      return Effect.map(listening(http), (port) => ({ port, url: `http://127.0.0.1:${port}`, asked }))
    }
    const secure = createTlsServer(options.tls, (socket) => void http.emit("connection", socket))
    secure.on("tlsClientError", () => undefined)
    return Effect.map(listening(secure), (port) => ({ port, url: `https://127.0.0.1:${port}`, asked }))
  })
