/**
 * The HTTP requests of one connection: each with the credentials, the session id and the revision that hold when it
 * leaves, and with one answer to each challenge. A success is handed on unread; everything else is a typed error.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { Auth, AuthHeaders } from "../auth/auth.ts"
import { AuthError, Unavailable } from "../auth/error.ts"
import { shownUrl, Unreachable } from "../http/error.ts"
import type { Http } from "../http/http.ts"
import type { Revision } from "../protocol/revision.ts"
import { aborted } from "./aborted.ts"
import { CredentialsFailed, fail, type HttpStatus, type TransportError, type Unauthorized } from "./error.ts"
import { nextTry, Patience, type Waited } from "./patience.ts"
import { readRefusal } from "./refusal.ts"

/** Where a request is. */
export interface Flight {
  /** `held`: not given to the network, or refused. `given`: the server may have it. `taken`: it answers. */
  at: "held" | "given" | "taken"
  /** The id of the session that it was sent in last. */
  session: string | undefined
  /** Somebody waits for what becomes of it. If not, it is not sent once more. */
  readonly open: boolean
}

/** One request, and what becomes of it. Neither function is called after `signal` was aborted. */
export interface Call {
  readonly method: "GET" | "POST" | "DELETE"
  readonly url: string
  readonly body?: string
  readonly lastEventId?: string | undefined
  /** Whether it gets a connection of its own (`HttpRequest.fresh`). */
  readonly fresh?: boolean | undefined
  readonly signal: AbortSignal
  /** Kept up to date, for who wants to know. */
  readonly flight?: Flight
  /**
   * Whether it is sent once more where the server is busy, and says when to come back. Not for a request of JSON-RPC, whose
   * id is used up: it is for the session to ask again.
   */
  readonly insistent?: boolean
  /** A response with a status of success; its body is unread. */
  readonly receive: (response: Response) => void
  readonly fail: (error: TransportError) => void
}

export interface Exchange {
  readonly send: (call: Call) => void
  /** Sends, and waits for the head of the response. */
  readonly request: (
    call: Pick<Call, "method" | "url" | "lastEventId" | "fresh" | "insistent">,
  ) => Effect.Effect<Response, TransportError>
  /** Runs an Effect in the connection's Scope. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** Runs `close` when the server has had its time for taking the cancellation of a request, which is sent next. */
  readonly afterCancellation: (close: () => void) => void
  session: string | undefined
  revision: Revision | undefined
}

/** A nonce, tokens that ran out, scopes that are missing: more challenges of one request, or one again, are a loop. */
const challengeLimit = 3

/** So many requests in a row that are refused with new credentials, and nobody believes in these any more. */
const refusalLimit = 3

const accepts = { GET: "text/event-stream", POST: "application/json, text/event-stream", DELETE: "*/*" } as const

/** Why a URL is not one that a server can have, or nothing. */
const unusable = (url: string): { readonly detail: string; readonly hint: string } | undefined => {
  if (!URL.canParse(url)) return { detail: "it is no URL", hint: `Correct "url" in the server's entry.` }
  const { password, protocol, username } = new URL(url)
  if (protocol !== "http:" && protocol !== "https:") {
    return { detail: "it is no http or https URL", hint: `Correct "url" in the server's entry.` }
  }
  return username === "" && password === ""
    ? undefined
    : { detail: "its URL holds a user name or a password", hint: `Put them into "headers", as "authorization".` }
}

/** What a request has met before it is sent once more. */
interface History {
  /** The challenges that were answered for it. */
  readonly answered: ReadonlyArray<string>
  /** Refusals of a server that was busy: what is left of the delays, and how long it has waited, in milliseconds. */
  readonly refused?: Waited
}

const none: History = { answered: [] }

/** How long the server has for taking a cancellation before its request is closed all the same, in milliseconds. */
const cancellationBound = 1_000

/** Timed by the real clock whatever clock the program runs on, because it is the network that is waited for. */
const cancellationTaken = Effect.provideService(
  Effect.sleep(cancellationBound),
  Clock.Clock,
  Clock.Clock.defaultValue(),
)

/** A layer of a plugin author's may throw: a request that nobody ends would wait for its deadline. */
const withoutDefects = <A>(effect: Effect.Effect<A, AuthError>): Effect.Effect<A, AuthError> =>
  Effect.catchDefect(effect, (cause) =>
    Effect.fail(new AuthError({ reason: new Unavailable({ detail: String(cause), cause }) })),
  )

/** The requests of a connection to `url`, which is the one that credentials are for. */
export const make = (options: {
  readonly url: string
  readonly http: Http
  readonly auth: Auth["Service"]
}): Effect.Effect<Exchange, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const { auth, http, url: ownUrl } = options
    const reason = unusable(ownUrl)
    if (reason !== undefined) {
      return yield* fail(new Unreachable({ url: shownUrl(ownUrl), cause: undefined, ...reason }))
    }
    // Its own, so that the last requests of a connection that ends may still be signed.
    const scope = yield* Scope.fork(yield* Effect.scope)
    const patience = yield* Patience
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const fork = (effect: Effect.Effect<void>) => {
      run(Effect.forkIn(effect, scope))
    }

    /** The headers of a POST: built anew when one of the three that they are made of is another. */
    let built = new Headers()
    let builtOf: readonly [AuthHeaders | undefined, string | undefined, Revision | undefined] = [
      undefined,
      undefined,
      undefined,
    ]
    const headersOf = ({ lastEventId, method }: Call, credentials: AuthHeaders): Headers => {
      const { revision, session } = exchange
      if (method === "POST" && builtOf[0] === credentials && builtOf[1] === session && builtOf[2] === revision) {
        return built
      }
      const headers = new Headers({
        ...credentials,
        accept: accepts[method],
        ...(method === "POST" ? { "content-type": "application/json" } : {}),
        ...(revision === undefined ? {} : { "mcp-protocol-version": revision }),
        ...(session === undefined ? {} : { "mcp-session-id": session }),
        // A header holds bytes: those of the id in UTF-8 (WHATWG HTML, 9.2.4, Last-Event-ID).
        ...(lastEventId === undefined ? {} : { "last-event-id": Buffer.from(lastEventId).toString("latin1") }),
      })
      if (method === "POST") {
        built = headers
        builtOf = [credentials, session, revision]
      }
      return headers
    }

    /** Requests that were refused with new credentials since anything was accepted. */
    let refusals = 0
    const refuse = (call: Call, reason: Unauthorized, { answered }: History) => {
      if (reason.status === 401 && answered.length > 0) refusals += 1
      // First, so that a caller who asks again finds nobody believing in them any more.
      if (refusals >= refusalLimit) auth.refused?.()
      call.fail(fail(reason))
    }

    const withAuth = <A>(call: Call, effect: Effect.Effect<A, AuthError>, then: (value: A) => void) =>
      fork(
        Effect.map(Effect.result(withoutDefects(effect)), (result) => {
          if (call.signal.aborted) return
          if (Result.isSuccess(result)) return then(result.success)
          call.fail(fail(new CredentialsFailed({ url: shownUrl(call.url), cause: result.failure })))
        }),
      )

    /** Sends it once more when the server wants it back, or fails. */
    const comeBack = (call: Call, reason: HttpStatus, history: History) =>
      fork(
        Effect.gen(function* () {
          const next = yield* nextTry(reason, history.refused, patience)
          if (next === undefined) return call.fail(fail(reason))
          yield* Effect.raceFirst(Effect.sleep(next.delay), aborted(call.signal))
          if (call.signal.aborted || call.flight?.open === false) return
          begin(call, { ...history, refused: next.past })
        }),
      )

    const dispatch = (call: Call, sent: AuthHeaders, history: History, own?: AuthHeaders): void => {
      const { answered } = history
      const { session } = exchange
      const { body, flight, method, signal, url } = call
      if (flight !== undefined) {
        flight.at = "given"
        flight.session = session
      }
      const common = headersOf(call, sent)
      // What belongs to one request is not written into the headers of all.
      const headers = own === undefined ? common : new Headers([...common, ...Object.entries(own)])
      http.send(
        { method, url, body, headers, fresh: call.fresh },
        signal,
        (response) => {
          if (flight !== undefined) flight.at = response.ok ? "taken" : "held"
          if (own !== undefined) auth.answered?.(call, response.headers)
          if (response.ok) {
            refusals = 0
            return call.receive(response)
          }
          readRefusal(url, response, session, (reason) => {
            if (signal.aborted || flight?.open === false) return
            if (reason._tag === "HttpStatus" && reason.retryAfter !== undefined && call.insistent === true) {
              return comeBack(call, reason, history)
            }
            if (reason._tag !== "Unauthorized") return call.fail(fail(reason))
            if (answered.length >= challengeLimit) return refuse(call, reason, history)
            const { challenge: header, status } = reason
            const asked = `${status} ${header}`
            if (answered.includes(asked)) return refuse(call, reason, history)
            const nonce = response.headers.get("dpop-nonce") ?? undefined
            withAuth(call, auth.challenged({ status, url: reason.url, header, sent, nonce }), (retry) =>
              // Counted, but not as an answer to what was asked.
              retry
                ? begin(call, { ...history, answered: [...answered, retry === "replaced" ? retry : asked] })
                : refuse(call, reason, history),
            )
          })
        },
        (error) => call.fail(fail(error.reason)),
      )
    }

    const sign = (call: Call, sent: AuthHeaders, history: History): void => {
      const signing = auth.sign?.(call, sent)
      if (signing === undefined) return dispatch(call, sent, history)
      withAuth(call, signing, (own) => dispatch(call, sent, history, own))
    }

    const begin = (call: Call, history: History): void => {
      const credentials = auth.current()
      if (credentials !== undefined) return sign(call, credentials, history)
      withAuth(call, auth.headers, (headers) => sign(call, headers, history))
    }

    const exchange: Exchange = {
      session: undefined,
      revision: undefined,
      fork,
      afterCancellation: (close) => fork(Effect.andThen(cancellationTaken, Effect.sync(close))),
      send: (call) => begin(call, none),
      request: (call) =>
        Effect.callback((resume, signal) => {
          begin(
            {
              ...call,
              signal,
              receive: (response) => resume(Effect.succeed(response)),
              fail: (error) => resume(Effect.fail(error)),
            },
            none,
          )
        }),
    }
    return exchange
  })
