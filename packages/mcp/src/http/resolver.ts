/** Names to addresses. A reference of the context, so that a host can resolve in its own way and a test can lie. */
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
 * const hosts: Readonly<Record<string, string>> = { "auth.example.com": "10.1.2.3" }
 * const pinned = Layer.succeed(Resolver)({
 *   addresses: (host) => (hosts[host] === undefined ? Effect.fail("no such host") : Effect.succeed([hosts[host]])),
 * })
 * ```
 */
export const Resolver: Context.Reference<Resolver> = Context.Reference<Resolver>("@opencode/mcp/Resolver", {
  defaultValue: () => ({
    addresses: (host) =>
      // Loaded with the first name: most programs never resolve one.
      Effect.flatMap(
        Effect.promise(() => import("node:dns")),
        ({ lookup }) =>
          Effect.callback((resume) => {
            lookup(host, { all: true, order: "verbatim" }, (error, found) =>
              resume(error === null ? Effect.succeed(found.map(({ address }) => address)) : Effect.fail(error)),
            )
          }),
      ),
  }),
})
