/** What is asked for (Authorization, Scope Selection Strategy and Step-Up Authorization Flow). */
import type { Discovered } from "./discovery.ts"

const split = (scope: string | undefined): ReadonlyArray<string> => scope?.split(" ").filter((one) => one !== "") ?? []

/** The union of space-separated scopes, in the order of their first mention; `undefined` where there are none. */
export const union = (...scopes: ReadonlyArray<string | undefined>): string | undefined => {
  const all = new Set(scopes.flatMap(split))
  return all.size === 0 ? undefined : [...all].join(" ")
}

/** The scopes of `wanted` that are not in `granted`. */
export const missing = (wanted: string | undefined, granted: string | undefined): ReadonlyArray<string> => {
  const had = new Set(split(granted))
  return [...new Set(split(wanted))].filter((scope) => !had.has(scope))
}

/** Space-separated scopes without one of them; `undefined` where none is left. */
export const without = (scope: string, scopes: string | undefined): string | undefined =>
  union(...split(scopes).filter((one) => one !== scope))

/** What a server may have us ask for later, in characters: a URL holds no more. */
const longest = 2_000

/** The scopes of `scope`, and of `before` as many as there is room for. */
export const remember = (before: string | undefined, scope: string | undefined): string | undefined => {
  let room = longest
  const kept = split(union(scope, before)).filter((one) => (room -= one.length + 1) >= 0)
  return union(...kept)
}

/** Without it some authorization servers issue no refresh token (OpenID Connect Core, 11). */
const offline = "offline_access"

/**
 * The scopes of an authorization request: the configured ones as they are, else those of the challenge, else those that
 * the server's metadata name; `offline_access` where it is offered. What a step-up wants is added to what was granted.
 */
export const select = (options: {
  /** The person's word. */
  readonly configured: string | undefined
  readonly challenge: string | undefined
  readonly discovered: Discovered
  readonly granted: string | undefined
  /** What the server asked for beyond the grant. */
  readonly wanted: string | undefined
}): string | undefined => {
  const { configured, discovered, granted, wanted } = options
  const stepUp = missing(wanted, granted).length === 0 ? undefined : union(granted, wanted)
  if (union(configured) !== undefined) return union(configured, stepUp)
  const named = union(options.challenge) ?? discovered.resourceMetadata?.scopes_supported?.join(" ")
  const offered = discovered.metadata.scopes_supported?.includes(offline) === true ? offline : undefined
  return union(stepUp, named, named === undefined && stepUp === undefined ? undefined : offered)
}
