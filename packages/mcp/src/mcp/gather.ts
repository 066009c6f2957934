/** The lists of all servers, or of one, each item with the server that it is of. */
import * as Effect from "effect/Effect"
import type { Listed } from "../catalog/listed.ts"
import type { Live } from "../connection.ts"
import type { CallError } from "./calls.ts"
import type { Registered, Registry } from "./registry.ts"

/** An item and the server that it is of. */
export interface Of<Item> {
  readonly server: string
  readonly item: Item
}

/**
 * What each connected server lists, those that are pending after they settled; or one server, which must be there.
 */
export type Gather = <Item>(
  server: string | undefined,
  pick: (live: Live) => Listed<Item>,
) => Effect.Effect<ReadonlyArray<Of<Item>>, CallError>

export const make = (registry: Registry): Gather => {
  /** What a server that sleeps is known to offer: it is not woken for that. */
  const asleep = <Item>({ connection }: Registered, pick: (live: Live) => Listed<Item>) => {
    const known = connection?.live() === undefined ? connection?.known() : undefined
    return known && pick(known).known()
  }
  return <Item>(server: string | undefined, pick: (live: Live) => Listed<Item>) => {
    const of = (name: string) => (items: ReadonlyArray<Item>) => items.map((item) => ({ server: name, item }))
    const read = (registered: Registered): Effect.Effect<ReadonlyArray<Item>, CallError> =>
      Effect.suspend(() => {
        const known = asleep(registered, pick)
        if (known !== undefined) return Effect.succeed(known)
        return Effect.flatMap(registry.present(registered), (live) => pick(live).all)
      })
    if (server !== undefined)
      return Effect.flatMap(registry.lookup(server), (registered) => Effect.map(read(registered), of(server)))
    const each = (registered: Registered) =>
      Effect.andThen(
        registered.connection?.settled ?? Effect.void,
        Effect.suspend((): Effect.Effect<ReadonlyArray<Of<Item>>> =>
          registered.connection?.known() === undefined
            ? Effect.succeed([])
            : Effect.orElseSucceed(Effect.map(read(registered), of(registered.name)), () => []),
        ),
      )
    return Effect.map(Effect.forEach(registry.all(), each, { concurrency: "unbounded" }), (lists) => lists.flat())
  }
}
