/** Bodies as they were before they were compressed. */
import type { IncomingMessage } from "node:http"
import { pipeline, type Readable, type Transform } from "node:stream"
import { createBrotliDecompress, createUnzip } from "node:zlib"

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createUnzip,
  "x-gzip": createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
}

/** What may be asked for. */
export const encodings = "gzip, deflate, br"

/** The body as it was before compression, or `undefined` for a compression that is not known. */
export const decoded = (message: IncomingMessage): Readable | undefined => {
  const encoding = message.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
  if (encoding === "identity" || encoding === "") return message
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined
  // What fails is told by the decoder's "error".
  return decoder === undefined ? undefined : pipeline(message, decoder(), () => undefined)
}
