/** Names to addresses. A reference of the context, so that a host can resolve in its own way and a test can lie. */
import { lookup } from "node:dns"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** How names become addresses. */
export interface Resolver {
  /** Every address of a name, the preferred one first, IPv4 and IPv6. Fails with what the name server said. */
  readonly addresses: (host: string) => Effect.Effect<ReadonlyArray<string>, unknown>
}

/**
 * The resolver in force: the operating system's, unless the host provides another.
 *
 * @example
 * ```ts
 * const pinned = Layer.succeed(Resolver)({ addresses: () => Effect.succeed(["203.0.113.7"]) })
 * ```
 */
export const Resolver: Context.Reference<Resolver> = Context.Reference<Resolver>("@opencode/mcp/Resolver", {
  defaultValue: () => ({
    addresses: (host) =>
      Effect.callback((resume) => {
        lookup(host, { all: true, order: "verbatim" }, (error, found) =>
          resume(error === null ? Effect.succeed(found.map(({ address }) => address)) : Effect.fail(error)),
        )
      }),
  }),
})
