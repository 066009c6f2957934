/** Structured content: whether a text repeats it for older clients, and how it is written. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Result from "effect/Result"
import { isDeepStrictEqual } from "node:util"

/** Whether a text block already says what the structured content holds. */
export const isRepeated = (structured: unknown, content: ReadonlyArray<unknown>): boolean =>
  content.some((each) => {
    const text = isObject(each) && each["type"] === "text" ? each["text"] : undefined
    if (typeof text !== "string" || !/^\s*[[{]/.test(text)) return false
    const parsed = Result.try((): unknown => JSON.parse(text))
    return Result.isSuccess(parsed) && isDeepStrictEqual(parsed.success, structured)
  })

/** Nested deeper than this, lines are not set in: a stranger's value of a few bytes would become one of a million times that. */
const deepest = 32

const isWithin = (value: unknown, depth: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (depth > 0 && Object.values(value).every((each) => isWithin(each, depth - 1)))

/** A value as JSON for a reader: over several lines, unless it is nested very deep. */
export const pretty = (value: unknown, replacer?: (key: string, value: unknown) => unknown): string =>
  JSON.stringify(value, replacer, isWithin(value, deepest) ? 2 : 0)
