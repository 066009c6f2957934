/** `mcp shell`: a long-lived client, for a person at a terminal or for a program at the other end of a pipe. */
import * as Effect from "effect/Effect"
import type { ConfigError } from "../../config/config.ts"
import type { Options } from "../configuration.ts"
import type { ExitCode } from "../failure.ts"
import type { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import type { Environment } from "../session.ts"
import { pipe } from "./pipe.ts"

/** Runs a shell to its end: lines of JSON with `--json`, else a prompt. Interrupting it closes every server. */
export const shell = (options: Options): Effect.Effect<ExitCode, ConfigError, Output | Environment> =>
  Effect.provide(pipe, Runtime.configuration(options))
