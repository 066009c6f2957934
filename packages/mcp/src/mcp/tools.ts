/**
 * The tools of all servers as they are offered to a model: filtered by each entry, under keys that no two share.
 *
 * Made anew only where a list changed; a key that was once offered keeps its meaning for as long as the service lives.
 */
import * as Keys from "../catalog/keys.ts"
import * as Offer from "../catalog/offer.ts"
import type { Tool } from "../protocol/model.ts"
import type { Registered, Registry } from "./registry.ts"

/** A tool as a model is offered it. */
export interface ToolEntry {
  /** Its name for the model: see `catalog/keys.ts`. */
  readonly key: string
  readonly server: string
  /** As the server listed it. */
  readonly tool: Tool
}

export interface Tools {
  /** What a server offers, where its list is known. */
  readonly offer: (registered: Registered) => Offer.Offer | undefined
  /** A tool of a server by its own name, or by a key that stood for it. */
  readonly resolve: (registered: Registered, name: string) => Tool | undefined
  /** All that is known now. The same array as before where nothing changed. */
  readonly all: () => ReadonlyArray<ToolEntry>
}

/** The tools of a registry. */
export const make = (registry: Registry): Tools => {
  const offers = new WeakMap<Registered, Offer.Offer>()
  /** Every key that was ever offered, and what it means. */
  const offered = new Map<string, Keys.ToolName>()
  let lastOffers: ReadonlyArray<Offer.Offer> = []
  let last: ReadonlyArray<ToolEntry> = []

  const offer = (registered: Registered): Offer.Offer | undefined => {
    const { connection } = registered
    const source = connection?.live()?.catalog.tools.known()
    if (connection === undefined || source === undefined) return undefined
    const before = offers.get(registered)
    if (before?.source === source) return before
    const made = Offer.make(source, connection.config.tools)
    offers.set(registered, made)
    return made
  }

  const assign = (names: ReadonlyArray<string>): ReadonlyArray<ToolEntry> => {
    const isTaken = (key: string, { server, tool }: Keys.ToolName) => {
      const meant = offered.get(key)
      return meant !== undefined && (meant.server !== server || meant.tool !== tool)
    }
    const of = (index: number) => names[index] ?? ""
    const keys = Keys.assign(
      lastOffers.flatMap(({ tools }, index) => tools.map(({ name }) => ({ server: of(index), tool: name }))),
      isTaken,
    )
    let at = 0
    return lastOffers.flatMap(({ tools }, index) =>
      tools.map((tool) => {
        const key = keys[at++] ?? ""
        const server = of(index)
        if (!offered.has(key)) offered.set(key, { server, tool: tool.name })
        return { key, server, tool }
      }),
    )
  }

  return {
    offer,
    resolve: (registered, name) => {
      const byName = offer(registered)?.byName
      const tool = byName?.get(name)
      if (tool !== undefined) return tool
      const meant = offered.get(name)
      return meant?.server === registered.name ? byName?.get(meant.tool) : undefined
    },
    all: () => {
      const now: Array<Offer.Offer> = []
      const names: Array<string> = []
      for (const registered of registry.all()) {
        const known = offer(registered)
        if (known === undefined) continue
        now.push(known)
        names.push(registered.name)
      }
      const same = now.length === lastOffers.length && now.every((known, index) => known === lastOffers[index])
      if (same) return last
      lastOffers = now
      return (last = assign(names))
    },
  }
}
