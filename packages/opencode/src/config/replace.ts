/** How a file is replaced. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { randomUUID } from "node:crypto"

/**
 * Writes a file whole, or leaves what was there; its directory has to be there. `lasting`: it is on the disk afterwards,
 * whatever becomes of the machine.
 */
export const replace = (
  fs: FileSystem.FileSystem,
  file: string,
  text: string,
  { lasting, mode }: { readonly mode: number; readonly lasting: boolean },
): Effect.Effect<void, PlatformError> =>
  Effect.gen(function* () {
    const temporary = `${file}.${randomUUID()}`
    yield* Effect.scoped(
      Effect.gen(function* () {
        const handle = yield* fs.open(temporary, { flag: "wx", mode })
        yield* handle.writeAll(new TextEncoder().encode(text))
        if (lasting) yield* handle.sync
      }),
    ).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
    )
  }).pipe(Effect.uninterruptible)
