/** When a local server that nobody uses is put to sleep. Its end and its waking are the connection's. */
import * as Effect from "effect/Effect"
import type { Session } from "../session/session.ts"

/** Watches a session until `rest` has put it to sleep: that is tried once nothing has gone on for `after` milliseconds. */
export const watch = (options: {
  readonly session: Session["Service"]
  readonly after: number
  /** Whether something is expected of it without a request. */
  readonly isWanted: () => boolean
  readonly rest: Effect.Effect<boolean>
}): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { after, session } = options
    while (true) {
      const idle = options.isWanted() ? undefined : session.idle()
      const left = Math.round(after - (idle ?? 0))
      if (left <= 0 && (yield* options.rest)) return
      yield* Effect.sleep(left <= 0 ? after : left)
    }
  })
