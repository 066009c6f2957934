/** The tool `read`: a file of the worktree, or what was too long for an output. Nothing else on this machine. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import { attachment, described, media } from "./media.ts"
import type { Context, Info, Result } from "./tool.ts"
import * as Truncate from "./truncate.ts"

/** Larger files are not read, in bytes. */
const sizeLimit = 67_108_864

/** A line is cut beyond so many characters. */
const lineLimit = 2_000

const mimes: ReadonlyMap<string, string> = new Map([
  [".png", "image/png"],
  [".jpg", "image/jpeg"],
  [".jpeg", "image/jpeg"],
  [".gif", "image/gif"],
  [".webp", "image/webp"],
  [".pdf", "application/pdf"],
])

/** Why a file was not read. */
export class ReadError extends Data.TaggedError("ReadError")<{ readonly path: string; readonly why: string }> {
  override get message(): string {
    return `${this.path} was not read: ${this.why}`
  }
}

/** Where it reads. */
export interface Place {
  /** Relative paths are of this directory. */
  readonly directory: string
  /** What is outside of it is not read. */
  readonly worktree: string
  readonly outputs: string
  readonly fs: FileSystem.FileSystem
  readonly paths: Path.Path
}

const isInside = ({ paths }: Place, file: string, directory: string) => {
  const relative = paths.relative(directory, file)
  return relative === "" || (!relative.startsWith("..") && !paths.isAbsolute(relative))
}

interface Wanted {
  readonly filePath: string
  readonly offset: number
  readonly limit: number
}

const whole = (value: unknown, otherwise: number) =>
  typeof value === "number" && Number.isInteger(value) && value > 0 ? value : otherwise

const wanted = (args: unknown): Wanted | undefined => {
  const { filePath, limit, offset }: Record<string, unknown> = isObject(args) ? args : {}
  if (typeof filePath !== "string" || filePath === "" || filePath.includes("\0")) return undefined
  return { filePath, offset: whole(offset, 1), limit: Math.min(whole(limit, Truncate.maxLines), Truncate.maxLines) }
}

/** The lines that were asked for, each with its number. */
const numbered = (text: string, { limit, offset }: Wanted): string => {
  const all = text.split("\n")
  if (all.at(-1) === "") all.pop()
  const lines: Array<string> = []
  let bytes = Truncate.maxBytes
  for (const [index, line] of all.slice(offset - 1, offset - 1 + limit).entries()) {
    const cut =
      line.length > lineLimit ? `${Truncate.head(line, 1, lineLimit)}… (cut: ${line.length} characters)` : line
    const shown = `${offset + index}: ${cut}`
    bytes -= Buffer.byteLength(shown) + 1
    if (bytes < 0) break
    lines.push(shown)
  }
  const next = offset + lines.length
  if (next > all.length) return lines.length === 0 ? `(it has ${all.length} lines)` : lines.join("\n")
  return `${lines.join("\n")}\n\n[It has ${all.length} lines: go on with offset ${next}.]`
}

const read = (place: Place, args: unknown, context: Context): Effect.Effect<Result, Error> =>
  Effect.gen(function* () {
    const { directory, fs, outputs, paths, worktree } = place
    const asked = wanted(args)
    if (asked === undefined) return yield* new ReadError({ path: "the file", why: "expected its path as filePath" })
    const { filePath } = asked
    const fail = (why: string) => new ReadError({ path: filePath, why })
    const real = (path: string) => Effect.mapError(fs.realPath(path), (error) => fail(error.message))
    const file = yield* real(paths.resolve(directory, filePath))
    const root = yield* real(worktree)
    const kept = yield* Effect.orElseSucceed(fs.realPath(outputs), () => outputs)
    if (!isInside(place, file, root) && !isInside(place, file, kept)) {
      return yield* fail(`it is outside of the worktree ${root}`)
    }
    const pattern = isInside(place, file, root) ? paths.relative(root, file) : file
    yield* context.ask({ permission: "read", patterns: [pattern], always: ["*"], metadata: { filePath: file } })

    const info = yield* Effect.mapError(fs.stat(file), (error) => fail(error.message))
    if (info.type !== "File") return yield* fail("it is no file")
    if (info.size > sizeLimit) return yield* fail(`it is larger than ${sizeLimit} bytes`)
    const bytes = Buffer.from(yield* Effect.mapError(fs.readFile(file), (error) => fail(error.message)))
    const result = { title: pattern, metadata: { filePath: file } }
    const mime = mimes.get(paths.extname(file).toLowerCase())
    if (mime !== undefined) {
      const given = media(bytes.toString("base64"), mime, paths.basename(file))
      if (given !== undefined) {
        return { ...result, output: `[File attached: ${described(given)}]`, attachments: [attachment(given)] }
      }
    }
    if (bytes.subarray(0, 8_192).includes(0)) return yield* fail("it is a binary file")
    return { ...result, output: numbered(bytes.toString("utf8"), asked) }
  })

/** The tool. */
export const make = (place: Place): Info => ({
  id: "read",
  description: [
    "Reads a file of the worktree. Lines come with their numbers, at most 2,000 lines and 50 KiB at once;",
    "`offset` (from 1) and `limit` choose which. Images and PDFs are attached.",
  ].join(" "),
  parameters: {
    type: "object",
    properties: {
      filePath: { type: "string", description: "The path of the file, absolute or relative to the working directory" },
      offset: { type: "integer", minimum: 1, description: "The first line to read, from 1" },
      limit: { type: "integer", minimum: 1, description: "How many lines to read at most (2,000)" },
    },
    required: ["filePath"],
    additionalProperties: false,
  },
  permission: "read",
  execute: (args, context) => read(place, args, context),
})
