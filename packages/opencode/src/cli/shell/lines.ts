/**
 * Bytes in, lines out. A line ends at `\n` alone: U+2028 and a carriage return are text like any other. What comes after
 * the last `\n` is a line once the input has ended.
 */

/** The longest line, in bytes. A longer one is thrown away as it arrives. */
const lineLimit = 256 * 1024 * 1024

/** A whole line, or why it is none. */
export type Line =
  { readonly text: string; readonly problem?: never } | { readonly text?: never; readonly problem: string }

const newline = 10

const decoder = new TextDecoder("utf-8", { fatal: false })

/** The state of one input. Call `push` with each chunk, and `end` once. */
export class Lines {
  private parts: Array<Uint8Array> = []
  private length = 0
  private readonly limit: number
  private readonly take: (line: Line) => void

  constructor(take: (line: Line) => void, limit: number = lineLimit) {
    this.take = take
    this.limit = limit
  }

  push(chunk: Uint8Array): void {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.hold(chunk.subarray(start, end))
      this.finish()
      start = end + 1
    }
    // A copy: the reader may use its buffer again.
    if (start < chunk.length) this.hold(new Uint8Array(chunk.subarray(start)))
  }

  end(): void {
    if (this.length > 0) this.finish()
  }

  private hold(part: Uint8Array): void {
    this.length += part.length
    if (this.length <= this.limit) this.parts.push(part)
    else this.parts = []
  }

  private finish(): void {
    const { length, parts } = this
    this.parts = []
    this.length = 0
    if (length > this.limit) return this.take({ problem: `the line is longer than ${this.limit} bytes` })
    const [only] = parts
    const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length)
    this.take({ text: decoder.decode(bytes) })
  }
}
