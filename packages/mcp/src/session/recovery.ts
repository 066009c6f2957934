/**
 * A session that the server has forgotten is begun anew over the same connection: once, however many requests learn of
 * it, and then each of them is sent once more (2025-11-25, Transports, Session Management). The server said that it took
 * none of them, so no effect happens twice.
 *
 * A server that forgets the new session before it has answered anything would be asked for ever: then it is over.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Method from "../protocol/method.ts"
import { isPassing, type TransportError } from "../transport/error.ts"
import { Patience } from "../transport/patience.ts"
import { isSessionLost } from "../transport/session-lost.ts"
import { comeBack } from "./busy.ts"
import type { Owner } from "./entry.ts"
import { closed, type SessionError } from "./error.ts"
import { within } from "./within.ts"

/** What changes nothing at the server: it is asked once more where its answer was lost on the way. */
const repeatable: ReadonlySet<string> = new Set([
  "ping",
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete",
  "tasks/get",
  "tasks/list",
  "tasks/result",
])

/** A server that ended a stream may be about to start anew: it is asked again after this long, in milliseconds. */
const breath = 250

const saysWhen = ({ reason }: TransportError): boolean =>
  reason._tag === "HttpStatus" && reason.retryAfter !== undefined

/** Whether the server may have taken the request, and its answer cannot come any more. */
const isAnswerLost = ({ reason }: TransportError): boolean =>
  reason._tag === "StreamEnded" || reason._tag === "Unreachable"

/** A server that is being restarted: four more attempts within some eight seconds. */
const handshakes = Schedule.max([Schedule.exponential("500 millis").pipe(Schedule.jittered), Schedule.recurs(4)])

export interface Recovery {
  readonly lost: Owner["lost"]
  readonly generation: Owner["generation"]
  /** Whether the session with this number is no longer in force, or about to be so. */
  readonly isOver: (generation: number) => boolean
  /** The session was found to be forgotten without any request that waits. */
  readonly forgotten: (error: TransportError) => void
  /**
   * What a request waits for that is sent meanwhile, no longer than its timeout: in no session it would be refused.
   * `undefined` where nothing is under way, and for the handshake itself.
   */
  readonly underWay: (method: string, timeout: number | undefined) => Effect.Effect<void, SessionError> | undefined
  /** The first session has begun: from here on one that is lost is begun anew. */
  readonly begun: () => void
}

export const make = (options: {
  readonly server: string
  /** How long a request that names no timeout may wait, in milliseconds. */
  readonly timeout: number
  /** Makes the handshake again, and tells whoever has to know. */
  readonly handshake: Effect.Effect<void, SessionError>
  /** How many answers came, over all sessions. */
  readonly answers: () => number
  /** Fails when the connection ends. */
  readonly ended: Effect.Effect<never, TransportError>
  /** It could not be begun anew. */
  readonly failed: (error: TransportError) => void
}): Effect.Effect<Recovery, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const patience = yield* Patience
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    /** What they learn who wait for it where the connection is closed. */
    const over = closed(options.server, Method.initialize.method)
    let generation = 0
    let running: Deferred.Deferred<void, SessionError> | undefined
    /** The answers before this session's own; `undefined` before the first session. */
    let answersBefore: number | undefined

    const start = (error: TransportError): Deferred.Deferred<void, SessionError> | undefined => {
      if (running !== undefined) return running
      if (answersBefore === undefined || (generation > 0 && options.answers() <= answersBefore)) {
        if (answersBefore !== undefined) options.failed(error)
        return undefined
      }
      const current = Deferred.makeUnsafe<void, SessionError>()
      if (scope.state._tag === "Closed") {
        // A refusal that comes while the connection is being closed: nothing is begun, and nothing would end the wait.
        Deferred.doneUnsafe(current, Exit.fail(over))
        return current
      }
      running = current
      const work = Effect.retry(options.handshake, {
        schedule: handshakes,
        while: ({ reason }) =>
          // One that says when to come back was waited for already, or wants more time than there is.
          reason._tag === "Transport" && isPassing(reason.error) && !saysWhen(reason.error),
      }).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            running = undefined
            if (exit._tag === "Success") {
              generation += 1
              answersBefore = options.answers()
            } else options.failed(error)
            // Who waits was not interrupted, where the connection was closed meanwhile.
            const isClosed = exit._tag === "Failure" && Cause.hasInterrupts(exit.cause)
            Deferred.doneUnsafe(current, isClosed ? Exit.fail(over) : exit)
          }),
        ),
      )
      // At once: what is interrupted before it has started never tells of its end.
      runFork(Effect.forkIn(work, scope, { startImmediately: true }))
      return current
    }

    /** Several handshakes may be tried: whoever waits has a time of their own. */
    const awaited = (session: Deferred.Deferred<void, SessionError>, method: string, timeout: number | undefined) =>
      within(
        // That the handshake failed is a reason; that it was given up is none, and concerns the request itself.
        Effect.mapError(Deferred.await(session), (error) => (error === over ? closed(options.server, method) : error)),
        options.server,
        method,
        timeout ?? options.timeout,
      )

    return {
      generation: () => generation,
      isOver: (one) => running !== undefined || one !== generation,
      begun: () => {
        answersBefore = options.answers()
      },
      underWay: (method, timeout) =>
        running === undefined || method === Method.initialize.method ? undefined : awaited(running, method, timeout),
      forgotten: (error) => {
        start(error)
      },
      lost: (error, failed) => {
        const later = comeBack(error, failed, patience, options.ended)
        if (later !== undefined || failed.past?.isRepeated === true) return later
        if (isAnswerLost(error)) {
          const may = repeatable.has(failed.error.method) || failed.options?.repeatable === true
          return may ? Effect.andThen(Effect.sleep(breath), failed.again) : undefined
        }
        if (!isSessionLost(error.reason)) return undefined
        // It was sent in a session before this one, and its refusal took its time.
        if (failed.generation < generation) return failed.again
        const current = start(error)
        const { error: told, options: asked } = failed
        return current === undefined
          ? undefined
          : Effect.andThen(awaited(current, told.method, asked?.timeout), failed.again)
      },
    }
  })
