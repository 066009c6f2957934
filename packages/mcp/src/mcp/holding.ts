/** What is held back until a person has reviewed it, and the approval of it. */
import * as Effect from "effect/Effect"
import { approvalOf, type Change } from "../catalog/pins.ts"
import { nearest } from "../config/nearest.ts"
import { ChangedAgain, McpError, ToolNotFound } from "../error.ts"
import type { Event } from "../events.ts"
import type { Tool } from "../protocol/model.ts"
import type { Registry } from "./registry.ts"
import type { Tools } from "./tools.ts"

/** A tool that is held back. */
export interface HeldTool {
  /** The key that it had, or would have. */
  readonly key: string
  readonly server: string
  /** As the server lists it now. */
  readonly tool: Tool
  /** Where that differs from what was reviewed. */
  readonly difference: ReadonlyArray<Change>
  /** Stands for this form of it, and no other: what `approve` is told that somebody has seen. */
  readonly form: string
}

export const make = (options: {
  readonly registry: Registry
  readonly tools: Tools
  readonly publish: (event: Event) => void
}) => {
  const { publish, registry, tools } = options
  return {
    held: Effect.sync((): ReadonlyArray<HeldTool> =>
      registry.all().flatMap((registered) =>
        [...tools.held(registered).values()].map((held) => ({
          key: tools.keyOf({ server: registered.name, tool: held.tool.name }),
          server: registered.name,
          tool: held.tool,
          difference: held.difference,
          form: approvalOf(held),
        })),
      ),
    ),
    approve: (server: string, tool: string, form?: string): Effect.Effect<void, McpError> =>
      Effect.gen(function* () {
        const registered = yield* registry.lookup(server)
        // Its list may not be known yet: nothing is approved that nobody has seen.
        yield* Effect.ignore(Effect.flatMap(registry.present(registered), ({ catalog }) => catalog.tools.all))
        const held = tools.heldBy(registered, tool)
        if (held !== undefined) {
          if (form !== undefined && form !== approvalOf(held)) {
            return yield* new McpError({ reason: new ChangedAgain({ server, tool: held.tool.name }) })
          }
          tools.approve(registered, held)
          return publish({ type: "mcp.tools.changed", data: { server } })
        }
        if (tools.resolve(registered, tool) !== undefined) return
        const all = [...tools.held(registered).keys(), ...(tools.offer(registered)?.byName.keys() ?? [])]
        return yield* new McpError({ reason: new ToolNotFound({ server, tool, nearest: nearest(tool, all), all }) })
      }),
  }
}
