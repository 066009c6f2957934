/**
 * The keys under which tools are offered to a model: `sanitize(server)_sanitize(tool)`, at most 64 characters.
 *
 * Where keys collide or are too long, each of them gets a suffix made of a hash of server and tool, so that no key
 * depends on the order in which servers connected. The name that a server gave its tool is what goes on the wire.
 */
import { createHash } from "node:crypto"

/** The longest key: the limit of the model providers for a tool's name. */
export const keyLimit = 64

const suffixLength = 8

/** Replaces what a provider does not allow in a tool's name. */
const sanitize = (name: string): string => name.replace(/[^a-zA-Z0-9_-]/g, "_")

/** The whole key, however long: what permission patterns match too. */
export const fullKey = (server: string, tool: string): string => `${sanitize(server)}_${sanitize(tool)}`

/** A key that no order of connecting changes: with a hash of server and tool at its end. */
export const suffixed = ({ server, tool }: ToolName): string => {
  const hash = createHash("sha256").update(`${server}\0${tool}`).digest("hex").slice(0, suffixLength)
  return `${fullKey(server, tool).slice(0, keyLimit - suffixLength - 1)}_${hash}`
}

/** A tool of a server, by their own names. */
export interface ToolName {
  readonly server: string
  readonly tool: string
}

/**
 * The key of each tool, in the order given. A plain key that is `taken`, because it once meant another tool, is not
 * given to this one.
 */
export const assign = (
  tools: ReadonlyArray<ToolName>,
  taken: (key: string, tool: ToolName) => boolean = () => false,
): ReadonlyArray<string> => {
  const servers = new Map<string, string>()
  const prefix = (server: string): string => {
    const known = servers.get(server) ?? `${sanitize(server)}_`
    servers.set(server, known)
    return known
  }
  const keys = tools.map(({ server, tool }) => prefix(server) + sanitize(tool))
  const fits = ({ length }: string) => length <= keyLimit
  const isPlain = keys.every(fits) && new Set(keys).size === keys.length
  if (!isPlain || tools.some((tool, index) => taken(keys[index] ?? "", tool))) separate(tools, keys, taken)
  return keys
}

/** Gives suffixes to those keys that are too long, that others have too, or that are taken. */
const separate = (
  tools: ReadonlyArray<ToolName>,
  keys: Array<string>,
  taken: (key: string, tool: ToolName) => boolean,
): void => {
  const plain = keys.map(() => true)
  // A suffixed key may meet another's plain one, which then needs a suffix too: until nothing moves.
  for (let moved = true; moved;) {
    const count = new Map<string, number>()
    for (const key of keys) count.set(key, (count.get(key) ?? 0) + 1)
    moved = false
    for (const [index, tool] of tools.entries()) {
      const key = keys[index] ?? ""
      const fits = key.length <= keyLimit && count.get(key) === 1 && !taken(key, tool)
      if (fits || plain[index] !== true) continue
      keys[index] = suffixed(tool)
      plain[index] = false
      moved = true
    }
  }
}
