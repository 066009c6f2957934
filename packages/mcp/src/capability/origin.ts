/** Where a request of a server comes from. */
import type { Visit } from "./elicitation.ts"
import type { ClientCapabilities } from "../protocol/model.ts"

/** What is known of a request of the server besides its parameters. */
export interface Origin {
  /** The server's name in the configuration. */
  readonly server: string
  /** What was declared to this server, in its revision: what goes beyond it is refused. */
  readonly declared: ClientCapabilities
  /** Whether its revision has audio: an answer holds none where it has not. */
  readonly audio: boolean
  /**
   * What the host calls the request of its own that this one was sent for (`RequestOptions.request`). Absent where that
   * cannot be told: over stdio, when several are under way.
   */
  readonly request?: unknown
  /** The visit that is waited for, where it is one that a call of ours was refused for. */
  readonly visit?: Visit | undefined
  /**
   * Stops the clocks of the requests that this one may have been sent for, until what it returns is called: the time in
   * which a person thinks is not the server's.
   */
  readonly pause: () => () => void
}
