/** Why a schema cannot be used to validate with. Each reason names what is in the way, and where. */
import * as Data from "effect/Data"

const longest = 200

/** What a server wrote, short enough for a sentence. */
export const shown = (text: string): string =>
  JSON.stringify(text.length <= longest ? text : `${text.slice(0, longest)}…`)

const at = (path: string): string => (path === "" ? "at its root" : `at ${shown(path)}`)

/** It is written in a dialect of JSON Schema that is not known here. */
export class UnknownDialect extends Data.TaggedError("UnknownDialect")<{ readonly dialect: string }> {
  override get message(): string {
    return `its "$schema" is ${shown(this.dialect)}, which is none of draft-06, draft-07, 2019-09 and 2020-12`
  }
}

/** It refers to what is not in it. Nothing is ever fetched. */
export class UnresolvableReference extends Data.TaggedError("UnresolvableReference")<{
  readonly path: string
  readonly reference: string
}> {
  override get message(): string {
    return `${at(this.path)} it refers to ${shown(this.reference)}, which it does not hold; references are followed inside of a schema only, nothing is fetched`
  }
}

/** It has a regular expression that cannot be matched in linear time, or that is none. */
export class UnsupportedPattern extends Data.TaggedError("UnsupportedPattern")<{
  readonly path: string
  readonly pattern: string
  readonly detail: string
}> {
  override get message(): string {
    return `${at(this.path)} the pattern ${shown(this.pattern)} cannot be used: ${this.detail}`
  }
}

/** A keyword has a value that the dialect does not allow. */
export class Invalid extends Data.TaggedError("Invalid")<{ readonly path: string; readonly detail: string }> {
  override get message(): string {
    return `${at(this.path)} ${this.detail}`
  }
}

/** It is larger than a schema may be. */
export class TooLarge extends Data.TaggedError("TooLarge")<{ readonly detail: string }> {
  override get message(): string {
    return `it ${this.detail}`
  }
}

/** Its references lead back to themselves without ever descending into the instance, or through too many steps. */
export class TooComplex extends Data.TaggedError("TooComplex")<{ readonly path: string; readonly detail: string }> {
  override get message(): string {
    return `${at(this.path)} ${this.detail}`
  }
}

export type SchemaReason = UnknownDialect | UnresolvableReference | UnsupportedPattern | Invalid | TooLarge | TooComplex

/** The error of compiling a schema. */
export class SchemaError extends Data.TaggedError("SchemaError")<{ readonly reason: SchemaReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return `the schema cannot be used: ${this.reason.message}`
  }
}
