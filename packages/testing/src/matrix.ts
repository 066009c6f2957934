/**
 * The combinations that a suite is run for: a suite is written once, as a function of a `Target`, and called for each.
 * Every target is a peer with the features of `peers/features.ts`; `entry` makes it, for a Scope, with the revision fixed.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LocalPeer, PeerError, RemotePeer } from "./peers/launch.ts"
import { sdkV1, sdkV1Http, sdkV2, sdkV2Http, type StatefulRevision } from "./peers/served.ts"

export const statefulRevisions: ReadonlyArray<StatefulRevision> = [
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
]

/** One peer, transport and revision. */
export interface Target {
  /** For the name of a test: `stdio, 2025-11-25, SDK v2`. */
  readonly name: string
  readonly transport: "stdio" | "streamable-http"
  readonly revision: StatefulRevision
  readonly sdk: 1 | 2
  /** The server's entry. */
  readonly entry: Effect.Effect<
    (LocalPeer | RemotePeer) & { readonly protocol: StatefulRevision },
    PeerError,
    Scope.Scope
  >
}

const target = (transport: Target["transport"], sdk: 1 | 2, revision: StatefulRevision): Target => {
  const local = sdk === 1 ? sdkV1 : sdkV2
  const http = sdk === 1 ? sdkV1Http : sdkV2Http
  const peer: Effect.Effect<LocalPeer | RemotePeer, PeerError, Scope.Scope> =
    transport === "stdio" ? Effect.succeed(local()) : http()
  return {
    name: `${transport}, ${revision}, SDK v${sdk}`,
    transport,
    revision,
    sdk,
    entry: Effect.map(peer, (made) => ({ ...made, protocol: revision })),
  }
}

/** Every revision over stdio. The SDKs take turns, so that both meet both transports. */
export const stdioTargets: ReadonlyArray<Target> = statefulRevisions.map((revision, at) =>
  target("stdio", at % 2 === 0 ? 1 : 2, revision),
)

/** Every revision that has Streamable HTTP, over it. */
export const httpTargets: ReadonlyArray<Target> = statefulRevisions
  .slice(1)
  .map((revision, at) => target("streamable-http", at % 2 === 0 ? 1 : 2, revision))

/** Both. */
export const targets: ReadonlyArray<Target> = [...stdioTargets, ...httpTargets]
