/**
 * The tools of all servers as they are offered to a model: filtered by each entry, under keys that no two share.
 *
 * Made anew only where a list changed; a key that was once offered keeps its meaning for as long as the service lives.
 */
import type * as Effect from "effect/Effect"
import * as Keys from "../catalog/keys.ts"
import * as Offer from "../catalog/offer.ts"
import { type Held, type Pins, type Reviewer, reviewerOf } from "../catalog/pins.ts"
import type { Event } from "../events.ts"
import type { ServerConfig } from "../config.ts"
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
  /** What a server offers, where its list is known; `eagerly`: while it is being connected, too, as it was known last. */
  readonly offer: (registered: Registered, eagerly?: boolean) => Offer.Offer | undefined
  /** A tool of a server by its own name, or by a key that stood for it. */
  readonly resolve: (registered: Registered, name: string) => Tool | undefined
  /** The tools of a server that are held back, by their names. */
  readonly held: (registered: Registered) => ReadonlyMap<string, Held>
  /** The key that a tool had, or would have by itself. */
  readonly keyOf: (name: Keys.ToolName) => string
  /** One of them, by its own name, by a key that stood for it, or by the one that it would have. */
  readonly heldBy: (registered: Registered, name: string) => Held | undefined
  /** Pins the present form of a tool that is held. */
  readonly approve: (registered: Registered, held: Held) => void
  /** All that is known now, as `offer` has it. The same array as before where nothing changed. */
  readonly all: (eagerly?: boolean) => ReadonlyArray<ToolEntry>
}

/** What is held of a server, and what decides it. */
interface Pinned {
  readonly reviewer: Reviewer
  held: ReadonlyMap<string, Held>
}

/** What was made of the offers of all servers. */
interface Made {
  readonly offers: ReadonlyArray<Offer.Offer>
  readonly entries: ReadonlyArray<ToolEntry>
}

const nothingHeld: ReadonlyMap<string, Held> = new Map()
/** How many names a sentence holds. */
const shownNames = 10

const newTools = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, shownNames).map((name) => JSON.stringify(name))
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : ""
  return `offers what it did not offer before: ${shown.join(", ")}${more}`
}

/** The tools of a registry. `run` keeps pins in the background. */
export const make = (options: {
  readonly registry: Registry
  readonly pins: Pins | undefined
  readonly publish: (event: Event) => void
  readonly run: (save: Effect.Effect<unknown>) => void
}): Tools => {
  const { pins, publish, registry } = options
  const offers = new WeakMap<Registered, Offer.Offer>()
  const pinned = new WeakMap<Registered, Pinned>()
  /** Every key that was ever offered, and what it means. */
  const offered = new Map<string, Keys.ToolName>()
  const nothing: Made = { offers: [], entries: [] }
  const made = { known: nothing, eager: nothing }

  const offer = (registered: Registered, eagerly = false): Offer.Offer | undefined => {
    const { connection } = registered
    const known = connection?.known()?.catalog.tools.known()
    const source = known ?? (eagerly ? connection?.offered()?.lists.tools : undefined)
    if (connection === undefined || source === undefined) return undefined
    const before = offers.get(registered)
    if (before?.source === source) return before
    const held = review(registered, connection.config, source)
    const current = Offer.make(source, connection.config.tools, held)
    offers.set(registered, current)
    return current
  }

  /** Holds what changed, and tells what was not told before. */
  const review = (registered: Registered, config: ServerConfig, source: ReadonlyArray<Tool>) => {
    if (pins === undefined) return nothingHeld
    const { name: server } = registered
    const own = pinned.get(registered) ?? { reviewer: reviewerOf(pins, config, options.run), held: nothingHeld }
    pinned.set(registered, own)
    const before = own.held
    const { added, held } = own.reviewer.review(source)
    own.held = held
    for (const [name, { difference }] of held) {
      if (JSON.stringify(before.get(name)?.difference) === JSON.stringify(difference)) continue
      publish({ type: "mcp.tool.held", data: { server, key: keyOf({ server, tool: name }), difference } })
    }
    if (added.length > 0) publish({ type: "mcp.warning", data: { server, message: newTools(added) } })
    return held
  }

  const held = (registered: Registered): ReadonlyMap<string, Held> => {
    offer(registered)
    return pinned.get(registered)?.held ?? nothingHeld
  }

  const keyOf = (name: Keys.ToolName): string => {
    for (const [key, { server, tool }] of offered) if (server === name.server && tool === name.tool) return key
    return Keys.assign([name])[0] ?? ""
  }

  const assign = (all: ReadonlyArray<Offer.Offer>, names: ReadonlyArray<string>): ReadonlyArray<ToolEntry> => {
    const isTaken = (key: string, { server, tool }: Keys.ToolName) => {
      const meant = offered.get(key)
      return meant !== undefined && (meant.server !== server || meant.tool !== tool)
    }
    const of = (index: number) => names[index] ?? ""
    const keys = Keys.assign(
      all.flatMap(({ tools }, index) => tools.map(({ name }) => ({ server: of(index), tool: name }))),
      isTaken,
    )
    let at = 0
    return all.flatMap(({ tools }, index) =>
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
    held,
    keyOf,
    heldBy: (registered, name) => {
      const all = held(registered)
      const own = all.get(name)
      const meant = offered.get(name)
      if (own !== undefined) return own
      if (meant !== undefined) return meant.server === registered.name ? all.get(meant.tool) : undefined
      return [...all.values()].find(({ tool }) => keyOf({ server: registered.name, tool: tool.name }) === name)
    },
    approve: (registered, held) => {
      pinned.get(registered)?.reviewer.approve(held)
      offers.delete(registered)
    },
    resolve: (registered, name) => {
      const byName = offer(registered)?.byName
      const tool = byName?.get(name)
      if (tool !== undefined) return tool
      const meant = offered.get(name)
      return meant?.server === registered.name ? byName?.get(meant.tool) : undefined
    },
    all: (eagerly = false) => {
      const now: Array<Offer.Offer> = []
      const names: Array<string> = []
      for (const registered of registry.all()) {
        const known = offer(registered, eagerly)
        if (known === undefined) continue
        now.push(known)
        names.push(registered.name)
      }
      const isSame = ({ offers }: Made) => now.length === offers.length && now.every((each, at) => each === offers[at])
      const before = eagerly ? [made.eager, made.known] : [made.known, made.eager]
      const current = before.find(isSame) ?? { offers: now, entries: assign(now, names) }
      made[eagerly ? "eager" : "known"] = current
      return current.entries
    },
  }
}
