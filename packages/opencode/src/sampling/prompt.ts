/** A request of sampling in the words of the AI SDK's language models, and their answer in those of the protocol. */
import type {
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3FilePart,
  LanguageModelV3FinishReason,
  LanguageModelV3FunctionTool,
  LanguageModelV3GenerateResult,
  LanguageModelV3Message,
  LanguageModelV3ToolResultOutput,
  LanguageModelV3ToolResultPart,
} from "@ai-sdk/provider"
import { parse, write } from "@opencode-ai/mcp/protocol/json"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type {
  CreateMessageRequestParams,
  CreateMessageResultWithTools,
  SamplingMessageContentBlock,
  ToolResultContent,
} from "@opencode-ai/mcp/protocol/model"

type Block = SamplingMessageContentBlock
type Given = ToolResultContent["content"][number]
type Said = Extract<LanguageModelV3Message, { role: "assistant" }>["content"]
type Asked = Extract<LanguageModelV3Message, { role: "user" }>["content"]
type Output = Extract<LanguageModelV3ToolResultOutput, { type: "content" }>["value"][number]

const blocksOf = (content: Block | ReadonlyArray<Block>): ReadonlyArray<Block> =>
  "type" in content ? [content] : content

/** What a person would read of a block that a tool gave. */
const textOf = (block: Given): string | undefined => {
  if (block.type === "text") return block.text
  if (block.type === "resource_link") return `${block.title ?? block.name}: ${block.uri}`
  if (block.type === "resource" && "text" in block.resource) return block.resource.text
}

const outputOf = (block: Given): Output => {
  if (block.type === "image") return { type: "image-data", data: block.data, mediaType: block.mimeType }
  if (block.type === "audio") return { type: "file-data", data: block.data, mediaType: block.mimeType }
  if (block.type === "resource" && "blob" in block.resource) {
    const { blob, mimeType = "application/octet-stream" } = block.resource
    return { type: "file-data", data: blob, mediaType: mimeType }
  }
  return { type: "text", text: textOf(block) ?? "" }
}

const toolResult = ({ content, isError, structuredContent }: ToolResultContent): LanguageModelV3ToolResultOutput => {
  const texts = content.map(textOf)
  const said = texts.filter((text) => text !== undefined).join("\n")
  if (isError === true) return { type: "error-text", value: said }
  if (texts.includes(undefined)) return { type: "content", value: content.map(outputOf) }
  const data = isObject(structuredContent) ? write(structuredContent) : undefined
  return { type: "text", value: content.length === 0 && data !== undefined ? data : said }
}

/** `names`: of the tools by the ids of their uses, for results do not say it. */
const messageOf = (
  { content, role }: CreateMessageRequestParams["messages"][number],
  names: Map<string, string>,
): LanguageModelV3Message => {
  const blocks = blocksOf(content)
  if (role === "assistant") {
    return {
      role,
      content: blocks.flatMap((block): Said => {
        if (block.type === "text") return [{ type: "text", text: block.text }]
        if (block.type === "image" || block.type === "audio") return [file(block)]
        if (block.type === "tool_result") return []
        names.set(block.id, block.name)
        return [{ type: "tool-call", toolCallId: block.id, toolName: block.name, input: block.input }]
      }),
    }
  }
  const results = blocks.filter((block) => block.type === "tool_result")
  if (results.length > 0) {
    return {
      role: "tool",
      content: results.map((block): LanguageModelV3ToolResultPart => ({
        type: "tool-result",
        toolCallId: block.toolUseId,
        toolName: names.get(block.toolUseId) ?? "",
        output: toolResult(block),
      })),
    }
  }
  return {
    role,
    content: blocks.flatMap((block): Asked => {
      if (block.type === "text") return [{ type: "text", text: block.text }]
      return block.type === "image" || block.type === "audio" ? [file(block)] : []
    }),
  }
}

const file = ({ data, mimeType }: Extract<Block, { type: "image" | "audio" }>): LanguageModelV3FilePart => ({
  type: "file",
  data,
  mediaType: mimeType,
})

const toolOf = ({
  description,
  inputSchema,
  name,
}: NonNullable<CreateMessageRequestParams["tools"]>[number]): LanguageModelV3FunctionTool => ({
  type: "function",
  name,
  ...(description === undefined ? {} : { description }),
  inputSchema,
})

/**
 * What the model is asked. `metadata` is left out: it is the server's word, and what a provider makes of such options is
 * the host's to decide.
 */
export const optionsOf = (params: CreateMessageRequestParams): LanguageModelV3CallOptions => {
  const { maxTokens, messages, stopSequences, systemPrompt, temperature, toolChoice, tools } = params
  const names = new Map<string, string>()
  const conversation = messages.map((message) => messageOf(message, names))
  return {
    prompt: systemPrompt === undefined ? conversation : [{ role: "system", content: systemPrompt }, ...conversation],
    maxOutputTokens: maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
    ...(stopSequences === undefined ? {} : { stopSequences }),
    ...(tools === undefined || tools.length === 0
      ? {}
      : { tools: tools.map(toolOf), toolChoice: { type: toolChoice?.mode ?? "auto" } }),
  }
}

/** In the protocol's words; what it has none for stays the provider's own. */
const stopReasonOf = ({ raw, unified }: LanguageModelV3FinishReason): string => {
  switch (unified) {
    case "stop":
      return raw?.toLowerCase() === "stop_sequence" ? "stopSequence" : "endTurn"
    case "length":
      return "maxTokens"
    case "tool-calls":
      return "toolUse"
    case "content-filter":
      return "contentFilter"
    case "error":
    case "other":
      return raw ?? unified
  }
}

/** What the arguments of a tool are, where they are the JSON of an object. A model writes what it likes. */
const inputOf = (text: string): Record<string, unknown> | undefined => {
  const value = text.trim() === "" ? {} : parse(text)
  return isObject(value) ? { ...value } : undefined
}

const blockOf = (part: LanguageModelV3Content): ReadonlyArray<Block> | string => {
  if (part.type === "text") return part.text === "" ? [] : [{ type: "text", text: part.text }]
  if (part.type === "tool-call") {
    if (part.providerExecuted === true) return []
    const input = inputOf(part.input)
    return input === undefined
      ? `it used the tool ${JSON.stringify(part.toolName)} with arguments that are no JSON object`
      : [{ type: "tool_use", id: part.toolCallId, name: part.toolName, input }]
  }
  if (part.type !== "file") return []
  const data = typeof part.data === "string" ? part.data : Buffer.from(part.data).toString("base64")
  if (part.mediaType.startsWith("image/")) return [{ type: "image", data, mimeType: part.mediaType }]
  return part.mediaType.startsWith("audio/") ? [{ type: "audio", data, mimeType: part.mediaType }] : []
}

/** One block, for servers that take no more: all the texts, or else what there is first. */
const single = (blocks: ReadonlyArray<Block>): Block => {
  const texts = blocks.flatMap((block) => (block.type === "text" ? [block.text] : []))
  const [first] = blocks
  return texts.length > 0 || first === undefined ? { type: "text", text: texts.join("") } : first
}

/** The message of a model called `id`; a text says what is wrong with it. Its reasoning and its sources are its own. */
export const resultOf = (
  id: string,
  { tools = [] }: CreateMessageRequestParams,
  { content, finishReason, response }: LanguageModelV3GenerateResult,
): CreateMessageResultWithTools | string => {
  const blocks: Array<Block> = []
  for (const part of content) {
    const found = blockOf(part)
    if (typeof found === "string") return found
    blocks.push(...found)
  }
  return {
    role: "assistant",
    content: tools.length > 0 && blocks.length > 1 ? blocks : single(blocks),
    model: response?.modelId ?? id,
    stopReason: stopReasonOf(finishReason),
  }
}
