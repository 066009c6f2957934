import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import { it, runTest, testEffect } from "../src/effect.ts"
import { describe, expect, test } from "../src/runner.ts"

class Counter extends Context.Service<Counter, { readonly next: Effect.Effect<number> }>()("test/Counter") {
  static readonly layer = Layer.sync(Counter)(() => {
    let count = 0
    return { next: Effect.sync(() => ++count) }
  })
}

class Refused extends Schema.TaggedError<Refused>()("Refused", { path: Schema.String }) {
  override get message() {
    return `refused: ${this.path}`
  }
}

describe("it.effect", () => {
  it.effect("moves time only when told", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.sleep("1 hour").pipe(Effect.andThen(Clock.currentTimeMillis), Effect.forkChild)
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.join(fiber)).toBe(3_600_000)
    }),
  )

  it.effect("keeps the console's lines", () =>
    Effect.gen(function* () {
      yield* Console.log("hello")
      expect(yield* TestConsole.logLines).toEqual(["hello"])
    }),
  )

  it.effect.each(["a", "b"])("runs each case: %s", (value) => Effect.sync(() => expect(["a", "b"]).toContain(value)))
})

describe("testEffect", () => {
  const counted = testEffect(Counter.layer)
  for (const round of [1, 2]) {
    counted.effect(`builds the layer anew for each test (${round})`, () =>
      Effect.gen(function* () {
        expect(yield* (yield* Counter).next).toBe(1)
      }),
    )
  }
  counted.live("gives the real clock to live tests", () =>
    Effect.gen(function* () {
      expect(yield* Clock.currentTimeMillis).toBeGreaterThan(1_000_000_000_000)
    }),
  )
})

describe("a failing test", () => {
  const failure = (effect: Effect.Effect<unknown, unknown>, timeout = 5_000) =>
    runTest(effect, timeout).then(
      () => new Error("did not fail"),
      (error: Error) => error,
    )

  test("throws the typed error with its message and its stack", async () => {
    const error = await failure(Effect.fail(new Refused({ path: "/etc" })))
    expect(error.message).toBe("refused: /etc")
    expect(error.stack).toContain("effect.test.ts")
  })

  test("shows every error of the cause", async () => {
    const both = Effect.ensuring(Effect.fail(new Error("first")), Effect.die(new Error("second")))
    const error = await failure(both)
    expect(error.stack).toContain("first")
    expect(error.stack).toContain("second")
  })

  test("is interrupted at its timeout, and its finalizers have run when it fails", async () => {
    const closed = Deferred.makeUnsafe<void>()
    const hung = Effect.ensuring(Effect.never, Deferred.succeed(closed, undefined))
    const error = await failure(hung, 20)
    expect(error.message).toBe("The test took over 20 ms")
    expect(Deferred.isDoneUnsafe(closed)).toBe(true)
  })

  it.effect("is a plain exit to a test that asks for it", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.fail("no"))
      expect(Exit.isFailure(exit)).toBe(true)
    }),
  )
})
