/** `mcp shell`: a long-lived client, for a person at a terminal or for a program at the other end of a pipe. */
import * as Effect from "effect/Effect"
import type { ConfigError } from "../../config/config.ts"
import type { ExitCode } from "../failure.ts"
import type { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import type { Environment } from "../session.ts"
import { pipe } from "./pipe.ts"

export interface ShellOptions extends Runtime.RuntimeOptions {
  /** Lines of JSON on standard input and output, in place of a prompt. */
  readonly json: boolean
}

/** Runs a shell to its end. Interrupting it closes every server. */
export const shell = (options: ShellOptions): Effect.Effect<ExitCode, ConfigError, Output | Environment> =>
  Effect.provide(pipe, Runtime.configuration(options))
