/**
 * Newline-delimited framing: chunks of bytes in, whole lines out, each decoded once.
 *
 * A chunk that ends a line is decoded as one string and split there. What it leaves unfinished is decoded as it
 * arrives, while the server still writes, and joined once, when its end has come: of a message of 32 MB only the join
 * is left to wait for. A line over the limit is thrown away as it arrives, and only its beginning and end are kept,
 * because the id of the request that it answers stands in one of them (stdio transport; messages are delimited by
 * newlines).
 */
import { StringDecoder } from "node:string_decoder"

/** How much of the beginning and of the end of a line over the limit is kept, in characters. */
const keptOfOversized = 1024

const newline = 10

/** Receives what was framed. */
export interface LineHandler {
  readonly line: (text: string) => void
  /** A line was longer than the limit; `head` and `tail` are its beginning and its end. */
  readonly oversized: (head: string, tail: string) => void
}

/** A splitter with its state. */
export interface LineSplitter {
  readonly push: (chunk: Buffer) => void
  /** No more will come: what is held is a line too. */
  readonly end: () => void
}

/** Makes a splitter. `limit` is in bytes. */
export const makeLineSplitter = (handler: LineHandler, limit: number): LineSplitter => {
  const decoder = new StringDecoder("utf8")
  /** The unfinished line: its text and how many bytes that was. */
  let parts: Array<string> = []
  let length = 0
  /** Of a line over the limit. */
  let ends: { readonly head: string; tail: string } | undefined

  const hold = (chunk: Buffer) => {
    length += chunk.length
    const text = decoder.write(chunk)
    if (ends !== undefined) {
      ends.tail = (ends.tail + text).slice(-keptOfOversized)
      return
    }
    parts.push(text)
    if (length <= limit) return
    const whole = parts.join("")
    parts = []
    ends = { head: whole.slice(0, keptOfOversized), tail: whole.slice(-keptOfOversized) }
  }

  const whole = (text: string) => {
    if (text.length <= limit) return handler.line(text)
    handler.oversized(text.slice(0, keptOfOversized), text.slice(-keptOfOversized))
  }

  const finish = () => {
    const rest = decoder.end()
    if (rest !== "") parts.push(rest)
    const held = parts
    const oversized = ends
    parts = []
    length = 0
    ends = undefined
    if (oversized === undefined) handler.line(held.length === 1 ? (held[0] ?? "") : held.join(""))
    else handler.oversized(oversized.head, oversized.tail)
  }

  const push = (chunk: Buffer) => {
    let start = 0
    if (length > 0) {
      const end = chunk.indexOf(newline)
      if (end === -1) return hold(chunk)
      if (end > 0) hold(chunk.subarray(0, end))
      finish()
      start = end + 1
    }
    const last = chunk.lastIndexOf(newline)
    if (last < start) {
      if (start < chunk.length) hold(chunk.subarray(start))
      return
    }
    const text = chunk.toString("utf8", start, last)
    let from = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      if (end > from) whole(text.slice(from, end))
      from = end + 1
    }
    if (from < text.length) whole(from === 0 ? text : text.slice(from))
    if (last + 1 < chunk.length) hold(chunk.subarray(last + 1))
  }
  return {
    push,
    end: () => {
      if (length > 0) finish()
    },
  }
}
