/** What a shell knows beside the servers themselves: who defined them, and which secrets are hidden. */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import type { Event } from "@opencode-ai/mcp/events"
import { canonical } from "@opencode-ai/mcp/config/shape"
import { secretsOf } from "../../config/assemble.ts"
import type { Snapshot } from "../../config/config.ts"
import * as Mask from "../../config/mask.ts"
import * as Configuration from "../configuration.ts"

export interface State {
  /** The servers that were added in this shell: no file defines them, and whoever typed them trusts them. */
  readonly own: Set<string>
  /** Hides every secret that was typed, or stood in one of the last readings of the configuration. */
  readonly mask: (text: string) => string
  /** A configuration was read. */
  readonly read: (snapshot: Snapshot) => void
  /** An entry was given by hand. */
  readonly given: (entry: unknown, config: ServerConfig | undefined) => void
  /** Tells what happened in the shell itself. */
  readonly tell: (event: Event) => void
}

/** How many readings of the configuration are remembered for their secrets: each costs a pass over what is said. */
const remembered = 4

/** The state of a new shell. `conceal` is told what hides them, also after others told it something else. */
export const make = (options: {
  readonly tell: (event: Event) => void
  readonly conceal: (mask: (text: string) => string) => void
}): State => {
  let read: ReadonlyArray<(text: string) => string> = []
  const secrets = new Set<string>()
  let typed = Mask.make(secrets)
  const mask = (text: string) => read.reduce((hidden, hide) => hide(hidden), typed(text))
  options.conceal(mask)
  return {
    own: new Set(),
    mask,
    tell: options.tell,
    read: (snapshot) => {
      read = [Configuration.masking(snapshot), ...read].slice(0, remembered)
      options.conceal(mask)
    },
    given: (entry, config) => {
      const environment = config?.type === "local" ? config.environment : []
      for (const secret of secretsOf(canonical(entry))) secrets.add(secret)
      for (const secret of Configuration.secretVariables(environment)) secrets.add(secret)
      typed = Mask.make(secrets)
    },
  }
}
