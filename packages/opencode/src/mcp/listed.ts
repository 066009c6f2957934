/** What servers offer as OpenCode has it: records by OpenCode's keys, each value with the server that it is of. */
import type { Prompt } from "@opencode-ai/mcp/protocol/model"

/** Something of a server's, with the server's name, as OpenCode calls it. */
export type Of<A> = A & { readonly client: string }

/** An item and the server that it is of. */
interface Item<A> {
  readonly server: string
  readonly item: A
}

const sanitize = (name: string): string => name.replace(/[^a-zA-Z0-9_-]/g, "_")

/** The name of a server before a `:`, so that two parts stay two. */
const escaped = (server: string): string => server.replaceAll("%", "%25").replaceAll(":", "%3A")

const record = <A>(items: ReadonlyArray<Item<A>>, key: (each: Item<A>) => string): Readonly<Record<string, Of<A>>> =>
  // Made of own properties: a server may be called `__proto__`.
  Object.fromEntries(items.map((each) => [key(each), { ...each.item, client: each.server }]))

/** By `server:prompt`, both sanitised; those whose keys would be the same are told apart by their names as they are. */
export const prompts = (items: ReadonlyArray<Item<Prompt>>): Readonly<Record<string, Of<Prompt>>> => {
  const plain = ({ item, server }: Item<Prompt>) => `${sanitize(server)}:${sanitize(item.name)}`
  const count = new Map<string, number>()
  for (const each of items) count.set(plain(each), (count.get(plain(each)) ?? 0) + 1)
  return record(items, (each) =>
    count.get(plain(each)) === 1 ? plain(each) : `${escaped(each.server)}:${each.item.name}`,
  )
}

/** By `server:uri`, where `%` and `:` of the server's name are escaped. */
export const byUri = <A>(items: ReadonlyArray<Item<A>>, uri: (item: A) => string): Readonly<Record<string, Of<A>>> =>
  record(items, ({ item, server }) => `${escaped(server)}:${uri(item)}`)
