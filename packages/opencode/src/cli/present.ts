/** The JSON shapes of docs/cli.md that the commands and the shell have in common. */
import type { Of, ServerState, ToolEntry } from "@opencode-ai/mcp/mcp"
import type { Status } from "@opencode-ai/mcp/events"

/** `{ status, error? }`. */
export const status = (state: Status) => ({
  status: state.status,
  ...("error" in state && state.error !== undefined ? { error: state.error } : {}),
})

/** A server, as an element of `list --json`. */
export const server = ({ name, status: state, type, ...rest }: ServerState) => ({
  name,
  type,
  ...status(state),
  ...rest,
})

/**
 * A tool, as an element of `tools --json`: what the server said of it, beside its key and its server, which no member of the
 * server's own takes the place of.
 */
export const tool = ({ key, server, tool }: ToolEntry) => {
  const own = { key, server }
  return { ...own, ...tool, ...own }
}

/** A prompt, resource or template, with its server, whatever the server says itself. */
export const item = <Item extends object>({ item, server }: Of<Item>) => {
  const own = { server }
  return { ...own, ...item, ...own }
}

/** A copy of a JSON value in which `mask` was applied to each string, names of members included. */
export const masked = (value: unknown, mask: (text: string) => string): unknown => {
  if (typeof value === "string") return mask(value)
  if (Array.isArray(value)) return value.map((each) => masked(each, mask))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [mask(key), masked(field, mask)]))
}

// Deeper than this, indentation would be most of the text, and grow with the square of the depth.
const deepest = 64

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1)))

/** JSON for a person to read: indented, as far as that helps. */
export const indented = (value: unknown): string =>
  JSON.stringify(value, undefined, isDeeper(value, deepest) ? undefined : 2)
