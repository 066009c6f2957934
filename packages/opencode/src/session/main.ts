/** The program: `bun run session "<prompt>"`. */
import * as Effect from "effect/Effect"
import * as Process from "../cli/process.ts"

const words = process.argv.slice(2)

Process.main((output) =>
  Effect.gen(function* () {
    const { execute } = yield* Effect.promise(() => import("../cli/cmd/session.ts"))
    const { run } = yield* Effect.promise(() => import("../cli/run.ts"))
    return yield* run(words, output, execute)
    // An interruption while the command is still being loaded is its to tell.
  }).pipe(Effect.uninterruptible),
)
