/** What is kept with the user's state: below `$XDG_STATE_HOME/opencode`, by default `~/.local/state/opencode`. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Directories from "../config/directories.ts"
import { replace } from "../config/replace.ts"

/** The directory. It may not exist. */
export const directory = Directories.directory("STATE")

/** Writes a file whole, or leaves what was there: mode 0600, in a directory of mode 0700. `lasting` as `replace` has it. */
export const write = (
  fs: FileSystem.FileSystem,
  paths: Path.Path,
  file: string,
  text: string,
  lasting = true,
): Effect.Effect<void, PlatformError> =>
  Effect.andThen(
    fs.makeDirectory(paths.dirname(file), { recursive: true, mode: 0o700 }),
    replace(fs, file, text, { mode: 0o600, lasting }),
  ).pipe(Effect.uninterruptible)

/** How long another process is waited for. */
const patience = "5 seconds"

/**
 * Runs what reads a file and writes it anew while no other process does: neither loses what the other wrote. Where no lock
 * can be had it runs all the same.
 */
export const alone =
  (fs: FileSystem.FileSystem, paths: Path.Path, file: string) =>
  <A, E, R>(change: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const { withLock } = yield* Effect.promise(() => import("@opencode-ai/mcp/auth/store/lock"))
      yield* Effect.ignore(fs.makeDirectory(paths.dirname(file), { recursive: true, mode: 0o700 }))
      const lock = withLock({ path: `${file}.lock`, place: file, patience: Duration.fromInputUnsafe(patience) })
      return yield* yield* Effect.catch(lock(Effect.exit(change)), () => Effect.exit(change))
    })
