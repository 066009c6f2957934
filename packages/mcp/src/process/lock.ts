/**
 * A lock that the processes of one file system respect: a file that says who holds it.
 *
 * A holder that died is displaced at once. Where it cannot be told whether it lives (another machine, another container,
 * a platform without start times) it counts as dead when it has not touched its file for a while. Holders that live are
 * waited for. Nobody removes a lock whose holder lives: who displaces one holds a second lock meanwhile.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type Holder, lives, parse, self, write } from "./holder.ts"
import { attempt, codeOf, type SystemFailed } from "./system.ts"

/** How often a holder touches its file, in milliseconds. */
const beat = 5_000
/** For how long a holder that cannot be seen may leave its file untouched, in milliseconds. */
const silence = 30_000

/** Somebody holds it. */
export class Contended extends Data.TaggedError("Contended")<{ readonly holder: Holder | undefined }> {}

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

/** How often it is asked for a lock that another holds. */
export const waits = Schedule.min([Schedule.exponential("5 millis", 1.5), Schedule.spaced("200 millis")]).pipe(
  Schedule.jittered,
)

/**
 * Takes the lock, or fails at once with who holds it. It is given back when the Scope is closed, however that comes; until
 * then it is shown, by Effect's clock, that its holder lives.
 */
export const acquire = (path: string): Effect.Effect<void, Contended | SystemFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const me = yield* self
    yield* Effect.acquireRelease(take(path, me), () => release(path, me))
    yield* Effect.ignore(sweep(path, me))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(beat), touch(path, me))))
  })
