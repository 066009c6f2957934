/** JSON that a person typed: where it is wrong, the place is pointed at. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { parseTree, printParseErrorCode, type ParseError } from "jsonc-parser"
import { expectation } from "../config/expectation.ts"
import { badRequest, type CliFailure } from "./failure.ts"
import * as Text from "./text.ts"

/** How much of a line is shown around the place, in columns. */
const window = 60

/** The value of a text; fails with the line, the column and a caret under the place. */
export const parseJson = (text: string, source: string): Effect.Effect<unknown, CliFailure> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) => badRequest(describe(text, source, String(error))),
  })

const describe = (text: string, source: string, fallback: string): string => {
  if (text.trim() === "") return `${source}: expected JSON, found nothing`
  const errors: Array<ParseError> = []
  // The parser recurses: at an absurd depth the runtime's own words have to do.
  const parsed = Result.try(() => parseTree(text, errors, { disallowComments: true, allowTrailingComma: false }))
  const error = Result.isSuccess(parsed) ? errors[0] : undefined
  if (error === undefined) return `${source}: ${fallback}`
  const before = text.slice(0, error.offset).split("\n")
  const column = before.at(-1)?.length ?? 0
  const line = text.split("\n")[before.length - 1] ?? ""
  const from = Math.max(0, column - window / 2)
  const show = (part: string) => Text.harmless(part.replaceAll("\t", " "))
  const left = `  ${from > 0 ? "…" : ""}${show(line.slice(from, column))}`
  const expected = expectation(printParseErrorCode(error.error))
  return [
    `${source}: invalid JSON at line ${before.length}, column ${column + 1}: expected ${expected}`,
    `${left}${show(line.slice(column, from + window))}`,
    `${" ".repeat(Text.width(left))}^`,
  ].join("\n")
}
