/** What the parts of the gateway share: the servers behind it, and the sessions in front of it. */
import type { JsonObject, RequestId } from "@opencode-ai/mcp/protocol/jsonrpc"
import { Channel } from "@opencode-ai/mcp/notification/channel"
import * as Data from "effect/Data"
import type * as Fiber from "effect/Fiber"
import { randomUUID } from "node:crypto"

/** A request is answered with an error. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly code: number
  readonly message: string
  readonly data?: unknown
}> {}

/** The kinds of what a server offers. */
export type Kind = "tools" | "prompts" | "resources"

/** One session of OpenCode's client with one server. */
export interface Session {
  readonly id: string
  readonly server: string
  /** What it is told without having asked. */
  readonly notices: Channel<JsonObject>
  /** Its calls under way, by the ids that it gave them. */
  readonly calls: Map<RequestId, Fiber.Fiber<unknown, unknown>>
  /** How often it was told that the tools are others, and what number of these its last list took in. */
  readonly tools: { changed: number; listed: number }
  /** The ids of calls that were cancelled before they came. */
  readonly cancelled: Set<RequestId>
}

export const session = (server: string): Session => ({
  id: randomUUID(),
  server,
  notices: new Channel({ capacity: 64 }),
  calls: new Map(),
  tools: { changed: 0, listed: 0 },
  cancelled: new Set(),
})
