/**
 * OpenCode's own start, during which nothing is started that can wait: two processors that start twenty servers beside it
 * make it late. What servers offered last is offered meanwhile, and a call starts its server at once.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export interface Beginning {
  /** OpenCode has asked for the first of its servers: somebody will want them. */
  readonly greeted: () => void
  /** A model is about to be asked: from now on nobody waits but for that. */
  readonly asked: () => void
  /** Ends when servers that can wait may be started. Never, where OpenCode does not ask for any. */
  readonly over: Effect.Effect<void>
}

/** How long after the first handshake, where no model is asked. */
const patience = "5 seconds"
/** How long after a model is about to be asked: the request is on its way by then. */
const moment = "300 millis"

export const make = (): Beginning => {
  const greeted = Deferred.makeUnsafe<void>()
  const asked = Deferred.makeUnsafe<void>()
  const wait = (what: Deferred.Deferred<void>, pause: "5 seconds" | "300 millis") =>
    Effect.andThen(Deferred.await(what), Effect.sleep(pause))
  return {
    greeted: () => Deferred.doneUnsafe(greeted, Effect.void),
    asked: () => Deferred.doneUnsafe(asked, Effect.void),
    over: Effect.raceFirst(wait(greeted, patience), wait(asked, moment)),
  }
}
