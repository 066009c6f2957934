/** The secrets of an instance over time: of each configuration that was read, and of each entry that was given by hand. */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { canonical } from "@opencode-ai/mcp/config/shape"
import { secretsOf } from "../config/assemble.ts"
import type { Snapshot } from "../config/config.ts"
import * as Mask from "../config/mask.ts"
import { masked } from "../config/mask.ts"
import { masking, secretVariables } from "../config/secrets.ts"

export interface Secrets {
  /** Hides every secret that was given, or stood in one of the last readings of the configuration. */
  readonly mask: (text: string) => string
  /** A configuration was read. */
  readonly read: (snapshot: Snapshot) => void
  /** An entry was given by hand. */
  readonly given: (entry: unknown, config: ServerConfig | undefined) => void
}

/** How many readings of the configuration are remembered for their secrets: each costs a pass over what is said. */
const remembered = 4

/** No secret is known yet. */
export const make = (): Secrets => {
  let read: ReadonlyArray<(text: string) => string> = []
  const secrets = new Set<string>()
  let given = Mask.make(secrets)
  return {
    mask: (text) => read.reduce((hidden, hide) => hide(hidden), given(text)),
    read: (snapshot) => {
      read = [masking(snapshot), ...read].slice(0, remembered)
    },
    given: (entry, config) => {
      const environment = config?.type === "local" ? config.environment : []
      for (const secret of secretsOf(canonical(entry))) secrets.add(secret)
      for (const secret of secretVariables(environment)) secrets.add(secret)
      given = Mask.make(secrets)
    },
  }
}

/** What is nested deeper is hidden as a whole. */
const deepest = 100

/** A value of JSON with the secrets in its texts hidden; the same value where it holds none. */
export const hideIn = (mask: Secrets["mask"], value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return mask(value)
  if (typeof value !== "object" || value === null) return value
  if (depth === deepest) return masked
  if (Array.isArray(value)) {
    const items = value.map((item) => hideIn(mask, item, depth + 1))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  const pairs = Object.entries(value).map(([key, member]) => [key, member, hideIn(mask, member, depth + 1)] as const)
  return pairs.some(([, before, after]) => before !== after)
    ? Object.fromEntries(pairs.map(([key, , after]) => [key, after]))
    : value
}
