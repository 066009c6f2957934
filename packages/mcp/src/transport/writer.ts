/**
 * Lines to a pipe or a socket: those of one turn of the event loop leave in one write, and what the other side has not
 * read is counted. A stream that nobody reads is full above a bound, whatever its runtime says of it.
 */
import type { Writable } from "node:stream"

/** What may wait unread, in characters, before a writer is full. */
const unreadLimit = 4 * 1024 * 1024

/**
 * How much is joined before it is written without waiting for the turn to end, in characters: a server that has work
 * already answers while the callers still write (a third more calls per second with 64 in flight).
 */
const joined = 2 * 1024

export interface LineWriter {
  /** Whether nothing more should be written. If so, `writable` is called when there is room again. */
  readonly isFull: () => boolean
  /** Writes a line, full or not. The text has no line break. */
  readonly line: (text: string) => void
  /** Writes what was joined, without waiting for the turn to end. */
  readonly flush: () => void
  /** How much was not read, in characters. */
  readonly unread: () => number
}

export const makeLineWriter = (stream: Writable, writable: () => void): LineWriter => {
  let buffer = ""
  let unread = 0
  let refused = false
  const flush = () => {
    const text = buffer
    if (text === "") return
    buffer = ""
    stream.write(text, () => {
      unread -= text.length
      if (!refused || unread > unreadLimit / 2) return
      refused = false
      writable()
    })
  }
  return {
    isFull: () => {
      if (unread < unreadLimit) return false
      refused = true
      return true
    },
    line: (line) => {
      const text = line + "\n"
      unread += text.length
      if (buffer === "") queueMicrotask(flush)
      buffer += text
      if (buffer.length > joined) flush()
    },
    flush,
    unread: () => unread,
  }
}
