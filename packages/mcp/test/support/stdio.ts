/** A recorded session over stdio with what a test needs of the transport itself. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LocalPeer } from "@opencode-ai/testing/peers/launch"
import { Wire } from "@opencode-ai/testing/recorder"
import { Notifications, type SessionError, TransportLayer } from "../../src/index.ts"
import type { SessionOptions } from "../../src/session/session.ts"
import type { StdioOptions } from "../../src/transport/stdio.ts"
import { type Connected, recorded, sessionOver } from "./session.ts"

export interface Local extends Connected {
  readonly wire: Wire
  /** What the transport and the session warned of. */
  readonly warnings: ReadonlyArray<string>
}

/** Short steps, so that a server that heeds nothing costs a test little. */
export const quick = { stdin: 50, term: 50 }

/** Connects to a local peer; `recorded: false` for messages that are too large or too deep to be copied. */
export const local = (
  peer: LocalPeer,
  options: Partial<StdioOptions & SessionOptions> & { readonly recorded?: boolean } = {},
): Effect.Effect<Local, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...peer.environment }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
    )
    const bare = TransportLayer.stdio({ command: peer.command, env, grace: quick, ...options })
    const { transport, wire } =
      options.recorded === false ? { transport: bare, wire: new Wire() } : yield* recorded(bare)
    const notifications = Notifications.make()
    const warnings: Array<string> = []
    notifications.listen("warning", ({ message }) => warnings.push(message))
    return { ...(yield* sessionOver(transport, options, notifications)), wire, warnings }
  })
