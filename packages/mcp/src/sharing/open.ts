/** Finds who runs a server that is shared, and joins; or runs it for the others. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Lock from "../process/lock.ts"
import { codeOf } from "../process/system.ts"
import type { TransportError } from "../transport/error.ts"
import type { Connection, Receiver, Transport } from "../transport/transport.ts"
import { join } from "./member.ts"
import { own } from "./owner.ts"
import * as Place from "./place.ts"
import type { SharedOptions } from "./sharing.ts"

/** What an attempt has opened is closed at once where it comes to nothing. */
const orNothing = <A, E>(attempt: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (parent) =>
    Effect.flatMap(Scope.fork(parent), (scope) =>
      Effect.onExit(Scope.provide(attempt, scope), (exit) =>
        Exit.isSuccess(exit) && exit.value !== undefined ? Effect.void : Scope.close(scope, Exit.void),
      ),
    ),
  )

/**
 * Opens the connection to a shared server. Another program is waited for by the real clock: it may be starting the server, or
 * ending what ran before. Where programs cannot meet, the server is this program's own.
 */
export const open = (
  { identity, messageLimit }: SharedOptions,
  transport: Transport["Service"],
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> => {
  const alone = (why: string) => {
    receiver.warning(`is not shared with other programs, and has a process of its own: ${why}`)
    return transport.open(receiver)
  }
  return Place.of(identity).pipe(
    Effect.flatMap((place) => {
      const attempt = Effect.gen(function* () {
        const record = yield* Place.read(place)
        const joined = record && (yield* orNothing(join(record, { messageLimit }, receiver)))
        return joined ?? (yield* orNothing(own({ place, messageLimit }, transport, receiver)))
      })
      return Effect.retry(attempt, { schedule: Lock.waits, while: ({ _tag }) => _tag === "Contended" })
    }),
    Effect.catchTag("NoPlace", ({ message }) => alone(message)),
    Effect.catchTag("SystemFailed", (cause) => alone(`no socket or lock can be made (${codeOf(cause) ?? "unknown"})`)),
    // The schedule of attempts has no end.
    Effect.catchTag("Contended", Effect.die),
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
  )
}
