/**
 * The server that a person's browser comes back to, and what a person pastes instead.
 *
 * It listens on loopback alone, for one answer of one sign-in. What comes with another state, from another page, under
 * another name or a second time is told so on a page, and neither ends the sign-in nor counts as its answer.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Server, Socket } from "node:net"
import * as Loopback from "../http/loopback.ts"
import { type AuthError, fail, PortUnavailable } from "./error.ts"
import { type Page, render } from "./page.ts"

/** What an authorization server says through the person's browser. */
export interface Callback {
  readonly code?: string | undefined
  readonly state?: string | undefined
  readonly iss?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

export interface Listener {
  /** What the authorization server redirects to. */
  readonly redirectUri: string
  /** The callback with that state, once it came; others are answered with a page that says so. */
  readonly answer: Effect.Effect<Callback, AuthError>
  /** Which state it waits for: nothing is accepted before. */
  readonly expect: (state: string) => void
  /** Shows the outcome on the page that waits for it. */
  readonly conclude: (outcome: { readonly ok: boolean; readonly message: string }) => Effect.Effect<void>
}

/**
 * What the query of a callback says. A member that comes twice is a forgery's, and one without a value counts as absent
 * (RFC 6749, 3.1).
 */
export const readCallback = (query: URLSearchParams): Callback => {
  const one = (name: string) => {
    const [value, ...more] = query.getAll(name)
    return value === "" || more.length > 0 ? undefined : value
  }
  return {
    code: one("code"),
    state: one("state"),
    iss: one("iss"),
    error: one("error"),
    errorDescription: one("error_description"),
  }
}

/** What is longer is no callback, in characters. */
const longestPaste = 64 * 1024

/** What a code may consist of (RFC 6749, A.11). */
const visible = /^[\x21-\x7e]+$/

/**
 * Reads what a person pasted: the URL that the browser was sent to, with its scheme or without, its query, or the code
 * alone, as a page shows it or as it stands in the URL.
 */
export const pasted = (text: string): Callback | undefined => {
  if (text.length > longestPaste) return undefined
  const bare = text.trim().replace(/^["'`<]|["'`>]$/g, "")
  if (!visible.test(bare)) return undefined
  const whole = bare.split("#", 1)[0] ?? ""
  if (/(?:^|[?&])(?:code|error)=/.test(whole)) {
    const callback = readCallback(new URLSearchParams(whole.slice(whole.indexOf("?") + 1)))
    return callback.code === undefined && callback.error === undefined ? undefined : callback
  }
  // A query without a code, an address without one.
  if (/:\/\/|^\??(?:state|iss)=/.test(bare)) return undefined
  return readCallback(new URLSearchParams(`code=${bare.replaceAll("+", "%2B").replaceAll("&", "%26")}`))
}

/** Connections at a time: a browser needs three or four. */
const connections = 32
/** What the head of a request may take, in bytes. */
const headLimit = 16 * 1024
/** How long a connection may be open without a callback that is accepted, in sweeps, and the time between two, in milliseconds. */
const sweeps = 5
const sweepEvery = 1_000
/** How long a page may take to reach the browser before its connection is closed, in milliseconds. */
const farewell = 1_000

const again = "Go back to OpenCode and begin the sign-in again there."
const follow = "Open the address that OpenCode shows in a browser, and sign in there."
const close = "You can close this page and go back to OpenCode."

const pages = {
  method: {
    status: 405,
    title: "Not a callback",
    message: "This address answers the GET of a browser that comes back from a sign-in, and nothing else.",
    next: follow,
  },
  path: { status: 404, title: "Nothing here", message: "OpenCode waits for a sign-in at another path.", next: close },
  host: {
    status: 421,
    title: "Refused",
    message: "This address answers only under the names of this machine's own loopback interface.",
    next: follow,
  },
  origin: {
    status: 403,
    title: "Refused",
    message: "Another page tried to reach this address in the background. Nothing was accepted.",
    next: follow,
  },
  early: {
    status: 409,
    title: "Too early",
    message: "The sign-in has not begun yet. Nothing was accepted.",
    next: follow,
  },
  unknown: {
    status: 400,
    title: "Not this sign-in",
    message:
      "The answer carries no state, or that of another sign-in, so nothing was accepted. The sign-in that OpenCode waits for goes on.",
    next: "Finish the sign-in in the page that was opened last, or paste the address of that page into OpenCode.",
  },
  over: {
    status: 410,
    title: "This sign-in is over",
    message: "Its answer was taken already, and is taken only once.",
    next: close,
  },
  ended: {
    status: 503,
    title: "The sign-in was ended",
    message: "OpenCode stopped waiting before the sign-in was completed.",
    next: again,
  },
} satisfies Readonly<Record<string, Page>>

const pageOf = (outcome: { readonly ok: boolean; readonly message: string }): Page =>
  outcome.ok
    ? { status: 200, title: "Signed in", message: outcome.message, next: close }
    : { status: 400, title: "Not signed in", message: outcome.message, next: again }

const send = (response: ServerResponse, page: Page): void => {
  const { body, headers, status } = render(page)
  response.writeHead(status, headers).end(body)
}

/** Whom a request is addressed to; a runtime takes the first of several. */
const hostOf = ({ headers, rawHeaders }: IncomingMessage): string => {
  const count = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length
  return count === 1 ? (headers.host ?? "").toLowerCase() : ""
}

/** What a browser says of a request that a person did not navigate to (Fetch Metadata). Other clients say nothing. */
const isInBackground = ({ headers }: IncomingMessage): boolean => {
  const mode = headers["sec-fetch-mode"]
  const target = headers["sec-fetch-dest"]
  const { origin } = headers
  // Some browsers send it with a navigation that a form began at another site.
  if (origin !== undefined && !(origin === "null" && mode === "navigate")) return true
  return mode === "no-cors" || (target !== undefined && target !== "document" && target !== "empty")
}

/** What answers the requests, apart from where they come in. */
const makeDesk = (path: string) => {
  const answer = Deferred.makeUnsafe<Callback>()
  let names: ReadonlySet<string> = new Set()
  let expected: string | undefined
  let isTaken = false
  let waiting: ServerResponse | undefined

  const refusal = (request: IncomingMessage, callback: Callback): Page | undefined => {
    if (!names.has(hostOf(request))) return pages.host
    if (isInBackground(request)) return pages.origin
    if (request.method !== "GET") return pages.method
    if ((request.url ?? "").split("?", 1)[0] !== path) return pages.path
    if (expected === undefined) return pages.early
    if (callback.state === undefined || !Loopback.isSame(callback.state, expected)) return pages.unknown
    return isTaken ? pages.over : undefined
  }

  return {
    answer: Deferred.await(answer),
    expect: (state: string): void => {
      expected = state
    },
    nameBy: (port: number): void => {
      names = Loopback.hostsOf(port)
    },
    handle: (request: IncomingMessage, response: ServerResponse): void => {
      const url = request.url ?? ""
      const query = url.includes("?") ? url.slice(url.indexOf("?") + 1) : ""
      const callback = readCallback(new URLSearchParams(query))
      const page = refusal(request, callback)
      if (page !== undefined) return send(response, page)
      isTaken = true
      waiting = response
      Deferred.doneUnsafe(answer, Effect.succeed(callback))
    },
    isWaiting: (socket: Socket): boolean => waiting?.socket === socket,
    /** Answers the page that waits, and lets no other answer in. */
    conclude: (page: Page): Effect.Effect<void> =>
      Effect.suspend(() => {
        isTaken = true
        const response = waiting
        waiting = undefined
        if (response === undefined || response.destroyed) return Effect.void
        return Effect.callback<void>((resume) => {
          response.once("close", () => resume(Effect.void))
          send(response, page)
        }).pipe(Effect.timeoutOption(farewell), realTime, Effect.asVoid)
      }),
  }
}

/** A browser does not live in simulated time. */
const realTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

interface Bound {
  readonly servers: ReadonlyArray<Server>
  readonly port: number
}

type Bind = (host: string, port: number) => Effect.Effect<Server, NodeJS.ErrnoException>

const closeServer = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
  })

const closeAll = (servers: ReadonlyArray<Server>) =>
  Effect.forEach(servers, closeServer, { discard: true, concurrency: "unbounded" })

/** This machine has no such address. */
const missing: ReadonlySet<string | undefined> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"])

/** Listens on each of the addresses at one port: what answers to `localhost` must not be another program. */
const bindAll = (
  bind: Bind,
  hosts: ReadonlyArray<string>,
  wanted: number,
): Effect.Effect<Bound, NodeJS.ErrnoException> =>
  Effect.gen(function* () {
    const servers: Array<Server> = []
    let port = wanted
    for (const host of hosts) {
      yield* bind(host, port).pipe(
        Effect.map((server) => {
          servers.push(server)
          const address = server.address()
          if (typeof address === "object" && address !== null) port = address.port
        }),
        Effect.catchIf(
          (error) => servers.length > 0 && missing.has(error.code),
          () => Effect.void,
        ),
        Effect.tapError(() => closeAll(servers)),
      )
    }
    return { servers, port }
  })

/** How often another free port is tried: one that is free on IPv4 is hardly ever taken on IPv6. */
const attempts = 5

const unavailable = (port: number, error: NodeJS.ErrnoException): AuthError =>
  fail(
    new PortUnavailable({
      port,
      detail:
        error.code === "EADDRINUSE"
          ? "another program uses it, perhaps another sign-in"
          : error.code === "EACCES" || error.code === "EPERM"
            ? "this system does not let it"
            : error.message,
    }),
  )

const hostsOf = ({ hostname, protocol }: URL): ReadonlyArray<string> | undefined => {
  if (protocol !== "http:") return undefined
  if (hostname === "localhost") return ["127.0.0.1", "::1"]
  if (hostname === "[::1]") return ["::1"]
  return hostname === "127.0.0.1" ? ["127.0.0.1"] : undefined
}

/**
 * Listens until its Scope ends. Fails with `PortUnavailable` where `fixed` and the port is taken. A redirect URI that is
 * not of this machine is listened to nowhere: its answer is pasted.
 */
export const listen = (options: {
  readonly redirectUri: string
  /** Whether it has to be that port; otherwise another free one is taken. */
  readonly fixed: boolean
}): Effect.Effect<Listener, AuthError, Scope.Scope> =>
  Effect.gen(function* () {
    const { fixed, redirectUri } = options
    const target = new URL(redirectUri)
    const hosts = hostsOf(target)
    const desk = makeDesk(target.pathname)
    const conclude: Listener["conclude"] = (outcome) => desk.conclude(pageOf(outcome))
    if (hosts === undefined) return { redirectUri, answer: Effect.never, expect: desk.expect, conclude }

    const http = yield* Effect.promise(() => import("node:http"))
    const net = yield* Effect.promise(() => import("node:net"))
    // It reads requests and listens nowhere: the sockets are counted and closed here, the same on every runtime.
    const parser = http.createServer({ maxHeaderSize: headLimit, keepAlive: false }, desk.handle)
    parser.on("clientError", (_error, socket) => socket.destroy())
    const open = new Map<Socket, number>()
    const receive = (socket: Socket) => {
      if (open.size >= connections) return void socket.destroy()
      open.set(socket, 0)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => open.delete(socket))
      parser.emit("connection", socket)
    }
    const bind: Bind = (host, port) =>
      Effect.callback((resume) => {
        const server = net.createServer({ allowHalfOpen: true }, receive)
        server.once("error", (error) => resume(Effect.fail(error)))
        server.listen({ host, port, exclusive: true, ipv6Only: host === "::1" }, () => resume(Effect.succeed(server)))
      })
    const wanted = target.port === "" ? 80 : Number(target.port)
    const acquire = fixed
      ? bindAll(bind, hosts, wanted)
      : Effect.catch(bindAll(bind, hosts, wanted), () => Effect.retry(bindAll(bind, hosts, 0), { times: attempts }))
    const { port } = yield* Effect.acquireRelease(
      Effect.mapError(acquire, (error) => unavailable(wanted, error)),
      ({ servers }) =>
        Effect.gen(function* () {
          yield* desk.conclude(pages.ended)
          for (const socket of open.keys()) socket.destroy()
          yield* closeAll(servers)
        }),
    )
    desk.nameBy(port)
    const sweep = Effect.sync(() => {
      for (const [socket, age] of open) {
        if (desk.isWaiting(socket)) continue
        if (age >= sweeps) socket.destroy()
        else open.set(socket, age + 1)
      }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(sweepEvery), sweep)).pipe(realTime))

    if (port !== wanted) target.port = String(port)
    return {
      redirectUri: port === wanted ? redirectUri : target.href,
      answer: desk.answer,
      expect: desk.expect,
      conclude,
    }
  })
