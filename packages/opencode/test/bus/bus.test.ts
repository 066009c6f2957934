import { it } from "@opencode-ai/testing/effect"
import { expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Bus from "../../src/bus/index.ts"

const Said = Bus.define("test.said", Schema.Struct({ text: Schema.String }))
const Counted = Bus.define("test.counted", Schema.Struct({ count: Schema.Int }))

const withBus = <A, E>(use: (bus: Bus.Interface) => Effect.Effect<A, E>) =>
  Effect.flatMap(Bus.Service, use).pipe(Effect.provide(Bus.layer))

const say = (bus: Bus.Interface, ...texts: ReadonlyArray<string>) =>
  Effect.forEach(texts, (text) => bus.publish(Said, { text }), { discard: true })

const texts = (events: ReadonlyArray<Bus.Payload<typeof Said>>) => events.map((event) => event.properties.text)

it.effect("tells what was published before anybody had subscribed, to a definition and to all", () =>
  withBus((bus) =>
    Effect.gen(function* () {
      yield* say(bus, "a", "b")
      yield* bus.publish(Counted, { count: 1 })
      yield* say(bus, "c")
      const said = yield* Stream.runCollect(Stream.take(bus.subscribe(Said), 3))
      expect(texts(said)).toEqual(["a", "b", "c"])
      const all = yield* Stream.runCollect(Stream.take(bus.subscribeAll(), 4))
      expect(all.map(({ type }) => type)).toEqual(["test.said", "test.said", "test.counted", "test.said"])
      const ids = all.map(({ id }) => id)
      expect(ids).toEqual([...new Set(ids)].toSorted())
      expect(said[0]?.id).toBe(ids[0])
    }),
  ),
)

it.effect("tells every subscriber the same, each in the order of publication", () =>
  withBus((bus) =>
    Effect.gen(function* () {
      const collect = <A>(stream: Stream.Stream<A>, count: number) =>
        Effect.forkChild(Stream.runCollect(Stream.take(stream, count)), { startImmediately: true })
      const [one, two] = [yield* collect(bus.subscribe(Said), 3), yield* collect(bus.subscribe(Said), 3)]
      const all = yield* collect(bus.subscribeAll(), 4)
      yield* say(bus, "a", "b")
      yield* bus.publish(Counted, { count: 7 })
      yield* say(bus, "c")
      expect(texts(yield* Fiber.join(one))).toEqual(["a", "b", "c"])
      expect(texts(yield* Fiber.join(two))).toEqual(["a", "b", "c"])
      expect((yield* Fiber.join(all)).map(({ properties }) => properties)).toEqual([
        { text: "a" },
        { text: "b" },
        { count: 7 },
        { text: "c" },
      ])
    }),
  ),
)

it.effect("what a listener publishes comes after what it was called for, for everybody", () =>
  withBus((bus) =>
    Effect.sync(() => {
      bus.publishUnsafe(Said, { text: "early" })
      const heard: Array<string> = []
      const echo = bus.listen(({ properties, type }) => {
        if (type === "test.said") bus.publishUnsafe(Counted, { count: JSON.stringify(properties).length })
      })
      bus.listen(({ type }) => heard.push(type))
      bus.publishUnsafe(Said, { text: "late" })
      expect(heard).toEqual(["test.said", "test.counted"])
      echo()
      bus.publishUnsafe(Said, { text: "alone" })
      expect(heard).toEqual(["test.said", "test.counted", "test.said"])
    }),
  ),
)

it.effect("a listener that fails harms nobody", () =>
  withBus((bus) =>
    Effect.sync(() => {
      const heard: Array<unknown> = []
      bus.listen(() => {
        throw new Error("a bad listener of a test")
      })
      bus.listen(({ properties }) => heard.push(properties))
      bus.publishUnsafe(Said, { text: "a" })
      bus.publishUnsafe(Said, { text: "b" })
      expect(heard).toEqual([{ text: "a" }, { text: "b" }])
    }),
  ),
)

it.effect("keeps a bounded number of events for one who lags, and says how many were lost", () =>
  withBus((bus) =>
    Effect.gen(function* () {
      const flood = 6_000
      for (let count = 0; count < flood; count++) bus.publishUnsafe(Counted, { count })
      bus.publishUnsafe(Said, { text: "precious" })
      const all = yield* Stream.runCollect(Stream.takeUntil(bus.subscribeAll(), ({ type }) => type === "bus.dropped"))
      const kept = all.filter(({ type }) => type === "test.counted")
      expect(kept.length).toBeLessThan(flood)
      expect(kept.map(({ properties }) => properties)).toEqual(kept.map((_, count) => ({ count })))
      // A flood of one type takes no room from another.
      expect(all.at(-2)?.properties).toEqual({ text: "precious" })
      expect(all.at(-1)?.properties).toEqual({ type: "test.counted", count: flood - kept.length })

      const counted = yield* Stream.runCollect(Stream.take(bus.subscribe(Counted), 10))
      expect(counted.map(({ properties }) => properties.count)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      const [dropped] = yield* Stream.runCollect(Stream.take(bus.subscribe(Bus.Dropped), 1))
      expect(dropped?.properties.type).toBe("test.counted")
      expect(dropped?.properties.count).toBeGreaterThan(flood - kept.length)
    }),
  ),
)

it.effect("waits for no subscriber: one who does not read loses the newest, the others nothing", () =>
  withBus((bus) =>
    Effect.gen(function* () {
      const reading = yield* Latch.make()
      const slow = yield* Effect.forkChild(
        bus.subscribe(Counted).pipe(
          Stream.tap(() => reading.await),
          Stream.runDrain,
        ),
        { startImmediately: true },
      )
      const heard: Array<unknown> = []
      bus.listen(({ properties }) => heard.push(properties))
      yield* bus.publish(Counted, { count: -1 })
      yield* Effect.yieldNow
      for (let count = 0; count < 3_000; count++) bus.publishUnsafe(Counted, { count })
      expect(heard).toHaveLength(3_001)
      yield* reading.open
      yield* bus.publish(Said, { text: "still there" })
      const [dropped] = yield* Stream.runCollect(Stream.take(bus.subscribe(Bus.Dropped), 1))
      expect(dropped?.properties).toMatchObject({ type: "test.counted" })
      expect(dropped?.properties.count).toBeGreaterThan(1_000)
      yield* Fiber.interrupt(slow)
    }),
  ),
)

test("definitions are listed by type, each with the schema of its properties", () => {
  const types = Bus.definitions().map(({ type }) => type)
  expect(types).toEqual(types.toSorted())
  expect(types).toContain("test.said")
  const said = Bus.definitions().find(({ type }) => type === "test.said")
  expect(said?.properties).toBe(Said.properties)
  expect(Schema.decodeUnknownExit(Said.properties)({ text: 1 })._tag).toBe("Failure")
})
