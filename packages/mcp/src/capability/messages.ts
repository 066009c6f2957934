/**
 * What a server may put into `sampling/createMessage`, and what may go back to it (2025-11-25, Client Features,
 * Sampling). Nobody is asked here: this is what is wrong with a message, or nothing.
 */
import { brief, write } from "../protocol/json.ts"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { CreateMessageRequestParams, SamplingMessage, SamplingMessageContentBlock } from "../protocol/model.ts"
import type { SamplingResult } from "./sampling.ts"
import * as Shape from "./shape.ts"
import { type Check, members, oneOf, text, unexpected } from "./shape.ts"

/** How many messages one request may have. */
export const messageLimit = 1_000

/** How often the model may have used tools in the messages of one request: a loop ends somewhere. */
export const toolRoundLimit = 32

/** How many tools one request may offer: what the providers of models take. */
export const toolLimit = 128

/** How many characters their definitions may have, together. */
export const toolSizeLimit = 262_144

const annotations = members(
  {},
  { audience: Shape.arrayOf(oneOf("user", "assistant")), priority: Shape.fraction, lastModified: text },
)
const extras = { annotations, _meta: Shape.object }
const media = members({ data: Shape.base64, mimeType: Shape.name }, extras)
const plain = [
  ["text", members({ text }, extras)],
  ["image", media],
  ["audio", media],
] as const

const contents: Check = (value, at) => {
  const blob = isObject(value) && Object.hasOwn(value, "blob")
  return members(blob ? { uri: text, blob: Shape.base64 } : { uri: text, text }, { mimeType: text })(value, at)
}
const resultBlock = Shape.byType(
  new Map<unknown, Check>([
    ...plain,
    ["resource_link", members({ uri: text, name: text })],
    ["resource", members({ resource: contents })],
  ]),
)
const toolUse = members({ id: Shape.name, name: Shape.name, input: Shape.object }, { _meta: Shape.object })
const toolResult = members(
  { toolUseId: Shape.name, content: Shape.arrayOf(resultBlock) },
  { structuredContent: Shape.object, isError: Shape.flag },
)

const ofUser = Shape.byType(new Map<unknown, Check>([...plain, ["tool_result", toolResult]]))
const ofAssistant = Shape.byType(new Map<unknown, Check>([...plain, ["tool_use", toolUse]]))
const said = { user: oneOrMore(ofUser), assistant: oneOrMore(ofAssistant) }

/** One block, or an array of them. */
function oneOrMore(block: Check): Check {
  const array = Shape.arrayOf(block)
  return (value, at) => (Array.isArray(value) ? array(value, at) : block(value, at))
}

const message: Check = (value, at) => {
  const role = members({ role: oneOf("user", "assistant") })(value, at)
  if (role !== undefined || !isObject(value)) return role
  return members({ content: value.role === "user" ? said.user : said.assistant })(value, at)
}

const tool = members(
  {
    name: Shape.name,
    inputSchema: members({ type: oneOf("object") }, { properties: Shape.object, required: Shape.arrayOf(text) }),
  },
  { title: text, description: text },
)

const params = members(
  { messages: Shape.arrayOf(message, messageLimit), maxTokens: Shape.count },
  {
    modelPreferences: members(
      {},
      {
        hints: Shape.arrayOf(members({}, { name: text })),
        costPriority: Shape.fraction,
        speedPriority: Shape.fraction,
        intelligencePriority: Shape.fraction,
      },
    ),
    systemPrompt: text,
    temperature: Shape.number,
    stopSequences: Shape.arrayOf(text),
    includeContext: oneOf("none", "thisServer", "allServers"),
    metadata: Shape.object,
    tools: Shape.arrayOf(tool, toolLimit),
    toolChoice: members({}, { mode: oneOf("auto", "required", "none") }),
  },
)

const isParams = (value: JsonObject): value is JsonObject & CreateMessageRequestParams =>
  params(value, "") === undefined

/** The blocks of a message: its content is one of them, or an array. */
export const blocksOf = ({ content }: Pick<SamplingMessage, "content">): ReadonlyArray<SamplingMessageContentBlock> =>
  Array.isArray(content) ? content : [content]

/** The tools of a request, where they are more than can be looked at. */
const toolsProblem = ({ toolChoice, tools }: CreateMessageRequestParams): string | undefined => {
  if (toolChoice?.mode === "required" && (tools ?? []).length === 0) {
    return "toolChoice must not be required where tools is empty"
  }
  const names = new Set<string>()
  for (const [index, { name }] of (tools ?? []).entries()) {
    if (names.has(name)) return `tools[${index}].name must be the only ${brief(name)} among the tools`
    names.add(name)
  }
  const size = tools === undefined ? 0 : (write(tools)?.length ?? Number.POSITIVE_INFINITY)
  if (size > toolSizeLimit) return `tools is too large: ${size} characters, and at most ${toolSizeLimit} are taken`
}

/** The ids of the blocks of one kind, in order. */
const usesOf = (blocks: ReadonlyArray<SamplingMessageContentBlock>) =>
  blocks.flatMap((block) => (block.type === "tool_use" ? [block.id] : []))
const resultsOf = (blocks: ReadonlyArray<SamplingMessageContentBlock>) =>
  blocks.flatMap((block) => (block.type === "tool_result" ? [block.toolUseId] : []))

const twice = (ids: ReadonlyArray<string>): string | undefined => ids.find((id, index) => ids.indexOf(id) !== index)

/**
 * Every tool use is answered by the next message, which holds results alone (Message Content Constraints). The texts are
 * those of Error Handling, and then which message it is.
 */
const balanceProblem = ({ messages }: CreateMessageRequestParams): string | undefined => {
  let open: ReadonlyArray<string> = []
  let rounds = 0
  for (const [index, { content }] of messages.entries()) {
    const at = `messages[${index}]`
    const blocks = blocksOf({ content })
    const results = resultsOf(blocks)
    if (results.length > 0 && results.length < blocks.length) {
      return `Tool results mixed with other content: ${at} must hold tool results alone`
    }
    const answered = new Set(results)
    const missing = open.find((id) => !answered.has(id))
    if (missing !== undefined) {
      return `Tool result missing in request: ${at} must hold the result of the tool use ${brief(missing)} of messages[${index - 1}]`
    }
    const used = new Set(open)
    const stray = results.find((id) => !used.has(id)) ?? twice(results)
    if (stray !== undefined) {
      return `${at} has a tool result for ${brief(stray)}, which no tool use of the message before it waits for`
    }
    open = usesOf(blocks)
    const repeated = twice(open)
    if (repeated !== undefined) return `${at} has two tool uses with the id ${brief(repeated)}`
    if (open.length > 0) rounds += 1
  }
  const [missing] = open
  if (missing !== undefined) {
    return `Tool result missing in request: no message follows messages[${messages.length - 1}] with the result of the tool use ${brief(missing)}`
  }
  if (rounds > toolRoundLimit) {
    return `messages has ${rounds} rounds of tool use, and at most ${toolRoundLimit} are taken: end the loop`
  }
}

/** A request as it was sent, or what is wrong with it. `tools`: whether the client declared that it takes them. */
export const readParams = (value: JsonObject, tools: boolean): CreateMessageRequestParams | string => {
  if (!isParams(value)) return params(value, "") ?? unexpected("", "the parameters of a sampling", value)
  if (!tools) {
    const undeclared = ["tools", "toolChoice"].find((member) => value[member] !== undefined)
    if (undeclared !== undefined) return `${undeclared} needs the capability sampling.tools, which was not declared`
    for (const [index, { content }] of value.messages.entries()) {
      const block = blocksOf({ content }).find(({ type }) => type === "tool_use" || type === "tool_result")
      if (block === undefined) continue
      return `messages[${index}].content has a ${block.type}, which needs the capability sampling.tools, which was not declared`
    }
  }
  return toolsProblem(value) ?? balanceProblem(value) ?? value
}

const resultBlocks = new Map<unknown, ReadonlyArray<string>>([
  ["text", ["type", "text", "annotations", "_meta"]],
  ["image", ["type", "data", "mimeType", "annotations", "_meta"]],
  ["audio", ["type", "data", "mimeType", "annotations", "_meta"]],
  ["tool_use", ["type", "id", "name", "input", "_meta"]],
])

const result = members(
  { role: oneOf("assistant"), content: said.assistant, model: text },
  { stopReason: text, _meta: Shape.object },
)

/** What a revision knows of an object. */
const known = (value: JsonObject, names: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (value[name] === undefined ? [] : [[name, value[name]]])))

const isResult = (value: JsonObject): value is JsonObject & SamplingResult => result(value, "") === undefined

/** What is wrong with the tools that an answer uses. */
const usesProblem = (
  { stopReason }: SamplingResult,
  blocks: ReadonlyArray<SamplingMessageContentBlock>,
  { toolChoice, tools }: CreateMessageRequestParams,
): string | undefined => {
  const uses = blocks.filter((block) => block.type === "tool_use")
  if (uses.length === 0) return stopReason === "toolUse" ? "stopReason is toolUse, but content uses no tool" : undefined
  if (tools === undefined) return "content must not use a tool: the request offers none"
  if (toolChoice?.mode === "none") return "content must not use a tool: the toolChoice of the request is none"
  const names = new Set(tools.map(({ name }) => name))
  const unknown = uses.find(({ name }) => !names.has(name))
  if (unknown !== undefined) return `content uses ${brief(unknown.name)}, which is no tool of the request`
  const repeated = twice(uses.map(({ id }) => id))
  return repeated === undefined ? undefined : `content has two tool uses with the id ${brief(repeated)}`
}

/**
 * An answer as it may be sent, or what is wrong with it. Members that the protocol does not have are left out. An array
 * of content goes back only where the request offers tools: older revisions, and the official SDK, take one block alone.
 */
export const readResult = (request: CreateMessageRequestParams, value: unknown): SamplingResult | string => {
  if (!isObject(value)) return unexpected("the result", "an object", value)
  if (!isResult(value)) return result(value, "") ?? unexpected("the result", "a message", value)
  const blocks = blocksOf(value)
  const used = usesProblem(value, blocks, request)
  if (used !== undefined) return used
  const [first, ...others] = blocks.map((block) => known(block, resultBlocks.get(block.type) ?? []))
  if (first === undefined) return "content must have a block"
  const alone = !Array.isArray(value.content) || request.tools === undefined
  if (alone && others.length > 0) return "content must be one block, not an array of them: the request offers no tools"
  const bare = known({ ...value, content: alone ? first : [first, ...others] }, [
    "role",
    "content",
    "model",
    "stopReason",
    "_meta",
  ])
  return isResult(bare) ? bare : "content makes no sense"
}
