/** The constructors of `TransportLayer`: one for each kind of transport. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Auth } from "../auth/auth.ts"
import { Http } from "../http/http.ts"
import * as Custom from "./custom.ts"
import type { TransportError } from "./error.ts"
import * as InMemory from "./in-memory.ts"
import * as Remote from "./remote.ts"
import * as Sse from "./sse.ts"
import * as Stdio from "./stdio.ts"
import * as StreamableHttp from "./streamable-http.ts"
import { type Connection, type Receiver, Transport } from "./transport.ts"

/**
 * A local server over stdin and stdout.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.stdio({ command: ["npx", "-y", "@modelcontextprotocol/server-memory"] })
 * ```
 */
export const stdio = (options: Stdio.StdioOptions): Layer.Layer<Transport> =>
  Layer.succeed(Transport)({ kind: "stdio", open: (receiver) => Stdio.open(options, receiver) })

const overHttp = <Options>(
  kind: string,
  open: (
    options: Options & { readonly http: Http; readonly auth: Auth["Service"] },
    receiver: Receiver,
  ) => Effect.Effect<Connection, TransportError, Scope.Scope>,
  options: Options,
): Layer.Layer<Transport, never, Auth> =>
  Layer.effect(Transport)(
    Effect.gen(function* () {
      const auth = yield* Auth
      const http = yield* Http
      return { kind, open: (receiver) => open({ ...options, http, auth }, receiver) }
    }),
  )

/**
 * A remote server: Streamable HTTP, or HTTP+SSE where its first answer is one of those (400, 404, 405) by which the
 * specification tells an older server.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.remote({ url: "https://example.com/mcp" }).pipe(Layer.provide(AuthLayer.none))
 * ```
 */
export const remote = (options: StreamableHttp.StreamableHttpOptions): Layer.Layer<Transport, never, Auth> =>
  overHttp("streamable-http", Remote.open, options)

/**
 * A remote server over Streamable HTTP alone.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.streamableHttp({ url: "https://example.com/mcp" }).pipe(
 *   Layer.provide(AuthLayer.headers({ authorization: "Bearer 123" })),
 * )
 * ```
 */
export const streamableHttp = (options: StreamableHttp.StreamableHttpOptions): Layer.Layer<Transport, never, Auth> =>
  overHttp("streamable-http", StreamableHttp.open, options)

/**
 * A remote server over HTTP+SSE alone, the transport of revision 2024-11-05.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.sse({ url: "https://example.com/sse" }).pipe(Layer.provide(AuthLayer.none))
 * ```
 */
export const sse = (options: Sse.SseOptions): Layer.Layer<Transport, never, Auth> => overHttp("sse", Sse.open, options)

/**
 * A server in this process. What it gives is called with each message of the client; it is run once for each
 * connection, in the connection's Scope.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.inMemory((client) =>
 *   Effect.succeed((message) => {
 *     if ("id" in message && "method" in message) client.send({ jsonrpc: "2.0", id: message.id, result: {} })
 *   }),
 * )
 * ```
 */
export const inMemory = <R = never>(
  peer: InMemory.InMemoryPeer<R>,
): Layer.Layer<Transport, never, Exclude<R, Scope.Scope>> =>
  fromOpen("in-memory", (receiver) => InMemory.open(peer, receiver))

/**
 * Anything that has a stream of messages and a way to send one. The connection ends when the stream does, with its
 * error; `docs/examples/custom-transport.ts` is one over a socket.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.custom({
 *   kind: "loop",
 *   open: Effect.map(Queue.unbounded<unknown>(), (queue) => ({
 *     send: (message) => Effect.asVoid(Queue.offer(queue, message)),
 *     messages: Stream.fromQueue(queue),
 *   })),
 * })
 * ```
 */
export const custom = <E, R = never>(
  options: Custom.CustomOptions<E, R>,
): Layer.Layer<Transport, never, Exclude<R, Scope.Scope>> =>
  fromOpen(options.kind, (receiver) => Custom.open(options, receiver))

const fromOpen = <R>(
  kind: string,
  open: (receiver: Receiver) => Effect.Effect<Connection, TransportError, R | Scope.Scope>,
): Layer.Layer<Transport, never, Exclude<R, Scope.Scope>> =>
  Layer.effect(Transport)(
    Effect.map(Effect.context<R>(), (context) => ({
      kind,
      open: (receiver) =>
        Effect.updateContext(open(receiver), (scoped: Context.Context<Scope.Scope>) => Context.merge(context, scoped)),
    })),
  )
