/**
 * JSON Schema for instances and schemas that are both a server's: dialects draft-06, draft-07, 2019-09 and 2020-12.
 *
 * It interprets a schema step by step and counts the steps, so validating is linear in the instance whatever the schema
 * is; a validator that generates code has no place to count. Regular expressions are matched by RE2's engine. Nothing
 * is fetched, nothing is evaluated as code, and what one schema names is unknown to every other.
 *
 * It does not validate what a format says, but for those of elicitation where that is asked for, nor contents.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Compile from "./compile.ts"
import * as Document from "./document.ts"
import { SchemaError, type SchemaReason, TooLarge } from "./error.ts"
import * as Pattern from "./pattern.ts"
import { type Problem, Run } from "./run.ts"

export type { Problem } from "./run.ts"

/** A schema that is ready for use. */
export interface Validator {
  /** What does not fit, at most ten problems; none where the instance is valid. */
  readonly validate: (instance: unknown) => ReadonlyArray<Problem>
}

export interface CompileOptions {
  /** Whether `email`, `uri`, `date` and `date-time` are checked. Default: no, formats are annotations. */
  readonly formats?: boolean
}

const failed = (reason: SchemaReason) => Effect.fail(new SchemaError({ reason }))

/**
 * Compiles a schema, in the dialect that its `$schema` names: 2020-12 where it names none.
 *
 * Fails where the schema cannot be used: an unknown dialect, a reference to what is not in it, a pattern without a linear
 * time, a keyword with a wrong value, more than 1 MiB or 500 levels, references that lead to themselves.
 */
export const compile = (schema: unknown, options: CompileOptions = {}): Effect.Effect<Validator, SchemaError> =>
  Effect.suspend(() => {
    const measured = Document.measure(schema)
    if (measured instanceof TooLarge) return failed(measured)
    const document = Document.read(schema)
    if ("_tag" in document) return failed(document)
    const finish = (engine: Pattern.Engine | undefined): Effect.Effect<Validator, SchemaError> => {
      const compiled = Compile.compile(document, options.formats === true, engine)
      if (Result.isFailure(compiled)) return failed(compiled.failure)
      const root = compiled.success
      return Effect.succeed({
        validate: (instance) => {
          const run = new Run(instance)
          run.evaluate(root, instance, undefined)
          return run.found
        },
      })
    }
    return measured.patterns ? Effect.flatMap(Pattern.load, (engine) => finish(engine())) : finish(undefined)
  })
