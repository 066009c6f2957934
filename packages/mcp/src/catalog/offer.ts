/** The tools of one server as they are offered: filtered by its entry, found by name. Computed once for each list. */
import type { Tool } from "../protocol/model.ts"

export interface Offer {
  /** The list that it was made from: another list is another offer. */
  readonly source: ReadonlyArray<Tool>
  readonly tools: ReadonlyArray<Tool>
  readonly byName: ReadonlyMap<string, Tool>
}

/** Which of a server's tools are offered, by wildcards over their own names. What `deny` names is out. */
export interface Filter {
  readonly allow: ReadonlyArray<string>
  readonly deny: ReadonlyArray<string>
}

/** Whether a name matches a pattern in which `*` stands for any characters and `?` for one. */
export const matches = (pattern: string, name: string): boolean => {
  // Greedy with one point of return: linear in pattern times name, whatever the pattern.
  let at = 0
  let star = -1
  let mark = 0
  let index = 0
  while (index < name.length) {
    if (pattern[at] === "*") {
      star = at++
      mark = index
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[index])) {
      at += 1
      index += 1
    } else if (star >= 0) {
      at = star + 1
      index = ++mark
    } else {
      return false
    }
  }
  while (pattern[at] === "*") at += 1
  return at === pattern.length
}

const passes = ({ allow, deny }: Filter, name: string): boolean =>
  allow.some((pattern) => matches(pattern, name)) && !deny.some((pattern) => matches(pattern, name))

/** The offer of a list: what the entry lets through, but for what is held back. */
export const make = (
  source: ReadonlyArray<Tool>,
  filter: Filter,
  held: ReadonlyMap<string, unknown> = new Map(),
): Offer => {
  const all = filter.deny.length === 0 && filter.allow.includes("*") && held.size === 0
  const tools = all ? source : source.filter(({ name }) => !held.has(name) && passes(filter, name))
  const byName = new Map<string, Tool>()
  for (const tool of tools) byName.set(tool.name, tool)
  return { source, tools, byName }
}
