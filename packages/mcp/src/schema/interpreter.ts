/** The ways of a schema from the server's JSON to a validator: measured, read, compiled. See `validator.ts`. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Compile from "./compile.ts"
import * as Document from "./document.ts"
import { SchemaError, type SchemaReason, TooLarge } from "./error.ts"
import * as Pattern from "./pattern.ts"
import { Run } from "./run.ts"
import type { CompileOptions, Validator } from "./validator.ts"

const failed = (reason: SchemaReason) => Effect.fail(new SchemaError({ reason }))

export const make = (schema: unknown, options: CompileOptions): Effect.Effect<Validator, SchemaError> =>
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
