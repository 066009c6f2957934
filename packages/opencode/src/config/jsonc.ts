/**
 * The text of a configuration file as a value: JSON with comments and trailing commas.
 *
 * OpenCode substitutes in the text and parses afterwards, so that `"timeout": {env:MS}` is a number there. Here the text is
 * parsed first, which keeps the entry as it was written; a token outside of a string becomes a string with a mark
 * before it, and `substitute.ts` reads what takes its place as JSON.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser"
import { ConfigError, ParseFailed } from "./error.ts"
import { expectation } from "./expectation.ts"

/** Before a token that stood outside of a string. */
export const mark = "\u0000"

/** The value of `text`; `undefined` where there is nothing in it but space and comments. */
export const parse = (text: string, file: string): Effect.Effect<unknown, ConfigError> =>
  Effect.suspend(() => {
    const { quoted, position } = quoteTokens(text)
    const fail = (offset: number, expected: string) => {
      const before = text.slice(0, position(offset)).split("\n")
      const column = (before.at(-1)?.length ?? 0) + 1
      return new ConfigError({ reason: new ParseFailed({ file, line: before.length, column, expected }) })
    }
    const errors: Array<ParseError> = []
    // The parser recurses: an absurd depth ends in the runtime's RangeError.
    const parsed = Result.try(() => {
      const tree = parseTree(quoted, errors, { allowTrailingComma: true, allowEmptyContent: true })
      return tree === undefined ? undefined : valueOf(tree)
    })
    const error = errors[0]
    if (error !== undefined) {
      const end = error.offset >= quoted.trimEnd().length
      const found = end ? "the end of the file" : JSON.stringify(quoted.slice(error.offset, error.offset + 1))
      return Effect.fail(fail(error.offset, `${expectation(printParseErrorCode(error.error))}, found ${found}`))
    }
    if (Result.isFailure(parsed)) return Effect.fail(fail(0, "less than some thousand levels of nesting"))
    const value = parsed.success
    if (value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value))) {
      return Effect.fail(fail(0, "an object"))
    }
    return Effect.succeed(value)
  })

/** Objects are made of own properties alone, `__proto__` among them: assigning to that key would set a prototype. */
const valueOf = (node: Node): unknown => {
  if (node.type === "array") return (node.children ?? []).map(valueOf)
  if (node.type !== "object") return node.value
  return Object.fromEntries(
    (node.children ?? []).flatMap(({ children }) => {
      const [key, value] = children ?? []
      return key === undefined || value === undefined ? [] : [[String(key.value), valueOf(value)]]
    }),
  )
}

const lexer = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(\{(?:env|file):[^}"\n]+\})/g

/** Puts tokens outside of strings and comments into strings; `position` leads an offset in the result back. */
const quoteTokens = (text: string) => {
  const shifts: Array<{ readonly offset: number; readonly by: number }> = []
  let by = 0
  const quoted = text.replace(/^\uFEFF/, " ").replace(lexer, (whole: string, token: unknown, offset: number) => {
    if (typeof token !== "string") return whole
    const replacement = JSON.stringify(mark + token)
    by += replacement.length - whole.length
    shifts.push({ offset: offset + whole.length + by, by })
    return replacement
  })
  const position = (offset: number) => offset - (shifts.findLast((shift) => offset >= shift.offset)?.by ?? 0)
  return { quoted, position }
}

/** The text as JSON with comments, every offset the same: tokens outside of strings are strings of their length. */
export const blank = (text: string): string =>
  text
    .replace(/^\uFEFF/, " ")
    .replace(lexer, (whole: string, token: unknown) =>
      typeof token === "string" ? `"${"_".repeat(whole.length - 2)}"` : whole,
    )
