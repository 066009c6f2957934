/**
 * What is offered of all servers at this moment, those that are being connected too, as they were known last. It waits for
 * no server and asks none; who calls what is offered waits for its server.
 */
import * as Effect from "effect/Effect"
import type { Lists } from "../catalog/kept.ts"
import type { Offered as Offering } from "../connection.ts"
import type { Prompt, Resource, ResourceTemplate } from "../protocol/model.ts"
import type { Of } from "./gather.ts"
import type { Registered, Registry } from "./registry.ts"
import type { ToolEntry, Tools } from "./tools.ts"

/** The words of a server on how it is to be used. */
export interface Instructions {
  readonly server: string
  readonly instructions: string
}

/** What is offered; each list is the same array as before where nothing changed. */
export interface Offered {
  /** Waits for those servers that are being connected and offer nothing yet, and until what others offer is listed. */
  readonly ready: Effect.Effect<void>
  readonly tools: Effect.Effect<ReadonlyArray<ToolEntry>>
  readonly prompts: Effect.Effect<ReadonlyArray<Of<Prompt>>>
  readonly resources: Effect.Effect<ReadonlyArray<Of<Resource>>>
  readonly templates: Effect.Effect<ReadonlyArray<Of<ResourceTemplate>>>
  readonly instructions: Effect.Effect<ReadonlyArray<Instructions>>
}

const isPending = ({ status }: Registered) => status().status === "pending"

export const make = (registry: Registry, tools: Tools): Offered => {
  /** What was kept is read from a disk, when somebody first needs it. */
  const recalled = Effect.suspend(() => {
    const pending = registry.all().filter(isPending)
    return Effect.forEach(pending, ({ connection }) => connection?.recall ?? Effect.void, {
      concurrency: "unbounded",
      discard: true,
    })
  })
  /** The items of all servers, made anew where the part of one of them is another. */
  const all = <Part, Item>(
    pick: (offered: Offering) => Part | undefined,
    of: (server: string, part: Part) => ReadonlyArray<Item>,
  ) => {
    let before: ReadonlyArray<unknown> = []
    let made: ReadonlyArray<Item> = []
    const read = Effect.sync(() => {
      const parts: Array<readonly [string, Part]> = []
      for (const { connection, name } of registry.all()) {
        const offered = connection?.offered()
        const part = offered && pick(offered)
        if (part !== undefined) parts.push([name, part])
      }
      const now: ReadonlyArray<unknown> = parts.flat()
      if (now.length === before.length && now.every((each, at) => each === before[at])) return made
      before = now
      return (made = parts.flatMap(([server, part]) => of(server, part)))
    })
    return Effect.andThen(recalled, read)
  }
  const items = <Item>(list: (lists: Lists) => ReadonlyArray<Item> | undefined) =>
    all(
      ({ lists }) => list(lists),
      (server, part) => part.map((item): Of<Item> => ({ server, item })),
    )
  return {
    ready: Effect.andThen(
      recalled,
      Effect.suspend(() => {
        const waitedFor = registry.all().filter((each) => !isPending(each) || each.connection?.offered() === undefined)
        return Effect.forEach(waitedFor, registry.settle, { concurrency: "unbounded", discard: true })
      }),
    ),
    tools: Effect.andThen(
      recalled,
      Effect.sync(() => tools.all(true)),
    ),
    prompts: items(({ prompts }) => prompts),
    resources: items(({ resources }) => resources),
    templates: items(({ templates }) => templates),
    instructions: all(
      ({ instructions }) => instructions,
      (server, instructions) => [{ server, instructions }],
    ),
  }
}
