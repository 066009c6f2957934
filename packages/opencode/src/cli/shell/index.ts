/** `mcp shell`: a long-lived client, for a person at a terminal or for a program at the other end of a pipe. */
import * as Effect from "effect/Effect"
import type { ConfigError } from "../../config/config.ts"
import type { TrustError } from "../../trust/trust.ts"
import type { Options } from "../configuration.ts"
import type { CliFailure, ExitCode } from "../failure.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import type { Environment } from "../session.ts"

/** Runs a shell to its end: lines of JSON with `--json`, else a prompt. Interrupting it closes every server. */
export const shell = (
  options: Options,
): Effect.Effect<ExitCode, ConfigError | TrustError | CliFailure, Output | Environment> =>
  Effect.gen(function* () {
    if ((yield* Output).json()) {
      const { pipe } = yield* Effect.promise(() => import("./pipe.ts"))
      return yield* pipe(options)
    }
    const { prompt } = yield* Effect.promise(() => import("./prompt.ts"))
    return yield* prompt(options)
  }).pipe(Effect.provide(Runtime.configuration(options)))
