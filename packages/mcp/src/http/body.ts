/** Bodies of responses, read by callbacks and never beyond a bound. The bound holds after decompression. */
import { discard } from "./http.ts"

/** Receives the chunks of a body as they come, and then its end or its failure. */
export interface ChunkHandler {
  /** Returning `false` stops the reading and drops the rest: nothing is called after it. */
  readonly chunk: (bytes: Uint8Array) => boolean
  readonly end: () => void
  readonly failed: (cause: unknown) => void
}

/** Reads a body chunk by chunk. What it returns stops it and closes the connection. */
export const readChunks = (response: Response, handler: ChunkHandler): (() => void) => {
  const reader = response.body?.getReader()
  if (reader === undefined) {
    handler.end()
    return () => undefined
  }
  const cancel = () => {
    reader.cancel().then(undefined, () => undefined)
  }
  const read = ({ done, value }: { readonly done: boolean; readonly value?: Uint8Array | undefined }): void => {
    if (done || value === undefined) return handler.end()
    if (handler.chunk(value)) next()
    else cancel()
  }
  const next = () => {
    reader.read().then(read, handler.failed)
  }
  next()
  return cancel
}

/** Receives a whole body. Exactly one is called, once. */
export interface TextHandler {
  readonly text: (text: string) => void
  readonly tooLarge: () => void
  readonly failed: (cause: unknown) => void
}

/** Whether the head promises a body within the limit, so that it may be read in one go. */
export const isBounded = ({ headers }: Response, limit: number): boolean => {
  const length = headers.get("content-length")
  return length !== null && Number(length) <= limit && headers.get("content-encoding") === null
}

/** Reads a whole body as UTF-8. `limit` is in bytes. */
export const readText = (response: Response, limit: number, handler: TextHandler): void => {
  if (isBounded(response, limit)) {
    response.text().then(handler.text, handler.failed)
    return
  }
  if (Number(response.headers.get("content-length") ?? 0) > limit) {
    discard(response)
    return handler.tooLarge()
  }
  const parts: Array<Uint8Array> = []
  let length = 0
  readChunks(response, {
    chunk: (bytes) => {
      length += bytes.length
      if (length <= limit) return parts.push(bytes) > 0
      parts.length = 0
      handler.tooLarge()
      return false
    },
    end: () => handler.text(parts.length === 1 ? decode(parts[0]) : decode(Buffer.concat(parts, length))),
    failed: handler.failed,
  })
}

const decoder = new TextDecoder()
const decode = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : decoder.decode(bytes))
