/**
 * The last catalogue of each server, kept for the user: one file a server, below `$XDG_CACHE_HOME/opencode/mcp-catalog`
 * (by default `~/.cache/opencode/mcp-catalog`), mode 0600.
 *
 * It is a cache: what cannot be read, is too large or makes no sense is as good as not there, what cannot be written is not
 * kept, and whoever removes it loses nothing but a moment. It holds what servers offer, and nothing of how they are reached.
 */
import { CatalogStore } from "@opencode-ai/mcp/catalog/kept"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { readFileSync, statSync } from "node:fs"
import * as Directories from "../config/directories.ts"
import * as State from "../trust/state.ts"

/** The most of one server, in bytes, and of all of them, in files and bytes. */
const sizeLimit = 8 * 1024 * 1024
const fileLimit = 200
const totalLimit = 64 * 1024 * 1024

/** Throws where it cannot be read or makes no sense. */
const read = (file: string): unknown =>
  statSync(file).size > sizeLimit ? undefined : JSON.parse(readFileSync(file, "utf8"))

/** Catalogues in the user's cache. */
export const layer: Layer.Layer<never, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  CatalogStore,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const folder = paths.join(yield* Directories.directory("CACHE"), "mcp-catalog")
    const one = yield* Semaphore.make(1)
    const fileOf = (key: string) => paths.join(folder, `${key}.json`)

    const stat = (file: string) => Effect.option(fs.stat(file))
    /** Removes those that were not saved for the longest time, where there are too many. */
    const prune = yield* Effect.cached(
      Effect.gen(function* () {
        const names = yield* fs.readDirectory(folder)
        const files = yield* Effect.forEach(names, (name) =>
          Effect.map(stat(paths.join(folder, name)), (info) => ({ name, info })),
        )
        const byAge = files
          .flatMap(({ info, name }) =>
            Option.match(info, {
              onNone: () => [],
              onSome: ({ mtime, size }) => [
                {
                  name,
                  size: Number(size),
                  saved: Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() }),
                },
              ],
            }),
          )
          .toSorted((one, other) => other.saved - one.saved)
        let total = 0
        for (const [at, { name, size }] of byAge.entries()) {
          total += size
          if (at >= fileLimit || total > totalLimit) yield* fs.remove(paths.join(folder, name), { force: true })
        }
      }),
    )

    return {
      // Read at once: whoever begins a session is offered it before a process is started.
      load: (key) => Effect.sync(() => Result.getOrUndefined(Result.try(() => read(fileOf(key))))),
      save: (key, kept) =>
        Effect.suspend(() => {
          const text = JSON.stringify(kept)
          // Better none than a part, or one that was before.
          if (Buffer.byteLength(text) > sizeLimit) return fs.remove(fileOf(key), { force: true })
          return Effect.andThen(State.write(fs, paths, fileOf(key), text, false), prune)
        }).pipe(Effect.ignore, one.withPermits(1)),
      remove: (key) => one.withPermits(1)(Effect.ignore(fs.remove(fileOf(key), { force: true }))),
    }
  }),
)
