/** Why the configuration as a whole cannot be used. The command line ends with exit code 2 on each of these. */
import * as Data from "effect/Data"

/** The text of a file is no JSON with comments. */
export class ParseFailed extends Data.TaggedClass("ParseFailed")<{
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  readonly expected: string
}> {}

/** A file that was named by an option is not there. */
export class FileMissing extends Data.TaggedClass("FileMissing")<{ readonly file: string; readonly namedBy: string }> {}

/** A file is there and cannot be read. */
export class ReadFailed extends Data.TaggedClass("ReadFailed")<{
  readonly file: string
  readonly why: string
  readonly cause?: unknown
}> {}

/** A file cannot be changed, and was not. */
export class WriteFailed extends Data.TaggedClass("WriteFailed")<{
  readonly file: string
  readonly why: string
  readonly cause?: unknown
}> {}

export type Reason = ParseFailed | FileMissing | ReadFailed | WriteFailed

export class ConfigError extends Data.TaggedError("ConfigError")<{ readonly reason: Reason }> {
  override get message(): string {
    const reason = this.reason
    switch (reason._tag) {
      case "ParseFailed":
        return `${reason.file}:${reason.line}:${reason.column}: expected ${reason.expected}`
      case "FileMissing":
        return `${reason.file}: no such file, but ${reason.namedBy} names it`
      case "ReadFailed":
        return `${reason.file}: cannot be read: ${reason.why}`
      case "WriteFailed":
        return `${reason.file}: cannot be changed, and was not: ${reason.why}`
    }
  }
}
