/**
 * A conversation as the model is sent it.
 *
 * The same messages always become the same request, so that what a provider has cached of it stays valid. Files that the
 * model does not take are named in place of being sent.
 */
import type { AssistantContent, ModelMessage, ToolContent, UserContent } from "ai"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Model } from "../provider/provider.ts"
import type { Attachment } from "../tool/tool.ts"
import type { Info } from "./message.ts"
import { media, type Media, objection } from "../tool/media.ts"
import type { Part } from "./part.ts"
import * as Many from "./many.ts"
import { carried, toModelOutput } from "./result.ts"

/** A message with its parts, in order. */
export interface Message {
  readonly info: Info
  readonly parts: ReadonlyArray<Part>
}

type Shown = Exclude<UserContent, string>[number]

const data = /^data:[^,]*?(;base64)?,([\s\S]*)$/

/** The base64 in a `data:` URL. */
const base64 = (url: string): string => {
  const [, encoded, text = ""] = data.exec(url) ?? []
  return encoded === undefined ? Buffer.from(decodeURIComponent(text)).toString("base64") : text
}

const files = new WeakMap<Attachment, Media | undefined>()

/** The content of a file, looked at once: a conversation is sent again with each step. */
const contentOf = (file: Attachment): Media | undefined => {
  if (!files.has(file)) files.set(file, media(base64(file.url), file.mime))
  return files.get(file)
}

/** Why the model does not get a file: it was another model that took it, or the person attached it. */
const why = (model: Model, file: Attachment): string | undefined => {
  if (!file.url.startsWith("data:")) return "it is not here"
  const given = contentOf(file)
  return given === undefined ? "its data is not base64" : objection(given, model)
}

const shown = (model: Model, file: Attachment): Shown => {
  const { filename, mime, url } = file
  if (mime.startsWith("text/") && url.startsWith("data:")) {
    return { type: "text", text: Buffer.from(base64(url), "base64").toString() }
  }
  const name = filename === undefined ? {} : { filename }
  const objected = why(model, file)
  if (objected === undefined) return { type: "file", mediaType: mime, data: base64(url), ...name }
  return {
    type: "text",
    text: `[${mime}${filename === undefined ? "" : ` ${JSON.stringify(filename)}`} omitted: ${objected}]`,
  }
}

/** A copy that the AI SDK may have; it was JSON when it came. */
const provided = (metadata: object | undefined) =>
  metadata === undefined ? {} : { providerOptions: JSON.parse(JSON.stringify(metadata)) }

const userContent = (model: Model, parts: ReadonlyArray<Part>): ReadonlyArray<Shown> =>
  parts.flatMap((part): ReadonlyArray<Shown> => {
    if (part.type === "text") return part.text === "" ? [] : [{ type: "text", text: part.text }]
    return part.type === "file" ? [shown(model, part)] : []
  })

const assistantMessages = (model: Model, parts: ReadonlyArray<Part>): ReadonlyArray<ModelMessage> => {
  const content: Exclude<AssistantContent, string> = []
  const results: ToolContent = []
  const files: Array<Shown> = []
  for (const part of parts) {
    if (part.type === "text" || part.type === "reasoning") {
      if (part.text !== "" || part.metadata !== undefined)
        content.push({ type: part.type, text: part.text, ...provided(part.metadata) })
    }
    if (part.type !== "tool") continue
    const { callID: toolCallId, state } = part
    const { input: wrote, tool: toolName } = Many.written(part, model)
    const call = { toolCallId, toolName }
    const input = isObject(wrote) ? wrote : {}
    content.push({ type: "tool-call", ...call, input, ...provided(part.metadata) })
    if (state.status !== "completed") {
      const value = state.status === "error" ? state.error : "The call was interrupted."
      results.push({ type: "tool-result", ...call, output: { type: "error-text", value } })
      continue
    }
    const { attachments = [], metadata, output, title } = state
    const sent = attachments.filter((each) => why(model, each) === undefined)
    const result = { title, metadata, output, attachments: sent }
    results.push({ type: "tool-result", ...call, output: toModelOutput(model, result) })
    files.push(...carried(model, [{ tool: part.tool, result }]))
  }
  return [
    ...(content.length === 0 ? [] : [{ role: "assistant" as const, content }]),
    ...(results.length === 0 ? [] : [{ role: "tool" as const, content: results }]),
    ...(files.length === 0 ? [] : [{ role: "user" as const, content: files }]),
  ]
}

/** The messages of a request. */
export const conversation = (messages: ReadonlyArray<Message>, model: Model): ReadonlyArray<ModelMessage> =>
  messages.flatMap(({ info, parts }): ReadonlyArray<ModelMessage> => {
    if (info.role === "assistant") return assistantMessages(model, parts)
    const content = [...userContent(model, parts)]
    return content.length === 0 ? [] : [{ role: "user", content }]
  })
