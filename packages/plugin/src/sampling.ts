/**
 * What a server asks of the model, answered by the provider of the session that the server works for.
 *
 * A plugin cannot reach a model but by a session: one is made for each request, without tools, and deleted after it. What
 * OpenCode would say in it (its own instructions, the project's) is replaced by what the server sent, in hooks, so that
 * the model is asked that and nothing else. Whether a server may ask is decided before (`Approval`).
 */
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import type { Sampling, SamplingRequest, SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CreateMessageRequestParams } from "@opencode-ai/mcp/protocol/model"
import { quoted } from "@opencode-ai/mcp/protocol/visible"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { randomUUID } from "node:crypto"
import { type Callers, isCaller } from "./callers.ts"
import type { Client, FilePart, Hooks, Message, TextPart } from "./host.ts"

export interface Samples {
  readonly sampling: Sampling["Service"]
  readonly hooks: Pick<
    Hooks,
    "chat.params" | "experimental.chat.messages.transform" | "experimental.chat.system.transform"
  >
}

/** A request whose session is there. */
interface Asked {
  readonly params: CreateMessageRequestParams
  /** Whether the model has been asked, in the server's words. */
  isSent: boolean
}

const internal = -32_603
/** What is left of a session is cleared away within this time, in milliseconds, or stays. */
const patience = 5_000

const failed = (detail: string) =>
  new RequestRefused({ code: internal, message: `The model of the session gave no answer: ${detail}` })

const listOf = <A>(value: A | ReadonlyArray<A>): ReadonlyArray<A> => {
  const isList = (value: A | ReadonlyArray<A>): value is ReadonlyArray<A> => Array.isArray(value)
  return isList(value) ? value : [value]
}

/** Tools are not declared, and so their blocks were refused before this. */
const partsOf = ({ content }: CreateMessageRequestParams["messages"][number]): ReadonlyArray<TextPart | FilePart> =>
  listOf(content).flatMap((block): ReadonlyArray<TextPart | FilePart> => {
    if (block.type === "text") return [{ type: "text", text: block.text }]
    if (block.type !== "image" && block.type !== "audio") return []
    return [{ type: "file", mime: block.mimeType, url: `data:${block.mimeType};base64,${block.data}` }]
  })

/** The server's messages in place of the one that the session was begun with. */
const messagesOf = ({ messages }: CreateMessageRequestParams, { info }: Message): Array<Message> => {
  const { agent, model, sessionID, time } = info
  const ids = isObject(model) ? { providerID: model["providerID"], modelID: model["modelID"] } : {}
  return messages.map((message) => {
    const id = randomUUID()
    const own = { id, sessionID, agent, role: message.role, time }
    const parts = partsOf(message).map((part) => ({ ...part, id: randomUUID(), sessionID, messageID: id }))
    return { info: message.role === "user" ? { ...own, model } : { ...own, ...ids, finish: "stop" }, parts }
  })
}

const reasons: Readonly<Record<string, string>> = {
  stop: "endTurn",
  length: "maxTokens",
  "content-filter": "contentFilter",
}

const dataOf = (answer: unknown): unknown => (isObject(answer) ? answer["data"] : undefined)

/** Nothing of what the provider said: it may hold a key, and the server is not the person who it belongs to. */
const explain = (error: unknown): string => {
  const { data, name } = isObject(error) ? error : {}
  const status = isObject(data) ? data["statusCode"] : undefined
  if (typeof status === "number") return `its provider failed (HTTP ${status})`
  return typeof name === "string" ? name : "OpenCode could not ask it"
}

/** The text up to the first of the words that end it: a provider may not know them. */
const cut = (text: string, stops: ReadonlyArray<string>): string | undefined => {
  const found = stops.map((stop) => (stop === "" ? -1 : text.indexOf(stop))).filter((index) => index >= 0)
  return found.length === 0 ? undefined : text.slice(0, Math.min(...found))
}

/** What OpenCode answered a prompt, in the protocol's words. */
const resultOf = (answer: unknown, { stopSequences = [] }: CreateMessageRequestParams): SamplingResult | string => {
  const data = dataOf(answer)
  const { info, parts } = isObject(data) ? data : {}
  if (!isObject(info) || !Array.isArray(parts)) return explain(undefined)
  if (info["error"] !== undefined) return explain(info["error"])
  const texts = parts.flatMap((part: unknown) =>
    isObject(part) && part["type"] === "text" && typeof part["text"] === "string" ? [part["text"]] : [],
  )
  const said = texts.join("")
  const stopped = cut(said, stopSequences)
  const finish = typeof info["finish"] === "string" ? info["finish"] : "stop"
  return {
    role: "assistant",
    content: { type: "text", text: stopped ?? said },
    model: `${String(info["providerID"])}/${String(info["modelID"])}`,
    stopReason: stopped === undefined ? (reasons[finish] ?? finish) : "stopSequence",
  }
}

export const make = (client: Client, callers: Callers): Samples => {
  const asked = new Map<string, Asked>()

  const ask = <A>(request: () => Promise<A>) =>
    Effect.tryPromise({ try: request, catch: () => failed(explain(undefined)) })

  const open = ({ params, request, server }: SamplingRequest) =>
    Effect.gen(function* () {
      const parent = isCaller(request) ? { parentID: request.sessionID } : {}
      const title = `MCP server ${quoted(server)} asks the model`
      // No tool: the server has the model's words, and nothing that it could do.
      const permission = [{ permission: "*", pattern: "*", action: "deny" }] as const
      const session = dataOf(yield* ask(() => client.session.create({ body: { ...parent, title, permission } })))
      const id = isObject(session) ? session["id"] : undefined
      if (typeof id !== "string") return yield* failed("OpenCode made no session for it")
      asked.set(id, { params, isSent: false })
      return { id, title }
    })

  const close = (id: string, isOver: boolean) =>
    Effect.gen(function* () {
      asked.delete(id)
      const path = { id }
      if (!isOver) yield* Effect.ignore(ask(() => client.session.abort({ path })))
      yield* Effect.ignore(ask(() => client.session.delete({ path })))
    }).pipe(Effect.timeoutOption(patience))

  return {
    sampling: {
      tools: false,
      context: false,
      createMessage: (request) =>
        Effect.acquireUseRelease(
          open(request),
          ({ id, title }) =>
            Effect.gen(function* () {
              const model = isCaller(request.request) ? callers.model(request.request.sessionID) : undefined
              const body = {
                ...(model === undefined ? {} : { model }),
                parts: [{ type: "text", text: title }] as const,
              }
              const answer = yield* ask(() => client.session.prompt({ path: { id }, body }))
              if (asked.get(id)?.isSent !== true)
                return yield* failed("this OpenCode does not let a plugin say what it is asked")
              const result = resultOf(answer, request.params)
              return typeof result === "string" ? yield* failed(result) : result
            }),
          ({ id }, exit) => close(id, Exit.isSuccess(exit)),
        ),
    },
    hooks: {
      "experimental.chat.messages.transform": async (_, { messages }) => {
        const last = messages.at(-1)
        const known = asked.get(String(last?.info["sessionID"]))
        if (known === undefined || last === undefined) return
        // Whatever OpenCode makes of the answer: the server asked once.
        if (known.isSent) throw new Error("an MCP server asks the model once")
        known.isSent = true
        messages.splice(0, messages.length, ...messagesOf(known.params, last))
      },
      "experimental.chat.system.transform": async ({ sessionID = "" }, { system }) => {
        const known = asked.get(sessionID)
        if (known === undefined) return
        const { systemPrompt } = known.params
        system.splice(0, system.length, ...(systemPrompt === undefined ? [] : [systemPrompt]))
      },
      "chat.params": async ({ model: { capabilities }, sessionID }, output) => {
        const known = asked.get(sessionID)
        if (known === undefined) return
        const { maxTokens, temperature } = known.params
        output.maxOutputTokens = Math.min(maxTokens, output.maxOutputTokens ?? maxTokens)
        if (temperature !== undefined && capabilities?.temperature === true) output.temperature = temperature
      },
    },
  }
}
