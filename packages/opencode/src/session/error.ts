/** Why a call of a tool came to nothing. The message is what the model reads, so it says what to do. */
import type { CallError } from "@opencode-ai/mcp/mcp"
import * as Data from "effect/Data"

/** The model's arguments are none. */
export class BadArguments extends Data.TaggedError("BadArguments")<{ readonly expected: string }> {
  override get message(): string {
    return `these arguments cannot be used: expected ${this.expected}. Nothing was done; call it again with such arguments.`
  }
}

/** The arguments of a tool whose schema the model had found do not fit it. */
export class DoNotFit extends Data.TaggedError("DoNotFit")<{
  readonly problems: ReadonlyArray<string>
  /** What they should fit. */
  readonly schema: string
}> {
  override get message(): string {
    return `the arguments do not fit its input schema: ${this.problems.join("; ")}. Nothing was done; call it again with arguments that fit ${this.schema}`
  }
}

/** No server offers a tool of this name now. */
export class NoSuchTool extends Data.TaggedError("NoSuchTool")<{
  readonly near: ReadonlyArray<string>
  /** What finds tools. */
  readonly search: string
}> {
  override get message(): string {
    const meant = this.near.length === 0 ? "" : ` Did you mean ${this.near.join(" or ")}?`
    return `there is no tool of this name.${meant} ${this.search} finds tools.`
  }
}

/** The tool said so itself (`isError`). */
export class Failed extends Data.TaggedError("Failed")<{ readonly text: string }> {
  override get message(): string {
    return this.text
  }
}

/** The server was not reached, or gave no answer of use. */
export class Unavailable extends Data.TaggedError("Unavailable")<{ readonly error: CallError }> {
  override readonly cause: unknown = this.error
  override get message(): string {
    return this.error.message
  }
}

/** The error of this room. */
export class ToolError extends Data.TaggedError("ToolError")<{
  /** The key that the model knows the tool by. */
  readonly tool: string
  readonly reason: BadArguments | DoNotFit | NoSuchTool | Failed | Unavailable
}> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    const { reason, tool } = this
    return reason._tag === "Failed" || reason._tag === "Unavailable" ? reason.message : `${tool}: ${reason.message}`
  }
}
