/**
 * Frames over a socket between two programs of ours: a line each, an array of what it is and its content. What makes no
 * sense, or is too long, ends the link, and nothing else.
 */
import type { Socket } from "node:net"
import { parse } from "../protocol/json.ts"
import { makeLineSplitter } from "../transport/lines.ts"
import { makeLineWriter } from "../transport/writer.ts"

/** What a frame is. */
export type Kind =
  /** The greeting: a nonce, and what proves that the secret is known. */
  | "hello"
  | "proof"
  /** From the owner, once its server is there: what was agreed on. */
  | "welcome"
  /** A message of the protocol, either way. */
  | "message"
  /** From the owner: the answer to the request with this id is lost. */
  | "failed"
  /** From the owner: a line that the server wrote there; something that a person may want to know. */
  | "stderr"
  | "warning"
  /** From the owner: why this is the last frame. */
  | "ended"

export interface Link {
  /** Whether the other side has too much to read; then `writable` is called when it has not. */
  readonly isFull: () => boolean
  /** How much the other side has not read, in characters. */
  readonly unread: () => number
  /** Sends a frame, whose content is JSON already. */
  readonly send: (kind: Kind, json: string) => void
  /** Offers again what was not taken. */
  readonly resume: () => void
  /** Ends it when what was sent has left; nothing comes from it any more. */
  readonly end: () => void
  /** Ends it at once. */
  readonly destroy: () => void
}

export interface LinkOptions {
  /** The longest line that is read, in bytes. */
  readonly limit: number
  /** A frame came; `false` where it was not taken, and no more is read until `resume`. */
  readonly frame: (kind: unknown, content: unknown) => boolean
  readonly writable: () => void
  /** It is over, unless it was ended from this side. `nonsense`: what came that makes no sense. */
  readonly closed: (nonsense: string | undefined) => void
}

export const makeLink = (socket: Socket, options: LinkOptions): Link => {
  const waiting: Array<ReadonlyArray<unknown>> = []
  let isOver = false
  const over = (nonsense: string | undefined) => {
    if (isOver) return
    isOver = true
    socket.destroy()
    options.closed(nonsense)
  }
  const read = makeLineSplitter(
    {
      line: (text) => {
        if (isOver) return
        const value = parse(text)
        if (!Array.isArray(value)) return over(`a line that is no frame: ${JSON.stringify(text.slice(0, 200))}`)
        const frame: ReadonlyArray<unknown> = value
        if (waiting.length === 0 && options.frame(frame[0], frame[1])) return
        waiting.push(frame)
        socket.pause()
      },
      endless: () => {
        over(`a line of more than ${options.limit} bytes`)
        return true
      },
      oversized: () => over(`a line of more than ${options.limit} bytes`),
    },
    options.limit,
  )
  const writer = makeLineWriter(socket, options.writable)
  socket.on("data", (chunk: Buffer) => {
    if (!isOver) read.push(chunk)
  })
  // What follows is its end.
  socket.on("error", () => undefined)
  socket.once("close", () => over(undefined))
  return {
    isFull: writer.isFull,
    unread: writer.unread,
    send: (kind, json) => {
      if (!isOver) writer.line(`["${kind}",${json}]`)
    },
    resume: () => {
      for (let [frame] = waiting; frame !== undefined; [frame] = waiting) {
        if (isOver || !options.frame(frame[0], frame[1])) return
        waiting.shift()
      }
      if (!isOver) socket.resume()
    },
    end: () => {
      if (isOver) return
      isOver = true
      writer.flush()
      socket.end(() => socket.destroy())
    },
    destroy: () => {
      isOver = true
      socket.destroy()
    },
  }
}
