/**
 * How much of a model's context the definitions of servers' tools may take.
 *
 * Above a share of it, the model gets two constant tools in their place: one that finds tools, and one that calls what was
 * found. What it is sent stays the same from step to step then, whatever servers do, so the provider's cache of it stays
 * valid. A session that began to search goes on so: to go back would change what was sent, too.
 */
import { describe } from "@opencode-ai/mcp/config/problem"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Tool } from "@opencode-ai/mcp/protocol/model"
import type { Section } from "../config/sections.ts"
import type { Model } from "../provider/provider.ts"
import type { Offered } from "./call.ts"

/** The share of the context that definitions may take where the configuration says nothing. */
export const defaultShare = 0.1

/** What stands around a definition in a request, in characters. */
const around = 60
/** English prose and JSON have about so many characters to a token. */
const charactersPerToken = 4

const field = "mcp_context"

const read = (value: unknown): number | undefined => {
  if (value === false) return Number.POSITIVE_INFINITY
  return typeof value === "number" && value >= 0 && value <= 1 ? value : undefined
}

const valueOf = (experimental: unknown): unknown => (isObject(experimental) ? experimental[field] : undefined)

/**
 * `experimental.mcp_context` in opencode.json: a number from 0 (search always) to 1, or `false`: all definitions always.
 * Anything else is as if it were not there.
 */
export const shareOf = (experimental: unknown): number => read(valueOf(experimental)) ?? defaultShare

/** What is wrong with it, for a person; `undefined` where nothing is. */
export const problemOf = ({ value, where }: Pick<Section, "value" | "where">): string | undefined => {
  const found = valueOf(value)
  if (found === undefined || read(found) !== undefined) return undefined
  const problem = { path: [], expected: "a number from 0 to 1, or false", found }
  return `${where([field])}: ${describe(problem)}; ${defaultShare} counts`
}

const sizes = new WeakMap<JsonObject | Tool, number>()

/** About how many tokens the definition of a tool takes. */
export const tokensOf = (key: string, tool: Tool): number => {
  const known = sizes.get(tool)
  const size = known ?? (tool.description?.length ?? 0) + JSON.stringify(tool.inputSchema).length
  if (known === undefined) sizes.set(tool, size)
  return (size + key.length + around) / charactersPerToken
}

/** The budget of one session. */
export class Budget {
  private readonly share: number
  private frozen: string | undefined

  constructor(share: number) {
    this.share = share
  }

  /** What is known of servers by the search tool, as it was first said; `undefined` while every definition fits. */
  exceeded({ limit }: Pick<Model, "limit">, tools: ReadonlyArray<Offered>): string | undefined {
    if (this.frozen !== undefined) return this.frozen
    const most = this.share * limit.context
    let tokens = 0
    for (const { definition, key } of tools) tokens += tokensOf(key, definition.tool)
    if (tools.length === 0 || tokens <= most) return undefined
    return (this.frozen = overview(tools))
  }
}

/** The longest list of servers. */
const mostServers = 100

/** How many tools each server has, in the order of their names. */
export const overview = (tools: ReadonlyArray<Offered>): string => {
  const counts = new Map<string, number>()
  for (const { definition } of tools) counts.set(definition.server, (counts.get(definition.server) ?? 0) + 1)
  const names = [...counts.keys()].sort()
  const shown = names.slice(0, mostServers).map((name) => `${JSON.stringify(name).slice(1, -1)} (${counts.get(name)})`)
  const more = names.length - shown.length
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more servers` : ""}`
}
