/**
 * Opens connections for HTTP: to a host or through a proxy, with TLS of a server's own, the same on every runtime. What
 * it gives is ready for a request: the certificate is the host's, and its key the pinned one, on each connection.
 */
import { Agent } from "node:http"
import { connect as connectSocket, isIP, type LookupFunction, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type SecureContext } from "node:tls"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { HttpError, PinMismatch, shownUrl, Unreachable } from "./error.ts"
import { type Circumstances, proxyFailureOf } from "./failure.ts"
import { hostOf } from "./guard.ts"
import type { Proxy } from "./proxy.ts"
import { pinOf } from "./tls.ts"

/** Where a connection leads. */
export interface Target {
  readonly url: URL
  /** Connected to instead of what the name resolves to; a proxy resolves by itself. */
  readonly addresses?: ReadonlyArray<string> | undefined
  readonly proxy: Proxy | undefined
  /** TLS of the target and of an `https:` proxy. `undefined`: the runtime's own. */
  readonly trust: SecureContext | undefined
  /** TLS of the target alone, with the client certificate, where it may be shown to it. */
  readonly identity: SecureContext | undefined
  /** The target's key, where it is pinned. */
  readonly pin: string | undefined
  /** The URL is a server's word, and not the entry's. */
  readonly foreign?: boolean | undefined
}

/** What each step of connecting may take without a byte, in milliseconds. */
const patience = 10_000

/** Milliseconds that an address has to answer before the next one is tried too; the last one has until the deadline. */
const attempt = 1_000

/** A proxy's answer to CONNECT is a few lines. In characters. */
const headLimit = 64 * 1024

const isSecure = ({ protocol }: URL): boolean => protocol === "https:"

const portOf = (url: URL): number => Number(url.port || (isSecure(url) ? 443 : 80))

/** Host and port, as CONNECT names them. */
const authorityOf = (url: URL): string => `${url.hostname}:${portOf(url)}`

/** Whether requests name their whole URL to a proxy, which then makes them itself; otherwise it opens a tunnel. */
export const isForwarded = ({ proxy, url }: Target): boolean => proxy !== undefined && !isSecure(url)

/** How what fails on the way to a target is to be understood. */
export const circumstancesOf = ({ foreign, identity, proxy }: Target): Circumstances => ({
  foreign,
  proxy: proxy === undefined ? undefined : shownUrl(proxy.url.href),
  identified: identity !== undefined,
})

const proxyFailed = (target: Target, proxy: Proxy, detail: string, cause?: unknown, hint?: string): HttpError =>
  new HttpError({
    reason: new Unreachable({
      url: shownUrl(target.url.href),
      detail: `the proxy ${shownUrl(proxy.url.href)} failed: ${detail}`,
      hint:
        hint ??
        (proxy.field === "proxy"
          ? `Correct "proxy" in the server's entry, or set it to false for a direct connection.`
          : `It is named by ${proxy.field} in the environment: correct that, except the host in NO_PROXY, or set "proxy": false in the server's entry.`),
      cause,
    }),
  })

const lostOnTheWay = (target: Target, proxy: Proxy, cause: unknown): HttpError => {
  const { detail, hint } = proxyFailureOf(cause)
  return proxyFailed(target, proxy, detail, cause, hint)
}

/** What a proxy means that asks for credentials (RFC 9110, 15.5.8). */
export const unauthorized = (target: Target, proxy: Proxy): HttpError =>
  proxyFailed(
    target,
    proxy,
    proxy.authorization === undefined
      ? "it asks for a user name and a password (HTTP 407)"
      : "it does not accept this user name and password (HTTP 407)",
    undefined,
    `Put them into its URL, percent-encoded, as http://user:password@host:port (${proxy.field === "proxy" ? `"proxy" in the server's entry` : proxy.field}).`,
  )

/** Answers with what was checked, whatever is asked for. */
const lookupOf = (addresses: ReadonlyArray<string>): LookupFunction => {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, done) => {
    const [first] = all
    if (options.all === true || first === undefined) done(null, all)
    else done(null, first.address, first.family)
  }
}

const ignore = () => undefined

/**
 * Waits for a socket to be ready: `begin` makes it, and calls `ready` or not. Whatever ends it sooner is the failure;
 * interrupting destroys it.
 */
const awaited = <S extends Socket>(begin: (ready: () => void) => S): Effect.Effect<S, unknown> =>
  Effect.callback((resume) => {
    const socket = begin(() => {
      socket.off("error", fail).off("close", closed).off("timeout", late).setTimeout(0)
      resume(Effect.succeed(socket))
    })
    const fail = (cause: unknown) => {
      resume(Effect.fail(cause))
      socket.destroy()
    }
    const closed = () => fail(Object.assign(new Error("closed"), { code: "ECONNRESET" }))
    const late = () => fail(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }))
    // Errors come after the end of the waiting, too.
    socket.on("error", ignore).on("error", fail).on("close", closed).on("timeout", late).setTimeout(patience)
    return Effect.sync(() => socket.destroy())
  })

const dial = (url: URL, addresses?: ReadonlyArray<string>): Effect.Effect<Socket, unknown> =>
  awaited((ready) =>
    connectSocket(
      {
        host: hostOf(url),
        port: portOf(url),
        noDelay: true,
        autoSelectFamilyAttemptTimeout: attempt,
        ...(addresses === undefined ? {} : { lookup: lookupOf(addresses) }),
      },
      ready,
    ),
  )

const handshake = (socket: Socket, url: URL, secureContext: SecureContext | undefined) =>
  awaited((ready) => {
    const host = hostOf(url)
    return connectTls(
      {
        socket,
        // An address is no name for SNI (RFC 6066, 3).
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(secureContext === undefined ? {} : { secureContext }),
        ALPNProtocols: ["http/1.1"],
        checkServerIdentity: (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
      },
      ready,
    )
  }).pipe(Effect.onError(() => Effect.sync(() => socket.destroy())))

/** Asks a proxy for a tunnel (RFC 9110, 9.3.6), and gives the status of its answer and its reason. */
const asked = (socket: Socket, request: string): Effect.Effect<readonly [status: number, text: string], unknown> =>
  Effect.callback((resume) => {
    let head = ""
    const end = (result: Effect.Effect<readonly [number, string], unknown>) => {
      socket.off("data", read).off("error", fail).off("close", closed).off("timeout", late).setTimeout(0)
      resume(result)
    }
    const fail = (cause: unknown) => end(Effect.fail(cause))
    const closed = () => fail("it closed the connection without an answer")
    const late = () => fail(`it did not answer within ${patience / 1000} s`)
    const read = (bytes: Buffer) => {
      head += bytes.toString("latin1")
      const answer = /^HTTP\/1\.[01] (\d{3}) ?([^\r\n]*)\r?\n/.exec(head)
      if (answer === null && !"HTTP/1.".startsWith(head.slice(0, 7))) return fail("what answers there is no HTTP proxy")
      if (head.length > headLimit) return fail("its answer has no end")
      if (answer !== null && /\r?\n\r?\n/.test(head)) end(Effect.succeed([Number(answer[1]), answer[2] ?? ""]))
    }
    socket.on("data", read).on("error", fail).on("close", closed).on("timeout", late).setTimeout(patience)
    socket.write(request)
    return Effect.sync(() => socket.destroy())
  })

const refusal = (status: number, text: string, authority: string): string => {
  const answer = `HTTP ${status}${text === "" ? "" : ` ${text}`}`
  if (status === 502 || status === 503 || status === 504) return `it could not connect to ${authority} (${answer})`
  if (status === 403) return `it does not allow connections to ${authority} (${answer})`
  return `it refused to connect to ${authority} (${answer}); is it a proxy?`
}

/** A connection to the proxy itself. */
const approach = (target: Target, proxy: Proxy): Effect.Effect<Socket, HttpError> =>
  dial(proxy.url).pipe(
    Effect.flatMap((socket) =>
      isSecure(proxy.url) ? handshake(socket, proxy.url, target.trust) : Effect.succeed(socket),
    ),
    Effect.mapError((cause) => lostOnTheWay(target, proxy, cause)),
  )

const tunnel = (target: Target, proxy: Proxy): Effect.Effect<Socket, HttpError> =>
  Effect.gen(function* () {
    const authority = authorityOf(target.url)
    const socket = yield* approach(target, proxy)
    const credentials =
      proxy.authorization === undefined ? "" : `proxy-authorization: ${Redacted.value(proxy.authorization)}\r\n`
    const [status, text] = yield* asked(
      socket,
      `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${credentials}\r\n`,
    ).pipe(Effect.mapError((cause) => lostOnTheWay(target, proxy, cause)))
    if (status >= 200 && status < 300) return socket
    socket.destroy()
    return yield* status === 407
      ? unauthorized(target, proxy)
      : proxyFailed(target, proxy, refusal(status, text, authority))
  })

/**
 * A connection that requests to the target may be written to. Fails with an `HttpError`, or with what the network says,
 * which `failureOf` explains under `circumstancesOf(target)`; interrupting it closes everything.
 */
export const connect = (target: Target): Effect.Effect<Socket, unknown> =>
  Effect.gen(function* () {
    const { addresses, identity, pin, proxy, trust, url } = target
    if (proxy !== undefined && isForwarded(target)) return yield* approach(target, proxy)
    const socket = yield* proxy === undefined ? dial(url, addresses) : tunnel(target, proxy)
    if (!isSecure(url)) return socket
    const secure = yield* handshake(socket, url, identity ?? trust)
    if (pin === undefined) return secure
    const actual = pinOf(secure)
    if (actual === pin) return secure
    secure.destroy()
    const host = authorityOf(url)
    return yield* new HttpError({
      reason: new PinMismatch({ url: shownUrl(url.href), host, expected: pin, actual: actual ?? "" }),
    })
  })

/**
 * The connections to one target. Each is opened by `connect`, none resumes the TLS session of another: what was checked
 * is what is used. `keep`: they serve one request after the other.
 */
export class Connections extends Agent {
  private readonly target: Target
  private readonly opening = new Set<() => void>()

  constructor(target: Target, options: { readonly keep: boolean }) {
    // What is idle for long was closed by many a server, and only told when the next request meets it.
    super(options.keep ? { keepAlive: true, timeout: idle } : { keepAlive: false })
    this.target = target
  }

  override createConnection(_options: unknown, done?: (error: Error | null, socket: Duplex) => void): undefined {
    // By the real clock, whatever the program runs on.
    const interrupt = Effect.runCallback(connect(this.target), {
      onExit: (exit) => {
        this.opening.delete(stop)
        if (Exit.isSuccess(exit)) return done?.(null, exit.value)
        const error = Cause.squash(exit.cause)
        // A failure comes without a socket.
        Reflect.apply(done ?? ignore, undefined, [error])
      },
    })
    const stop = () => interrupt()
    this.opening.add(stop)
  }

  /** Closes what is open and what is being opened. */
  override destroy(): void {
    for (const stop of this.opening) stop()
    super.destroy()
  }
}

/** How long a connection waits for its next request, in milliseconds. */
const idle = 4_000
