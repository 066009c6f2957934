/** The host's own tools: what a tool of a server never shadows. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Read from "./read.ts"
import type { Info } from "./tool.ts"
import * as Truncate from "./truncate.ts"

export interface Interface {
  readonly all: () => Effect.Effect<ReadonlyArray<Info>>
}

/** The built-in tools of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/ToolRegistry") {}

/** Names that OpenCode gives its tools and permissions: a server's tool is never known by one of them. */
export const reserved: ReadonlySet<string> = new Set([
  "read",
  "list_mcp_resources",
  "list_mcp_resource_templates",
  "read_mcp_resource",
  "mcp_search",
  "mcp_call",
  "apply_patch",
  "doom_loop",
  "external_directory",
  "plan_enter",
  "plan_exit",
])

export interface Options {
  /** The project's directory, absolute. */
  readonly directory: string
  /** The root of the worktree, absolute. Default: `directory`. */
  readonly worktree?: string | undefined
}

/** What a session of this repository needs to have tools of its own: `read`. */
export const layer = (
  options: Options,
): Layer.Layer<Service, never, FileSystem.FileSystem | Path.Path | Truncate.Service> =>
  Layer.effect(
    Service,
    Effect.gen(function* () {
      const { directory, worktree = directory } = options
      const { directory: outputs } = yield* Truncate.Service
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const tools = [Read.make({ directory, worktree, outputs, fs, paths })]
      return { all: () => Effect.succeed(tools) }
    }),
  )
