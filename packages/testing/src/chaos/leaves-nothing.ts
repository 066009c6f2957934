/** A run between two looks at this process: nothing of it is left, and none of the processes that it started. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { isAlive } from "../peers/alive.ts"
import { temporaryDirectory } from "../recording.ts"
import * as Residue from "./residue.ts"
import { processesOf, type Servers, servers as startServers } from "./servers.ts"

/** Runs `body` with servers of its own, in a Scope that is closed before it is looked what is left; `fail` says what is. `holds`
 * tells `body` what this process holds meanwhile. */
export const leavesNothing = <A, E, F>(
  body: (servers: Servers, holds: () => Residue.Holds) => Effect.Effect<A, E, Scope.Scope>,
  fail: (what: string) => F,
): Effect.Effect<A, E | F> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    // Whoever started this may arm a timer of its own in the same breath.
    yield* Effect.yieldNow
    const before = yield* Residue.count
    const pids: Array<number> = []
    const result = yield* before.within(
      Effect.scoped(
        Effect.gen(function* () {
          const servers = yield* startServers(directory)
          yield* Effect.addFinalizer(() => Effect.sync(() => void pids.push(...processesOf(servers))))
          return yield* Effect.scoped(body(servers, () => Residue.holds(before)))
        }),
      ),
    )
    const left = [...pids.filter(isAlive).map((pid) => `the process ${pid}`), ...(yield* Residue.left(before))]
    return left.length === 0 ? result : yield* Effect.fail(fail(`left behind: ${left.join(", ")}`))
  }).pipe(Effect.scoped)
