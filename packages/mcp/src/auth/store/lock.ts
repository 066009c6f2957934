/**
 * A lock that the processes of one file system respect: a file that says who holds it.
 *
 * A holder that died is displaced at once. Where it cannot be told whether it lives (another machine, another container,
 * a platform without start times) it counts as dead when it has not touched its file for a while. Holders that live are
 * waited for. Nobody removes a lock whose holder lives: who displaces one holds a second lock meanwhile.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type AuthError, fail, StoreFailed } from "../error.ts"
import { attempt, codeOf, SystemFailed } from "./disk.ts"
import { type Holder, lives, parse, self, write } from "./holder.ts"

/** How often a holder touches its file, in milliseconds. */
const beat = 5_000
/** For how long a holder that cannot be seen may leave its file untouched, in milliseconds. */
const silence = 30_000

/** Somebody holds it. */
class Contended extends Data.TaggedError("Contended")<{ readonly holder: Holder | undefined }> {}

const unlink = (path: string): Effect.Effect<void> => Effect.ignore(attempt(() => rmSync(path, { force: true })))

const contentOf = (path: string): Effect.Effect<string | undefined> =>
  Effect.orElseSucceed(
    attempt(() => readFileSync(path, "utf8")),
    () => undefined,
  )

/** File systems without hard links: what is created is empty for a moment. */
const linkless: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"])

/** Creates a file with its content, unless it is there; whether it did. Gives the file system's time besides. */
const create = (
  path: string,
  holder: Holder,
): Effect.Effect<{ readonly now: number; readonly done: boolean }, SystemFailed> => {
  const own = `${path}.${holder.pid}-${holder.id}`
  const text = write(holder)
  const link = attempt(() => linkSync(own, path)).pipe(
    Effect.catchIf(
      (cause) => linkless.has(codeOf(cause)),
      () => attempt(() => writeFileSync(path, text, { flag: "wx", mode: 0o600 })),
    ),
    Effect.as(true),
    Effect.catchIf(
      (cause) => codeOf(cause) === "EEXIST",
      () => Effect.succeed(false),
    ),
  )
  return attempt(() => {
    writeFileSync(own, text, { flag: "wx", mode: 0o600 })
    return statSync(own).mtimeMs
  }).pipe(
    Effect.flatMap((now) => Effect.map(link, (done) => ({ now, done }))),
    Effect.ensuring(unlink(own)),
  )
}

/** Whether the holder that a lock names is dead, as far as can be told. */
const isDead = Effect.fnUntraced(function* (path: string, text: string, me: Holder, now: number) {
  const holder = yield* parse(text)
  const state = holder === undefined ? "unknown" : yield* lives(holder, me)
  if (state !== "unknown") return state === "no"
  const touched = yield* Effect.orElseSucceed(
    attempt(() => statSync(path).mtimeMs),
    () => now,
  )
  return now - touched > silence
})

/** Removes the lock of a dead holder, if that still is what lies there. */
const displace = Effect.fnUntraced(function* (path: string, dead: string, me: Holder) {
  const breaker = `${path}.break`
  const { done, now } = yield* create(breaker, me)
  if (!done) {
    const text = yield* contentOf(breaker)
    if (text !== undefined && (yield* isDead(breaker, text, me, now))) yield* unlink(breaker)
    return
  }
  if ((yield* contentOf(path)) === dead) yield* unlink(path)
  yield* unlink(breaker)
})

/** Takes the lock, or fails with who holds it. */
const take = (path: string, me: Holder): Effect.Effect<void, Contended | SystemFailed> =>
  Effect.gen(function* () {
    const { done, now } = yield* create(path, me)
    if (done) return
    const text = yield* contentOf(path)
    // It was given back just now.
    if (text === undefined) return yield* new Contended({ holder: undefined })
    if (!(yield* isDead(path, text, me, now))) return yield* new Contended({ holder: yield* parse(text) })
    yield* displace(path, text, me)
    const again = yield* create(path, me)
    if (!again.done) return yield* new Contended({ holder: undefined })
  })

/** Removes what processes have left beside it that died while they asked for it. */
const sweep = Effect.fnUntraced(function* (path: string, me: Holder) {
  const directory = dirname(path)
  const names = yield* attempt(() => readdirSync(directory))
  const beside = names.filter((name) => name.startsWith(`${basename(path)}.`)).map((name) => join(directory, name))
  if (beside.length === 0) return
  const now = yield* attempt(() => statSync(path).mtimeMs)
  for (const other of beside) {
    const text = yield* contentOf(other)
    if (text !== undefined && (yield* isDead(other, text, me, now))) yield* unlink(other)
  }
})

/** Gives it back, if it was not taken away. */
const release = (path: string, me: Holder): Effect.Effect<void> =>
  Effect.flatMap(contentOf(path), (text) => (text === write(me) ? unlink(path) : Effect.void))

/** Shows that the holder lives, by the file system's clock. */
const touch = (path: string, me: Holder): Effect.Effect<void> =>
  Effect.flatMap(contentOf(path), (text) =>
    text === write(me) ? Effect.ignore(attempt(() => writeFileSync(path, text, { flag: "r+" }))) : Effect.void,
  )

const waits = Schedule.min([Schedule.exponential("5 millis", 1.5), Schedule.spaced("200 millis")]).pipe(
  Schedule.jittered,
)

const refused = (path: string, place: string, patience: Duration.Duration) => (error: Contended | SystemFailed) => {
  if (error instanceof SystemFailed) {
    const { cause } = error
    const code = codeOf(cause) ?? "unknown"
    const detail = `cannot be locked: ${path} cannot be made (${code})`
    const hint = "See to it that you may write in that directory, and try again."
    return fail(new StoreFailed({ place, detail, hint, cause }))
  }
  const who = error.holder === undefined ? "another process" : `process ${error.holder.pid} on ${error.holder.host}`
  return fail(
    new StoreFailed({
      place,
      detail: `are in use by ${who}, which has not given them back within ${Duration.format(patience)}`,
      hint: `End that process, or remove ${path} if it is gone already.`,
    }),
  )
}

/** How a lock is waited for. */
export interface LockOptions {
  readonly path: string
  /** What it guards, for the person. */
  readonly place: string
  /** How long a holder that lives is waited for. */
  readonly patience: Duration.Duration
}

/** Runs an Effect while nobody else holds the lock. It is given back however that ends. */
export const withLock =
  ({ path, patience, place }: LockOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | AuthError, R> =>
    Effect.suspend(() => {
      let held: Holder | undefined
      // Not interrupted between taking it and knowing of it.
      const once = Effect.uninterruptible(
        Effect.gen(function* () {
          const me = yield* self
          yield* take(path, me)
          held = me
          yield* Effect.ignore(sweep(path, me))
        }),
      )
      const taken = once.pipe(
        Effect.retry({
          schedule: waits.pipe(Schedule.upTo({ duration: patience })),
          while: (cause) => cause instanceof Contended,
        }),
        Effect.mapError(refused(path, place, patience)),
      )
      const beats = Effect.forever(
        Effect.andThen(
          Effect.sleep(beat),
          Effect.suspend(() => (held === undefined ? Effect.void : touch(path, held))),
        ),
      )
      const guarded = Effect.flatMap(Effect.forkChild(beats), (fiber) =>
        Effect.ensuring(effect, Fiber.interrupt(fiber)),
      )
      return Effect.ensuring(
        Effect.andThen(taken, guarded),
        Effect.suspend(() => (held === undefined ? Effect.void : release(path, held))),
      )
    })
