/**
 * Server-sent events (WHATWG HTML, 9.2.6, Interpreting an event stream), read incrementally.
 *
 * `effect/encoding/Sse` looks at each character in turn, which a result of a megabyte pays for; here lines are found by
 * `indexOf`, a line that spans chunks is joined once, and an event over the limit is thrown away as it arrives: only the
 * beginning and the end of its data are kept, because the id of the request that it answers stands in one of them.
 */
import { readChunks } from "../http/body.ts"

/** What of a stream outlives its connection: where to resume it, and when. */
export interface Cursor {
  /** The id of the last event that was read whole. */
  lastEventId: string | undefined
  /** The last `retry` field, in milliseconds. */
  retry: number | undefined
}

/** Receives what a stream holds. */
export interface EventHandler {
  /** One event with data. `false` stops the reading. */
  readonly event: (type: string, data: string) => boolean
  /** An event was larger than the limit; `head` and `tail` are the ends of its data. `false` stops the reading. */
  readonly oversized: (head: string, tail: string) => boolean
  /** An event is twice as large as the limit, and its end may never come. `false` stops the reading. */
  readonly endless?: (head: string) => boolean
  readonly end: () => void
  readonly failed: (cause: unknown) => void
}

/** How much of the beginning and of the end of the data over the limit is kept, in characters. */
const keptOfOversized = 1024

/** A copy: a part of a string would keep the whole of it. */
const copied = (text: string): string => Buffer.from(text).toString()

/** An event that is thrown away as it arrives. */
class Skipped {
  head = ""
  tail = ""
  length = 0
  /** Whether its end was given up. */
  endless = false

  keep(data: string) {
    const missing = keptOfOversized - this.head.length
    if (missing > 0) this.head += copied(data.slice(0, missing))
    this.tail = copied((data.length < keptOfOversized ? this.tail + data : data).slice(-keptOfOversized))
  }
}

/** A parser with its state: `feed` it with text; `false` means that the handler wants no more. `limit` is in characters. */
export class EventParser {
  private readonly cursor: Cursor
  private readonly handler: Pick<EventHandler, "event" | "oversized" | "endless">
  private readonly limit: number
  /** The pieces of a line whose end has not come, and their length. */
  private pending: Array<string> | undefined
  private length = 0
  private skipNewline = false
  private first = true
  private type = ""
  private data: string | undefined
  private id: string | undefined
  private skipped: Skipped | undefined
  /** Whether the line that is longer than the limit is one of data. */
  private isData = false

  constructor(cursor: Cursor, handler: Pick<EventHandler, "event" | "oversized" | "endless">, limit: number) {
    this.cursor = cursor
    this.handler = handler
    this.limit = limit
  }

  feed(chunk: string): boolean {
    if (chunk === "") return true
    let text = chunk
    if (this.first) {
      this.first = false
      if (text.startsWith("\uFEFF")) text = text.slice(1)
    }
    if (this.skipNewline || text.includes("\r")) text = this.unify(text)
    let start = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      if (!this.whole(text.slice(start, end))) return false
      start = end + 1
    }
    return start < text.length ? this.hold(start === 0 ? text : text.slice(start)) : true
  }

  private unify(text: string): string {
    const from = this.skipNewline && text.startsWith("\n") ? 1 : 0
    this.skipNewline = text.endsWith("\r")
    return text.slice(from).replace(/\r\n?/g, "\n")
  }

  private hold(text: string): boolean {
    const wasHeld = this.length <= this.limit
    this.length += text.length
    if (!wasHeld) return this.skip(text, this.isData)
    if (this.pending === undefined) this.pending = [text]
    else this.pending.push(text)
    return this.length <= this.limit || this.letGo(this.pending.join(""))
  }

  /** The beginning of a line that is longer than the limit. */
  private letGo(line: string): boolean {
    this.pending = undefined
    this.isData = line.startsWith("data:")
    return this.skip(this.isData ? line.slice(line[5] === " " ? 6 : 5) : line, this.isData)
  }

  private whole(text: string): boolean {
    if (this.length === 0) return this.line(text)
    const held = this.pending
    this.pending = undefined
    this.length = 0
    return held === undefined ? this.skip(text, this.isData) : this.line(held.join("") + text)
  }

  private line(text: string): boolean {
    if (text === "") return this.dispatch()
    if (text.startsWith("data: ")) return this.field("data", text.slice(6))
    const colon = text.indexOf(":")
    if (colon === -1) return this.field(text, "")
    if (colon === 0) return true
    return this.field(text.slice(0, colon), text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1))
  }

  private field(name: string, value: string): boolean {
    if (name === "data") {
      if (this.skipped !== undefined) return this.skip(`\n${value}`, true)
      this.data = this.data === undefined ? value : `${this.data}\n${value}`
      return this.data.length <= this.limit || this.skip("", true)
    }
    if (name === "event") this.type = value
    else if (name === "id") {
      // With any other control character it could not be sent back.
      if (!/[\0-\x08\x0a-\x1f\x7f]/.test(value)) this.id = value
    } else if (name === "retry" && /^\d{1,9}$/.test(value)) this.cursor.retry = Number(value)
    return true
  }

  /** Throws away a part of an event over the limit. */
  private skip(text: string, isData: boolean): boolean {
    let { skipped } = this
    if (skipped === undefined) {
      skipped = this.skipped = new Skipped()
      if (this.data !== undefined) {
        skipped.keep(isData && text !== "" ? `${this.data}\n` : this.data)
        skipped.length = this.data.length
        this.data = undefined
      }
    }
    if (isData) skipped.keep(text)
    skipped.length += text.length
    if (skipped.endless || skipped.length <= 2 * this.limit) return true
    skipped.endless = true
    return this.handler.endless?.(skipped.head) ?? true
  }

  private dispatch(): boolean {
    const { data, id, skipped, type } = this
    this.type = ""
    this.data = undefined
    this.skipped = undefined
    if (id !== undefined) this.cursor.lastEventId = id
    if (skipped !== undefined) return this.handler.oversized(skipped.head, skipped.tail)
    return data === undefined || data === "" ? true : this.handler.event(type, data)
  }
}

const utf8 = () => new TextDecoder("utf-8", { ignoreBOM: true })

/** For chunks that begin and end between characters: it keeps nothing from one to the next. */
const shared = utf8()
const streaming = { stream: true }

/** Reads a response as a stream of events. What it returns stops it and closes the connection. */
export const readEvents = (response: Response, cursor: Cursor, limit: number, handler: EventHandler): (() => void) => {
  const parser = new EventParser(cursor, handler, limit)
  let decoder: ReturnType<typeof utf8> | undefined
  return readChunks(response, {
    chunk: (bytes) => {
      // The last byte of a chunk tells whether a character may go on in the next: most streams never need more.
      if (decoder === undefined && (bytes[bytes.length - 1] ?? 0) < 0x80) return parser.feed(shared.decode(bytes))
      decoder ??= utf8()
      return parser.feed(decoder.decode(bytes, streaming))
    },
    end: handler.end,
    failed: handler.failed,
  })
}
