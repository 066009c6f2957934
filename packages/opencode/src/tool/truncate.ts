/**
 * Long outputs: cut for the model, whole in a file.
 *
 * Files lie in `$XDG_DATA_HOME/opencode/tool-output`, for this user's eyes alone, and are removed after seven days. A
 * file that cannot be written costs the rest of the output and nothing else; the output says so.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import { randomUUID } from "node:crypto"
import * as Directories from "../config/directories.ts"

/** What an output may have. */
export const maxLines = 2_000
/** In UTF-8: 50 KiB. */
export const maxBytes = 51_200

/** How long a file is kept, in milliseconds: seven days. */
const retention = 604_800_000

const prefix = "tool_"

/** An output as the model gets it. */
export type Truncated =
  | { readonly content: string; readonly truncated: false }
  /** `outputPath` holds the whole text; it is absent where none could be written. */
  | { readonly content: string; readonly truncated: true; readonly outputPath?: string }

/** A part of an output. */
export interface Piece {
  readonly text: string
  /** From 0 to 1: what matters least is cut first. Default: 0.5. */
  readonly priority?: number | undefined
}

export interface Interface {
  /** Cuts beyond 2,000 lines or 50 KiB, and says in the output where the rest is. Pieces are parted by an empty line. */
  readonly output: (text: string | ReadonlyArray<Piece>) => Effect.Effect<Truncated>
  /** Keeps what no model can be given in a file; `undefined` where none can be written. */
  readonly keep: (content: string | Uint8Array, extension: string) => Effect.Effect<string | undefined>
  /** Where the files are, absolute. */
  readonly directory: string
}

/** What bounds outputs in an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Truncate") {}

const bytesOf = (text: string) => Buffer.byteLength(text)
const linesOf = (text: string) => text.split("\n").length

/** As much of a text from its beginning as fits, and no half of a character. */
export const head = (text: string, lines: number, bytes: number): string => {
  if (lines < 1 || bytes < 1) return ""
  let end = text.length
  for (let [at, line] = [-1, 0]; line < lines; line++) {
    at = text.indexOf("\n", at + 1)
    if (at < 0) break
    if (line === lines - 1) end = at
  }
  const cut = text.slice(0, Math.min(end, bytes))
  if (bytesOf(cut) <= bytes) return whole(cut)
  // A byte of the middle of a character begins with the bits 10.
  const buffer = Buffer.from(cut)
  let length = bytes
  while (length > 0 && ((buffer[length] ?? 0) & 0xc0) === 0x80) length--
  return buffer.toString("utf8", 0, length)
}

/** Without the first half of a surrogate pair at its end. */
const whole = (text: string) => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text)

/** The pieces that fit, what matters most first, in the order in which they came; what is missing is said in its place. */
const preview = (pieces: ReadonlyArray<Piece>): string => {
  let [lines, bytes] = [maxLines, maxBytes]
  const kept = new Map<number, string>()
  const order = [...pieces.entries()].sort(([, a], [, b]) => (b.priority ?? 0.5) - (a.priority ?? 0.5))
  for (const [index, { text }] of order) {
    const part = head(text, lines, bytes)
    kept.set(index, part)
    lines -= linesOf(part) + 1
    bytes -= bytesOf(part) + 2
    if (part.length < text.length) break
  }
  const shown: Array<string> = []
  let [missingLines, missingBytes] = [0, 0]
  const tellMissing = () => {
    if (missingBytes > 0) shown.push(`[… ${missingBytes} bytes in ${missingLines} lines were cut here]`)
    ;[missingLines, missingBytes] = [0, 0]
  }
  for (const [index, { text }] of pieces.entries()) {
    const part = kept.get(index)
    if (part !== undefined) {
      tellMissing()
      shown.push(part)
    }
    const rest = text.slice(part?.length ?? 0)
    if (rest === "") continue
    missingLines += linesOf(rest)
    missingBytes += bytesOf(rest)
  }
  tellMissing()
  return shown.join("\n\n")
}

const make = (directory: string, fs: FileSystem.FileSystem, paths: Path.Path): Interface => {
  const keep: Interface["keep"] = (content, extension) => {
    const file = paths.join(directory, `${prefix}${randomUUID()}.${extension}`)
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
    return fs.makeDirectory(directory, { recursive: true, mode: 0o700 }).pipe(
      Effect.andThen(fs.writeFile(file, bytes, { flag: "wx", mode: 0o600 })),
      Effect.as(file),
      Effect.orElseSucceed(() => undefined),
    )
  }
  return {
    directory,
    keep,
    output: (given) =>
      Effect.gen(function* () {
        const pieces = typeof given === "string" ? [{ text: given }] : given
        const text = pieces.map(({ text }) => text).join("\n\n")
        // A byte is at least a third of a UTF-16 unit.
        const isShort = text.length * 3 <= maxBytes || bytesOf(text) <= maxBytes
        if (isShort && linesOf(text) <= maxLines) return { content: text, truncated: false }
        const outputPath = yield* keep(text, "txt")
        const where =
          outputPath === undefined
            ? "The whole of it could not be written to a file; ask for less at a time."
            : `The whole of it is in the file ${outputPath}: read it in parts (offset and limit), or search in it.`
        const content = `${preview(pieces)}\n\n[This output was cut: it has ${linesOf(text)} lines, ${bytesOf(text)} bytes. ${where}]`
        return { content, truncated: true, ...(outputPath === undefined ? {} : { outputPath }) }
      }),
  }
}

/** Removes what is older than `retention`. */
const sweep = (directory: string, fs: FileSystem.FileSystem, paths: Path.Path) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const names = (yield* fs.readDirectory(directory)).filter((name) => name.startsWith(prefix))
    yield* Effect.forEach(
      names.map((name) => paths.join(directory, name)),
      (file) =>
        Effect.ignore(
          Effect.flatMap(fs.stat(file), ({ mtime }) =>
            Option.exists(mtime, (time) => time.getTime() < now - retention) ? fs.remove(file) : Effect.void,
          ),
        ),
      { discard: true },
    )
  }).pipe(Effect.ignore)

/** Bounds outputs, and sweeps the directory now and each hour. */
export const layer: Layer.Layer<Service, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  Service,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const directory = paths.join(yield* Directories.directory("DATA"), "tool-output")
    yield* Effect.forkScoped(Effect.repeat(sweep(directory, fs, paths), Schedule.spaced("1 hour")))
    return make(directory, fs, paths)
  }),
)
