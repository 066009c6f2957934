/** What is kept of one server from session to session, and from program to program where the host has a `CatalogStore`. */
import * as Effect from "effect/Effect"
import { type CatalogStore, decode, isSame, type Kept, keyOf } from "../catalog/kept.ts"
import type { ServerConfig } from "../config.ts"

export interface Keeping {
  /** What is kept, as far as it was recalled. */
  readonly kept: () => Kept | undefined
  /** Reads what was kept by another program, once. It waits for no server. */
  readonly recall: Effect.Effect<Kept | undefined>
  readonly keep: (kept: Kept) => void
  /** Forgets it, because it may be another's. */
  readonly forget: Effect.Effect<void>
}

/** `run` saves in the background. */
export const make = (options: {
  readonly config: ServerConfig
  readonly directory: string
  /** Where the host keeps it; `undefined`: it lasts as long as the server is configured. */
  readonly store: CatalogStore | undefined
  readonly run: (save: Effect.Effect<unknown>) => void
}): Effect.Effect<Keeping> =>
  Effect.gen(function* () {
    const key = options.store === undefined ? undefined : keyOf(options.config, options.directory)
    const store = key === undefined ? undefined : options.store
    let kept: Kept | undefined
    let isKnown = store === undefined
    /** What is to be saved, while something is. */
    let next: Kept | undefined
    let saves = false

    const load = Effect.suspend(() =>
      store === undefined || key === undefined ? Effect.undefined : Effect.map(store.load(key), decode),
    )
    const loaded = yield* Effect.cached(
      Effect.map(load, (found) => {
        // What a session said meanwhile is newer.
        if (!isKnown) kept = found
        isKnown = true
      }),
    )
    const save: Effect.Effect<void> = Effect.suspend(() => {
      const current = next
      next = undefined
      if (current === undefined || store === undefined || key === undefined) {
        saves = false
        return Effect.void
      }
      return Effect.andThen(store.save(key, current), save)
    })
    return {
      kept: () => kept,
      recall: Effect.suspend(() => (isKnown ? Effect.succeed(kept) : Effect.map(loaded, () => kept))),
      keep: (current) => {
        const before = kept
        isKnown = true
        kept = current
        if (store === undefined || (before !== undefined && isSame(before, current))) return
        next = current
        if (saves) return
        saves = true
        options.run(save)
      },
      forget: Effect.suspend(() => {
        isKnown = true
        kept = undefined
        next = undefined
        return store === undefined || key === undefined ? Effect.void : Effect.asVoid(store.remove(key))
      }),
    }
  })
