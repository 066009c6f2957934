/**
 * The last catalogue of each server, which outlives its sessions and this program: it is offered while the server is being
 * connected, and compared with what the server then lists. It is never what is known of a server that is connected.
 *
 * A catalogue is found by what is run or reached, and under what name. What tells of secrets (the environment, headers)
 * is not in it; where it is kept, and whether, is the host's.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import type { ServerConfig } from "../config.ts"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Prompt, Resource, ResourceTemplate, Tool } from "../protocol/model.ts"
import { isRevision } from "../protocol/revision.ts"
import * as Said from "../protocol/said.ts"
import type { Agreement } from "../session/session.ts"
import { promptKind, resourceKind, templateKind, toolKind } from "./kinds.ts"
import type { Kind } from "./listing.ts"

/** The lists of a server, as far as they are known. */
export interface Lists {
  readonly tools: ReadonlyArray<Tool> | undefined
  readonly prompts: ReadonlyArray<Prompt> | undefined
  readonly resources: ReadonlyArray<Resource> | undefined
  readonly templates: ReadonlyArray<ResourceTemplate> | undefined
}

/** What is kept of a server. */
export interface Kept extends Lists {
  readonly agreement: Agreement
}

/** Where catalogues are kept, by key: none of the three fails. */
export interface CatalogStore {
  /** What was saved, or `undefined`. It is checked before it is used. */
  readonly load: (key: string) => Effect.Effect<unknown>
  readonly save: (key: string, kept: Kept) => Effect.Effect<unknown>
  readonly remove: (key: string) => Effect.Effect<unknown>
}

/**
 * Where catalogues are kept, by key. By default nowhere: then they last as long as the service.
 *
 * @example
 * ```ts
 * const kept = new Map<string, unknown>()
 * const forAll = Layer.succeed(CatalogStore)({
 *   load: (key) => Effect.sync(() => kept.get(key)),
 *   save: (key, catalog) => Effect.sync(() => kept.set(key, catalog)),
 *   remove: (key) => Effect.sync(() => kept.delete(key)),
 * })
 * ```
 */
export const CatalogStore: Context.Reference<CatalogStore | undefined> = Context.Reference<CatalogStore | undefined>(
  "@opencode/mcp/CatalogStore",
  { defaultValue: () => undefined },
)

const version = 1

const identityOf = (server: ServerConfig, directory: string): ReadonlyArray<unknown> | undefined => {
  if (server.type === "local") {
    const { command, cwd, environment, protocol } = server
    return [command, cwd ?? directory, [...environment.keys()].toSorted(), protocol]
  }
  // What its output says of who is asking is not known before it is run.
  if (server.headersHelper !== undefined) return undefined
  const { headers, oauth, protocol, url } = server
  const shown = [...headers].map(([name, value]) => JSON.stringify([name.toLowerCase(), Redacted.value(value)]))
  const client = oauth === false ? false : [oauth.grant, oauth.clientId ?? null, oauth.scope ?? null]
  return [url.href, shown.toSorted(), client, protocol]
}

/**
 * The key of a server's catalogue: a hash of its name and of what is run or reached and as whom, which tells none of it.
 * Who signed in is not in it: a sign-in removes what is kept. `undefined` where that cannot be told apart: nothing is kept.
 * `directory` is the project's.
 */
export const keyOf = (server: ServerConfig, directory: string): string | undefined => {
  const identity = identityOf(server, directory)
  if (identity === undefined) return undefined
  const text = JSON.stringify([version, server.type, server.name, ...identity])
  return createHash("sha256").update(text).digest("hex").slice(0, 40)
}

/** The items of a list that make sense. They were bounded when they were listed. */
const items = <Item>(kind: Kind<Item>, list: unknown): ReadonlyArray<Item> | undefined => {
  if (!Array.isArray(list)) return undefined
  const all: ReadonlyArray<unknown> = list
  return all.filter(
    (item): item is JsonObject & Item => isObject(item) && kind.identify(item) !== undefined && kind.is(item),
  )
}

/** Reads what was kept; `undefined` where it makes no sense. */
export const decode = (value: unknown): Kept | undefined => {
  const agreement: unknown = isObject(value) ? value.agreement : undefined
  if (!isObject(value) || !isObject(agreement)) return undefined
  const { capabilities, instructions, revision, serverInfo } = agreement
  if (!isRevision(revision) || !isObject(serverInfo) || !isObject(capabilities)) return undefined
  const { name, version } = serverInfo
  if (typeof name !== "string" || typeof version !== "string") return undefined
  return {
    agreement: {
      revision,
      serverInfo: { ...Said.identity(serverInfo), name, version },
      capabilities,
      instructions: Said.instructions(instructions),
    },
    tools: items(toolKind, value.tools),
    prompts: items(promptKind, value.prompts),
    resources: items(resourceKind, value.resources),
    templates: items(templateKind, value.templates),
  }
}

/** Whether two are the same; lists are compared by identity. */
export const isSame = (one: Kept, other: Kept): boolean =>
  one.tools === other.tools &&
  one.prompts === other.prompts &&
  one.resources === other.resources &&
  one.templates === other.templates &&
  JSON.stringify(one.agreement) === JSON.stringify(other.agreement)
