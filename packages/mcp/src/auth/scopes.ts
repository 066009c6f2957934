/** What is asked for (Authorization, Scope Selection Strategy and Step-Up Authorization Flow). */
import type { Discovered } from "./discovery.ts"

/** The union of space-separated scopes, in the order of their first mention; `undefined` where there are none. */
export const union = (...scopes: ReadonlyArray<string | undefined>): string | undefined => {
  const all = new Set(scopes.flatMap((scope) => scope?.split(" ") ?? []).filter((scope) => scope !== ""))
  return all.size === 0 ? undefined : [...all].join(" ")
}

/** The scopes of `wanted` that are not in `granted`. */
export const missing = (wanted: string | undefined, granted: string | undefined): ReadonlyArray<string> => {
  const had = new Set(granted?.split(" ") ?? [])
  return (union(wanted)?.split(" ") ?? []).filter((scope) => !had.has(scope))
}

/**
 * The scopes of an authorization request: the configured ones, else those of the challenge, else those of the metadata;
 * besides, what was granted before and what a step-up wants, and `offline_access` where it is offered.
 */
export const select = (_options: {
  readonly configured: string | undefined
  readonly challenge: string | undefined
  readonly discovered: Discovered
  readonly granted: string | undefined
  /** What the server asked for beyond the grant. */
  readonly wanted: string | undefined
}): string | undefined => undefined
