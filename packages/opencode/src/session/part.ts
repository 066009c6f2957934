/** The parts of a conversation, as OpenCode has them. */
import type { Attachment } from "../tool/tool.ts"

/** What the person writes. */
export interface TextPart {
  readonly type: "text"
  readonly text: string
}

/** A file that the person attaches: by its content, or a resource of a server, which is read when the session needs it. */
export interface FilePart {
  readonly type: "file"
  readonly mime: string
  readonly filename?: string
  readonly url: string
  readonly source?: { readonly type: "resource"; readonly clientName: string; readonly uri: string }
}

/** What a prompt is made of. */
export type InputPart = TextPart | FilePart

/** A call of a tool, as it stands. */
export interface ToolPart {
  readonly type: "tool"
  readonly callID: string
  readonly tool: string
  readonly state:
    | {
        readonly status: "running"
        readonly input: unknown
        readonly title?: string
        readonly metadata?: object
      }
    | {
        readonly status: "completed"
        readonly input: unknown
        readonly output: string
        readonly title: string
        readonly metadata: object
        readonly attachments?: ReadonlyArray<Attachment>
      }
    | { readonly status: "error"; readonly input: unknown; readonly error: string }
}
