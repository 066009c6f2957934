/** How processes and fibres take turns at what is kept. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { make } from "../../src/auth/store/file.ts"
import { type Holder, self, write } from "../../src/process/holder.ts"
import { withLock } from "../../src/auth/store/lock.ts"

const place = { server: "issues", url: "https://example.com/mcp" }

const locks = Effect.map(temporaryDirectory, (directory) => {
  const path = join(directory, "the.lock")
  const lock = withLock({ path, place: "the file", patience: Duration.seconds(15) })
  return {
    path,
    lock,
    /** What the lock would look like in the hands of somebody else. */
    heldBy: (change: Partial<Holder>, age = 0) =>
      Effect.map(self, (me) => {
        writeFileSync(path, write({ ...me, id: "theirs", ...change }))
        if (age > 0) {
          const then = (statSync(path).mtimeMs - age) / 1000
          utimesSync(path, then, then)
        }
      }),
    left: () => readdirSync(directory),
  }
})

describe("a lock", () => {
  it.live("is there while it is held, says by whom, and is gone however that ends", () =>
    Effect.gen(function* () {
      const { left, lock, path } = yield* locks
      const holder = yield* lock(Effect.sync(() => JSON.parse(readFileSync(path, "utf8"))))
      expect(holder.pid).toBe(process.pid)
      expect(left()).toEqual([])
      expect(yield* Effect.flip(lock(Effect.fail("no")))).toBe("no")
      expect(left()).toEqual([])
      expect(Exit.isFailure(yield* Effect.exit(lock(Effect.die(new Error("broken")))))).toBe(true)
      expect(left()).toEqual([])
      const began = yield* Deferred.make<void>()
      const holding = yield* Effect.forkChild(lock(Effect.andThen(Deferred.succeed(began, undefined), Effect.never)))
      yield* Deferred.await(began)
      expect(left()).toEqual(["the.lock"])
      yield* Fiber.interrupt(holding)
      expect(left()).toEqual([])
    }),
  )

  it.live("is given back when the Scope is closed in which it is held", () =>
    Effect.gen(function* () {
      const { left, lock } = yield* locks
      const scope = yield* Scope.make()
      const began = yield* Deferred.make<void>()
      const held = lock(Effect.andThen(Deferred.succeed(began, undefined), Effect.never))
      yield* Effect.forkIn(Effect.uninterruptible(Effect.interruptible(held)), scope)
      yield* Deferred.await(began)
      yield* Scope.close(scope, Exit.void)
      expect(left()).toEqual([])
    }),
  )

  it.live("of a process that is gone is taken at once", () =>
    Effect.gen(function* () {
      const { heldBy, left, lock } = yield* locks
      // Beyond what Linux, macOS or Windows give.
      yield* heldBy({ pid: 2 ** 30 + 3 })
      expect(yield* Effect.timeout(lock(Effect.succeed("mine")), "2 seconds")).toBe("mine")
      expect(left()).toEqual([])
    }),
  )

  it.live("of a process whose id another has now is taken at once", () =>
    Effect.gen(function* () {
      const { heldBy, lock } = yield* locks
      yield* heldBy({ started: "before the flood 1" })
      expect(yield* Effect.timeout(lock(Effect.succeed("mine")), "2 seconds")).toBe("mine")
    }),
  )

  it.effect("of a process that lives is waited for, and then it is said who holds it", () =>
    Effect.gen(function* () {
      const { heldBy, left, lock, path } = yield* locks
      // Untouched for long: it may be suspended, and it still lives.
      yield* heldBy({}, 3_600_000)
      const waiting = yield* Effect.forkChild(Effect.flip(lock(Effect.void)))
      yield* TestClock.adjust("14 seconds")
      expect(waiting.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(waiting)
      expect(error.message).toContain(`the credentials in the file are in use by process ${process.pid}`)
      expect(error.message).toContain("within 15s")
      expect(error.message).toContain(`remove ${path}`)
      expect(left()).toEqual(["the.lock"])
    }),
  )

  it.effect("of another machine is taken when it was not touched for half a minute", () =>
    Effect.gen(function* () {
      const { heldBy, lock } = yield* locks
      yield* heldBy({ host: "elsewhere" }, 20_000)
      const waiting = yield* Effect.forkChild(Effect.flip(lock(Effect.void)))
      yield* TestClock.adjust("16 seconds")
      expect((yield* Fiber.join(waiting)).message).toContain("on elsewhere")
      yield* heldBy({ host: "elsewhere" }, 40_000)
      expect(yield* lock(Effect.succeed("mine"))).toBe("mine")
    }),
  )

  it.effect("is touched while it is held", () =>
    Effect.gen(function* () {
      const { lock, path } = yield* locks
      yield* lock(
        Effect.gen(function* () {
          utimesSync(path, 0, 0)
          yield* TestClock.adjust("6 seconds")
          expect(statSync(path).mtimeMs > 0).toBe(true)
        }),
      )
    }),
  )

  it.live("that makes no sense is taken when it was not touched for half a minute", () =>
    Effect.gen(function* () {
      const { lock, path } = yield* locks
      writeFileSync(path, "")
      utimesSync(path, 0, 0)
      expect(yield* lock(Effect.succeed("mine"))).toBe("mine")
    }),
  )

  it.live("of which the breaker died is broken by the next", () =>
    Effect.gen(function* () {
      const { heldBy, left, lock, path } = yield* locks
      yield* heldBy({ pid: 2 ** 30 + 3 })
      writeFileSync(`${path}.break`, readFileSync(path))
      expect(yield* Effect.timeout(lock(Effect.succeed("mine")), "5 seconds")).toBe("mine")
      expect(left()).toEqual([])
    }),
  )

  it.live("rids its place of what processes that died have left", () =>
    Effect.gen(function* () {
      const { left, lock, path } = yield* locks
      const me = yield* self
      writeFileSync(`${path}.1-dead`, write({ ...me, pid: 2 ** 30 + 3 }))
      writeFileSync(`${path}.2-living`, write({ ...me, id: "living" }))
      expect(yield* lock(Effect.sync(left))).toEqual(["the.lock", "the.lock.2-living"])
    }),
  )

  it.live("is not given back by who has lost it", () =>
    Effect.gen(function* () {
      const { heldBy, left, lock } = yield* locks
      yield* lock(heldBy({ id: "another" }))
      expect(left()).toEqual(["the.lock"])
    }),
  )

  it.live("is one among many that displace a dead holder together", () =>
    Effect.gen(function* () {
      const { heldBy, left, lock } = yield* locks
      let inside = 0
      let most = 0
      const visit = Effect.gen(function* () {
        inside++
        most = Math.max(most, inside)
        yield* Effect.sleep(1)
        inside--
      })
      for (let round = 0; round < 5; round++) {
        yield* heldBy({ pid: 2 ** 30 + 3 })
        yield* Effect.all(
          Array.from({ length: 8 }, () => lock(visit)),
          { concurrency: "unbounded" },
        )
      }
      expect(most).toBe(1)
      expect(left()).toEqual([])
    }),
  )
})

const stores = Effect.map(temporaryDirectory, (directory) => {
  const path = join(directory, "mcp-auth.json")
  return { path, store: make({ path }), left: () => readdirSync(dirname(path)).filter((name) => name.includes("lock")) }
})

describe("fibres of one process", () => {
  it.effect("take turns at a server, and none at another", () =>
    Effect.gen(function* () {
      const { left, store } = yield* stores
      const seen: Array<string> = []
      const visit = (name: string, at = place) =>
        store.exclusively(
          at,
          Effect.gen(function* () {
            seen.push(`${name} in`)
            yield* Effect.sleep("1 minute")
            seen.push(`${name} out`)
          }),
        )
      const first = yield* Effect.forkChild(Effect.all([visit("a"), visit("b")], { concurrency: 2 }))
      const other = yield* Effect.forkChild(visit("c", { ...place, server: "another" }))
      yield* TestClock.adjust("90 seconds")
      expect(other.pollUnsafe() === undefined).toBe(false)
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(first)
      expect(seen.filter((line) => !line.startsWith("c"))).toEqual(["a in", "a out", "b in", "b out"])
      expect(left()).toEqual([])
    }),
  )

  it.live("read and write while they have their turn", () =>
    Effect.gen(function* () {
      const { store } = yield* stores
      const both = Effect.andThen(
        store.update(place, () => ({ wantedScope: "x" })),
        store.read(place),
      )
      expect((yield* store.exclusively(place, both))?.wantedScope).toBe("x")
    }),
  )

  it.live("that are interrupted while they wait leave nothing behind", () =>
    Effect.gen(function* () {
      const { left, path, store } = yield* stores
      const began = yield* Deferred.make<void>()
      const holding = yield* Effect.forkChild(
        store.exclusively(place, Effect.andThen(Deferred.succeed(began, undefined), Effect.never)),
      )
      yield* Deferred.await(began)
      // One in the same store, one as of another process.
      const waiting = yield* Effect.forEach([store, make({ path })], (one) =>
        Effect.forkChild(one.exclusively(place, Effect.void)),
      )
      yield* Effect.sleep(30)
      yield* Effect.forEach(waiting, (fiber) => Fiber.interrupt(fiber))
      expect(left().length).toBe(1)
      yield* Fiber.interrupt(holding)
      expect(left()).toEqual([])
      expect(yield* store.exclusively(place, Effect.succeed(1))).toBe(1)
    }),
  )

  it.live("lose no update to each other, or to one that breaks", () =>
    Effect.gen(function* () {
      const { left, path, store } = yield* stores
      const add = (one: typeof store) =>
        one.update(place, (current) => ({ wantedScope: `${current?.wantedScope ?? ""}x` }))
      const broken = Effect.exit(
        store.update(place, () => {
          throw new Error("broken")
        }),
      )
      const other = make({ path })
      yield* Effect.all([...Array.from({ length: 10 }, () => [add(store), add(other)]).flat(), broken], {
        concurrency: "unbounded",
      })
      expect((yield* store.read(place))?.wantedScope).toBe("x".repeat(20))
      expect(left()).toEqual([])
    }),
  )

  it.live("hold their turn also where they cannot be interrupted", () =>
    Effect.gen(function* () {
      const { left, store } = yield* stores
      yield* Effect.uninterruptible(store.exclusively(place, Effect.sleep(1)))
      expect(left()).toEqual([])
    }),
  )
})
