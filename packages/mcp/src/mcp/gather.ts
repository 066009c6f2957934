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
  return <Item>(server: string | undefined, pick: (live: Live) => Listed<Item>) => {
    const of = (name: string) => (items: ReadonlyArray<Item>) => items.map((item) => ({ server: name, item }))
    if (server !== undefined)
      return Effect.flatMap(Effect.flatMap(registry.lookup(server), registry.present), (live) =>
        Effect.map(pick(live).all, of(server)),
      )
    const each = ({ connection, name }: Registered) =>
      Effect.andThen(
        connection?.settled ?? Effect.void,
        Effect.suspend((): Effect.Effect<ReadonlyArray<Of<Item>>> => {
          const live = connection?.live()
          if (live === undefined) return Effect.succeed([])
          return Effect.orElseSucceed(Effect.map(pick(live).all, of(name)), () => [])
        }),
      )
    return Effect.map(Effect.forEach(registry.all(), each, { concurrency: "unbounded" }), (lists) => lists.flat())
  }
}
