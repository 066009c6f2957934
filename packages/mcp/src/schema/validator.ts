/**
 * JSON Schema for instances and schemas that are both a server's: dialects draft-06, draft-07, 2019-09 and 2020-12.
 *
 * It interprets a schema step by step and counts the steps, so validating is linear in the instance whatever the schema
 * is; a validator that generates code has no place to count. Regular expressions are matched by RE2's engine. Nothing
 * is fetched, nothing is evaluated as code, and what one schema names is unknown to every other.
 *
 * It does not validate what a format says, but for those of elicitation where that is asked for, nor contents. This
 * module is light: the interpreter is loaded when the first schema is compiled, RE2 with the first pattern.
 */
import * as Effect from "effect/Effect"
import type { SchemaError } from "./error.ts"
import type { Problem } from "./run.ts"

export type { Problem } from "./run.ts"

/** A schema that is ready for use. */
export interface Validator {
  /**
   * What does not fit, at most ten problems; none where the instance is valid. One problem alone, whose reason is
   * `Undecided`, where to find out would have been too much work.
   */
  readonly validate: (instance: unknown) => ReadonlyArray<Problem>
}

export interface CompileOptions {
  /** Whether `email`, `uri`, `date` and `date-time` are checked. Default: no, formats are annotations. */
  readonly formats?: boolean
}

let interpreter: Promise<typeof import("./interpreter.ts")> | undefined

/** Loads the interpreter, once: those who wait for several imports of one module go on in no order. */
const load = Effect.promise(() => (interpreter ??= import("./interpreter.ts")))

/**
 * Compiles a schema, in the dialect that its `$schema` names: 2020-12 where it names none.
 *
 * Fails where the schema cannot be used: an unknown dialect, a reference to what is not in it, a pattern without a linear
 * time, a keyword with a wrong value, more than 1 MiB or 500 levels, references that lead to themselves.
 */
export const compile = (schema: unknown, options: CompileOptions = {}): Effect.Effect<Validator, SchemaError> =>
  Effect.flatMap(load, ({ make }) => make(schema, options))
