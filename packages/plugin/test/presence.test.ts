import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Presence from "../src/gateway/presence.ts"

/** What is done of one server, `near`: to bring it back takes a second. */
const watched = Effect.gen(function* () {
  const done: Array<string> = []
  const note = (what: string) => () => Effect.sync(() => void done.push(what))
  const presence = yield* Presence.make({
    isBusy: () => false,
    left: note("left"),
    back: () => Effect.andThen(Effect.sleep("1 second"), note("back")()),
  })
  return { done, presence }
})

describe("a server that OpenCode leaves", () => {
  it.effect("is left once that has lasted for three seconds, and not where a stream is opened again", () =>
    Effect.gen(function* () {
      const { done, presence } = yield* watched
      presence.opened("near")
      presence.closed("near")
      yield* TestClock.adjust("2 seconds")
      presence.opened("near")
      yield* TestClock.adjust("1 minute")
      expect(done).toEqual([])
      presence.closed("near")
      yield* TestClock.adjust("3 seconds")
      expect(done).toEqual(["left"])
    }),
  )

  it.effect("is brought back once, however much is asked of it meanwhile", () =>
    Effect.gen(function* () {
      const { done, presence } = yield* watched
      presence.opened("near")
      presence.closed("near")
      yield* TestClock.adjust("3 seconds")
      presence.seen("near")
      presence.opened("near")
      yield* TestClock.adjust("500 millis")
      presence.seen("near")
      yield* TestClock.adjust("1 minute")
      expect(done).toEqual(["left", "back"])
    }),
  )
})
