/** Structured content beside the text that repeats it for older clients. */
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
