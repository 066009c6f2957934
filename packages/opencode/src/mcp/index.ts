/**
 * OpenCode's MCP service: the methods that the rest of OpenCode calls, on the client of `@opencode-ai/mcp`.
 *
 * Names, keys, statuses and errors are OpenCode's. Nothing is kept here: what is known of servers is the client's, and
 * each of its events appears on the bus unchanged.
 */
import type { CallError, CallOptions } from "@opencode-ai/mcp/mcp"
import { Status as ClientStatus, type Event } from "@opencode-ai/mcp/events"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type {
  CallToolResult,
  CompleteRequestParams,
  CompleteResult,
  GetPromptResult,
  Implementation,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  ServerCapabilities,
  Task,
  Tool,
} from "@opencode-ai/mcp/protocol/model"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"

const [connected, , disabled, failed, needsAuth, needsClientRegistration] = ClientStatus.members
/** As OpenCode has it: a server that is being connected is waited for, so `pending` is never told. */
export const Status = Schema.Union([connected, disabled, failed, needsAuth, needsClientRegistration])
export type Status = typeof Status.Type

/** A tool of a connected server. */
export interface ToolDefinition {
  readonly server: string
  /** The unshortened key, which permission patterns match too. */
  readonly fullKey: string
  /** As the server listed it. */
  readonly tool: Tool
  /** Whether the person trusts the server's annotations. */
  readonly trusted: boolean
}

/** What OpenCode reads off a connected server. */
export interface Client {
  readonly getServerCapabilities: () => ServerCapabilities | undefined
  readonly getServerVersion: () => Implementation | undefined
  readonly getInstructions: () => string | undefined
}

/** Something of a server's, with the server's name, as OpenCode calls it. */
export type Of<A> = A & { readonly client: string }

/** No server of this name is configured. */
export class NotFoundError extends Data.TaggedError("NotFoundError")<{ readonly name: string }> {
  override get message(): string {
    return `MCP server not found: ${this.name}`
  }
}

export interface Interface {
  /** Waits for servers that are being connected, each for its own start-up timeout. */
  readonly status: () => Effect.Effect<Readonly<Record<string, Status>>>
  readonly clients: () => Effect.Effect<Readonly<Record<string, Client>>>
  /** `tools` are the keys of the server's tools. */
  readonly instructions: () => Effect.Effect<
    ReadonlyArray<{ readonly name: string; readonly instructions: string; readonly tools: ReadonlyArray<string> }>
  >
  /** By key. Never waits, costs no request, and gives the same record as before where nothing changed. */
  readonly tools: () => Effect.Effect<Readonly<Record<string, ToolDefinition>>>
  /** By `server:prompt`. */
  readonly prompts: () => Effect.Effect<Readonly<Record<string, Of<Prompt>>>>
  /** By `server:uri`, where `%` and `:` of the server's name are escaped. */
  readonly resources: (server?: string) => Effect.Effect<Readonly<Record<string, Of<Resource>>>>
  readonly resourceTemplates: (server?: string) => Effect.Effect<Readonly<Record<string, Of<ResourceTemplate>>>>
  /** `config` as it stands in opencode.json. */
  readonly add: (name: string, config: unknown) => Effect.Effect<{ readonly status: Readonly<Record<string, Status>> }>
  readonly connect: (name: string) => Effect.Effect<void, NotFoundError>
  readonly disconnect: (name: string) => Effect.Effect<void, NotFoundError>
  readonly getPrompt: (
    server: string,
    name: string,
    args?: Readonly<Record<string, string>>,
  ) => Effect.Effect<GetPromptResult, CallError>
  readonly readResource: (server: string, uri: string) => Effect.Effect<ReadResourceResult, CallError>
  /** Calls a tool by its key or its own name. Interrupting it cancels it. */
  readonly callTool: (
    server: string,
    tool: string,
    args?: JsonObject,
    options?: CallOptions,
  ) => Effect.Effect<CallToolResult, CallError>
  readonly complete: (
    server: string,
    question: CompleteRequestParams,
  ) => Effect.Effect<CompleteResult["completion"], CallError>
  readonly subscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
  readonly unsubscribe: (server: string, uri: string) => Effect.Effect<void, CallError>
  readonly tasks: (server: string) => Effect.Effect<ReadonlyArray<Task>, CallError>
  readonly task: (server: string, taskId: string) => Effect.Effect<Task, CallError>
  readonly taskResult: (server: string, taskId: string) => Effect.Effect<object, CallError>
  readonly cancelTask: (server: string, taskId: string) => Effect.Effect<Task, CallError>
  /** Every event of the client. */
  readonly events: Stream.Stream<Event>
}

/** The MCP servers of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/MCP") {}
