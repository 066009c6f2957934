/**
 * One configured server as OpenCode's own client meets it: the handshake, the lists, and calls.
 *
 * What is answered is what this client knows, and a call is a call of this client. Nothing is kept here but what
 * OpenCode was told in its last handshake, which is all that it ever learns of instructions and capabilities.
 */
import * as Keys from "@opencode-ai/mcp/catalog/keys"
import type { Lists } from "@opencode-ai/mcp/catalog/kept"
import type { CallError, Mcp, Of, ToolEntry } from "@opencode-ai/mcp/mcp"
import { invalidParams, isObject, type JsonObject, methodNotFound } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Revision from "@opencode-ai/mcp/protocol/revision"
import type * as MCP from "@opencode-ai/opencode/mcp/index"
import { hideIn } from "@opencode-ai/opencode/mcp/secrets"
import type * as Truncate from "@opencode-ai/opencode/tool/truncate"
import * as Effect from "effect/Effect"
import * as Content from "../content.ts"
import { Refused } from "./model.ts"

/** What is told of a call while it goes on. */
export interface Step {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** The answer to a request of OpenCode's. */
export type Answer = Effect.Effect<object, Refused, Truncate.Service>

export interface Server {
  readonly name: string
  /** `onProgress` is told of the steps of a call. */
  readonly answer: (method: string, params: JsonObject, onProgress: (step: Step) => void) => Answer
  /**
   * The answer to `initialize`. `tries`: one that is not there is tried once more. One that is being connected and is known
   * from before is waited for by calls alone.
   */
  readonly handshake: (params: JsonObject, tries: boolean) => Answer
  /** What OpenCode would be told in a handshake now: `undefined` that there is nothing, `pending` where it would wait. */
  readonly face: Effect.Effect<string | undefined>
  /** Whether somebody has disconnected it. */
  readonly isDisabled: Effect.Effect<boolean>
  /** Calls the listener when the server says that its tools are others; gives what ends that. */
  readonly listen: (announced: () => void) => Effect.Effect<() => void>
  /** Whether what it offers is being listed. */
  readonly isReading: Effect.Effect<boolean>
}

const serverError = -32_000

/** As a model reads it, and who looks on: secrets are hidden by `mask`. */
const refusedBy =
  (mask: (text: string) => string) =>
  (error: CallError | MCP.NotFoundError): Refused => {
    const reason = "reason" in error ? error.reason : undefined
    if (reason?._tag === "Protocol") {
      const { code, data, message } = reason
      return new Refused({ code, message: mask(message), ...(data === undefined ? {} : { data: hideIn(mask, data) }) })
    }
    return new Refused({ code: serverError, message: mask(error.message) })
  }

/** The name that OpenCode makes the tool's key of, when it puts its own name of the server before it. */
const localName = ({ key, server, tool }: ToolEntry): string => {
  if (key === Keys.fullKey(server, tool.name)) return tool.name
  const prefix = Keys.fullKey(server, "")
  return key.startsWith(prefix) ? key.slice(prefix.length) : tool.name
}

/** Without what OpenCode would enforce in place of this client, and cannot: it has no tasks. */
const definition = (entry: ToolEntry): object => {
  const { execution: _, outputSchema: __, ...tool } = entry.tool
  return { ...tool, name: localName(entry) }
}

const text = (params: JsonObject, field: string): Effect.Effect<string, Refused> => {
  const value = params[field]
  if (typeof value === "string") return Effect.succeed(value)
  return Effect.fail(new Refused({ code: invalidParams, message: `${field} is missing, or no text` }))
}

/** The members of an object that are texts. */
const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).filter(
      (pair): pair is [string, string] => typeof pair[1] === "string",
    ),
  )

export const make = (name: string, mcp: Mcp["Service"], service: MCP.Interface): Server => {
  const refused = refusedBy(service.mask)
  const own = <A extends { readonly server: string }>(all: ReadonlyArray<A>) =>
    all.filter(({ server }) => server === name)
  const items = <A>(list: Effect.Effect<ReadonlyArray<Of<A>>>) =>
    Effect.map(list, (all) => own(all).map(({ item }) => item))
  const state = Effect.map(mcp.servers, (servers) => servers.find((server) => server.name === name))
  const connection = Effect.orElseSucceed(mcp.connection(name), () => undefined)

  /** What a handshake says; `undefined` where nothing is known of the server. */
  const known = Effect.gen(function* () {
    const connected = yield* connection
    yield* connected?.recall ?? Effect.void
    const offered = connected?.offered()
    if (offered === undefined) return undefined
    const { instructions, lists } = offered
    const declared = (yield* state)?.capabilities
    const has = (kind: "tools" | "prompts" | "resources") =>
      declared === undefined ? lists[kind] !== undefined : declared[kind] !== undefined
    const listChanged = { listChanged: true }
    return {
      capabilities: {
        ...(has("tools") ? { tools: listChanged } : {}),
        ...(has("prompts") ? { prompts: listChanged } : {}),
        ...(has("resources") ? { resources: listChanged } : {}),
      },
      ...(instructions === undefined ? {} : { instructions }),
    }
  })

  const handshake = (params: JsonObject, tries: boolean): Answer =>
    Effect.gen(function* () {
      if (tries && (yield* known) === undefined) yield* Effect.mapError(service.connect(name), refused)
      const said = yield* known
      const now = yield* state
      if (said === undefined) {
        const status = now?.status
        const why = status !== undefined && "error" in status ? (status.error ?? status.status) : status?.status
        return yield* new Refused({ code: serverError, message: service.mask(why ?? "there is no such server") })
      }
      const { protocolVersion } = params
      return {
        protocolVersion: Revision.isRevision(protocolVersion) ? protocolVersion : Revision.latest,
        serverInfo: now?.serverInfo ?? { name, version: "0" },
        ...said,
      }
    })

  /** A list of a server that has just been connected is waited for; what is known from before is not. */
  const listed = <A>(kind: keyof Lists, read: Effect.Effect<unknown, CallError>, list: Effect.Effect<A>) =>
    Effect.flatMap(connection, (connected) => {
      const isUnread = connected?.live() !== undefined && connected.offered()?.lists[kind] === undefined
      return isUnread ? Effect.andThen(Effect.ignore(read), list) : list
    })
  const tools = listed("tools", mcp.tools(name), Effect.map(mcp.offered.tools, own))

  const call = (params: JsonObject, onProgress: (step: Step) => void): Answer =>
    Effect.gen(function* () {
      const asked = yield* text(params, "name")
      const entry = (yield* tools).find((entry) => localName(entry) === asked)
      const args = isObject(params["arguments"]) ? params["arguments"] : {}
      const result = yield* Effect.mapError(
        mcp.callTool(name, entry?.tool.name ?? asked, args, { onProgress }),
        refused,
      )
      const readable = (yield* state)?.capabilities?.resources !== undefined
      return yield* Content.ofTool(name, readable, result)
    })

  return {
    name,
    handshake,
    face: Effect.gen(function* () {
      const said = yield* known
      if (said !== undefined) return JSON.stringify(said)
      return (yield* state)?.status.status === "pending" ? "pending" : undefined
    }),
    isDisabled: Effect.map(state, (now) => now?.status.status === "disabled"),
    listen: (announced) =>
      Effect.map(
        connection,
        (connected) => connected?.notifications.listen("tools/list_changed", announced) ?? (() => undefined),
      ),
    isReading: Effect.map(connection, (connected) => connected?.live()?.catalog.isReading() === true),
    answer: (method, params, onProgress) => {
      switch (method) {
        case "ping":
          return Effect.succeed({})
        case "tools/list":
          return Effect.map(tools, (all) => ({ tools: all.map(definition) }))
        case "tools/call":
          return call(params, onProgress)
        case "prompts/list":
          return Effect.map(listed("prompts", mcp.prompts(name), items(mcp.offered.prompts)), (prompts) => ({
            prompts,
          }))
        case "resources/list":
          return Effect.map(listed("resources", mcp.resources(name), items(mcp.offered.resources)), (resources) => ({
            resources,
          }))
        case "resources/templates/list":
          return Effect.map(
            listed("templates", mcp.templates(name), items(mcp.offered.templates)),
            (resourceTemplates) => ({ resourceTemplates }),
          )
        case "prompts/get":
          return Effect.flatMap(text(params, "name"), (prompt) =>
            Effect.mapError(mcp.getPrompt(name, prompt, texts(params["arguments"])), refused),
          )
        case "resources/read":
          return Effect.flatMap(text(params, "uri"), (uri) => Effect.mapError(mcp.readResource(name, uri), refused))
        default:
          return Effect.fail(new Refused({ code: methodNotFound, message: `There is no method ${method} here` }))
      }
    },
  }
}
