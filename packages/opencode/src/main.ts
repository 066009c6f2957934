/** The program: `bun run mcp <command>`. */
import * as Effect from "effect/Effect"
import { answered, plain } from "./cli/command/nothing.ts"
import { Exit } from "./cli/failure.ts"
import * as Process from "./cli/process.ts"

const words = process.argv.slice(2)

Process.main((output) =>
  Effect.gen(function* () {
    const flags = plain(words)
    if (flags !== undefined && (yield* answered(flags, output))) return Exit.done
    const { run } = yield* Effect.promise(() => import("./cli/run.ts"))
    return yield* run(words, output)
    // An interruption while the commands are still being loaded is theirs to tell.
  }).pipe(Effect.uninterruptible),
)
