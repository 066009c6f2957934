/**
 * Whether OpenCode is there for a server. Its client says of no session that it is over, and leaves one whose server was
 * disconnected in OpenCode's list by closing the stream for notices. A stream that broke is opened again, and one session
 * may follow another: so an absence counts once it has lasted.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"

export interface Presence {
  /** A stream for notices of a server was opened. */
  readonly opened: (server: string) => void
  /** One was closed. */
  readonly closed: (server: string) => void
  /** OpenCode has asked for something of a server. */
  readonly seen: (server: string) => void
}

/** How long an absence lasts before it counts: a stream that broke is opened again after a second. */
const patience = "3 seconds"

/** Watches as long as the Scope. `left` is done once OpenCode has left a server, `back` when it is there after that. */
export const make = (options: {
  /** Whether a call or a handshake of it is under way: then it is there. */
  readonly isBusy: (server: string) => boolean
  readonly left: (server: string) => Effect.Effect<void>
  readonly back: (server: string) => Effect.Effect<void>
}): Effect.Effect<Presence, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberMap.make<string>()
    const run = yield* FiberMap.runtime(fibers)()
    const streams = new Map<string, number>()
    const absent = new Set<string>()
    /** Those that are being brought back, which nothing interrupts but another absence. */
    const returning = new Set<string>()
    const count = (server: string, by: number) => {
      const now = (streams.get(server) ?? 0) + by
      streams.set(server, now)
      return now
    }
    const leave = (server: string) =>
      Effect.gen(function* () {
        do yield* Effect.sleep(patience)
        while (options.isBusy(server))
        absent.add(server)
        yield* options.left(server)
      })
    const comeBack = (server: string) => {
      returning.add(server)
      // Not by the fiber itself, which may be interrupted before it has begun.
      run(server, options.back(server)).addObserver(() => returning.delete(server))
    }
    const seen = (server: string) => {
      if (absent.delete(server)) comeBack(server)
      else if ((streams.get(server) ?? 0) > 0 && !returning.has(server)) run(server, Effect.void)
    }
    return {
      seen,
      opened: (server) => {
        count(server, 1)
        seen(server)
      },
      closed: (server) => {
        if (count(server, -1) === 0) run(server, leave(server))
      },
    }
  })
