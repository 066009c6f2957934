/**
 * What a host asked one server for that outlives a session: the resources it subscribed to, and the level of the log.
 *
 * A wish is kept once the server has granted it, and is said again to every session that follows (2025-11-25, Resources,
 * Subscriptions; Logging): again and again where the server is down or busy, because nobody else will. What fails there is a
 * warning: it harms neither the session nor the wish.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Method from "../protocol/method.ts"
import type { LoggingLevel } from "../protocol/model.ts"
import { SessionError, TooMany } from "../session/error.ts"
import type { Session } from "../session/session.ts"

/** The most subscriptions to one server. */
export const subscriptionLimit = 1_000
/** How many are made at the same time in a new session. */
const concurrency = 16
/** How many failures of one session are told one by one. */
const told = 3

/** A server that was down when its new session was told: ever more rarely, as long as that session lasts. */
const patience = Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("30 seconds")]).pipe(
  Schedule.jittered,
)

const untilTaken = <A>(request: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
  Effect.retry(request, { schedule: patience, while: ({ reason }) => reason._tag === "Transport" && reason.isPassing })

/** The wishes of a server, as they are said to one of its sessions. */
export interface Wishes {
  /** Fails with `NotDeclared`, and nothing is sent, where the server does not offer subscriptions. */
  readonly subscribe: (uri: string) => Effect.Effect<void, SessionError>
  /** Forgets it at once, whatever the server answers. */
  readonly unsubscribe: (uri: string) => Effect.Effect<void, SessionError>
  /** Fails with `NotDeclared`, and nothing is sent, where the server does not log. */
  readonly setLevel: (level: LoggingLevel) => Effect.Effect<void, SessionError>
}

export interface Standing {
  /** The wishes as they are said to `session`. */
  readonly of: (session: Session["Service"]) => Wishes
  /** Says to a new session what was granted in those before. Never fails. */
  readonly renew: (session: Session["Service"]) => Effect.Effect<void>
  /** Whether there are subscriptions. */
  readonly subscribes: () => boolean
}

/** A subscription to one resource, asked for by whoever wants it. */
interface Subscription {
  granted: boolean
  /** How many wait for it to be granted. */
  waiting: number
}

/** The wishes of one server, none yet. `timeout` bounds each request, in milliseconds. */
export const make = (options: { readonly server: string; readonly timeout: number }): Standing => {
  const { timeout } = options
  const uris = new Map<string, Subscription>()
  let level: LoggingLevel | undefined

  const subscribe = (session: Session["Service"], uri: string) =>
    session.request(Method.subscribe, { uri }, { timeout })
  const setLevel = (session: Session["Service"], to: LoggingLevel) =>
    session.request(Method.setLevel, { level: to }, { timeout })

  const renew = (session: Session["Service"]): Effect.Effect<void> =>
    Effect.suspend(() => {
      const failures: Array<string> = []
      const failed = (what: string) => (error: SessionError) =>
        Effect.sync(() => {
          // The end of the session is told by its status.
          if (error.reason._tag === "Transport" && !error.reason.isOneAnswer) return
          failures.push(`${what}: ${error.reason.message}`)
        })
      const wanted = level
      const logs =
        wanted === undefined
          ? Effect.void
          : Effect.catch(
              untilTaken(
                // Another was asked for meanwhile.
                Effect.suspend(() => (level === wanted ? Effect.asVoid(setLevel(session, wanted)) : Effect.void)),
              ),
              failed(`the log level ${wanted}`),
            )
      const subscriptions = Effect.forEach(
        [...uris.keys()],
        (uri) =>
          Effect.catch(
            untilTaken(
              // One that was given up meanwhile is not made again.
              Effect.suspend(() => (uris.has(uri) ? Effect.asVoid(subscribe(session, uri)) : Effect.void)),
            ),
            failed(`the subscription to ${JSON.stringify(uri)}`),
          ),
        { concurrency, discard: true },
      )
      const tell = Effect.sync(() => {
        const more = failures.length - told
        const all = [...failures.slice(0, told), ...(more > 0 ? [`and ${more} more`] : [])]
        if (failures.length === 0) return
        session.notifications.publish("warning", {
          message: `the new session did not take what was asked of the one before: ${all.join("; ")}`,
        })
      })
      return Effect.andThen(Effect.all([logs, subscriptions], { concurrency: 2, discard: true }), tell)
    })

  return {
    of: (session) => ({
      subscribe: (uri) =>
        Effect.suspend(() => {
          if (uris.size >= subscriptionLimit && !uris.has(uri)) {
            const reason = new TooMany({ what: "subscriptions", limit: subscriptionLimit })
            const { method } = Method.subscribe
            return Effect.fail(new SessionError({ server: options.server, method, reason }))
          }
          const own = uris.get(uri) ?? { granted: false, waiting: 0 }
          own.waiting += 1
          // Before it is granted, so that what gives it up meanwhile is not undone by the answer.
          uris.set(uri, own)
          const settle = (exit: Exit.Exit<unknown, SessionError>) => {
            own.waiting -= 1
            own.granted ||= Exit.isSuccess(exit)
            if (!own.granted && own.waiting === 0 && uris.get(uri) === own) uris.delete(uri)
          }
          return Effect.asVoid(Effect.onExit(subscribe(session, uri), (exit) => Effect.sync(() => settle(exit))))
        }),
      unsubscribe: (uri) =>
        Effect.suspend(() => {
          uris.delete(uri)
          return Effect.asVoid(session.request(Method.unsubscribe, { uri }, { timeout }))
        }),
      setLevel: (to) =>
        Effect.asVoid(
          Effect.tap(setLevel(session, to), () =>
            Effect.sync(() => {
              level = to
            }),
          ),
        ),
    }),
    renew,
    subscribes: () => uris.size > 0,
  }
}
