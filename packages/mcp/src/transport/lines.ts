/**
 * Newline-delimited framing: chunks of bytes in, whole lines out, each decoded once.
 *
 * A chunk that ends a line is decoded as one string and split there; a line that spans chunks is joined once. A line
 * over the limit is thrown away as it arrives, and only its beginning and end are kept, because the id of the request
 * that it answers stands in one of them (stdio transport; messages are delimited by newlines).
 */
import { StringDecoder } from "node:string_decoder"

/** How much of the beginning and of the end of a line over the limit is kept, in characters. */
const keptOfOversized = 1024

const newline = 10

/**
 * Up to here an unfinished line is held as bytes, and decoded in one go; above, it is decoded as it arrives, while the
 * server still writes, so that the end of a large message has less to wait for. In bytes.
 */
const decodedInOneGo = 1024 * 1024

/** A part of a text that does not keep the whole of it in memory. */
const copyOf = (part: string): string => Buffer.from(part).toString()

/** Receives what was framed. */
export interface LineHandler {
  readonly line: (text: string) => void
  /** A line was longer than the limit; `head` and `tail` are its beginning and its end. */
  readonly oversized: (head: string, tail: string) => void
  /**
   * A line has become longer than the limit, and its end may never come; `head` is its beginning. `true`: whoever it
   * concerns was told, and `oversized` is not called for it. Default: nobody is told before the end.
   */
  readonly endless?: (head: string) => boolean
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
  /** The unfinished line: how many bytes it has, its text as far as it was decoded, and what was not. */
  let length = 0
  let text = ""
  let parts: Array<Buffer> = []
  /** The beginning of a line over the limit; its end is in `text`. */
  let head: string | undefined
  /** Whether that was told before the line's end. */
  let isTold = false

  const hold = (chunk: Buffer) => {
    length += chunk.length
    parts.push(chunk)
    if (length <= decodedInOneGo && length <= limit) return
    for (const part of parts) text += decoder.write(part)
    parts = []
    if (length <= limit) return
    if (head === undefined) {
      head = copyOf(text.slice(0, keptOfOversized))
      isTold = handler.endless?.(head) === true
    }
    text = copyOf(text.slice(-keptOfOversized))
  }

  const whole = (text: string) => {
    if (text.length <= limit) return handler.line(text)
    handler.oversized(text.slice(0, keptOfOversized), text.slice(-keptOfOversized))
  }

  /** What is held and was not decoded yet. */
  const rest = (): string => {
    const [only] = parts
    if (only === undefined) return decoder.end()
    return parts.length === 1 ? only.toString() : Buffer.concat(parts).toString()
  }

  const finish = () => {
    const all = text + rest()
    const oversized = head
    const wasTold = isTold
    isTold = false
    length = 0
    text = ""
    parts = []
    head = undefined
    if (oversized === undefined) handler.line(all)
    else if (!wasTold) handler.oversized(oversized, all)
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
