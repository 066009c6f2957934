/**
 * How a peer process keeps what passed: one JSON value per line in the file that the environment names. Directions are
 * the client's. Its own module, so that small programs can use it without Effect.
 */
import { appendFileSync } from "node:fs"

/** The environment variable that names the file. */
export const recordVariable = "MCP_PEER_RECORD"

/** One line: a message, or something else that happened to the peer (`eof`, `SIGTERM`). */
export type RecordLine =
  { readonly direction: "sent" | "received"; readonly message: unknown } | { readonly event: string }

/** Appends to the record, where one is asked for. Synchronous: what is recorded survives a crash. */
export const keep = (line: RecordLine): void => {
  const file = process.env[recordVariable]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
}
