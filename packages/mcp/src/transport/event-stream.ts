/**
 * Server-sent events (WHATWG HTML, 9.2.6, Interpreting an event stream), read incrementally.
 *
 * `effect/encoding/Sse` looks at each character in turn, which a result of a megabyte pays for; here lines are found by
 * `indexOf`, a line that spans chunks is joined once, and an event over the limit is thrown away as it arrives.
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
  /** An event was larger than the limit. `false` stops the reading. */
  readonly oversized: () => boolean
  readonly end: () => void
  readonly failed: (cause: unknown) => void
}

/** A parser with its state: feed it with text; `false` means that the handler wants no more. `limit` is in characters. */
export const makeEventParser = (
  cursor: Cursor,
  handler: Pick<EventHandler, "event" | "oversized">,
  limit: number,
): ((text: string) => boolean) => {
  /** The pieces of a line whose end has not come. */
  let pending: Array<string> = []
  let length = 0
  let skipNewline = false
  let first = true
  let type = ""
  let data: string | undefined
  let id: string | undefined
  let skipping = false

  const dispatch = (): boolean => {
    const [sentType, sentData, wasSkipped] = [type, data, skipping]
    type = ""
    data = undefined
    skipping = false
    if (id !== undefined) cursor.lastEventId = id
    return wasSkipped || sentData === undefined || sentData === "" ? true : handler.event(sentType, sentData)
  }

  /** Said as soon as it is known: an event without end never comes to its end. */
  const overflow = (): boolean => {
    data = undefined
    if (skipping) return true
    skipping = true
    return handler.oversized()
  }

  const field = (name: string, value: string): boolean => {
    if (name === "data") {
      if (skipping) return true
      data = data === undefined ? value : `${data}\n${value}`
      return data.length <= limit || overflow()
    }
    if (name === "event") type = value
    else if (name === "id") {
      if (!value.includes("\0")) id = value
    } else if (name === "retry" && /^\d{1,9}$/.test(value)) cursor.retry = Number(value)
    return true
  }

  const line = (text: string): boolean => {
    if (text === "") return dispatch()
    if (text.startsWith("data: ")) return field("data", text.slice(6))
    const colon = text.indexOf(":")
    if (colon === -1) return field(text, "")
    if (colon === 0) return true
    return field(text.slice(0, colon), text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1))
  }

  const hold = (text: string): boolean => {
    length += text.length
    if (length <= limit) return pending.push(text) > 0
    pending = []
    return overflow()
  }

  const whole = (text: string): boolean => {
    if (length === 0) return line(text)
    const held = pending
    pending = []
    length = 0
    return held.length === 0 || line(held.join("") + text)
  }

  const unify = (text: string): string => {
    const from = skipNewline && text.startsWith("\n") ? 1 : 0
    skipNewline = text.endsWith("\r")
    return text.slice(from).replace(/\r\n?/g, "\n")
  }

  return (chunk) => {
    if (chunk === "") return true
    let text = chunk
    if (first) {
      first = false
      if (text.startsWith("\uFEFF")) text = text.slice(1)
    }
    if (skipNewline || text.includes("\r")) text = unify(text)
    let start = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      if (!whole(text.slice(start, end))) return false
      start = end + 1
    }
    return start < text.length ? hold(start === 0 ? text : text.slice(start)) : true
  }
}

/** Reads a response as a stream of events. What it returns stops it and closes the connection. */
export const readEvents = (response: Response, cursor: Cursor, limit: number, handler: EventHandler): (() => void) => {
  const decoder = new TextDecoder()
  const parse = makeEventParser(cursor, handler, limit)
  const streaming = { stream: true }
  return readChunks(response, {
    chunk: (bytes) => parse(decoder.decode(bytes, streaming)),
    end: handler.end,
    failed: handler.failed,
  })
}
