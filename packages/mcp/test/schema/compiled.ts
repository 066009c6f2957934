/** Schemas compiled for a test. */
import * as Effect from "effect/Effect"
import type { SchemaError, SchemaReason } from "../../src/schema/error.ts"
import { compile, type CompileOptions, type Problem } from "../../src/schema/validator.ts"

/** What does not fit, as `path: message`. */
export const problems = (
  schema: unknown,
  instance: unknown,
  options?: CompileOptions,
): Effect.Effect<ReadonlyArray<string>, SchemaError> =>
  Effect.map(compile(schema, options), ({ validate }) =>
    validate(instance).map(({ message, path }) => `${path}: ${message}`),
  )

/** Which of these instances are valid. */
export const verdicts = (
  schema: unknown,
  instances: ReadonlyArray<unknown>,
  options?: CompileOptions,
): Effect.Effect<ReadonlyArray<boolean>, SchemaError> =>
  Effect.map(compile(schema, options), ({ validate }) => instances.map((instance) => validate(instance).length === 0))

/** Whether it came to a verdict: how it was reached, and the verdict. */
export const outcome = (schema: unknown, instance: unknown): Effect.Effect<Problem["reason"] | "Valid", SchemaError> =>
  Effect.map(compile(schema), ({ validate }) => validate(instance)[0]?.reason ?? "Valid")

/** Why a schema cannot be used; dies where it can. */
export const unusable = (schema: unknown): Effect.Effect<SchemaReason> =>
  Effect.map(Effect.orDie(Effect.flip(compile(schema))), ({ reason }) => reason)
