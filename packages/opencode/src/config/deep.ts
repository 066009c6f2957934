/** Values of several files as one. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"

/** Objects are merged key by key, all else is replaced. Built of own properties: no key reaches a prototype. */
export const deepMerge = (base: unknown, over: unknown): unknown => {
  if (!isObject(base) || !isObject(over)) return over
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    merged.set(key, merged.has(key) ? deepMerge(merged.get(key), value) : value)
  }
  return Object.fromEntries(merged)
}
