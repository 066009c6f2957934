/** The host's own tools: what a tool of a server never shadows. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Info } from "./tool.ts"

export interface Interface {
  readonly all: () => Effect.Effect<ReadonlyArray<Info>>
}

/** The built-in tools of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/ToolRegistry") {}
