/** System calls as Effects. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** What a system call threw. */
export class SystemFailed extends Data.TaggedError("SystemFailed")<{ readonly cause: unknown }> {}

/** The code of a system error: `EEXIST`. */
export const codeOf = (error: unknown): string | undefined => {
  const cause = error instanceof SystemFailed ? error.cause : error
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
}

/** One or more system calls; fails with what they threw. */
export const attempt = <A>(calls: () => A): Effect.Effect<A, SystemFailed> =>
  Effect.try({ try: calls, catch: (cause) => new SystemFailed({ cause }) })
