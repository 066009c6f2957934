/**
 * What a call changed is known to OpenCode before the call's answer is: or else the next step of the model has the tools
 * from before.
 */
import * as Effect from "effect/Effect"
import type { Session } from "./model.ts"
import type { Server } from "./server.ts"

/** How long an answer waits for that at most, and how often it is looked at. */
const longest = "1 second"
const glance = "25 millis"

/** The answer to a call; where the server said meanwhile that its tools are others, once OpenCode has listed them from here. */
export const heard = <A, E, R>({ isReading, listen }: Server, { tools }: Session, answer: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const before = tools.changed
    let isAnnounced = false
    const isDue = Effect.map(isReading, (reads) => reads || (tools.changed > before && tools.listed < tools.changed))
    const wait: Effect.Effect<void> = Effect.flatMap(isDue, (due) =>
      due ? Effect.andThen(Effect.sleep(glance), wait) : Effect.void,
    )
    return Effect.acquireUseRelease(
      listen(() => {
        isAnnounced = true
      }),
      () =>
        Effect.tap(answer, () =>
          // Listing begins a moment after it was announced.
          isAnnounced ? Effect.timeoutOption(Effect.andThen(Effect.sleep(glance), wait), longest) : Effect.void,
        ),
      (stop) => Effect.sync(stop),
    )
  })
