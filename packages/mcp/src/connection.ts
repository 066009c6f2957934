/**
 * One configured server: its stack of layers in a Scope of its own, its status, and what it said.
 *
 * Connecting builds the stack, disconnecting closes its Scope; there is no other teardown. A session that ends by
 * itself is followed by another, as `connection/recovery.ts` says; the status is `pending` meanwhile, and `failed` with the
 * reason where that is given up. The next `connect` tries once more.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { AuthError } from "./auth/error.ts"
import { Catalog } from "./catalog/catalog.ts"
import * as CatalogLayer from "./catalog/catalog.ts"
import type { CatalogStore } from "./catalog/kept.ts"
import type { ServerConfig } from "./config.ts"
import { type Assembly, stack, type Surroundings } from "./connection/assembly.ts"
import * as Keeping from "./connection/keeping.ts"
import type { Connection, Live } from "./connection/model.ts"
import * as Outcome from "./connection/outcome.ts"
import { delays as makeDelays, makeWatch, patienceOf, Recovery } from "./connection/recovery.ts"
import * as Sleep from "./connection/sleep.ts"
import * as Standing from "./connection/standing.ts"
import * as Stderr from "./connection/stderr.ts"
import type { Status } from "./events.ts"
import { Notifications } from "./notification/notifications.ts"
import { closed, isPassing, type SessionError } from "./session/error.ts"
import type { Successor } from "./session/idleness.ts"
import { HandshakeFailed, Session } from "./session/session.ts"
import { within } from "./session/within.ts"
import type { TransportError } from "./transport/error.ts"
import { Patience } from "./transport/patience.ts"

export type { Connection, Live, Offered } from "./connection/model.ts"

/** An attempt at connecting, or several in a row: who waits for it, and the fibre that makes it. */
interface Attempt {
  readonly outcome: Deferred.Deferred<Status>
  fiber: Fiber.Fiber<unknown> | undefined
  /** Makes the next one now, where it waits to make it. */
  readonly hurry: () => void
  /** The handshake failed; what was opened for it is still being closed. */
  readonly failed: (error: SessionError) => void
  /** Whether nobody asked for it: the status stays what it is meanwhile. */
  isQuiet: boolean
}

/** A server, not connected yet. It lives in the Scope. */
export const make = (options: {
  readonly config: ServerConfig
  readonly assembly: Assembly
  readonly surroundings: Surroundings
  readonly catalogs: CatalogStore | undefined
  /** What its first attempt waits for: the end of the one whose place it takes. */
  readonly after?: Effect.Effect<void> | undefined
  readonly onStatus: (status: Status) => void
  readonly onCatalog: (what: "tools" | "prompts" | "resources") => void
}): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { config } = options
    const parent = yield* Effect.scope
    const clock = yield* Clock.Clock
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    const notifications = Notifications.make()
    const stderr = Stderr.make(config.limits.stderr)
    const recovery = yield* Recovery
    const delays = makeDelays(recovery)
    const sleep = config.type === "local" ? config.sleep : undefined
    const keeping = yield* Keeping.make({
      config,
      directory: options.surroundings.directory,
      store: options.catalogs,
      // The end of the Scope waits for it.
      run: (save) => runFork(Effect.forkIn(Effect.uninterruptible(save), parent, { startImmediately: true })),
    })
    const standing = Standing.make({ server: config.name, timeout: config.timeout.catalog })
    notifications.listen("stderr", ({ line }) => stderr.push(line))
    const watch = yield* makeWatch(
      recovery,
      Effect.uninterruptibleMask((restore) =>
        status.status === "failed" && attempt === undefined ? attemptOnce(true, restore) : Effect.void,
      ),
    )
    /** Whether the last attempt failed because the server was not there, or busy. */
    let isAway = false
    let oddities: Array<string> = []
    /** How many lines of stderr are not of this attempt. */
    let heard = 0
    notifications.listen("warning", ({ message }) => {
      if (live === undefined && oddities.length < 3) oddities.push(message)
    })

    let status: Status = config.enabled ? { status: "pending" } : { status: "disabled" }
    let live: Live | undefined
    /** The last session, while it sleeps and until the next one is there. */
    let resting: Live | undefined
    let scope: Scope.Closeable | undefined
    let attempt: Attempt | undefined

    /** Waits for what is left of sessions that are over: their successor does not run beside them. */
    let closing = options.after ?? Effect.void
    /** Whoever connects from now on waits for what it returns. */
    const release = (own: Scope.Closeable): Effect.Effect<void> => {
      const before = closing
      const closed = Deferred.makeUnsafe<void>()
      closing = Deferred.await(closed)
      return Effect.andThen(Scope.close(own, Exit.void), before).pipe(
        Effect.ensuring(Deferred.succeed(closed, undefined)),
        Effect.uninterruptible,
      )
    }

    const become = (next: Status) => {
      status = next
      options.onStatus(next)
    }

    /** The grant is over: no request of the session will be answered any more. */
    const lost = (error: AuthError, told: Effect.Effect<void>) => {
      const own = scope
      if (live === undefined || own === undefined) return
      live = undefined
      scope = undefined
      // Those whose requests fail for it are told so, and not that the connection was closed.
      runFork(Effect.forkIn(Effect.andThen(told, release(own)), parent))
      become(Outcome.statusOf(config, error, error.message))
    }
    const oauth = yield* options.surroundings.authorize(config, lost)

    const layer = CatalogLayer.layer({
      server: config.name,
      timeout: config.timeout.catalog,
      onChanged: options.onCatalog,
      // Whoever reads a list of a session that falls asleep is given the next one's.
      reading: parent,
      before: Effect.suspend((): Effect.Effect<CatalogLayer.Before | undefined> => {
        if (resting !== undefined) return Effect.succeed({ lists: CatalogLayer.known(resting.catalog), inForce: true })
        return Effect.map(keeping.recall, (lists) => lists && { lists, inForce: false })
      }),
      onRead: keeping.keep,
    }).pipe(
      Layer.provideMerge(stack(options.assembly, config, options.surroundings, oauth)),
      Layer.provide(Layer.succeed(Patience)(patienceOf(recovery))),
      Layer.provide(Layer.succeed(Notifications)(notifications)),
      Layer.provide(Layer.succeed(HandshakeFailed)((error) => attempt?.failed(error))),
    )

    /** Takes note of a session that ended by itself, and closes what is left of it. */
    const ended = (ending: Live, own: Scope.Closeable, error: TransportError) =>
      Effect.suspend(() => {
        if (live !== ending) return Effect.void
        live = undefined
        scope = undefined
        const closed = release(own)
        if (clock.currentTimeMillisUnsafe() - ending.since >= recovery.sound) delays.forgive()
        return Effect.andThen(heal(error.message), closed)
      })

    const conclude = (error: SessionError | AuthError): Status => {
      if (Outcome.isClosed(error)) return { status: "disabled" }
      isAway = config.type === "remote" && error._tag === "SessionError" && isPassing(error.reason)
      return Outcome.statusOf(config, error, Outcome.explain(config, error, stderr.lines().slice(heard), oddities))
    }

    const build: Effect.Effect<Status> = Effect.gen(function* () {
      yield* closing
      oddities = []
      isAway = false
      heard = stderr.lines().length
      const own = yield* Scope.fork(parent)
      scope = own
      const started = clock.monotonicTimeNanosUnsafe()
      const exit = yield* Effect.exit(Layer.buildWithScope(layer, own))
      if (Exit.isSuccess(exit)) {
        const connectMs = Math.round(Number(clock.monotonicTimeNanosUnsafe() - started) / 1e6)
        const session = Context.get(exit.value, Session)
        const connected: Live = {
          since: clock.currentTimeMillisUnsafe(),
          session,
          catalog: Context.get(exit.value, Catalog),
          wishes: standing.of(session),
          connectMs,
        }
        const before = resting
        resting = undefined
        live = connected
        session.onRenewed((before) => {
          const { instructions } = session.agreement
          const differs = instructions === before.instructions ? "" : "; its instructions are others now"
          // A line in the log, and no more: nobody has to do anything.
          const data = `the server had forgotten the session, and began another${differs}`
          notifications.publish("message", { level: "info", logger: "opencode", data })
          runFork(Effect.forkIn(standing.renew(session), own, { startImmediately: true }))
        })
        // Before anybody knows of the session, so that nothing they ask overtakes it.
        yield* Effect.forkIn(standing.renew(session), own, { startImmediately: true })
        if (before !== undefined && before.session.agreement.instructions !== session.agreement.instructions) {
          notifications.publish("warning", { message: "was woken, and its instructions are others now" })
        }
        if (sleep !== undefined) {
          const isWanted = () => standing.subscribes() || connected.catalog.isReading()
          yield* Effect.forkIn(Sleep.watch({ session, after: sleep, isWanted, rest: fallAsleep(connected, own) }), own)
        }
        const watching = Effect.catch(session.ended, (error) => ended(connected, own, error))
        yield* Effect.forkIn(watching, parent)
        return { status: "connected" } satisfies Status
      }
      scope = undefined
      // Closing the parent waits for this: a process that is being ended is not left halfway.
      yield* Effect.forkIn(release(own), parent, { startImmediately: true })
      const error = exit.cause.reasons.find(Cause.isFailReason)?.error
      if (error !== undefined) return conclude(error)
      if (Cause.hasInterruptsOnly(exit.cause)) return { status: "disabled" } satisfies Status
      return { status: "failed", error: Cause.pretty(exit.cause) } satisfies Status
    })

    const settled: Effect.Effect<Status> = Effect.suspend(() => {
      // One that nobody has needed yet: whoever waits for it does.
      if (attempt === undefined && status.status === "pending") return connect
      return attempt === undefined || attempt.isQuiet || status.status === "connected"
        ? Effect.succeed(status)
        : Deferred.await(attempt.outcome)
    })
    const finish = (current: Attempt, next: Status) => {
      // Where its session has ended since, who waits for it waits for what comes of that.
      if (attempt !== current) return void Deferred.doneUnsafe(current.outcome, settled)
      attempt = undefined
      // One that was woken was connected all the time, and one that is looked for in vain has failed before.
      if (next.status === "connected" ? status.status !== "connected" : !current.isQuiet || next.status !== "failed")
        become(next)
      Deferred.doneUnsafe(current.outcome, Effect.succeed(next))
      if (next.status === "failed" && isAway) watch.again()
      else watch.reset()
    }
    /** Makes `work` the attempt under way. */
    const begin = (current: Attempt, work: Effect.Effect<Status>): Effect.Effect<void> => {
      attempt = current
      // An observer is told of a fibre that was interrupted before it began, too.
      const observe = (fiber: Fiber.Fiber<Status>) => {
        current.fiber = fiber
        // Only its Scope's end interrupts an attempt that nobody disconnected.
        fiber.addObserver((exit) => finish(current, Exit.isSuccess(exit) ? exit.value : { status: "disabled" }))
      }
      return Effect.map(Effect.forkIn(work, parent), observe)
    }

    /** Attempts until one has an outcome that another would not better, or the policy gives up. */
    const attempts = () => {
      const awake = Latch.makeUnsafe()
      const current: Attempt = {
        outcome: Deferred.makeUnsafe<Status>(),
        fiber: undefined,
        hurry: () => awake.openUnsafe(),
        failed: () => undefined,
        isQuiet: false,
      }
      attempt = current
      const make: Effect.Effect<Status> = Effect.flatMap(build, (status) =>
        status.status === "failed" ? Effect.flatten(after(status.error)) : Effect.succeed(status),
      )
      /** Takes note of what failed, at once, and then waits for its turn. */
      const after = (why: string): Effect.Effect<Effect.Effect<Status>> =>
        Effect.map(delays.next(why), (delay) => {
          if (delay === undefined) return Effect.succeed<Status>({ status: "failed", error: why })
          become({ status: "pending", attempt: delays.count(), error: why })
          return Effect.gen(function* () {
            yield* Effect.raceFirst(Effect.sleep(delay), awake.await)
            awake.closeUnsafe()
            return yield* make
          })
        })
      return { current, make, after }
    }
    const heal = (error: string) =>
      Effect.suspend(() => {
        const { after, current } = attempts()
        return Effect.flatMap(after(error), (work) => begin(current, work))
      })

    /** The session after one that sleeps, for whoever still has that one. */
    const successor: Successor = (method, timeout) => {
      const gone = Effect.fail(closed(config.name, method))
      const next = Effect.flatMap(
        Effect.suspend(() => (status.status === "disabled" ? gone : wake)),
        () => (live === undefined ? gone : Effect.succeed(live.session)),
      )
      return within(next, config.name, method, timeout)
    }
    /** Ends the process of a server that nobody uses; false where somebody does. */
    const fallAsleep = (idle: Live, own: Scope.Closeable): Effect.Effect<boolean> =>
      Effect.suspend(() => {
        if (live !== idle || !idle.session.rest(successor)) return Effect.succeed(false)
        live = undefined
        resting = idle
        scope = undefined
        delays.forgive()
        return Effect.as(Effect.forkIn(release(own), parent, { startImmediately: true }), true)
      })

    // Who waits can be interrupted, and not who is about to make an attempt: others wait for that, too.
    const connect: Effect.Effect<Status> = Effect.uninterruptibleMask((restore) => {
      if (live !== undefined || isAsleep()) return Effect.succeed(status)
      if (attempt !== undefined) {
        if (attempt.isQuiet) become({ status: "pending" })
        attempt.isQuiet = false
        attempt.hurry()
        return restore(Deferred.await(attempt.outcome))
      }
      become({ status: "pending" })
      return attemptOnce(false, restore)
    })
    const attemptOnce = (isQuiet: boolean, restore: typeof Effect.interruptible): Effect.Effect<Status> => {
      const current: Attempt = {
        outcome: Deferred.makeUnsafe<Status>(),
        fiber: undefined,
        hurry: () => undefined,
        failed: (error) => {
          const { fiber } = current
          const before = closing
          if (fiber !== undefined) closing = Effect.andThen(Fiber.await(fiber), before)
          finish(current, conclude(error))
        },
        isQuiet,
      }
      runFork(keeping.recall)
      return Effect.andThen(begin(current, build), restore(Deferred.await(current.outcome)))
    }

    const known = () => live ?? (status.status === "connected" ? resting : undefined)
    const isAsleep = () => resting !== undefined && status.status === "connected" && attempt === undefined
    const wake: Effect.Effect<Status> = Effect.uninterruptibleMask((restore) => {
      if (!isAsleep()) return restore(connect)
      const { current, make } = attempts()
      return Effect.andThen(begin(current, make), restore(Deferred.await(current.outcome)))
    })

    const disconnect = Effect.suspend(() => {
      const current = attempt
      const own = scope
      const before = closing
      const closed = Deferred.makeUnsafe<void>()
      attempt = undefined
      live = undefined
      resting = undefined
      scope = undefined
      closing = Deferred.await(closed)
      // At once: what is asked meanwhile must not bring it back.
      if (status.status !== "disabled") become({ status: "disabled" })
      if (current !== undefined) Deferred.doneUnsafe(current.outcome, Effect.succeed(status))
      return Effect.gen(function* () {
        if (current?.fiber !== undefined) yield* Fiber.interrupt(current.fiber)
        if (own !== undefined) yield* Scope.close(own, Exit.void)
        yield* before
        Deferred.doneUnsafe(closed, Effect.void)
      })
    }).pipe(Effect.uninterruptible)

    return {
      config,
      notifications,
      oauth,
      status: () => status,
      live: () => live,
      known,
      offered: () => {
        const now = known()
        if (now !== undefined) {
          return { lists: CatalogLayer.offered(now.catalog), instructions: now.session.agreement.instructions }
        }
        const lists = status.status === "pending" ? keeping.kept() : undefined
        return lists && { lists, instructions: lists.agreement.instructions }
      },
      recall: keeping.recall,
      forget: keeping.forget,
      stderr: stderr.lines,
      connect,
      wake,
      disconnect,
      held: (error) => {
        if (live === undefined && attempt === undefined) become(Outcome.statusOf(config, error, error.message))
      },
      settled,
    }
  })
