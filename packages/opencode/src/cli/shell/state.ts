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
  /** Hides every secret that was ever configured while this shell runs. */
  readonly mask: (text: string) => string
  /** A configuration was read. */
  readonly read: (snapshot: Snapshot) => void
  /** An entry was given by hand. */
  readonly given: (entry: unknown, config: ServerConfig | undefined) => void
  /** Tells what happened in the shell itself. */
  readonly tell: (event: Event) => void
}

/** The state of a new shell. `conceal` is told each time that there is more to hide. */
export const make = (options: {
  readonly tell: (event: Event) => void
  readonly conceal: (mask: (text: string) => string) => void
}): State => {
  let masks: ReadonlyArray<(text: string) => string> = []
  const mask = (text: string) => masks.reduce((hidden, hide) => hide(hidden), text)
  const hide = (...more: ReadonlyArray<(text: string) => string>) => {
    masks = [...masks, ...more]
    options.conceal(mask)
  }
  return {
    own: new Set(),
    mask,
    tell: options.tell,
    read: (snapshot) => hide(Configuration.masking(snapshot)),
    given: (entry, config) => {
      const environment = config?.type === "local" ? [...config.environment] : []
      hide(Mask.make([...secretsOf(canonical(entry)), ...Configuration.secretVariables(environment)]))
    },
  }
}
