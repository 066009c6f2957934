/**
 * One process of a local server for all programs of a person that want the same one (`shared` in its entry).
 *
 * The first of them starts it and is its owner; the others speak to the server through the owner, each with a session of its
 * own. When the owner ends, or is killed, their connections end as if the server had died, and the first that is started anew
 * becomes the owner: recovery is the connection's, as ever. Nothing of this is loaded unless a server is shared.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Transport } from "../transport/transport.ts"

export interface SharedOptions {
  /** What makes the server another than any other, as JSON: programs share where it is the same. */
  readonly identity: unknown
  /** The longest message that is read, in bytes. */
  readonly messageLimit: number
}

/** Shares the server that a transport starts. */
export const shared =
  (options: SharedOptions) =>
  <E, R>(transport: Layer.Layer<Transport, E, R>): Layer.Layer<Transport, E, R> =>
    Layer.effect(Transport)(
      Effect.map(Transport, (inner) => ({
        kind: inner.kind,
        open: (receiver) =>
          Effect.flatMap(
            Effect.promise(() => import("./open.ts")),
            ({ open }) => open(options, inner, receiver),
          ),
      })),
    ).pipe(Layer.provide(transport))
