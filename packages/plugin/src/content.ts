/**
 * Results in the words that OpenCode 1 understands.
 *
 * Its client gives the model text, images, and some types of data; sound and links are dropped there, and structured
 * content wherever there is any other. So these become text here, by the rules of a session of ours.
 */
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Result from "@opencode-ai/opencode/session/result"
import type { Attachment } from "@opencode-ai/opencode/tool/tool"
import type * as Truncate from "@opencode-ai/opencode/tool/truncate"
import * as Effect from "effect/Effect"

type Block = CallToolResult["content"][number]

/** OpenCode attaches pictures and documents, and takes what the model at hand does not understand away again. */
const model = { input: { image: true, audio: false, pdf: true } }

const file = ({ filename, mime, url }: Attachment): Block => {
  const data = url.slice(url.indexOf(",") + 1)
  if (mime.startsWith("image/")) return { type: "image", data, mimeType: mime }
  return { type: "resource", resource: { uri: filename ?? "attachment", mimeType: mime, blob: data } }
}

/** The result of a call of a tool. `readable`: links of the server can be followed by the model. */
export const ofTool = (
  server: string,
  readable: boolean,
  result: CallToolResult,
): Effect.Effect<CallToolResult, never, Truncate.Service> =>
  Effect.map(Result.ofTool(result, { server, readable, model }), ({ model: { attachments, pieces } }) => ({
    ...result,
    content: [...pieces.map(({ text }): Block => ({ type: "text", text })), ...attachments.map(file)],
  }))
