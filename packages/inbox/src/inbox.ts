/** The page's server: listens on loopback as long as the Scope, and lets in who knows the secret of the run. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { hostsOf, isSame, stranger } from "@opencode-ai/mcp/http/loopback"
import { write } from "@opencode-ai/mcp/protocol/json"
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { answering } from "./asks.ts"
import * as Board from "./board.ts"
import * as Front from "./front.ts"
import type { Host } from "./host.ts"
import type { Push } from "./model.ts"
import type { Underway } from "./underway.ts"

/** The page cannot be served. */
export class InboxError extends Data.TaggedError("InboxError")<{ readonly detail: string; readonly cause?: unknown }> {
  override get message(): string {
    return this.detail
  }
}

export interface Inbox {
  /** Where the page is, with the secret: for the person's eyes. */
  readonly url: string
  /** An address for a browser's command line, where others on the machine may read it: good once, for a minute. */
  readonly ticket: Effect.Effect<string>
  /** Whether a page is open somewhere. */
  readonly isWatched: () => boolean
}

export interface Options {
  /** The page, one HTML document with its script and style inside (`page.ts`). */
  readonly html: string
  /** Default: any that is free. */
  readonly port?: number | undefined
}

/** Streams of events at a time, connections, and what the body of a request may take. */
const streams = 32
const connections = 128
const bodyLimit = ByteSize.mebibytes(16)
/** How long the head of a request may take, and all of it, in milliseconds. */
const headTime = 10_000
const requestTime = 60_000

const encoder = new TextEncoder()
const sign = encoder.encode(": \n\n")
const encoded = (pushes: ReadonlyArray<Push>): Uint8Array =>
  pushes.length === 0
    ? sign
    : // What cannot be written, as it is nested without end, is left out.
      encoder.encode(
        pushes
          .flatMap((push) => write(push) ?? [])
          .map((data) => `data: ${data}\n\n`)
          .join(""),
      )

const refuse = (status: number, why: string) => HttpServerResponse.text(`${why}\n`, { status, headers: Front.headers })

const refusals = {
  host: refuse(421, "This server answers only under the names of this machine's own loopback interface."),
  origin: refuse(403, "Another page tried to reach this server. Nothing was done."),
  secret: refuse(
    403,
    "The address of this page holds a secret, which this one does not. Open the address that `mcp ui` prints, or `/mcp` in OpenCode shows.",
  ),
  nothing: refuse(404, "There is nothing here: the page is at /."),
  full: refuse(503, `${streams} pages are open already; close one.`),
  type: refuse(415, "The content type has to be application/json."),
  body: refuse(400, "The body could not be read."),
  slow: refuse(408, "The body took too long to arrive."),
  large: refuse(413, "The body is larger than 16 MiB."),
}

const isJson = (type: string | undefined): boolean => /^application\/json\s*(?:;|$)/i.test(type ?? "")

/** Listens on 127.0.0.1 as long as the Scope, whose end closes every stream and connection. */
export const listen = (host: Host, options: Options): Effect.Effect<Inbox, InboxError, Scope.Scope | Underway> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const board = yield* Board.make(host)
    const answer = yield* answering(host, board)
    const secret = randomBytes(32).toString("base64url")
    const tickets = Front.tickets(() => clock.currentTimeMillisUnsafe())
    const over = yield* Deferred.make<void>()
    const page = HttpServerResponse.text(options.html, {
      contentType: "text/html; charset=utf-8",
      headers: { ...Front.headers, "content-security-policy": Front.policy(options.html) },
    })
    const toPage = HttpServerResponse.empty({
      status: 303,
      headers: { ...Front.headers, location: `/?secret=${secret}` },
    })

    const root = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers, method, url }) => {
      // Not every target of a request is a URL.
      const query = new URLSearchParams(url.split("?").slice(1).join("?"))
      const ticket = query.get("ticket")
      // What only looks at an address takes no ticket.
      if (ticket !== null) return method === "GET" && tickets.take(ticket) ? toPage : refusals.secret
      const given = query.get("secret") ?? /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? ""
      return isSame(given, secret) ? page : refusals.secret
    })

    /** Only for who knows the secret. */
    const known = <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        isSame(headers["authorization"] ?? "", `Bearer ${secret}`) ? app : Effect.succeed(refusals.secret),
      )

    const events = Effect.sync(() => {
      if (board.size() >= streams) return refusals.full
      const { directory, version } = host
      const hello: Push = { type: "hello", directory, version }
      const all = Stream.unwrap(
        Effect.map(board.open, ({ next }) => Stream.map(Stream.fromEffectRepeat(next), encoded)),
      ).pipe(Stream.interruptWhen(Deferred.await(over)))
      return HttpServerResponse.stream(Stream.concat(Stream.succeed(encoded([hello])), all), {
        contentType: "text/event-stream",
        headers: Front.headers,
      })
    })

    const ask = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, text }) => {
      if (!isJson(headers["content-type"])) return Effect.succeed(refusals.type)
      return text.pipe(
        Effect.provideService(HttpServerRequest.MaxBodySize, bodyLimit),
        // Not every runtime bounds the time of a body by itself.
        Effect.timeoutOption(requestTime),
        Effect.flatMap(
          Option.match({
            onNone: () => Effect.succeed(refusals.slow),
            onSome: (body) =>
              Effect.map(answer(body), (answered) =>
                HttpServerResponse.jsonUnsafe(answered, { headers: Front.headers }),
              ),
          }),
        ),
        Effect.catchTag("HttpServerError", ({ reason }) =>
          Effect.succeed("reason" in reason && reason.reason === "BodyTooLarge" ? refusals.large : refusals.body),
        ),
      )
    })

    const guard = HttpRouter.middleware(
      Effect.map(HttpServer.HttpServer, ({ address }) => {
        const hosts = hostsOf("port" in address ? address.port : 0)
        return (app) =>
          Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers: { host, origin } }) => {
            const foreign = stranger(hosts, { host, origin })
            return foreign === undefined ? app : Effect.succeed(refusals[foreign])
          })
      }),
      { global: true },
    )

    // Later than the answer that says so.
    const server = createServer({ headersTimeout: headTime, requestTimeout: 1.5 * requestTime })
    server.maxConnections = connections
    const listener = NodeHttpServer.layer(() => server, {
      port: options.port ?? 0,
      host: "127.0.0.1",
      gracefulShutdownTimeout: "1 second",
    })
    const routes = Layer.mergeAll(
      guard,
      HttpRouter.add("GET", "/", root),
      HttpRouter.add("GET", "/events", known(events)),
      HttpRouter.add("POST", "/ask", known(ask)),
      HttpRouter.add("*", "/*", known(Effect.succeed(refusals.nothing))),
    )
    const context = yield* Layer.build(
      HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(Layer.provideMerge(listener)),
    ).pipe(
      Effect.mapError((cause) => {
        const where = options.port === undefined ? "127.0.0.1" : `127.0.0.1:${options.port}`
        const why = cause.cause instanceof Error ? cause.cause.message : cause.message
        return new InboxError({ detail: `the page cannot be served on ${where}: ${why}`, cause })
      }),
    )
    // The streams first, then what else is open: the server waits for all of them.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))
    const { address } = Context.get(context, HttpServer.HttpServer)
    const base = `http://127.0.0.1:${"port" in address ? address.port : 0}/`

    return {
      url: `${base}?secret=${secret}`,
      ticket: Effect.sync(() => `${base}?ticket=${tickets.issue()}`),
      isWatched: () => board.size() > 0,
    }
  })
