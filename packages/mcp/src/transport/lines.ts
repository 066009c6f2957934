/**
 * Newline-delimited framing: chunks of bytes in, whole lines out, each decoded once.
 *
 * A chunk that ends a line is decoded as one string and split there; a line that spans chunks is joined once, when its
 * end has come. A line over the limit is thrown away as it arrives, and only its beginning and end are kept, because
 * the id of the request that it answers stands in one of them (stdio transport; messages are delimited by newlines).
 */

/** How much of the beginning and of the end of a line over the limit is kept, in bytes. */
const keptOfOversized = 1024

const newline = 10

/** A copy of the last bytes of chunks, which are let go. */
const lastOf = (chunks: ReadonlyArray<Buffer>): Buffer => {
  const last: Array<Buffer> = []
  let missing = keptOfOversized
  for (let at = chunks.length - 1; at >= 0 && missing > 0; at--) {
    const part = chunks[at]?.subarray(-missing)
    if (part === undefined) break
    last.unshift(part)
    missing -= part.length
  }
  return Buffer.concat(last)
}

/** Receives what was framed. */
export interface LineHandler {
  readonly line: (text: string) => void
  /** A line was longer than the limit; `head` and `tail` are its first and last bytes. */
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
  let parts: Array<Buffer> = []
  let length = 0
  let oversized = false
  let tail: Buffer = Buffer.alloc(0)

  const hold = (chunk: Buffer) => {
    length += chunk.length
    if (!oversized) parts.push(chunk)
    if (length <= limit) return
    if (!oversized) {
      const head = Buffer.concat(parts, Math.min(length, keptOfOversized))
      tail = lastOf(parts)
      parts = [head]
      oversized = true
    } else {
      tail = lastOf([tail, chunk])
    }
  }

  const whole = (text: string) => {
    if (text.length <= limit) return handler.line(text)
    handler.oversized(text.slice(0, keptOfOversized), text.slice(-keptOfOversized))
  }

  const finish = () => {
    const held = parts
    const wasOversized = oversized
    parts = []
    length = 0
    oversized = false
    if (wasOversized) {
      handler.oversized(held[0]?.toString() ?? "", tail.toString())
      tail = Buffer.alloc(0)
    } else if (held.length === 1) {
      handler.line(held[0]?.toString() ?? "")
    } else {
      handler.line(Buffer.concat(held).toString())
    }
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
