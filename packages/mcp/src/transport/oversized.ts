/**
 * Whose answer a message is that was too long to be kept, from its first and last bytes: the id of an answer stands at
 * its beginning or at its end. Only a member of the message itself counts, never one of what it carries.
 */
import { parse } from "../protocol/json.ts"
import { isRequestId, type RequestId } from "../protocol/jsonrpc.ts"

/** A string, with a colon where it names a member, or a bracket. A string may be cut off by the end. */
const token = /"((?:[^"\\]|\\.)*)(?:"\s*(:?)|$)|[{}[\]]/g

const value = /\s*(-?\d+|"(?:[^"\\]|\\.)*")\s*[,}]/y

const atEnd = /,\s*"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.){1,200}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/

/** The text of the id at the beginning; `null` where the message is no answer, `undefined` where that is not said yet. */
const atBeginning = (head: string): string | null | undefined => {
  let depth = 0
  let id: string | undefined
  for (const match of head.matchAll(token)) {
    const [text, name, colon] = match
    if (text === "{" || text === "[") depth += 1
    else if (text === "}" || text === "]") depth -= 1
    else if (depth === 1 && colon === ":") {
      if (name === "method") return null
      value.lastIndex = match.index + text.length
      if (name === "id") id = value.exec(head)?.[1]
    }
  }
  return id
}

/** Whether a message with this beginning may be an answer: it names no method there. */
export const mayAnswer = (head: string): boolean => atBeginning(head) !== null

/** The id of the request that a message answers; `undefined` where it is no answer, or does not show. */
export const answeredId = (head: string, tail: string): RequestId | undefined => {
  const first = atBeginning(head)
  if (first === null) return undefined
  const id = parse(first ?? atEnd.exec(tail)?.[1] ?? "")
  return isRequestId(id) ? id : undefined
}
