/** What a shell knows beside the servers themselves: who defined them, and which secrets are hidden. */
import type { Event } from "@opencode-ai/mcp/events"
import * as Secrets from "../../mcp/secrets.ts"
import type { Page } from "./page.ts"

export interface State extends Secrets.Secrets {
  /** The servers that were added in this shell: no file defines them, and whoever typed them trusts them. */
  readonly own: Set<string>
  readonly page: Page
  /** Tells what happened in the shell itself. */
  readonly tell: (event: Event) => void
}

/** The state of a new shell. `conceal` is told what hides secrets, also after others told it something else. */
export const make = (options: {
  readonly tell: (event: Event) => void
  readonly conceal: (mask: (text: string) => string) => void
  readonly page: Page
}): State => {
  const { given, mask, read } = Secrets.make()
  options.conceal(mask)
  return {
    own: new Set(),
    page: options.page,
    mask,
    tell: options.tell,
    given,
    read: (snapshot) => {
      read(snapshot)
      options.conceal(mask)
    },
  }
}
