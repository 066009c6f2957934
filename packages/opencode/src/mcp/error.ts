/** What OpenCode's service fails with by itself. All other failures are the client's. */
import * as Schema from "effect/Schema"

/** No server of this name is configured. The tag is OpenCode's. */
export class NotFoundError extends Schema.TaggedError<NotFoundError>()("MCP.NotFoundError", { name: Schema.String }) {
  override get message(): string {
    return `MCP server not found: ${this.name}`
  }
}
