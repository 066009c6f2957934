/** One configured server, as it is used. */
import type * as Effect from "effect/Effect"
import type { AuthError } from "../auth/error.ts"
import type { OAuth } from "../auth/oauth.ts"
import type { Catalog } from "../catalog/catalog.ts"
import type { Lists } from "../catalog/kept.ts"
import type { ServerConfig } from "../config.ts"
import type { Status } from "../events.ts"
import type { Notifications } from "../notification/notifications.ts"
import type { Session } from "../session/session.ts"
import type { Wishes } from "./standing.ts"

/** What a connected server is reached through. */
export interface Live {
  readonly session: Session["Service"]
  readonly catalog: Catalog["Service"]
  /** What is asked of this session and those after it. */
  readonly wishes: Wishes
  /** How long connecting took, in milliseconds. */
  readonly connectMs: number
  /** When it was connected, in milliseconds since 1970. */
  readonly since: number
}

/** What is offered of a server before it is asked. */
export interface Offered {
  readonly lists: Lists
  readonly instructions: string | undefined
}

export interface Connection {
  readonly config: ServerConfig
  readonly notifications: Notifications["Service"]
  /** Its authorization; `undefined` where it is not authorized by tokens. */
  readonly oauth: OAuth | undefined
  readonly status: () => Status
  /** The session and the catalogue, while it is connected and awake. */
  readonly live: () => Live | undefined
  /** The same, and while it sleeps those before: what they know holds, and a request through them wakes it. */
  readonly known: () => Live | undefined
  /**
   * What is offered of it: what is known, and while it is `pending` what was known last, in an earlier run of the program
   * too. `undefined` where it is neither connected nor being connected.
   */
  readonly offered: () => Offered | undefined
  /** Waits until it is known what was kept of it: for no server. */
  readonly recall: Effect.Effect<unknown>
  /** Forgets what is kept of it: somebody else may be asking from now on. */
  readonly forget: Effect.Effect<void>
  /** What it wrote to stderr lately, across its sessions. */
  readonly stderr: () => ReadonlyArray<string>
  /** Connects unless it is connected or about to be, and waits for the outcome. One that sleeps is connected. */
  readonly connect: Effect.Effect<Status>
  /** The same, and wakes it where it sleeps. */
  readonly wake: Effect.Effect<Status>
  /** Ends the session, or the attempt at one; afterwards it is `disabled`. Waits until everything is closed. */
  readonly disconnect: Effect.Effect<void>
  /** A person has to act before it can connect: takes note of that, unless it is connected. */
  readonly held: (error: AuthError) => void
  /** The status, once it is not `pending`. */
  readonly settled: Effect.Effect<Status>
}
