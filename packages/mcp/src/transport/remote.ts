/**
 * A remote server whose transport is not known: Streamable HTTP, and HTTP+SSE where the answer to the first POST is one
 * of those by which the specification tells an older server (2025-11-25, Transports, Backwards Compatibility).
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Auth } from "../auth/auth.ts"
import type { Http } from "../http/http.ts"
import type { Message, RequestId } from "../protocol/jsonrpc.ts"
import type { TransportError } from "./error.ts"
import * as Sse from "./sse.ts"
import * as StreamableHttp from "./streamable-http.ts"
import type { Connection, Receiver } from "./transport.ts"

/** 400 Bad Request, 404 Not Found, 405 Method Not Allowed: an older server, or none at all. */
const older: ReadonlySet<number> = new Set([400, 404, 405])

const saysOlder = ({ reason }: TransportError): boolean => reason._tag === "HttpStatus" && older.has(reason.status)

/** How long a server that may be an older one has for naming its endpoint, in milliseconds. */
const endpointBound = 5_000

/** Opens a connection over whichever of the two the server speaks. Where it speaks neither, the first error counts. */
export const open = (
  options: StreamableHttp.StreamableHttpOptions & { readonly http: Http; readonly auth: Auth["Service"] },
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const run = Effect.runForkWith(yield* Effect.context<never>())
    /** The first message, until its answer has told what the server is. */
    let first: Message | undefined
    let settled = false
    let kind = "streamable-http"

    const fallBack = (message: Message, id: RequestId, error: TransportError) => {
      let opened = false
      const refuse = () => {
        if (opened || settled) return
        settled = true
        receiver.failed(id, error)
      }
      const attempt = Sse.open(
        {
          ...options,
          opened: () => {
            opened = true
            settled = true
            kind = "sse"
          },
        },
        { ...receiver, ended: (reason) => (opened ? receiver.ended(reason) : refuse()) },
      )
      run(
        attempt.pipe(
          Effect.matchEffect({
            onFailure: () => Effect.sync(refuse),
            onSuccess: (next) =>
              Effect.suspend(() => {
                current = next
                next.send(message)
                return Effect.andThen(Effect.sleep(endpointBound), Effect.sync(refuse))
              }),
          }),
          Effect.provideService(Scope.Scope, scope),
          Effect.forkIn(scope),
        ),
      )
    }

    let current = yield* StreamableHttp.open(options, {
      ...receiver,
      message: (value, related) => {
        settled = true
        receiver.message(value, related)
      },
      failed: (id, error) => {
        const message = first
        first = undefined
        if (message === undefined || settled || !saysOlder(error)) return receiver.failed(id, error)
        fallBack(message, id, error)
      },
      // Once the other is in use, this one's end is no news.
      ended: (error) => {
        if (kind === "streamable-http") receiver.ended(error)
      },
    })
    return {
      get kind() {
        return kind
      },
      send: (message) => {
        if (!settled && first === undefined) first = message
        return current.send(message)
      },
      abandoned: (id) => current.abandoned(id),
      negotiated: (revision) => current.negotiated(revision),
    }
  })
