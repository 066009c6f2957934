/**
 * What a tool promised of its results, enforced (Tools, Output Schema).
 *
 * A schema is compiled when its tool first answers, and kept with that very tool of that listing: a later page or listing
 * changes nothing for it. One that cannot be used is warned of once, and its tool's results are passed on as they are.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { callTool } from "../protocol/method.ts"
import type { CallToolResult, Tool } from "../protocol/model.ts"
import { compile, type Problem, type Validator } from "../schema/validator.ts"
import { InvalidResponse, SessionError } from "../session/error.ts"

const validators = new WeakMap<Tool, Validator | "unusable">()

const mostShown = 3

const sentence = (problems: ReadonlyArray<Problem>): string => {
  const shown = problems
    .slice(0, mostShown)
    .map(({ message, path }) => `at ${path === "" ? "its root" : JSON.stringify(path)} ${message}`)
  return `${shown.join("; ")}${problems.length > mostShown ? "; and more" : ""}`
}

/** The validator of a tool; `undefined` where its schema cannot be used, which is told once. */
const validatorOf = (tool: Tool, warn: (message: string) => void): Effect.Effect<Validator | undefined> => {
  const known = validators.get(tool)
  if (known !== undefined) return Effect.succeed(known === "unusable" ? undefined : known)
  return Effect.map(Effect.result(compile(tool.outputSchema)), (compiled) => {
    const meanwhile = validators.get(tool)
    if (meanwhile !== undefined) return meanwhile === "unusable" ? undefined : meanwhile
    if (Result.isSuccess(compiled)) {
      validators.set(tool, compiled.success)
      return compiled.success
    }
    disable(tool, `outputSchema: ${compiled.failure.message}`, warn)
    return undefined
  })
}

const disable = (tool: Tool, why: string, warn: (message: string) => void) => {
  if (validators.get(tool) === "unusable") return
  validators.set(tool, "unusable")
  warn(`the results of the tool ${JSON.stringify(tool.name)} are not validated: ${why}`)
}

/** Whether a tool promised anything: some servers write `null` where they promise nothing. */
export const hasPromise = ({ outputSchema }: { readonly outputSchema?: unknown }): boolean =>
  outputSchema !== undefined && outputSchema !== null

/**
 * Holds a result to the `outputSchema` that its tool was listed with, if it was and the result is no error.
 *
 * Fails with `InvalidResponse` where `structuredContent` is missing or does not fit; the detail names the tool, where in
 * it, and what was expected there. `warn` is told once for each tool whose results cannot be validated.
 */
export const checkOutput = (
  server: string,
  tool: Tool,
  result: CallToolResult,
  warn: (message: string) => void,
): Effect.Effect<CallToolResult, SessionError> => {
  if (!hasPromise(tool) || result.isError === true) return Effect.succeed(result)
  const fail = (what: string) =>
    Effect.fail(
      new SessionError({
        server,
        method: callTool.method,
        reason: new InvalidResponse({
          detail: `the tool ${JSON.stringify(tool.name)} answered ${what}. It did run; its author has to correct the server`,
        }),
      }),
    )
  const { structuredContent } = result
  return Effect.flatMap(validatorOf(tool, warn), (validator) => {
    // What nobody can make sense of promises nothing.
    if (validator === undefined) return Effect.succeed(result)
    if (structuredContent === undefined) return fail("without the structuredContent that its outputSchema promises")
    const problems = validator.validate(structuredContent)
    if (problems.length === 0) return Effect.succeed(result)
    const undecided = problems.find(({ reason }) => reason === "Undecided")
    if (undecided === undefined) {
      return fail(`with structuredContent that does not fit its outputSchema: ${sentence(problems)}`)
    }
    // A schema of that kind would cost as much at every call.
    return Effect.sync(() => {
      disable(tool, undecided.message, warn)
      return result
    })
  })
}
