/**
 * Whose the terminal is: what moves on it, the line that is typed, or a question. A question takes it from the other two,
 * and from no other question: they come one after another.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** Clears a line that is typed, and shows it again. */
export interface Aside {
  readonly hide: Effect.Effect<void>
  readonly show: Effect.Effect<void>
}

export interface Floor {
  /** Whether a question has it: nothing else may be drawn. */
  readonly taken: () => boolean
  /** Erases what moves, so that a line can be written: it is drawn again below. */
  readonly clear: () => void
  /** Says how what moves is erased, until what it returns is called. */
  readonly moves: (erase: () => void) => () => void
  /** Says how the line that is typed is put aside, until what it returns is called. */
  readonly types: (line: Aside) => () => void
  /** Has the floor alone, once every earlier question was answered. */
  readonly take: <A, E, R>(question: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** A floor that nobody has. */
export const make = (): Floor => {
  const turn = Semaphore.makeUnsafe(1)
  const erasers = new Set<() => void>()
  let line: Aside | undefined
  let taken = false
  const clear = () => {
    for (const erase of erasers) erase()
  }
  return {
    taken: () => taken,
    clear,
    moves: (erase) => {
      erasers.add(erase)
      return () => erasers.delete(erase)
    },
    types: (next) => {
      line = next
      return () => {
        line = undefined
      }
    },
    take: (question) =>
      turn.withPermit(
        Effect.acquireUseRelease(
          Effect.suspend(() => {
            clear()
            taken = true
            const typed = line
            return Effect.as(typed?.hide ?? Effect.void, typed)
          }),
          () => question,
          (typed) =>
            Effect.suspend(() => {
              taken = false
              return typed?.show ?? Effect.void
            }),
        ),
      ),
  }
}
