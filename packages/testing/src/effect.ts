/**
 * Effects as tests. `it.effect` runs under `TestClock` and `TestConsole`, `it.live` under the real ones; both give the
 * test a Scope of its own, closed before the next test begins, and `testEffect(layer)` adds services to both. The layer is
 * built anew for each test; what several tests share is not for this module.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import { errorOfCause } from "./cause.ts"
import { test } from "./runner.ts"

/**
 * Milliseconds that a test may take where it says nothing: a bound for what hangs. What takes a second by itself was seen to
 * take fifteen on a machine that is busy with other things.
 */
const DEFAULT_TIMEOUT = 60_000

/** How long finalizers may take after a timed-out test was interrupted, before the runner gives up on it. */
const TEARDOWN_GRACE = 5_000

/** A test's effect, or a function that makes it. */
export type Body<A, E, R> = Effect.Effect<A, E, R> | (() => Effect.Effect<A, E, R>)

/** Registers one test. */
export interface Tester<R> {
  /** `timeout` in milliseconds of real time, {@link DEFAULT_TIMEOUT} by default; the fiber is then interrupted. */
  <A, E>(name: string, body: Body<A, E, R | Scope.Scope>, timeout?: number): void
  readonly only: <A, E>(name: string, body: Body<A, E, R | Scope.Scope>, timeout?: number) => void
  readonly skip: <A, E>(name: string, body: Body<A, E, R | Scope.Scope>, timeout?: number) => void
  /** One test per case; `%s` in the name is replaced by the case: its text, its `name`, or JSON. */
  readonly each: <const T>(
    cases: ReadonlyArray<T>,
  ) => <A, E>(name: string, body: (value: T) => Effect.Effect<A, E, R | Scope.Scope>, timeout?: number) => void
}

/** Both ways to run a test with the services `R`. */
export interface EffectTest<R> {
  /** TestClock and TestConsole: time moves only by `TestClock.adjust`. */
  readonly effect: Tester<R>
  /** The real clock and console, for tests whose peer is another process or a socket. */
  readonly live: Tester<R>
}

/** Runs an effect to its end, or interrupts it after `timeout` milliseconds; rejects with {@link errorOfCause}. */
export const runTest = <A, E>(effect: Effect.Effect<A, E>, timeout: number): Promise<A> =>
  new Promise((resolve, reject) => {
    let late = false
    const fiber = Effect.runFork(effect)
    const timer = setTimeout(() => {
      late = true
      fiber.interruptUnsafe()
    }, timeout)
    fiber.addObserver((exit) => {
      clearTimeout(timer)
      if (Exit.isSuccess(exit)) return resolve(exit.value)
      if (late && Cause.hasInterruptsOnly(exit.cause)) return reject(new Error(`The test took over ${timeout} ms`))
      reject(errorOfCause(exit.cause))
    })
  })

/** A case in a test's name: the text itself, the `name` of an object that has one, or JSON. */
const nameOf = (value: unknown): string => {
  if (typeof value === "string") return value
  if (typeof value === "object" && value !== null && "name" in value) return String(value.name)
  return JSON.stringify(value)
}

const tester = <R, LE>(layer: Layer.Layer<R, LE>): Tester<R> => {
  type Register = (name: string, run: () => Promise<void>, timeout: number) => void
  const register =
    (how: Register) =>
    <A, E>(name: string, body: Body<A, E, R | Scope.Scope>, timeout = DEFAULT_TIMEOUT) =>
      how(
        name,
        () => {
          const effect = Effect.suspend(() => (typeof body === "function" ? body() : body))
          return runTest(effect.pipe(Effect.scoped, Effect.provide(layer), Effect.asVoid), timeout)
        },
        timeout + TEARDOWN_GRACE,
      )
  const one = register((name, run, timeout) => test(name, run, timeout))
  return Object.assign(one, {
    only: register((name, run, timeout) => test.only(name, run, timeout)),
    skip: register((name, run, timeout) => test.skip(name, run, timeout)),
    each:
      <const T>(cases: ReadonlyArray<T>) =>
      <A, E>(name: string, body: (value: T) => Effect.Effect<A, E, R | Scope.Scope>, timeout?: number) => {
        for (const value of cases) {
          const text = nameOf(value)
          one(name.includes("%s") ? name.replace("%s", () => text) : `${name}: ${text}`, () => body(value), timeout)
        }
      },
  })
}

/** Tests whose effects may use what `layer` provides, built once per test (under TestClock in `effect`). */
export const testEffect = <R, E>(layer: Layer.Layer<R, E>): EffectTest<R> => ({
  effect: tester(Layer.provideMerge(layer, Layer.mergeAll(TestConsole.layer, TestClock.layer()))),
  live: tester(layer),
})

/** Tests that need no service. */
export const it: EffectTest<never> = testEffect(Layer.empty)
