/**
 * Files that hold secrets: read whole, replaced whole by a rename, never left readable by others. What a file means, and
 * who may write it at the moment, is not known here.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { createHash, randomBytes } from "node:crypto"
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { attempt, codeOf, type SystemFailed } from "../../process/system.ts"
import { AuthError, fail, StoreFailed } from "../error.ts"

/** What a person can do about a system error. */
const hintOf = (code: string | undefined): string => {
  if (code === "ENOSPC" || code === "EDQUOT") return "Make room on the disk and try again."
  if (code === "EROFS") return "Put it where it can be written."
  return "See to it that you own the file and its directory and may read and write them, and try again."
}

const failed =
  (path: string, what: string) =>
  (error: SystemFailed | AuthError): AuthError => {
    if (error instanceof AuthError) return error
    const { cause } = error
    const code = codeOf(cause)
    return fail(new StoreFailed({ place: path, detail: `${what} (${code ?? "unknown"})`, hint: hintOf(code), cause }))
  }

const follow = (path: string, hops = 0): string => {
  const info = lstatSync(path, { throwIfNoEntry: false })
  if (info === undefined) {
    const directory = dirname(path)
    return existsSync(directory) ? join(realpathSync(directory), basename(path)) : resolve(path)
  }
  // Of links in a circle `realpathSync` says so.
  if (!info.isSymbolicLink() || hops > 32) return realpathSync(path)
  return follow(resolve(dirname(path), readlinkSync(path)), hops + 1)
}

/** The file that a path leads to by way of links, which need not exist: that one is replaced, not the link. */
export const followed = (path: string): Effect.Effect<string, AuthError> =>
  Effect.mapError(
    attempt(() => follow(path)),
    failed(path, "cannot be found"),
  )

/** A file as it was at one moment; `stamp` changes when it does. */
export interface Snapshot {
  readonly text: string
  readonly stamp: string
  /** Milliseconds since 1970, by the file system's clock. */
  readonly modified: number
}

const stampOf = (path: string): { readonly stamp: string; readonly modified: number; readonly open: boolean } => {
  const info = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (info === undefined) return { stamp: "absent", modified: 0, open: false }
  return {
    stamp: `${info.ino} ${info.size} ${info.mtimeNs}`,
    modified: Number(info.mtimeMs),
    open: (Number(info.mode) & 0o077) !== 0,
  }
}

/** Whether a file is still as it was. */
export const isUnchanged = (path: string, snapshot: Snapshot): Effect.Effect<boolean, AuthError> =>
  Effect.mapError(
    attempt(() => stampOf(path).stamp === snapshot.stamp),
    failed(path, "cannot be read"),
  )

/** Reads a file, and closes it to others where it was open to them. A file that is not there reads as an empty one. */
export const read = (path: string): Effect.Effect<Snapshot, AuthError> =>
  Effect.gen(function* () {
    const { modified, open, stamp } = yield* attempt(() => stampOf(path))
    if (stamp === "absent") return { text: "", stamp, modified }
    // It may be another's, or on a file system without modes.
    if (open && process.platform !== "win32") yield* Effect.ignore(attempt(() => chmodSync(path, 0o600)))
    const text = yield* attempt(() => readFileSync(path, "utf8"))
    return { text, stamp, modified }
  }).pipe(
    Effect.catchIf(
      (cause) => codeOf(cause) === "ENOENT",
      () => Effect.succeed({ text: "", stamp: "absent", modified: 0 }),
    ),
    Effect.mapError(failed(path, "cannot be read")),
  )

/** Makes the directory of a file, for this person alone, where there is none. */
export const makeDirectory = (path: string): Effect.Effect<void, AuthError> =>
  Effect.mapError(
    attempt(() => mkdirSync(dirname(path), { recursive: true, mode: 0o700 })),
    failed(path, "cannot be kept, because their directory cannot be made"),
  )

const remove = (path: string): Effect.Effect<void> => Effect.ignore(attempt(() => rmSync(path, { force: true })))

/** A file that is written and waits to take the place of another. */
export interface Prepared {
  readonly path: string
  readonly target: string
  /** When it was written, milliseconds since 1970, by the file system's clock. */
  readonly modified: number
}

const prefixOf = (target: string): string => `.${basename(target)}.`

/** Writes what is to take the place of a file, beside it, as far as the disk. It is gone with the Scope, if unused. */
export const prepare = (target: string, text: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const path = join(dirname(target), `${prefixOf(target)}${process.pid}-${randomBytes(6).toString("hex")}.tmp`)
      return Effect.acquireUseRelease(
        attempt(() => openSync(path, "wx", 0o600)),
        (descriptor) =>
          attempt((): Prepared => {
            // The process's mask has no say in it.
            if (process.platform !== "win32") fchmodSync(descriptor, 0o600)
            writeFileSync(descriptor, text)
            fsyncSync(descriptor)
            return { path, target, modified: fstatSync(descriptor).mtimeMs }
          }),
        (descriptor) => Effect.ignore(attempt(() => closeSync(descriptor))),
      ).pipe(Effect.tapError(() => remove(path)))
    }).pipe(Effect.mapError(failed(target, "cannot be written"))),
    (prepared) => remove(prepared.path),
  )

/** On Windows a file that somebody reads at this moment cannot be replaced. */
const isPassing = (cause: unknown): boolean =>
  process.platform === "win32" && ["EPERM", "EACCES", "EBUSY"].includes(codeOf(cause) ?? "")

const syncDirectory = (path: string): Effect.Effect<void> =>
  Effect.ignore(
    Effect.acquireUseRelease(
      attempt(() => openSync(path, "r")),
      (descriptor) => attempt(() => fsyncSync(descriptor)),
      (descriptor) => Effect.ignore(attempt(() => closeSync(descriptor))),
    ),
  )

/** Puts what was prepared into its place, at once. */
export const commit = (prepared: Prepared): Effect.Effect<void, AuthError> =>
  attempt(() => renameSync(prepared.path, prepared.target)).pipe(
    Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 10, while: isPassing }),
    Effect.mapError(failed(prepared.target, "cannot be written")),
    Effect.andThen(syncDirectory(dirname(prepared.target))),
  )

/** Removes what writers that died have left beside a file. To be called by who alone may write it. */
export const sweep = (target: string): Effect.Effect<void> =>
  Effect.ignore(
    attempt(() => {
      const directory = dirname(target)
      for (const name of readdirSync(directory)) {
        if (name.startsWith(prefixOf(target)) && name.endsWith(".tmp")) rmSync(join(directory, name), { force: true })
      }
    }),
  )

/** Keeps a copy of a file that makes no sense, once for each of its contents; gives its path. */
export const keepAside = (path: string, text: string): Effect.Effect<string | undefined> => {
  const copy = `${path}.corrupt-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`
  return attempt(() => writeFileSync(copy, text, { flag: "wx", mode: 0o600 })).pipe(
    Effect.as(copy),
    Effect.catch((cause) => Effect.succeed(codeOf(cause) === "EEXIST" ? copy : undefined)),
  )
}

/** Whether it was put into its place; else what another program has written into the file that had to go. */
export type Replaced = "done" | "changed" | { readonly astray: string }

const stateOf = (descriptor: number): string => {
  const { mtimeNs, size } = fstatSync(descriptor, { bigint: true })
  return `${size} ${mtimeNs}`
}

/** For how long a program that had opened a file may take until it writes into it: Bun's `writeFile` empties it last. */
const grace = "40 millis"

/** What is written into an open file at this moment, once that has come to its end. */
const settled = (descriptor: number): Effect.Effect<string, SystemFailed> => {
  const still = Effect.gen(function* () {
    const state = yield* attempt(() => stateOf(descriptor))
    yield* Effect.sleep("20 millis")
    return !state.startsWith("0 ") && state === (yield* attempt(() => stateOf(descriptor)))
  })
  return still.pipe(
    Effect.repeat({ times: 15, until: (isStill) => isStill }),
    Effect.andThen(attempt(() => readFileSync(descriptor, "utf8"))),
  )
}

/**
 * Puts what was prepared into the place of a file, if that is still as it was. A program that writes in place may have
 * opened it already: what it writes then goes to the old file, which nobody would find any more.
 */
export const replace = (prepared: Prepared, snapshot: Snapshot): Effect.Effect<Replaced, AuthError> =>
  Effect.acquireUseRelease(
    // On Windows what is open cannot be replaced, so that there it cannot happen either.
    snapshot.stamp === "absent" || process.platform === "win32"
      ? Effect.succeed(undefined)
      : Effect.orElseSucceed(
          attempt(() => openSync(prepared.target, "r")),
          () => undefined,
        ),
    (descriptor) =>
      Effect.gen(function* () {
        const state = descriptor === undefined ? undefined : yield* attempt(() => stateOf(descriptor))
        if (!(yield* isUnchanged(prepared.target, snapshot))) return "changed" as const
        yield* commit(prepared)
        if (descriptor === undefined) return "done" as const
        yield* Effect.sleep(grace)
        if (state === (yield* attempt(() => stateOf(descriptor)))) return "done" as const
        return { astray: yield* settled(descriptor) }
      }).pipe(Effect.mapError(failed(prepared.target, "cannot be written"))),
    (descriptor) => (descriptor === undefined ? Effect.void : Effect.ignore(attempt(() => closeSync(descriptor)))),
  )
